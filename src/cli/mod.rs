//! The command line: arguments in, exit code out, and every word that is printed.
//!
//! The result of a command goes to stdout, everything else to stderr. This is the one place that
//! reads the clock.

mod arguments;
mod calibrate;
mod commands;
mod demo;
mod figures;
mod init;
mod jobs;
mod output;
mod show;
mod table;
mod withdraw;

use std::process::ExitCode;

use clap::Parser;

use crate::ground::{Classified, FailureKind};

use arguments::Arguments;
use output::Output;

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(&arguments.logging);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(commands::run(arguments.command, &mut output))),
        Err(error) => {
            output.error(&error.to_string());
            return ExitCode::from(FailureKind::Unexpected.exit_code());
        }
    };
    match outcome {
        Ok(exit_code) => exit_code,
        Err(error) => {
            output.failure(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
