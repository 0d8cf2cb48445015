#![allow(dead_code, unused_imports, reason = "a test needs a part of it")]

mod concurrency;
#[path = "../../../src/throttle/memory/mod.rs"]
mod memory;
#[path = "../../../src/throttle/order.rs"]
mod order;
#[path = "../../../src/throttle/rule/mod.rs"]
mod rule;
mod store;
#[path = "../../../src/throttle/verdict.rs"]
mod verdict;

mod sync {
    pub(super) use loom::sync::{Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;
}

/// Limits without the fields clients are told.
mod limits {
    use super::rule::Rule;

    #[derive(Debug)]
    pub(super) struct Limits(pub(super) Vec<Ruled>);

    #[derive(Debug)]
    pub(super) struct Ruled {
        pub(super) rule: Rule,
    }

    impl Limits {
        pub(super) fn id(&self) -> u64 {
            1
        }

        pub(super) fn each(&self) -> &[Ruled] {
            &self.0
        }
    }
}
