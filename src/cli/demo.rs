//! `tierline demo`: sample data, a week of nights, and the result on screen.

use std::path::Path;

use chrono::{Days, NaiveDate};
use indicatif::ProgressBar;

use crate::ground::{Diagnostic, Problems, SnapshotDate, escaped};
use crate::job::Job;
use crate::night::{NightError, Report};
use crate::plan::Circumstances;
use crate::sample::{self, SampleSpec, SampleTotals, UserIds};

use super::arguments::DemoArguments;
use super::figures::count_of;
use super::output::Output;
use super::{init, nights};

/// The job file that the demo writes next to its data.
const JOB: &str = include_str!("demo_job.toml");

/// What the sample data below a folder were made by.
const SAMPLE: &str = "data/sample.txt";

/// The last day of the sample data: fixed, so that every demo shows the same.
const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2026, 10, 31) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Makes the data, runs the nights, shows the newest.
pub(super) async fn demo(arguments: &DemoArguments, output: &Output) -> Result<(), NightError> {
    let folder = &arguments.folder;
    let job_path = folder.join("jobs").join("demo.toml");
    refuse_other_demo(arguments, &job_path)?;
    init::write(&folder.join(SAMPLE), sample_of(arguments).as_bytes())?;
    let totals = make_data(arguments, output).await?;
    init::write(&job_path, JOB.as_bytes())?;
    let job = Job::load(&job_path)?;
    run_nights(&job, arguments.nights, output).await?;
    output.result(&format!(
        "Sample data: {}, {}, {} in {}\n\n",
        count_of(totals.users, "user"),
        count_of(totals.orders, "order"),
        count_of(totals.events, "event"),
        count_of(arguments.days, "day")
    ));
    if arguments.nights == 0 {
        output.result(&format!(
            "No night was run. Try next:\n  tierline run {} --date {LAST_DAY}\n",
            job_path.display()
        ));
        return Ok(());
    }
    super::show::show_newest(&job, output).await?;
    Box::pin(super::beside::keep(
        &job,
        &[SnapshotDate::on(LAST_DAY)],
        None,
    ))
    .await;
    output.result(&whereabouts(folder, &job_path));
    Ok(())
}

/// Days and users of another demo would be among those of this one, and a job file that somebody has edited
/// would be lost.
fn refuse_other_demo(arguments: &DemoArguments, job_path: &Path) -> Result<(), Problems> {
    let folder = &arguments.folder;
    let other_than = |path: &Path, contents: &str| {
        let there = std::fs::read_to_string(path).ok();
        there.filter(|there| there != contents)
    };
    let sample = folder.join(SAMPLE);
    let other = if folder.join("data/orders").exists() && !sample.exists() {
        "data that are not of this demo".to_owned()
    } else if let Some(made_by) = other_than(&sample, &sample_of(arguments)) {
        format!("a demo of other data, {}", escaped(made_by.trim()))
    } else if other_than(job_path, JOB).is_some() {
        format!("a job of its own, {}", job_path.display())
    } else {
        return Ok(());
    };
    let message = format!("`{}` has {other}", folder.display());
    let help = "name another folder, or delete that one";
    Err(Problems(vec![Diagnostic::new(message).help(help)]))
}

fn sample_of(arguments: &DemoArguments) -> String {
    format!(
        "--users {} --days {} --seed {}\n",
        arguments.users, arguments.days, arguments.seed
    )
}

async fn make_data(arguments: &DemoArguments, output: &Output) -> Result<SampleTotals, NightError> {
    let spec = SampleSpec {
        user_count: arguments.users,
        day_count: arguments.days,
        last_day: LAST_DAY,
        seed: arguments.seed,
        user_ids: UserIds::Text,
    };
    let bar = output.progress(u64::from(arguments.days));
    bar.set_message("making sample data");
    let data = arguments.folder.join("data");
    let advancing = bar.clone();
    let written = tokio::task::spawn_blocking(move || {
        sample::write(&spec, &data, &move |_day| advancing.inc(1))
    });
    let totals = written.await.map_err(|error| problem(&error.to_string()))?;
    bar.finish_and_clear();
    Ok(totals.map_err(|error| problem(&crate::engine::chain(&error)))?)
}

async fn run_nights(job: &Job, nights: u32, output: &Output) -> Result<(), NightError> {
    let bar: ProgressBar = output.progress(u64::from(nights));
    let mut warnings: Vec<String> = Vec::new();
    for ago in (0..nights).rev() {
        let date = SnapshotDate::on(LAST_DAY - Days::new(u64::from(ago)));
        bar.set_message(format!("night of {date}"));
        let usual = Circumstances::default();
        let mut report = Report::default();
        nights::publish(job, date, usual, &|_stage| {}, &mut report).await?;
        for warning in report.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for warning in warnings {
        output.note(&format!("warning: {warning}"));
    }
    Ok(())
}

fn whereabouts(folder: &Path, job: &Path) -> String {
    let output = folder.join("output");
    let tables = output.join("tables");
    let page = output.join("report").join(format!("{LAST_DAY}.html"));
    // It was logged why it is not there.
    let page = match page.is_file() {
        true => format!("\nThe report: open {} in a browser.", page.display()),
        false => String::new(),
    };
    format!(
        "{page}\nThe tables are in {}, each a Delta Lake table.\n`tierline show` has all dimensions, the KPIs, and how many users have which warning.\n\nTry next:\n  tierline show {job}\n  tierline show {job} --actions\n  tierline plan {job} --date {LAST_DAY}\n  tierline run {job} --date {LAST_DAY}\n",
        tables.display(),
        job = job.display()
    )
}

fn problem(message: &str) -> Problems {
    Problems(vec![Diagnostic::new(message)])
}
