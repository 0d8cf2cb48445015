#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod address;
#[cfg(feature = "audit")]
pub mod audit;
pub mod auth;
pub mod authorize;
#[cfg(feature = "throttle")]
pub mod throttle;
pub mod transport;
#[cfg(feature = "validate")]
pub mod validate;
