//! The stores of the crate, as they stand in `src`, in every order in which threads can meet.
//!
//! Each store is compiled from its own file; what threads meet at there (`sync.rs`) is loom's here.
//! A test runs once for each order of locks and atomics that makes a difference, and says so when an
//! order admits too much, loses a charge or waits for ever.
#![cfg(test)]

mod context;
mod throttle;
