use http::StatusCode;

use crate::rejection::Reason;

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $number:literal, $text:literal, $word:literal;)+) => {
        /// A gRPC status code, as far as a refusal can have one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])+ $name = $number,)+ }

        impl Code {
            /// The code in the gRPC documents' own spelling, `PERMISSION_DENIED` say.
            pub fn name(self) -> &'static str {
                match self { $(Code::$name => $word,)+ }
            }

            /// The number in decimal, as it stands in `grpc-status`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// The number.
            pub fn number(self) -> u8 {
                self as u8
            }
        }
    };
}

codes! {
    /// Nothing fits better.
    Unknown = 2, "2", "UNKNOWN";
    /// The request is wrong whatever the state of the service.
    InvalidArgument = 3, "3", "INVALID_ARGUMENT";
    /// It took too long.
    DeadlineExceeded = 4, "4", "DEADLINE_EXCEEDED";
    /// There is no such object, or it is not the caller's.
    NotFound = 5, "5", "NOT_FOUND";
    /// The caller is known and may not do this.
    PermissionDenied = 7, "7", "PERMISSION_DENIED";
    /// A limit is used up, or a size is exceeded.
    ResourceExhausted = 8, "8", "RESOURCE_EXHAUSTED";
    /// Sending it again does not help before something else has changed.
    FailedPrecondition = 9, "9", "FAILED_PRECONDITION";
    /// It collided with something else under way.
    Aborted = 10, "10", "ABORTED";
    /// There is no such method here.
    Unimplemented = 12, "12", "UNIMPLEMENTED";
    /// Something is wrong on this side, or with the framing.
    Internal = 13, "13", "INTERNAL";
    /// Something needed is out of reach; a client may try again.
    Unavailable = 14, "14", "UNAVAILABLE";
    /// No credentials, or none that are good.
    Unauthenticated = 16, "16", "UNAUTHENTICATED";
}

impl Code {
    /// The code that a refusal is told with.
    ///
    /// It follows from the HTTP status, but for a few reasons whose gRPC meaning is narrower. Codes
    /// that clients retry by themselves (`UNAVAILABLE`) stand only where nothing has run yet.
    pub fn of(reason: Reason) -> Self {
        match reason {
            // An object, not a method.
            Reason::NotFound => Code::NotFound,
            Reason::BrokenBody => Code::Internal,
            // It may have done its work all the same.
            Reason::HandlerTimeout => Code::DeadlineExceeded,
            _ => Self::of_status(reason.status()),
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 | 406 | 411 | 422 => Code::InvalidArgument,
            401 | 407 => Code::Unauthenticated,
            403 | 451 => Code::PermissionDenied,
            404 | 405 | 410 | 415 | 421 | 501 => Code::Unimplemented,
            408 | 504 => Code::DeadlineExceeded,
            409 => Code::Aborted,
            412 | 417 | 425 | 426 | 428 => Code::FailedPrecondition,
            413 | 414 | 429 | 431 | 507 => Code::ResourceExhausted,
            500 => Code::Internal,
            502 | 503 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_and_stands_in_the_table_of_the_docs() {
        let docs = include_str!("../../docs/problems.md");
        for reason in Reason::ALL {
            let code = Code::of(*reason);
            assert_ne!(code, Code::Unknown, "{reason:?}");
            let row = format!("| `{}` | {} | `{}` |", reason.code(), code.number(), code.name());
            assert!(docs.contains(&row), "problems.md lacks {row}");
        }
    }

    #[test]
    fn the_usual_refusals_have_the_codes_that_clients_expect() {
        for (reason, code) in [
            (Reason::MissingCredentials, Code::Unauthenticated),
            (Reason::InsufficientScope, Code::PermissionDenied),
            (Reason::RateLimited, Code::ResourceExhausted),
            (Reason::SchemaViolation, Code::InvalidArgument),
            (Reason::MalformedRequest, Code::InvalidArgument),
            (Reason::MethodNotAllowed, Code::Unimplemented),
            (Reason::BodyTimeout, Code::DeadlineExceeded),
            (Reason::BodyTooLarge, Code::ResourceExhausted),
            (Reason::Unavailable, Code::Unavailable),
            (Reason::Panicked, Code::Internal),
        ] {
            assert_eq!(Code::of(reason), code, "{reason:?}");
        }
        assert_eq!((Code::Internal.as_str(), Code::Internal.number()), ("13", 13));
    }
}
