//! The throttle's store as it stands in `src`, without the guard around it.
#![allow(dead_code, unused_imports, reason = "a bench needs a part of it")]

pub(crate) mod keys;
#[path = "../../../src/throttle/memory/mod.rs"]
mod memory;
#[path = "../../../src/throttle/order.rs"]
mod order;
#[path = "../../../src/throttle/rule/mod.rs"]
mod rule;
#[path = "../../../src/throttle/sip.rs"]
mod sip;
#[path = "../../../src/throttle/sync.rs"]
mod sync;
#[path = "../../../src/throttle/verdict.rs"]
mod verdict;

/// Limits without the fields clients are told.
mod limits {
    use super::rule::Rule;

    #[derive(Debug)]
    pub(crate) struct Limits(pub(crate) Vec<Ruled>);

    #[derive(Debug)]
    pub(crate) struct Ruled {
        pub(crate) rule: Rule,
    }

    impl Limits {
        pub(crate) fn id(&self) -> u64 {
            0
        }

        pub(crate) fn each(&self) -> &[Ruled] {
            &self.0
        }
    }
}
