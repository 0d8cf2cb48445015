//! The throttle's store as it stands in `src`, without the guard around it.
#![allow(dead_code, reason = "a bench needs a part of it")]

#[path = "../../../src/throttle/memory/mod.rs"]
pub(crate) mod memory;
#[path = "../../../src/throttle/order.rs"]
pub(crate) mod order;
#[path = "../../../src/throttle/rule/mod.rs"]
pub(crate) mod rule;
#[path = "../../../src/throttle/sip.rs"]
pub(crate) mod sip;
#[path = "../../../src/throttle/sync.rs"]
mod sync;
#[path = "../../../src/throttle/verdict.rs"]
pub(crate) mod verdict;

/// Limits without the fields clients are told.
pub(crate) mod limits {
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
