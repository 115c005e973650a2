//! tierline: the nightly user-tiering job. See `README.md` for the whole picture.

pub mod sample;
