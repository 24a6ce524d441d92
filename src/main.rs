//! The `ironwright` binary.
fn main() {}
