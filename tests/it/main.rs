//! The one integration test binary.
//!
//! The modules say `cfg(test)`, which is always so here, because clippy's leave to panic in tests depends on it.

#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod first_light;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod leader;
