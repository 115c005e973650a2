//! The one integration-test binary.

// `cfg(test)` tells clippy that helpers are test code too, and may unwrap.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod support;
