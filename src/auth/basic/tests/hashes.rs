//! Hashes of passwords: what is understood, and what is refused.

use super::*;

#[test]
fn hashes_of_the_reference_implementation_are_understood() {
    let vectors = [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    ];
    for text in vectors {
        let phc = Phc::parse(text).unwrap();
        assert_eq!(phc.to_string(), text);
        assert_eq!((phc.verify("password"), phc.verify("Password")), (Ok(true), Ok(false)));
    }
}

#[test]
fn a_hash_that_asks_for_more_than_is_given_is_refused_before_anything_is_computed() {
    let good =
        "$argon2id$v=19$m=65536,t=10,p=16$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    assert!(Phc::parse(good).is_ok());
    let bad = [
        ("m=65536", "m=65537"),
        ("m=65536", "m=4294967295"),
        ("m=65536", "m=99999999999999999999"),
        ("m=65536", "m=0"),
        ("m=65536", "m=+8"),
        ("m=65536", "m=08"),
        ("m=65536", "m=127"),
        ("m=65536,", ""),
        ("t=10", "t=11"),
        ("t=10", "t=0"),
        ("p=16", "p=17"),
        ("p=16", "p=16,keyid=AAAA"),
        ("t=10,p=16", "p=16,t=10"),
        ("v=19", "v=16"),
        ("argon2id", "argon2i"),
        ("argon2id", "argon2d"),
        ("$argon2id", "argon2id"),
        ("c29tZXNhbHQ", "c29tZXNh"),
        ("c29tZXNhbHQ", "c29tZXNhbHQ="),
        ("$nf65", "$$nf65"),
        ("GRLCGi/4", "x"),
    ];
    for (part, other) in bad {
        let text = good.replace(part, other);
        assert!(text == good || Phc::parse(&text).is_err(), "{text}");
    }
    assert!(Phc::parse(&format!("{good}{}", "A".repeat(300))).is_err());
    assert!(Phc::parse("").is_err() && Phc::parse("$$$$$").is_err());
}

#[test]
fn a_new_hash_is_as_recommended_and_weaker_ones_are_a_finding() {
    let hash = Basic::hash("correct horse battery staple").unwrap();
    let strong = StoredUser::builder("alice", &hash).build().unwrap();
    assert!(!strong.is_weakly_hashed());
    assert_ne!(hash, Basic::hash("correct horse battery staple").unwrap(), "the salt is random");
    for bad in ["", "a\nb", &"a".repeat(1025)] {
        assert!(Basic::hash(bad).is_err());
    }
    let users = MemoryUsers::from_iter([strong]);
    let mut report = Findings::default();
    users.findings(&mut report);
    assert!(report.is_empty());
    users.insert(user("bob", "swordfish").build().unwrap());
    users.findings(&mut report);
    let codes: Vec<_> = report.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["weak-password-hash"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_of_hashes_panic(text in "\\PC*", tail in "[$=,a-z0-9]{0,60}") {
        let _ = Phc::parse(&text);
        let _ = Phc::parse(&format!("$argon2id$v=19$m={tail}"));
    }
}
