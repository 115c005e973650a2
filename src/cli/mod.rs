//! The command line: arguments in, exit code out, and every word that is printed.
//!
//! The result of a command goes to stdout, everything else to stderr. This is the one place that
//! reads the clock.

mod arguments;
mod beside;
mod calibrate;
#[cfg(feature = "cluster")]
mod certificates;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod confirmation;
mod demo;
mod docs;
mod doctor;
mod execution;
mod export;
mod figures;
mod http;
mod init;
mod jobs;
mod last_resort;
mod lineage;
mod maintain;
mod memory_guard;
mod nights;
mod output;
mod pings;
mod report;
mod shell;
mod show;
mod signals;
mod table;
mod threads;
mod time_limit;
mod watched;
mod watched_limit;
mod withdraw;

use std::panic::{set_hook, take_hook};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Runtime;
use tracing::Instrument;

use crate::engine::{caught, note_panics};
use crate::ground::{Classified, FailureKind};

use arguments::Arguments;
use output::Output;

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::new(&arguments.logging);
    note_panics();
    if let Err(lack) = threads::check() {
        commands::tell_not_begun(&arguments.command, &lack, &output);
        return ExitCode::from(lack.kind().exit_code());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => {
            let clears_up = commands::clears_up(&arguments.command);
            // Each line of the log says which execution it is of.
            let span = output.span();
            let command = commands::run(arguments.command, &mut output);
            let command = async { Box::pin(caught(command)).await? }.instrument(span.clone());
            signals::heed(clears_up, span);
            let outcome = runtime.block_on(Box::pin(command));
            abandon(runtime);
            outcome.map_err(signals::or_ended)
        }
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

/// Ends what is still at work and nobody waits for, such as reads of other tables when one is
/// damaged: the library of Delta Lake panics over reads that are given up, and says so.
fn abandon(runtime: Runtime) {
    let usual = take_hook();
    set_hook(Box::new(|_| {}));
    drop(runtime);
    set_hook(usual);
}
