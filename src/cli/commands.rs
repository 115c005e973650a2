//! What each command does, in terms of the library.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::backfill::{BackfillNight, BackfillPlan, BackfillReport, Before};
use crate::engine::{caught, chain};
use crate::ground::{Classified, Execution, FailureKind, SnapshotDate, counted};
use crate::job::{Job, Workspace};
use crate::night::{NightError, Report, Status};
use crate::plan::{Accepted, Circumstances, HistoryError};
use crate::{check, overview};

use super::arguments::{
    BackfillArguments, Command, HistoryArguments, NightArguments, OutputFormat, ResultArguments,
    RunArguments,
};
#[cfg(feature = "cluster")]
use super::cluster;
use super::last_resort::{forget_last_words, set_last_words};
use super::nights::{may_be_put_right, prepare, publish, put_right};
use super::output::{Output, to_stdout};
use super::pings::Pings;
use super::report as report_pages;
use super::signals::or_ended;
use super::{
    beside, calibrate, demo, docs, doctor, export, init, jobs, maintain, memory_guard, shell,
    withdraw,
};

/// The exit code of `--skip-exit-code`, which schedulers take for skipped.
const NOTHING_TO_DO: u8 = 99;

/// The exit code of a doctor who found something wrong: nights would be kept from publishing.
const UNFIT: u8 = 3;

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
        | Command::Docs(_)
        | Command::Doctor(_)
        | Command::Plan(_)
        | Command::Show(_)
        | Command::Report(_)
        | Command::Withdraw(_)
        | Command::Maintain(_)
        | Command::Completions(_)
        | Command::Man(_) => false,
        // The work of others: who gave it to them notices.
        #[cfg(feature = "cluster")]
        Command::Scheduler(_) | Command::Executor(_) => false,
    }
}

/// Carries out a command.
pub(super) async fn run(command: Command, output: &mut Output) -> Result<ExitCode, NightError> {
    match command {
        Command::Run(arguments) => {
            let night = Box::pin(night(&arguments, output));
            return pinged(&arguments.result, output, night).await;
        }
        Command::Backfill(arguments) => {
            let nights = Box::pin(backfill(&arguments, output));
            return pinged(&arguments.result, output, nights).await;
        }
        Command::Doctor(arguments) => {
            let is_unfit = Box::pin(doctor::doctor(&arguments, output)).await?;
            return Ok(ExitCode::from(if is_unfit { UNFIT } else { 0 }));
        }
        Command::Demo(arguments) => Box::pin(demo::demo(&arguments, output)).await,
        Command::Init(arguments) => init::init(&arguments, output),
        Command::Check(arguments) => check(&jobs::load(&arguments)?, output).await,
        Command::Docs(arguments) => docs::docs(&arguments, output).await,
        Command::Plan(arguments) => plan(&arguments, output).await,
        Command::Calibrate(arguments) => Box::pin(calibrate::calibrate(&arguments, output)).await,
        Command::Show(arguments) => Box::pin(super::show::show(&arguments, output)).await,
        Command::Report(arguments) => Box::pin(report_pages::report(&arguments, output)).await,
        Command::Export(arguments) => Box::pin(export::export(&arguments, output)).await,
        #[cfg(feature = "cluster")]
        Command::Scheduler(arguments) => cluster::scheduler(&arguments).await,
        #[cfg(feature = "cluster")]
        Command::Executor(arguments) => Box::pin(cluster::executor(&arguments)).await,
        Command::Withdraw(arguments) => Box::pin(withdraw::withdraw(&arguments, output)).await,
        Command::Maintain(arguments) => Box::pin(maintain::maintain(&arguments, output)).await,
        Command::Completions(arguments) => shell::completions(&arguments, output),
        Command::Man(arguments) => shell::man(&arguments, output),
    }?;
    Ok(ExitCode::SUCCESS)
}

