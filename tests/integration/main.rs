//! The one integration-test binary.

// `cfg(test)` tells clippy that helpers are test code too, and may unwrap.
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod book;
#[cfg(feature = "cluster")]
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod export;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod nights;
#[cfg(test)]
mod report;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod show;
#[cfg(test)]
mod support;
