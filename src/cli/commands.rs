//! What each command does, in terms of the library.

use std::path::Path;
use std::process::ExitCode;

use crate::backfill::{BackfillNight, BackfillReport};
use crate::ground::{SnapshotDate, counted};
use crate::job::{Job, Workspace};
use crate::night::{NightError, Report, Status};
use crate::plan::{Accepted, Circumstances, HistoryError};
use crate::{check, overview};

use super::arguments::{
    BackfillArguments, Command, HistoryArguments, NightArguments, OutputFormat, ResultArguments,
    RunArguments, TimeArguments,
};
use super::nights::{may_be_put_right, prepare, publish, put_right};
use super::output::Output;
use super::signals::or_ended;
use super::{calibrate, demo, export, init, jobs, maintain, withdraw};

/// The exit code of `--skip-exit-code`, which schedulers take for skipped.
const NOTHING_TO_DO: u8 = 99;

/// Whether a command has something to clear up when it is given up, such as drafts. What `withdraw`
/// does is not given up, and what `maintain` has not deleted yet it finds the next time.
pub(super) fn clears_up(command: &Command) -> bool {
    match command {
        Command::Demo(_)
        | Command::Run(_)
        | Command::Backfill(_)
        | Command::Calibrate(_)
        | Command::Export(_) => true,
        Command::Init(_)
        | Command::Check(_)
        | Command::Plan(_)
        | Command::Show(_)
        | Command::Withdraw(_)
        | Command::Maintain(_) => false,
    }
}

