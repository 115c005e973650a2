//! `tierline maintain`: what nobody needs any more, and deleted once that is confirmed.

use serde::Serialize;

use crate::ground::{Diagnostic, Problems};
use crate::job::{Job, Workspace};
use crate::maintenance::{ExpiredDates, Kind, MaintenancePlan, Unneeded};
use crate::night::{NightError, Report};
use crate::storage::{check_output, claim_output};

use super::arguments::{MaintainArguments, OutputFormat};
use super::beside;
use super::confirmation::Answer;
use super::figures::{count, count_of};
use super::jobs;
use super::output::Output;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Deleted,
    NotDeleted,
    NothingToDelete,
}

/// The result for machines.
#[derive(Debug, Serialize)]
struct MaintenanceResult<'a> {
    status: Outcome,
    job: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<&'a ExpiredDates>,
    unneeded: &'a [Unneeded],
    kept: &'a [String],
}

/// Says what nobody needs, and deletes it when that is confirmed. A scheduler that forgot `--yes`
/// learns it from the exit code.
pub(super) async fn maintain(
    arguments: &MaintainArguments,
    output: &Output,
) -> Result<(), NightError> {
    let outcome = Box::pin(look_and_delete(arguments, output)).await;
    if let (Err(error), OutputFormat::Json) = (&outcome, arguments.output) {
        let mut report = Report::default();
        report.fail(error);
        output.result(&format!("{}\n", report.to_json()));
    }
    match outcome? {
        Answer::Yes | Answer::No => Ok(()),
        Answer::None => Err(unconfirmed().into()),
    }
}

fn unconfirmed() -> Problems {
    let message = "nothing was deleted, as nobody could be asked";
    let help = "to delete it, run the same command with --yes";
    Problems(vec![Diagnostic::new(message).help(help)])
}

async fn look_and_delete(
    arguments: &MaintainArguments,
    output: &Output,
) -> Result<Answer, NightError> {
    let job = jobs::load(&arguments.job)?;
    let workspace = Workspace::open(&job)?;
    check_output(&workspace.output, &job.name).await?;
    let plan = Box::pin(MaintenancePlan::make(&job, &workspace, jobs::now())).await?;
    if arguments.output == OutputFormat::Text {
        output.result(&meaning(&plan));
    }
    if plan.is_empty() {
        tell(arguments, &job, &plan, Outcome::NothingToDelete, output);
        return Ok(Answer::Yes);
    }
    let question = "delete all that?";
    let answer = Answer::to(question, arguments.yes, arguments.output, output);
    let outcome = match answer {
        Answer::Yes => {
            claim_output(&workspace.output, &job.name).await?;
            plan.carry_out(&job, &workspace).await?;
            // Pages and plain files of dates that have expired go.
            beside::keep(&job, &[], None).await;
            Outcome::Deleted
        }
        Answer::No | Answer::None => Outcome::NotDeleted,
    };
    tell(arguments, &job, &plan, outcome, output);
    Ok(answer)
}

/// What was done.
fn tell(
    arguments: &MaintainArguments,
    job: &Job,
    plan: &MaintenancePlan,
    status: Outcome,
    output: &Output,
) {
    match arguments.output {
        OutputFormat::Text => output.result(match status {
            Outcome::Deleted => "Deleted.\n",
            Outcome::NotDeleted => "Nothing was deleted.\n",
            Outcome::NothingToDelete => "Nothing to delete.\n",
        }),
        OutputFormat::Json => output.result(&json(job, plan, status)),
    }
}

/// Everything that is to be known before deciding.
fn meaning(plan: &MaintenancePlan) -> String {
    let expired = plan.expired.iter().map(|expired| {
        format!(
            "rows of users: {}, {} to {}; the last of each month keeps them, and KPIs, matrices and alerts stay; published dates up to four weeks later are final from then on; the files go when old versions do\n",
            count_of(expired.dates as i128, "date"),
            expired.first,
            expired.last
        )
    });
    let unneeded = plan.unneeded.iter().map(|unneeded| {
        format!(
            "{}: {}, {} bytes, written {} to {}, such as {}\n",
            named(unneeded),
            count_of(unneeded.files as i128, "file"),
            count(unneeded.size_bytes),
            unneeded.oldest.format("%F"),
            unneeded.newest.format("%F"),
            unneeded.example
        )
    });
    let kept = plan.kept.iter().map(|kept| format!("{kept}\n"));
    expired.chain(unneeded).chain(kept).collect()
}

fn named(unneeded: &Unneeded) -> String {
    let name = unneeded.name.as_deref().unwrap_or_default();
    match unneeded.kind {
        Kind::TableFiles => {
            format!("table {name}, files and checkpoints of old versions, and abandoned drafts")
        }
        Kind::Tiles => format!("tiles of rollup {name} that no night reads any more"),
        Kind::Samples => format!("samples of rejected rows of {name}"),
        Kind::Probes => "what was written to try the store".to_owned(),
        Kind::UnfinishedFiles => "unfinished files of processes that were killed".to_owned(),
        Kind::ScratchFolders => "scratch folders of runs that were killed".to_owned(),
    }
}

/// The result as one line.
fn json(job: &Job, plan: &MaintenancePlan, status: Outcome) -> String {
    let result = MaintenanceResult {
        status,
        job: &job.name,
        expired: plan.expired.as_ref(),
        unneeded: &plan.unneeded,
        kept: &plan.kept,
    };
    let json = serde_json::to_string(&result);
    let json = json.unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#));
    format!("{json}\n")
}
