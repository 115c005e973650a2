//! The one integration-test binary.

mod naive;
