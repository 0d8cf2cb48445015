use http::{HeaderMap, HeaderValue, Method, header, request};

/// Which form of gRPC a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Over HTTP/2, with trailers.
    Grpc,
    /// gRPC-Web: messages as they are, trailers as a last message.
    Web,
    /// gRPC-Web in base64.
    WebText,
}

impl Wire {
    /// What a request speaks; `None` where it is not gRPC. Every call of gRPC is a POST.
    pub(crate) fn of(head: &request::Parts) -> Option<Self> {
        if head.method != Method::POST {
            return None;
        }
        Self::declared(&head.headers)
    }

    /// What the media type of a head says.
    pub(crate) fn declared(headers: &HeaderMap) -> Option<Self> {
        Self::named(headers.get(header::CONTENT_TYPE)?.as_bytes())
    }

    fn named(media_type: &[u8]) -> Option<Self> {
        let rest = after(media_type, b"application/grpc")?;
        let (wire, rest) = match after(rest, b"-web") {
            None => (Self::Grpc, rest),
            Some(rest) => match after(rest, b"-text") {
                None => (Self::Web, rest),
                Some(rest) => (Self::WebText, rest),
            },
        };
        matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t')).then_some(wire)
    }

    /// The media type of an answer that has no messages.
    pub(crate) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Grpc => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        })
    }
}

fn after<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_says_which_grpc_is_spoken() {
        for (media_type, wire) in [
            ("application/grpc", Some(Wire::Grpc)),
            ("Application/gRPC+proto", Some(Wire::Grpc)),
            ("application/grpc;charset=utf-8", Some(Wire::Grpc)),
            ("application/grpc-web", Some(Wire::Web)),
            ("application/grpc-web+proto", Some(Wire::Web)),
            ("application/grpc-web-text+proto", Some(Wire::WebText)),
            ("application/grpcx", None),
            ("application/grpc-websocket", None),
            ("application/json", None),
            ("application/grp", None),
        ] {
            assert_eq!(Wire::named(media_type.as_bytes()), wire, "{media_type}");
        }
    }

    #[test]
    fn what_is_no_post_is_no_grpc() {
        let head = |method| {
            let request = http::Request::builder().method(method);
            let request =
                request.header(header::CONTENT_TYPE, "application/grpc").body(()).unwrap();
            request.into_parts().0
        };
        assert_eq!(Wire::of(&head("POST")), Some(Wire::Grpc));
        assert_eq!(Wire::of(&head("GET")), None);
    }
}
