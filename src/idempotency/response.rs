use axum_core::body::Body;
use bytes::{Buf, BufMut, Bytes};
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// Says that an answer was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What an entry takes beside its headers and its body, in bytes.
const OVERHEAD: usize = 256;

const FORMAT: u8 = 1;

/// An answer as it is kept: its status, those of its headers that may be, and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Bytes>,
}

impl StoredResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers that are kept.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The body; `None` where it was too long, or not yet at its end: the answer cannot be given again.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// What it takes in memory, about, in bytes.
    pub fn size(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64);
        OVERHEAD + headers.sum::<usize>() + self.body.as_ref().map_or(0, Bytes::len)
    }

    /// The same, with nothing but its status.
    #[must_use]
    pub fn without_body(&self) -> Self {
        Self { status: self.status, headers: Vec::new(), body: None }
    }

    /// As bytes, for a store outside of the process.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.size());
        bytes.put_u8(FORMAT);
        bytes.put_u16(self.status.as_u16());
        bytes.put_u16(self.headers.len() as u16);
        for (name, value) in &self.headers {
            bytes.put_u16(name.as_str().len() as u16);
            bytes.put_slice(name.as_str().as_bytes());
            bytes.put_u32(value.len() as u32);
            bytes.put_slice(value.as_bytes());
        }
        match &self.body {
            Some(body) => {
                bytes.put_u8(1);
                bytes.put_slice(body);
            }
            None => bytes.put_u8(0),
        }
        bytes
    }

    /// From what [`to_bytes`](Self::to_bytes) gave; `None` for anything else.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Option<Self> {
        let mut bytes = bytes.into();
        if bytes.try_get_u8().ok()? != FORMAT {
            return None;
        }
        let status = StatusCode::from_u16(bytes.try_get_u16().ok()?).ok()?;
        let count = bytes.try_get_u16().ok()?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let length = usize::from(bytes.try_get_u16().ok()?);
            let name = HeaderName::from_bytes(&take(&mut bytes, length)?).ok()?;
            let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
            let value = HeaderValue::from_maybe_shared(take(&mut bytes, length)?).ok()?;
            headers.push((name, value));
        }
        let body = match bytes.try_get_u8().ok()? {
            0 if bytes.is_empty() => None,
            1 => Some(bytes),
            _ => return None,
        };
        Some(Self { status, headers, body })
    }

    /// The answer once more; `None` where its body was not kept.
    pub(super) fn replay(&self) -> Option<Response<Body>> {
        let mut response = Response::new(Body::from(self.body.clone()?));
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Some(response)
    }
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (bytes.len() >= length).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn stored()(
            status in 100_u16..1000,
            headers in prop::collection::vec(("[a-z][a-z0-9-]{0,20}", "[ -~]{0,40}"), 0..6),
            body in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        ) -> StoredResponse {
            let headers = headers.into_iter().map(|(name, value)| {
                (name.parse().unwrap(), HeaderValue::try_from(value).unwrap())
            });
            let status = StatusCode::from_u16(status).unwrap();
            StoredResponse { status, headers: headers.collect(), body: body.map(Bytes::from) }
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(stored in stored()) {
            prop_assert_eq!(StoredResponse::from_bytes(stored.to_bytes()), Some(stored));
        }

        #[test]
        fn no_bytes_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = StoredResponse::from_bytes(bytes);
        }

        #[test]
        fn what_was_cut_short_is_not_read_unless_in_the_body(stored in stored(), cut in any::<prop::sample::Index>()) {
            let whole = stored.to_bytes();
            let cut = cut.index(whole.len());
            let head = whole.len() - stored.body.as_ref().map_or(0, Bytes::len);
            prop_assert_eq!(StoredResponse::from_bytes(whole[..cut].to_vec()).is_some(), cut >= head);
        }
    }
}
