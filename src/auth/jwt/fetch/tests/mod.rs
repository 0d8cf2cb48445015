//! What follows from what is remembered; and moments that no test over sockets can hit.

mod moments;
mod simulation;
