//! Finding the job file that an argument means, and the date that a run is of.

use std::path::{Path, PathBuf};

use crate::config::job::Job;
use crate::ground::{Diagnostic, Problems, SnapshotDate, did_you_mean};
use crate::run::{Backfill, RunError};

use super::arguments::{BackfillArguments, JobArguments, TimeArguments};

/// Where job files are looked for by name.
const FOLDER: &str = "jobs";

/// Loads the job that the arguments name, or the only one there is.
pub(super) fn load(arguments: &JobArguments) -> Result<Job, RunError> {
    let path = match &arguments.job {
        Some(named) => find(named)?,
        None => only_job()?,
    };
    Ok(Job::load(&path)?)
}

/// A path as it is, or `jobs/<name>.toml`.
fn find(named: &Path) -> Result<PathBuf, Problems> {
    if named.is_file() {
        return Ok(named.to_owned());
    }
    let by_name = Path::new(FOLDER).join(named).with_extension("toml");
    if by_name.is_file() {
        return Ok(by_name);
    }
    let known = jobs_here();
    let name = named.display().to_string();
    let near = did_you_mean(
        &name,
        known.iter().filter_map(|path| path.file_stem()?.to_str()),
    );
    let message = format!(
        "there is no job file `{name}`, nor {}{near}",
        by_name.display()
    );
    Err(Problems(vec![
        Diagnostic::new(message).help("`tierline init` writes a job file to start from"),
    ]))
}

fn only_job() -> Result<PathBuf, Problems> {
    let known = jobs_here();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Problems(vec![
            Diagnostic::new("no job is named, and the folder jobs/ has none")
                .help("name a job file, or let `tierline init` write one to start from"),
        ])),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let message = format!(
                "no job is named, and there are several: {}",
                names.join(", ")
            );
            Err(Problems(vec![
                Diagnostic::new(message).help("name one of them"),
            ]))
        }
    }
}

fn jobs_here() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let mut jobs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    jobs.sort();
    jobs
}

/// The snapshot date that the arguments say, or the last business day that has ended.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock is read"
)]
pub(super) fn snapshot_date(
    arguments: &TimeArguments,
    job: &Job,
) -> Result<SnapshotDate, RunError> {
    match (&arguments.as_of, &arguments.date) {
        (Some(as_of), _) => Ok(SnapshotDate::from_as_of(as_of, job.timezone)?),
        (None, Some(date)) => Ok(date.parse()?),
        (None, None) => Ok(SnapshotDate::ended_by(chrono::Utc::now(), job.timezone)),
    }
}

/// The nights that the arguments of `backfill` ask for.
pub(super) fn backfill(arguments: &BackfillArguments, job: &Job) -> Result<Backfill, RunError> {
    let Some(from) = &arguments.from else {
        return Ok(Backfill::Affected);
    };
    let from = from.parse()?;
    let to = TimeArguments {
        as_of: None,
        date: arguments.to.clone(),
    };
    let to = snapshot_date(&to, job)?;
    if to < from {
        let message = format!("the nights from {from} to {to} are none");
        let problem = Diagnostic::new(message).help("give --from a date that is not after --to");
        return Err(Problems(vec![problem]).into());
    }
    Ok(Backfill::Between { from, to })
}
