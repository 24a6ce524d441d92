//! `ironwright-stack`: the launcher.
fn main() {}
