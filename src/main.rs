//! The `tierline` binary.
fn main() {}
