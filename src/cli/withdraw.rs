//! `tierline withdraw`: what taking a published date back means, and done once that is confirmed.

use serde::Serialize;

use crate::ground::{Diagnostic, Problems, SnapshotDate, interruption};
use crate::job::{Job, Workspace};
use crate::night::{NightError, Report};
use crate::withdrawal::{CutPointsKept, Withdrawal, WithdrawalPlan};

use super::arguments::{OutputFormat, WithdrawArguments};
use super::confirmation::Answer;
use super::figures::count_of;
use super::jobs;
use super::output::Output;

/// What became of the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Withdrawn,
    NotWithdrawn,
    AlreadyWithdrawn,
}

/// The result for machines.
#[derive(Debug, Serialize)]
struct WithdrawalResult<'a> {
    status: Outcome,
    job: &'a str,
    #[serde(flatten)]
    withdrawal: Option<&'a Withdrawal>,
    /// The run that withdrew the date.
    withdrawn_by: Option<String>,
}

/// Says what it means, and withdraws what is confirmed. A scheduler that forgot `--yes` learns it
/// from the exit code.
pub(super) async fn withdraw(
    arguments: &WithdrawArguments,
    output: &Output,
) -> Result<(), NightError> {
    let outcome = Box::pin(look_and_withdraw(arguments, output)).await;
    if let (Err(error), OutputFormat::Json) = (&outcome, arguments.output) {
        let known_date = arguments.date.parse::<SnapshotDate>();
        let mut report = known_date.map_or_else(|_| Report::default(), Report::of);
        report.fail(error);
        output.result(&format!("{}\n", report.to_json()));
    }
    match outcome? {
        Answer::Yes | Answer::No => Ok(()),
        Answer::None => Err(unconfirmed(&arguments.date).into()),
    }
}

fn unconfirmed(date: &str) -> Problems {
    let message = format!("{date} was not withdrawn, as nobody could be asked");
    let help = "to withdraw it, run the same command with --yes";
    Problems(vec![Diagnostic::new(message).help(help)])
}

async fn look_and_withdraw(
    arguments: &WithdrawArguments,
    output: &Output,
) -> Result<Answer, NightError> {
    let job = jobs::load(&arguments.job)?;
    let date = arguments.date.parse::<SnapshotDate>()?;
    let workspace = Workspace::open(&job)?;
    let withdrawal = match WithdrawalPlan::make(&workspace, date).await? {
        WithdrawalPlan::Withdraw(withdrawal) => withdrawal,
        WithdrawalPlan::AlreadyWithdrawn { run_id } => {
            match arguments.output {
                OutputFormat::Text => output.result(&format!(
                    "{date} is withdrawn already, by run {run_id}; nothing done\n"
                )),
                OutputFormat::Json => {
                    output.result(&json(&job, Outcome::AlreadyWithdrawn, None, Some(run_id)));
                }
            }
            return Ok(Answer::Yes);
        }
    };
    if arguments.output == OutputFormat::Text {
        output.result(&meaning(&withdrawal));
    }
    let question = format!("withdraw {date}?");
    let answer = Answer::to(&question, arguments.yes, arguments.output, output);
    // Until it is said what was done.
    let _held_off = interruption().held_off();
    let withdrawn_by = match answer {
        Answer::Yes => {
            let run_id = withdrawal.carry_out(&job, &workspace).await?;
            Box::pin(super::beside::keep(&job, &[], None)).await;
            Some(run_id)
        }
        Answer::No | Answer::None => None,
    };
    let outcome = match withdrawn_by {
        Some(_) => Outcome::Withdrawn,
        None => Outcome::NotWithdrawn,
    };
    match arguments.output {
        OutputFormat::Text if answer == Answer::None => {}
        OutputFormat::Text => output.result(&conclusion(&withdrawal, withdrawn_by.as_deref())),
        OutputFormat::Json => {
            output.result(&json(&job, outcome, Some(&withdrawal), withdrawn_by));
        }
    }
    Ok(answer)
}

/// Everything that is to be known before deciding.
fn meaning(withdrawal: &Withdrawal) -> String {
    let date = &withdrawal.snapshot_date;
    let mut text = format!(
        "{date}: {}, published by run {}\n",
        count_of(withdrawal.users, "user"),
        withdrawal.run_id
    );
    match (&withdrawal.newest_left, withdrawal.is_newest) {
        (Some(left), true) => {
            text.push_str(&format!("  tier_current and dim_tier go back to {left}\n"));
            if withdrawal.lacks_tables {
                text.push_str(
                    "  which was not the newest when it was published: tables of your own that keep the newest date alone are empty until it is restated\n",
                );
            }
        }
        (None, _) => text
            .push_str("  nothing else is published, so every table but dim_tier will be empty\n"),
        (Some(_), false) => {}
    }
    if let (Some(first), Some(last), false) = (
        withdrawal.affected_dates.first(),
        withdrawal.affected_dates.last(),
        withdrawal.lacks_tables,
    ) {
        text.push_str(&format!(
            "  published dates that follow on it: {}, {first} to {last}\n",
            withdrawal.affected_dates.len()
        ));
    }
    if withdrawal.is_for_good {
        text.push_str("  for good: snapshots that it would follow on have expired, so it cannot be published again\n");
    }
    if let Some(kept) = &withdrawal.cut_points_kept {
        text.push_str(&kept_on(date, kept));
    }
    text
}

/// Which dates go on being scored by the cut points of a date that is withdrawn.
fn kept_on(date: &str, kept: &CutPointsKept) -> String {
    let from = match kept.is_earliest {
        true => "all dates".to_owned(),
        false => format!("dates from {date} on"),
    };
    let until = kept.until.as_ref();
    let until = until.map_or_else(String::new, |until| format!(" before {until}"));
    format!(
        "  cut points {}, calibrated on its users, go on scoring {from}{until}: `id` in [calibration] of the job pins others, `tierline calibrate` makes some\n",
        kept.cutpoints_id
    )
}

/// What became of it, and what to do next.
fn conclusion(withdrawal: &Withdrawal, withdrawn_by: Option<&str>) -> String {
    let date = &withdrawal.snapshot_date;
    let Some(run_id) = withdrawn_by else {
        return "Nothing was withdrawn.\n".to_owned();
    };
    let next = match &withdrawal.affected_dates[..] {
        [] => String::new(),
        [left] if withdrawal.lacks_tables => {
            format!("`tierline run --date {left}` makes the tables of the newest date.\n")
        }
        _ => "`tierline backfill --affected` restates the dates that follow on it.\n".to_owned(),
    };
    format!("Withdrew {date} by run {run_id}.\n{next}")
}

/// The result as one line.
fn json(
    job: &Job,
    status: Outcome,
    withdrawal: Option<&Withdrawal>,
    withdrawn_by: Option<String>,
) -> String {
    let result = WithdrawalResult {
        status,
        job: &job.name,
        withdrawal,
        withdrawn_by,
    };
    let json = serde_json::to_string(&result);
    let json = json.unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#));
    format!("{json}\n")
}
