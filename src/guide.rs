//! How to: a page for each place where the stack is used, and for each thing it is used with.
//!
//! What the pages show of proxies and tokens are the fixtures of `tests/recipes`.

macro_rules! pages {
    ($($page:ident)*) => {$(
        #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
        pub mod $page {}
    )*};
}

pages! { axum nginx alb cloudflare envoy kubernetes keycloak local moving matrix }
