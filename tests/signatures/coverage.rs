//! What a signature covers, and what it has to.

use http::Request;
use tower_parapet::Reason;

use super::{BODY, Service, get, post, scheme, sign, signer, with};

#[tokio::test]
async fn what_has_to_be_covered_and_is_not_is_refused() {
    let service = Service::new(scheme().require("x-tenant"));
    let tenant = |request: Request<String>| with(request, "x-tenant", "acme");
    let all = ["@method", "@authority", "@path", "@query", "x-tenant"];
    let good = sign(signer().components(all), tenant(get("/orders/7?a=1")));
    assert_eq!(service.says(good).await, "partners robot signature: ");
    for missing in all {
        let some = all.into_iter().filter(|component| *component != missing);
        let request = sign(signer().components(some), tenant(get("/orders/7?a=1")));
        let (reason, found) = service.refuses(request).await;
        assert_eq!(reason, Reason::InvalidCredentials);
        assert_eq!(found, format!("a signature that does not cover \"{missing}\""));
    }
}

#[tokio::test]
async fn the_whole_target_covers_its_parts() {
    let service = Service::new(scheme());
    for components in [
        &["@method", "@target-uri"][..],
        &["@request-target", "@authority", "@method"],
        &["@method", "@authority", "@path", "@query", "@scheme"],
    ] {
        let request =
            sign(signer().components(components.to_vec()), post("/orders/7?a=b%20c", BODY));
        assert!(service.says(request).await.ends_with(BODY));
    }
    let partly = sign(signer().components(["@request-target", "@method"]), get("/orders/7"));
    assert_eq!(service.refuses(partly).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_query_has_to_be_covered_where_there_is_one() {
    let service = Service::new(scheme());
    let components = ["@method", "@authority", "@path"];
    let request = |target: &str| sign(signer().components(components), get(target));
    assert_eq!(service.says(request("/orders/7")).await, "partners robot signature: ");
    for target in ["/orders/7?", "/orders/7?a"] {
        assert_eq!(
            service.refuses(request(target)).await.0,
            Reason::InvalidCredentials,
            "{target}"
        );
    }
    let mut added = request("/orders/7");
    *added.uri_mut() = "https://api.example/orders/7?admin=1".parse().unwrap();
    assert_eq!(service.refuses(added).await.0, Reason::InvalidCredentials);
    let one = sign(
        signer().components(["@method", "@authority", "@path", "@query-param;name=\"a\""]),
        get("/orders/7?a=1"),
    );
    assert_eq!(service.refuses(one).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_required_field_may_be_covered_in_another_form_but_not_in_part() {
    let service = Service::new(scheme().require("priority"));
    let covered = |form: &str| {
        let request = with(get("/orders/7"), "priority", "u=1,   i");
        sign(signer().component(form), request)
    };
    for form in ["priority", "priority;sf", "priority;bs"] {
        assert_eq!(service.says(covered(form)).await, "partners robot signature: ", "{form}");
    }
    let respaced = with(covered("priority;sf"), "priority", "u=1, i");
    assert_eq!(service.says(respaced).await, "partners robot signature: ");
    let respaced = with(covered("priority"), "priority", "u=1, i");
    assert_eq!(service.refuses(respaced).await.0, Reason::InvalidCredentials);
    assert_eq!(service.refuses(covered("priority;key=\"u\"")).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn what_cannot_be_read_in_one_way_only_is_refused() {
    let service = Service::new(scheme());
    let good = sign(signer().without_nonce(), get("/orders/7"));
    let input = good.headers()["signature-input"].to_str().unwrap().to_owned();
    let signature = good.headers()["signature"].to_str().unwrap().to_owned();
    let many = (0..9).map(|i| format!("s{i}=()")).collect::<Vec<_>>().join(", ");
    for (bad, why) in [
        (input.replace("\"@path\"", "\"@path\" \"@path\""), "twice"),
        (input.replace("\"@path\"", "\"@path\" \"@nothing\""), "unknown component"),
        (input.replace("\"@path\"", "\"@path\" \"@status\""), "does not have"),
        (input.replace("\"@path\"", "\"@path\" \"x-absent\""), "does not have"),
        (input.replace("\"@path\"", "\"@path\" \"content-length\";tr"), "trailer"),
        (input.replace("\"@path\"", "\"@path\" \"@method\";req"), "does not have"),
        (input.replace("\"@path\"", "\"@path\" \"@signature-params\""), "unknown component"),
        (input.replace(";keyid", ";created=1800000000;keyid"), "twice"),
        (input.replace("created=1800000000", "created=1800000000.0"), "not an integer"),
        (input.replace("created=1800000000", "created=-1"), "before 1970"),
        (input.replace("keyid=\"ed25519\"", "keyid=ed25519"), "short string"),
        (input.replace("ed25519", &"k".repeat(257)), "short string"),
        (input.replace(";keyid=\"ed25519\"", ""), "without `keyid`"),
        (format!("{input}, {input}"), "twice"),
        (format!("{input}, other"), "list"),
        ("sig=1".to_owned(), "not a list"),
        ("sig".to_owned(), "not a list"),
        ("sig=(".to_owned(), "unreadable"),
        (String::new(), "empty"),
        (many, "members"),
        (format!("sig=({})", " ".repeat(9000)), "8 KiB"),
        (input.replace(";keyid", ";alg=\"rsa-v1_5-sha256\";keyid"), "the algorithm"),
        (input.replace(";keyid", ";alg=\"none\";keyid"), "the algorithm"),
    ] {
        let request =
            with(with(get("/orders/7"), "signature-input", &bad), "signature", &signature);
        if bad.ends_with(", other") {
            let response = service.ask(request).await;
            assert_eq!(response.extensions().get(), Some(&Reason::AmbiguousCredentials));
            continue;
        }
        let (reason, found) = service.refuses(request).await;
        assert_eq!(reason, Reason::InvalidCredentials, "{bad}: {found}");
        assert!(found.contains(why), "{bad}: {found}");
    }
    for bad in ["sig=1", "sig=::", "other=:AAAA:", "sig=:AAAA:, sig=:AAAA:", "sig"] {
        let request = with(with(get("/orders/7"), "signature-input", &input), "signature", bad);
        assert_eq!(service.refuses(request).await.0, Reason::InvalidCredentials, "{bad}");
    }
}

#[tokio::test]
async fn the_host_is_the_one_that_was_signed() {
    let service =
        Service::new(tower_parapet::auth::signature::MessageSignatures::builder(super::keys()));
    let signed = sign(signer(), get("/orders/7"));
    let arriving = |hosts: &[&str]| {
        let mut request = Request::get("/orders/7").body(String::new()).unwrap();
        *request.headers_mut() = signed.headers().clone();
        for host in hosts {
            request.headers_mut().append("host", host.parse().unwrap());
        }
        request
    };
    let status = async |hosts: &[&str]| service.ask(arriving(hosts)).await.status().as_u16();
    assert_eq!(status(&["evil.example"]).await, 401);
    assert_eq!(status(&["api.example:8443"]).await, 401);
    assert_eq!(status(&["api.example", "api.example"]).await, 400);
    assert_eq!(service.says(arriving(&["API.example"])).await, "partners robot signature: ");
}

#[tokio::test]
async fn a_field_that_has_to_be_covered_where_it_is_cannot_be_added_nor_taken_out() {
    let service = Service::new(scheme().cover("x-tenant"));
    assert_eq!(service.says(sign(signer(), get("/orders/7"))).await, "partners robot signature: ");
    let added = with(sign(signer(), get("/orders/7")), "x-tenant", "acme");
    let (reason, found) = service.refuses(added).await;
    assert_eq!(reason, Reason::InvalidCredentials);
    assert_eq!(found, "a signature that does not cover \"x-tenant\"");
    let covered =
        || sign(signer().component("x-tenant"), with(get("/orders/7"), "x-tenant", "acme"));
    assert_eq!(service.says(covered()).await, "partners robot signature: ");
    let mut taken = covered();
    taken.headers_mut().remove("x-tenant");
    assert_eq!(service.refuses(taken).await.0, Reason::InvalidCredentials);
}
