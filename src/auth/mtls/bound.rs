//! Tokens that are bound to a certificate (RFC 8705, section 3).

use std::borrow::Cow;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::answer::Answer;
use crate::auth::token::{CheckOrder, Confirms, INVALID, Presented, TokenCheck, refuse};
use crate::context::Confirmation;
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};

/// Tokens that only the owner of a client certificate may use (RFC 8705): the certificate of the
/// connection is the one in `cnf`.`x5t#S256`.
///
/// What the certificate says of its owner does not matter, nor who issued it: the token names it.
#[derive(Clone, Copy, Debug)]
pub struct CertificateBound {
    required: bool,
}

impl CertificateBound {
    /// Takes tokens that are bound to a certificate only, each from its owner.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::{jwt::Jwt, mtls::CertificateBound};
    ///
    /// let jwt = Jwt::builder()
    ///     .issuer("https://id.example")
    ///     .audience("orders")
    ///     .jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    ///         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
    ///     .sender_constrained(CertificateBound::required())
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn required() -> Self {
        Self { required: true }
    }

    /// Takes tokens that are bound to a certificate from its owner, and others from anyone.
    pub fn optional() -> Self {
        Self { required: false }
    }

    fn judge(self, exchange: &Exchange, token: &Presented) -> Result<(), Unbound> {
        let bound = token.principal().confirmation().and_then(Confirmation::certificate);
        match (bound, exchange.peer_certificate()) {
            (None, _) if self.required => Err(Unbound::Token),
            (None, _) => Ok(()),
            (Some(_), None) => Err(Unbound::NoCertificate),
            (Some(bound), Some(certificate)) => {
                verify_slices_are_equal(bound, certificate.thumbprint())
                    .map_err(|_| Unbound::OtherCertificate)
            }
        }
    }
}

/// Why the sender of a token is not the one it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unbound {
    #[error("the token is bound to no certificate, and only bound ones are taken")]
    Token,
    #[error("the token is bound to a certificate, and the client has shown none")]
    NoCertificate,
    #[error("the token is bound to another certificate than the client's")]
    OtherCertificate,
}

impl Unbound {
    /// A stable word for the record's note `certificate`, to count by.
    fn word(self) -> &'static str {
        match self {
            Self::Token => "unbound-token",
            Self::NoCertificate => "missing",
            Self::OtherCertificate => "other-certificate",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Token => "a token with `cnf`.`x5t#S256`",
            Self::NoCertificate => {
                "a client certificate on the connection, or from a trusted proxy"
            }
            Self::OtherCertificate => "the certificate in `cnf`.`x5t#S256`",
        }
    }

    fn found(self) -> &'static str {
        match self {
            Self::Token => "a token without it",
            Self::NoCertificate => "none",
            Self::OtherCertificate => "another certificate",
        }
    }
}

impl TokenCheck for CertificateBound {
    fn name(&self) -> &'static str {
        "certificate-bound"
    }

    fn order(&self) -> CheckOrder {
        CheckOrder::Certificate
    }

    fn confirms(&self) -> Option<Confirms> {
        Some(Confirms::Certificate)
    }

    fn check(&self, exchange: &mut Exchange, token: &Presented) -> Answer<Result<(), Rejection>> {
        Answer::Now(self.judge(exchange, token).map_err(|unbound| {
            exchange.note("certificate", unbound.word());
            // RFC 8705, section 3: 401 and `invalid_token`, whatever it was.
            refuse(Reason::InvalidCredentials, INVALID, token.kind())
                .expected(unbound.expected())
                .found(unbound.found())
                .cause(unbound)
        }))
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed(if self.required {
            "bound to the client certificate"
        } else {
            "bound to the client certificate where they say so"
        })
    }
}