async fn check(job: &Job, output: &Output) -> Result<(), NightError> {
    let _guard = memory_guard::begin(&job.engine);
    let any_date = jobs::snapshot_date(&jobs::NO_TIME, job)?;
    let checked = check::check(job, any_date).await?;
    output.warnings(&checked.warnings);
    let models = counted(checked.project.graph.models().len(), "model");
    let references = counted(checked.project.references.len(), "reference file");
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

/// Carries out what ends with an exit code, and has a service told, when asked, how it goes.
async fn pinged(
    arguments: &ResultArguments,
    output: &Output,
    work: impl Future<Output = Result<u8, NightError>>,
) -> Result<ExitCode, NightError> {
    let pings = Pings::begin(arguments.ping_url.as_deref(), &output.execution);
    let outcome = work.await.map_err(or_ended);
    let (exit_code, text) = match &outcome {
        // Nothing is wrong with that.
        Ok(NOTHING_TO_DO) => (0, "nothing to do".to_owned()),
        Ok(exit_code) => (*exit_code, String::new()),
        Err(error) => (error.kind().exit_code(), chain(error)),
    };
    pings.end(exit_code, &text).await;
    outcome.map(ExitCode::from)
}

/// One night, reported even when it fails; its exit code says, when asked, that there was nothing
/// to do.
async fn night(arguments: &RunArguments, output: &Output) -> Result<u8, NightError> {
    let mut report = Report::default();
    say_last(Report::default(), &arguments.result, output);
    let outcome = caught(Box::pin(one_night(arguments, &mut report, output))).await;
    forget_last_words();
    let outcome = outcome.unwrap_or_else(|panicked| Err(panicked.into()));
    if let Err(error) = &outcome {
        report.fail(error);
    }
    report.execution = Some(output.execution.clone());
    let text = report.to_string();
    let written = write_outcome(&arguments.result, &text, &report.to_json());
    first_failure(outcome, written, output)?;
    Ok(exit_code(&arguments.result, report.status))
}

/// Tells that a command could not begin, where its result is looked for as well.
pub(super) fn tell_not_begun(command: &Command, error: &NightError, output: &Output) {
    let execution = output.execution.clone();
    match command {
        Command::Run(arguments) => {
            let json = failed_run(Report::default(), error, execution);
            write_last(&arguments.result, &json);
        }
        Command::Backfill(arguments) => {
            write_last(&arguments.result, &failed_backfill(error, execution));
        }
        _ => {}
    }
    output.failure(error);
}

/// The result of a run of which no more is known than this and what ended it.
fn failed_run(mut report: Report, error: &NightError, execution: Execution) -> String {
    report.fail(error);
    report.execution = Some(execution);
    report.to_json()
}

/// The same of a backfill.
fn failed_backfill(error: &NightError, execution: Execution) -> String {
    let mut report = BackfillReport::default();
    report.fail(error);
    report.execution = Some(execution);
    report.to_json()
}

/// Has the result of a run written, as far as it is known, should it have to be ended.
fn say_last(report: Report, result: &ResultArguments, output: &Output) {
    let (result, execution) = (result.clone(), output.execution.clone());
    set_last_words(move |ended| write_last(&result, &failed_run(report, ended, execution)));
}

/// Hands out the result of a command that does not do so itself.
fn write_last(arguments: &ResultArguments, json: &str) {
    if let Err(error) = write_outcome(arguments, "", json) {
        tracing::warn!(%error, "the result is lost");
    }
}

/// Hands out a result: `text` is what people see of it.
fn write_outcome(arguments: &ResultArguments, text: &str, json: &str) -> Result<(), NightError> {
    match arguments.output {
        OutputFormat::Json => to_stdout(&format!("{json}\n")),
        OutputFormat::Text => to_stdout(text),
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

fn exit_code(arguments: &ResultArguments, status: Status) -> u8 {
    let is_skipped = arguments.skip_exit_code && status == Status::AlreadyPublished;
    if is_skipped { NOTHING_TO_DO } else { 0 }
}

/// Many nights; the first that fails ends them.
async fn backfill(arguments: &BackfillArguments, output: &Output) -> Result<u8, NightError> {
    let mut report = BackfillReport::default();
    let (result, execution) = (arguments.result.clone(), output.execution.clone());
    set_last_words(move |ended| write_last(&result, &failed_backfill(ended, execution)));
    let outcome = caught(Box::pin(many_nights(arguments, &mut report, output))).await;
    forget_last_words();
    let outcome = outcome.unwrap_or_else(|panicked| Err(panicked.into()));
    let outcome = outcome.map_err(or_ended);
    if let Err(error) = &outcome {
        report.fail(error);
    }
    report.execution = Some(output.execution.clone());
    let has_begun = outcome.is_ok() || report.nights_planned > 0;
    let text = match has_begun {
        true => report.to_string(),
        false => String::new(),
    };
    let written = write_outcome(&arguments.result, &text, &report.to_json());
    first_failure(outcome, written, output)?;
    Ok(exit_code(&arguments.result, report.status))
}

async fn many_nights(
    arguments: &BackfillArguments,
    report: &mut BackfillReport,
    output: &Output,
) -> Result<(), NightError> {
    let job = jobs::load_for(&arguments.job, &arguments.cluster)?;
    let accepted = accepted(arguments.history);
    let workspace = Workspace::open(&job)?;
    let mut backfills = jobs::backfills(arguments, &job)?.into_iter().peekable();
    while let Some(backfill) = backfills.next() {
        let plan = Box::pin(backfill.plan(&job, &workspace, accepted)).await;
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
        report.begin(&plan);
        let dates: Vec<SnapshotDate> = plan.nights.iter().map(|night| night.date).collect();
        let is_last = backfills.peek().is_none();
        let done = planned_nights(plan, is_last, arguments, &job, report, output);
        let done = Box::pin(done).await;
        Box::pin(beside::keep(&job, &dates, None)).await;
        done?;
    }
    Ok(report.check_left()?)
}

/// The nights of one plan; `is_last` when no other plan follows.
async fn planned_nights(
    plan: BackfillPlan,
    is_last: bool,
    arguments: &BackfillArguments,
    job: &Job,
    report: &mut BackfillReport,
    output: &Output,
) -> Result<(), NightError> {
    let count = plan.nights.len();
    let bar = output.progress(count as u64);
    for (number, night) in (1..).zip(plan.nights) {
        let BackfillNight {
            date,
            rules,
            before,
        } = night;
        bar.set_message(format!("night of {date}"));
        let mut night = Report::default();
        let circumstances = Circumstances {
            accepted: accepted(arguments.history),
            rules: rules.published(),
            is_by_rules_of_then: rules.are_of_then(),
            may_drop: &arguments.drops.drop_columns,
            is_followed: number < count || !is_last,
            needs_tiles: false,
        };
        let job = rules.job(job);
        let published = publish(&job, date, circumstances, &|_stage| {}, &mut night);
        match Box::pin(published).await {
            Ok(()) => report.add(night),
            Err(error) if is_about_date(before, &error) => report.leave(date, &error, night),
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
    Ok(())
}

/// Whether an error says nothing of other dates. A published date cannot be made without loss; a gap
/// may be a day that was never delivered.
fn is_about_date(before: Before, error: &NightError) -> bool {
    match before {
        Before::Unpublished => false,
        Before::Gap => matches!(
            error.kind(),
            FailureKind::Blocked | FailureKind::InputsNotReady
        ),
        Before::Published => matches!(error, NightError::History(HistoryError::OutOfReach { .. })),
    }
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
    let job = jobs::load_for(job, &arguments.cluster)?;
    let snapshot_date = jobs::snapshot_date(time, &job)?;
    jobs::note_default_date(time, &job, snapshot_date, output);
    say_last(Report::of(snapshot_date), &arguments.result, output);
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
    Box::pin(beside::keep(&job, &[snapshot_date], Some(report))).await;
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
    let written = match is_pipe(path) {
        // Opening it would wait for a reader for ever.
        true => Err(io::Error::other("it is a named pipe, and has to be a file")),
        false => std::fs::write(path, json),
    };
    written.map_err(|source| NightError::ResultFile {
        path: path.display().to_string(),
        source,
    })
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    // What is below /dev, such as /dev/stdout, is open already.
    !path.starts_with("/dev")
        && std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_path: &Path) -> bool {
    false
}
