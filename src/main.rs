//! The `tierline` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tierline::cli::main()
}
