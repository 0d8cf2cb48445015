use proptest::prelude::*;

use super::*;

fn origins(text: &str) -> Origins {
    Origins::Some(vec![Origin::parse(text).unwrap()])
}

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    for (text, meant) in [
        ("https://app.example.com", "https://app.example.com"),
        (" HTTPS://App.Example.com:443 ", "https://app.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:80", "http://localhost"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[0:0:0:0:0:0:0:1]", "https://[::1]"),
        ("https://[2001:DB8::0:1]", "https://[2001:db8::1]"),
        ("https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]"),
        ("http://192.0.2.1:8080", "http://192.0.2.1:8080"),
        ("http://*.localhost:3000", "http://*.localhost:3000"),
        ("https://*.example.co.uk", "https://*.example.co.uk"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
    ] {
        assert_eq!(origins(text).to_string(), meant);
    }
    for text in [
        "",
        "*",
        "null",
        "app.example.com",
        "https://",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://user@app.example.com",
        "https://app..example.com",
        "https://app.example.com:",
        "https://app.example.com:0x50",
        "https://app.example.com:65536",
        "https://app.example.com:080",
        "https://*",
        "https://*.com",
        "https://*example.com",
        "https://app.*.example.com",
        "https://*.*.example.com",
        "https://[::g]",
        "https://[::1",
        "https://app.example.com::8443",
        "https://192.0.2",
        "https://192.0.2.256",
        "https://0x7f.0.0.1",
        "https://app.0x1",
        "https://*.192.0.2.1",
        "https://*.[::1]",
        "https://*.co.uk",
        "https://*.vercel.app",
        "wss://app.example.com",
        "https://b\u{fc}cher.example",
        "://app.example.com",
    ] {
        assert!(Origin::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_star_stands_for_one_label_and_for_nothing_else() {
    let shops = origins("https://*.example.com");
    for origin in ["https://a.example.com", "https://eu-1.example.com"] {
        assert!(shops.cover(origin), "{origin}");
    }
    for origin in [
        "https://example.com",
        "https://.example.com",
        "https://a.b.example.com",
        "https://evilexample.com",
        "https://a.example.com.evil.net",
        "https://a.example.com:8443",
        "http://a.example.com",
        "https://evil.net/.example.com",
        "https://evil.net#.example.com",
        "https://user@a.example.com",
        "https://A.example.com",
        "https://*.example.com",
        "null",
    ] {
        assert!(!shops.cover(origin), "{origin}");
    }
}

proptest! {
    #[test]
    fn what_is_read_covers_itself_and_no_text_panics(text in "\\PC{0,40}", host in "[a-z]{1,5}(\\.[a-z]{1,5}){0,3}") {
        let _ = Origin::parse(&text);
        let origin = format!("https://{host}");
        prop_assert!(origins(&origin).cover(&origin));
        let longer = format!("{origin}x");
        prop_assert!(!origins(&origin).cover(&longer));
    }
}

#[test]
fn a_closure_is_asked_about_origins_and_nothing_else() {
    let all = Origins::Some(vec![Origin::Chosen(Arc::new(|_| true))]);
    for origin in ["https://a.example", "http://localhost:3000", "https://[::1]:8443", "app://x"] {
        assert!(all.cover(origin), "{origin}");
    }
    for text in [
        "null",
        "",
        "*",
        "a.example",
        "https://a.example/",
        "https://A.example",
        "https://a.example:443",
        "https://*.a.example",
        " https://a.example",
        "https://a.example, https://b.example",
    ] {
        assert!(!all.cover(text), "{text}");
    }
}

#[test]
fn plain_origins_are_those_that_have_a_way_to_go() {
    for (text, plain) in [
        ("http://app.example.com", true),
        ("http://*.example.com:8080", true),
        ("http://192.0.2.1", true),
        ("http://localhost.example.com", true),
        ("https://app.example.com", false),
        ("http://localhost:3000", false),
        ("http://app.localhost:3000", false),
        ("http://*.localhost:3000", false),
        ("http://127.0.0.1:3000", false),
        ("http://[::1]:3000", false),
        ("capacitor://localhost", false),
    ] {
        assert_eq!(Origin::parse(text).unwrap().is_plain(), plain, "{text}");
    }
}
