//! `tierline show`.

use crate::config::job::Job;
use crate::run::RunError;

use super::arguments::ShowArguments;
use super::output::Output;

/// Shows a published snapshot.
pub(super) async fn show(arguments: &ShowArguments, output: &Output) -> Result<(), RunError> {
    let job = super::jobs::load(&arguments.job)?;
    show_newest(&job, output).await
}

/// Shows the newest published snapshot.
pub(super) async fn show_newest(_job: &Job, output: &Output) -> Result<(), RunError> {
    output.result("\n");
    Ok(())
}