/// Carries out a command.
pub(super) async fn run(command: Command, output: &mut Output) -> Result<ExitCode, NightError> {
    match command {
        Command::Run(arguments) => return Box::pin(night(&arguments, output)).await,
        Command::Backfill(arguments) => return Box::pin(backfill(&arguments, output)).await,
        Command::Demo(arguments) => Box::pin(demo::demo(&arguments, output)).await,
        Command::Init(arguments) => init::init(&arguments, output),
        Command::Check(arguments) => check(&jobs::load(&arguments)?, output).await,
        Command::Plan(arguments) => plan(&arguments, output).await,
        Command::Calibrate(arguments) => Box::pin(calibrate::calibrate(&arguments, output)).await,
        Command::Show(arguments) => Box::pin(super::show::show(&arguments, output)).await,
        Command::Export(arguments) => Box::pin(export::export(&arguments, output)).await,
        Command::Withdraw(arguments) => Box::pin(withdraw::withdraw(&arguments, output)).await,
        Command::Maintain(arguments) => Box::pin(maintain::maintain(&arguments, output)).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn check(job: &Job, output: &Output) -> Result<(), NightError> {
    let any_date = TimeArguments {
        as_of: None,
        date: None,
    };
    let (project, warnings) = check::check(job, jobs::snapshot_date(&any_date, job)?).await?;
    output.warnings(&warnings);
    let models = counted(project.graph.models().len(), "model");
    let references = counted(project.references.len(), "reference file");
    output.result(&format!(
        "job {}: no problems in {models} and {references}\n",
        job.name
    ));
    Ok(())
}

async fn plan(arguments: &NightArguments, output: &Output) -> Result<(), NightError> {
    let job = jobs::load(&arguments.job)?;
    let snapshot_date = jobs::snapshot_date(&arguments.time, &job)?;
    let (_, _, plan) = prepare(&job, snapshot_date, Circumstances::default()).await?;
    output.result(&plan.to_string());
    Ok(())
}

/// One night, reported even when it fails; its exit code says, when asked, that there was nothing
/// to do.
async fn night(arguments: &RunArguments, output: &Output) -> Result<ExitCode, NightError> {
    let mut report = Report::default();
    let outcome = Box::pin(one_night(arguments, &mut report, output)).await;
    if let Err(error) = &outcome {
        report.fail(error);
    }
    let text = report.to_string();
    let written = write_outcome(&arguments.result, &text, &report.to_json(), output);
    first_failure(outcome, written, output)?;
    Ok(exit_code(&arguments.result, report.status))
}

/// Hands out a result: `text` is what people see of it.
fn write_outcome(
    arguments: &ResultArguments,
    text: &str,
    json: &str,
    output: &Output,
) -> Result<(), NightError> {
    match arguments.output {
        OutputFormat::Json => output.result(&format!("{json}\n")),
        OutputFormat::Text => output.result(text),
    }
    match &arguments.result_file {
        Some(path) => write_result(path, json),
        None => Ok(()),
    }
}

/// The failure of a command, or else of writing its result; where both have failed the second is only
/// told.
fn first_failure(
    outcome: Result<(), NightError>,
    written: Result<(), NightError>,
    output: &Output,
) -> Result<(), NightError> {
    if let (Err(_), Err(error)) = (&outcome, &written) {
        output.failure(error);
    }
    outcome.and(written)
}

fn exit_code(arguments: &ResultArguments, status: Status) -> ExitCode {
    let is_skipped = arguments.skip_exit_code && status == Status::AlreadyPublished;
    ExitCode::from(if is_skipped { NOTHING_TO_DO } else { 0 })
}

/// Many nights; the first that fails ends them.
async fn backfill(arguments: &BackfillArguments, output: &Output) -> Result<ExitCode, NightError> {
    let mut report = BackfillReport::default();
    let outcome = Box::pin(many_nights(arguments, &mut report, output)).await;
    let outcome = outcome.map_err(or_ended);
    if let Err(error) = &outcome {
        report.fail(error);
    }
    let has_begun = outcome.is_ok() || report.nights_planned > 0;
    let text = match has_begun {
        true => report.to_string(),
        false => String::new(),
    };
    let written = write_outcome(&arguments.result, &text, &report.to_json(), output);
    first_failure(outcome, written, output)?;
    Ok(exit_code(&arguments.result, report.status))
}

async fn many_nights(
    arguments: &BackfillArguments,
    report: &mut BackfillReport,
    output: &Output,
) -> Result<(), NightError> {
    let job = jobs::load(&arguments.job)?;
    let accepted = accepted(arguments.history);
    let workspace = Workspace::open(&job)?;
    let plan = jobs::backfill(arguments, &job)?.plan(&job, &workspace, accepted);
    let plan = Box::pin(plan).await;
    // Every night begins by that; without one it is done here.
    let has_no_night = match &plan {
        Ok(plan) => plan.nights.is_empty(),
        Err(error) => may_be_put_right(error),
    };
    if has_no_night {
        let mut found = Report::default();
        put_right(&job, &mut found).await;
        for warning in &found.warnings {
            output.note(warning);
        }
    }
    let plan = plan?;
    for note in &plan.notes {
        output.note(note);
    }
    *report = BackfillReport::of(&plan);
    let bar = output.progress(plan.nights.len() as u64);
    for BackfillNight {
        date,
        rules,
        is_published,
    } in plan.nights
    {
        bar.set_message(format!("night of {date}"));
        let mut night = Report::default();
        let circumstances = Circumstances {
            accepted,
            rules: rules.published(),
            is_by_rules_of_then: rules.are_of_then(),
            may_drop: &arguments.drops.drop_columns,
            needs_tiles: false,
        };
        let job = rules.job(&job);
        let published = publish(&job, date, circumstances, &|_stage| {}, &mut night);
        match Box::pin(published).await {
            Ok(()) => report.add(night),
            Err(error) if is_published && is_about_date(&error) => {
                report.leave(date, &error, night);
            }
            Err(error) => {
                bar.finish_and_clear();
                night.fail(&error);
                report.add_failed(night);
                return Err(error);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report.check_left()?)
}

/// Whether an error says nothing of other dates: this one cannot be made without loss.
fn is_about_date(error: &NightError) -> bool {
    matches!(error, NightError::History(HistoryError::OutOfReach { .. }))
}

fn accepted(arguments: HistoryArguments) -> Accepted {
    Accepted {
        removed_days: arguments.accept_removed_days,
        shorter_history: arguments.accept_shorter_history,
    }
}

async fn one_night(
    arguments: &RunArguments,
    report: &mut Report,
    output: &Output,
) -> Result<(), NightError> {
    let NightArguments { job, time } = &arguments.night;
    let job = jobs::load(job)?;
    let snapshot_date = jobs::snapshot_date(time, &job)?;
    jobs::note_default_date(time, &job, snapshot_date, output);
    let spinner = output.spinner();
    let circumstances = Circumstances {
        accepted: accepted(arguments.history),
        may_drop: &arguments.drops.drop_columns,
        ..Circumstances::default()
    };
    let progress = |stage: &str| spinner.set_message(stage.to_owned());
    let published = publish(&job, snapshot_date, circumstances, &progress, report).await;
    spinner.finish_and_clear();
    published?;
    if matches!(report.status, Status::AlreadyPublished | Status::Repaired) {
        recall(&job, snapshot_date, report).await;
    }
    Ok(())
}

/// Tells what the night had found that published the date, so that a result which is asked for
/// twice says the same. The date is published all the same when that cannot be read.
async fn recall(job: &Job, snapshot_date: SnapshotDate, report: &mut Report) {
    match Box::pin(overview::published_outcome(job, snapshot_date)).await {
        Ok((moves, alerts)) => {
            report.moves = moves;
            report.alerts = alerts;
        }
        Err(error) => {
            tracing::warn!(%error, "cannot read the moves and alerts of the published date");
        }
    }
}

/// Whoever reads a result file would take an older one for that of this run, so that one which cannot be
/// written ends the command as a failure.
fn write_result(path: &Path, json: &str) -> Result<(), NightError> {
    std::fs::write(path, json).map_err(|source| NightError::ResultFile {
        path: path.display().to_string(),
        source,
    })
}
