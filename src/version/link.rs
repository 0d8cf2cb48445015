//! Links that callers of an old version are sent to (RFC 8288).

use http::{HeaderValue, Uri};

use crate::error::Mistakes;

/// Whether a link leads somewhere and can stand in a header.
pub(super) fn check(setter: &'static str, link: &str, mistakes: &mut Mistakes) -> bool {
    let is_link = is_plain(link) && leads(link);
    if !is_link {
        mistakes.push(
            setter,
            link,
            "is no link",
            "write a URL like `https://api.example/news`, or a path like `/news`",
        );
    }
    is_link
}

/// Nothing that ends a link early, or that RFC 3986 asks to be escaped.
fn is_plain(link: &str) -> bool {
    link.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte))
}

fn leads(link: &str) -> bool {
    link.parse::<Uri>().is_ok_and(|uri| match uri.scheme_str() {
        Some("https" | "http") => uri.host().is_some_and(|host| !host.is_empty()),
        Some(_) => false,
        None => link.starts_with('/') && !link.starts_with("//"),
    })
}

/// All links in one field, by what they are to the version.
pub(super) fn field<const N: usize>(links: [(&str, Option<String>); N]) -> Option<HeaderValue> {
    let links = links.into_iter().filter_map(|(rel, link)| Some((rel, link?)));
    let links = links.map(|(rel, link)| format!("<{link}>; rel=\"{rel}\""));
    let field = links.reduce(|all, link| format!("{all}, {link}"))?;
    HeaderValue::try_from(field).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_url_or_a_path_and_nothing_that_breaks_out_of_its_brackets() {
        for (link, is_link) in [
            ("https://api.example/news/v2?a=b#c", true),
            ("http://localhost:8080/news", true),
            ("/news/v2", true),
            ("/", true),
            ("//evil.example/news", false),
            ("news", false),
            ("", false),
            ("https://", false),
            ("ftp://api.example/news", false),
            ("javascript:alert(1)", false),
            ("https://api.example/>; rel=\"next\"", false),
            ("https://api.example/a b", false),
            ("/a\r\nset-cookie: b=c", false),
            ("/ü", false),
        ] {
            assert_eq!(check("link", link, &mut Mistakes::default()), is_link, "{link}");
        }
    }

    #[test]
    fn links_stand_in_one_field_and_no_links_in_none() {
        let news = || Some("/news".to_owned());
        let field_of = field([("deprecation", news()), ("sunset", None), ("next", news())]);
        assert_eq!(field_of.unwrap(), "</news>; rel=\"deprecation\", </news>; rel=\"next\"");
        assert_eq!(field([("deprecation", None)]), None);
    }
}
