#![allow(dead_code, unreachable_pub, reason = "a test needs a part of it")]

#[path = "../../src/context/priority.rs"]
mod priority;

pub(crate) use priority::Priority;
