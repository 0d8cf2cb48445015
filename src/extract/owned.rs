//! An object, handed over only to whom it belongs.

use std::{error::Error, fmt, future::Future, ops::Deref, time::Duration};

use axum::extract::{
    FromRequestParts, Path,
    path::ErrorKind,
    rejection::{PathRejection, RawPathParamsRejection},
};
use http::request;
use serde::de::DeserializeOwned;

use super::principal_of;
use crate::{
    context::Principal,
    rejection::{Reason, Rejection},
};
