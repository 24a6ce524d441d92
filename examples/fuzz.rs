//! A fuzz target under libFuzzer: `make fuzz FUZZ=node` builds and starts it. `FUZZ_TARGET` names the target.
#![no_main]

use std::sync::LazyLock;

use ironwright::ironic::client::fuzz::{TARGETS, Target};

/// The target that is asked for.
static TARGET: LazyLock<Option<Target>> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, target)| *target)
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let target = TARGET.as_ref();
    assert!(target.is_some(), "FUZZ_TARGET names none of the targets");
    if let Some(target) = target {
        target(input);
    }
});
