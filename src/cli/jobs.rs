//! Finding the job file that an argument means, and the date that a run is of.

use std::path::{Component, Path, PathBuf};

use chrono::Days;

use crate::backfill::{Backfill, RulesChoice};
#[cfg(feature = "cluster")]
use crate::cluster::Cluster;
use crate::ground::{AsOfError, Diagnostic, Problems, SnapshotDate, did_you_mean};
use crate::job::Job;
use crate::night::NightError;

#[cfg(feature = "cluster")]
use super::arguments::CertificateArguments;
use super::arguments::{
    BackfillArguments, ClusterArguments, JobArguments, RulesArgument, TimeArguments,
};
use super::output::Output;

/// Where job files are looked for by name.
const FOLDER: &str = "jobs";

/// The job file of a demo that was made here.
const DEMO: &str = "tierline-demo/jobs/demo.toml";

/// What a job file beside its data may be called; in `jobs/` it has the name of the job.
const HERE: &str = "job.toml";

/// Where no date is named.
pub(super) const NO_TIME: TimeArguments = TimeArguments {
    as_of: None,
    date: None,
};

/// Loads the job that the arguments name, or the only one there is.
pub(super) fn load(arguments: &JobArguments) -> Result<Job, NightError> {
    let path = match &arguments.job {
        Some(named) => find(named)?,
        None => only_job()?,
    };
    Ok(Job::load(&path)?)
}

/// The same for commands parts of which a cluster may do.
pub(super) fn load_for(
    arguments: &JobArguments,
    cluster: &ClusterArguments,
) -> Result<Job, NightError> {
    on_cluster(load(arguments)?, cluster)
}

#[cfg(feature = "cluster")]
fn on_cluster(job: Job, arguments: &ClusterArguments) -> Result<Job, NightError> {
    let mut job = job.on_cluster(arguments.cluster.as_deref());
    if let Some(url) = &job.cluster {
        job.certificates = CertificateArguments::default().files()?;
        Cluster::at(url, job.certificates.as_ref()).check()?;
    }
    Ok(job)
}

/// Who would wait for a cluster is not to find one machine at work.
#[cfg(not(feature = "cluster"))]
fn on_cluster(job: Job, ClusterArguments {}: &ClusterArguments) -> Result<Job, NightError> {
    if job.cluster.is_none() {
        return Ok(job);
    }
    let problem = job.problem("engine.cluster", "this tierline knows no clusters");
    let help =
        "take one that was built with `--features cluster`, or take `cluster` out of [engine]";
    Err(Problems(vec![problem.help(help)]).into())
}

/// The one job file that `named` means.
fn find(named: &Path) -> Result<PathBuf, Problems> {
    let meant = meant_by(named);
    let mut there = meant.iter().filter(|path| path.is_file());
    match (there.next(), there.next()) {
        (Some(only), None) => Ok(only.clone()),
        (Some(first), Some(second)) => Err(ambiguous(named, first, second)),
        _ => Err(unknown(named, &meant)),
    }
}

/// The files that a name may mean.
///
/// | named | means |
/// |---|---|
/// | `prod.eu` | `prod.eu`, `jobs/prod.eu.toml` |
/// | `prod.toml` | `prod.toml`, `jobs/prod.toml`, `jobs/prod.toml.toml` |
/// | `./prod.toml`, `../prod.toml`, `/srv/prod.toml` | that file |
fn meant_by(named: &Path) -> Vec<PathBuf> {
    let mut meant = vec![named.to_owned()];
    let is_bare = matches!(named.components().next(), Some(Component::Normal(_)));
    if is_bare {
        let in_folder = Path::new(FOLDER).join(named);
        if is_toml(named) {
            meant.push(in_folder.clone());
        }
        // Added and not put in the place of an ending: `prod.eu` is a whole name.
        let mut with_ending = in_folder.into_os_string();
        with_ending.push(".toml");
        meant.push(with_ending.into());
    }
    meant
}

fn unknown(named: &Path, meant: &[PathBuf]) -> Problems {
    let known = jobs_here();
    let name = named.display().to_string();
    let near = did_you_mean(
        &name,
        known.iter().filter_map(|path| path.file_stem()?.to_str()),
    );
    let by_name = match meant.get(1) {
        Some(by_name) => format!(", nor {}", by_name.display()),
        None => String::new(),
    };
    let message = format!("there is no job file `{name}`{by_name}{near}");
    Problems(vec![
        Diagnostic::new(message).help("`tierline init` writes a job file to start from"),
    ])
}

fn ambiguous(named: &Path, first: &Path, second: &Path) -> Problems {
    let path_of = |path: &Path| match path == named {
        true => format!("./{}", path.display()),
        false => path.display().to_string(),
    };
    let (first, second) = (path_of(first), path_of(second));
    let message = format!("job `{}` may be {first} or {second}", named.display());
    Problems(vec![
        Diagnostic::new(message).help("name the one you mean by its path"),
    ])
}

fn only_job() -> Result<PathBuf, Problems> {
    let known = jobs_here();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        [] => {
            let help = match Path::new(DEMO).is_file() {
                true => {
                    "call it in the folder of the demo, `cd tierline-demo`, or name the demo's job file, tierline-demo/jobs/demo.toml"
                }
                false => "name a job file, or let `tierline init` write one to start from",
            };
            let here = match Path::new(HERE).is_file() {
                true => format!("; here is a {HERE}, to be named"),
                false => String::new(),
            };
            let message = format!("no job is named, and the folder jobs/ has none{here}");
            Err(Problems(vec![Diagnostic::new(message).help(help)]))
        }
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

/// The job files that are looked at where none is named.
pub(super) fn jobs_here() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let mut jobs: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_toml(path))
        .collect();
    jobs.sort();
    jobs
}

fn is_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

/// The snapshot date that the arguments say, or the last business day that has ended.
///
/// # Errors
/// What is no date, and a day that has not ended unless the job allows it.
pub(super) fn snapshot_date(
    arguments: &TimeArguments,
    job: &Job,
) -> Result<SnapshotDate, NightError> {
    let date = match (&arguments.as_of, &arguments.date) {
        (Some(as_of), _) => SnapshotDate::from_as_of(as_of, job.timezone)?,
        (None, Some(date)) => date.parse()?,
        (None, None) => last_ended(job),
    };
    ended(date, last_ended(job), job)
}

fn last_ended(job: &Job) -> SnapshotDate {
    SnapshotDate::ended_by(now(), job.timezone)
}

/// The time, by the clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock is read"
)]
pub(super) fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// Refuses a day that has not ended, unless the job allows it: rows of its last hours would be
/// missing, and once a date in the future is published, every night until then is an older one.
fn ended(
    date: SnapshotDate,
    last_ended: SnapshotDate,
    job: &Job,
) -> Result<SnapshotDate, NightError> {
    if date <= last_ended || job.guards.future_dates {
        return Ok(date);
    }
    let (today, timezone) = (last_ended.day() + Days::new(1), job.timezone);
    if date.day() == today {
        return Err(AsOfError::NotEnded { date, timezone }.into());
    }
    let message = format!("{date} is in the future: in {timezone} it is {today} today");
    let help = "check the date; for data of another calendar, such as a simulation, the job may say `future_dates = true` under [guards]";
    Err(Problems(vec![Diagnostic::new(message).help(help)]).into())
}

/// The nights that the arguments of `backfill` ask for. Each item is planned once the one before
/// it is done: a gap that is filled affects the dates after it.
pub(super) fn backfills(
    arguments: &BackfillArguments,
    job: &Job,
) -> Result<Vec<Backfill>, NightError> {
    let Some(from) = &arguments.from else {
        let rules = match arguments.rules {
            RulesArgument::Published => RulesChoice::Published,
            RulesArgument::Today => RulesChoice::Today,
        };
        let gaps = arguments.gaps.map(|days| Backfill::Gaps { days });
        let affected = Backfill::Affected { rules };
        return Ok(gaps.into_iter().chain([affected]).collect());
    };
    let from = from.parse()?;
    let to = TimeArguments {
        as_of: None,
        date: arguments.to.clone(),
    };
    let to = snapshot_date(&to, job)?;
    if to < from {
        let message = format!("--from {from} is after --to {to}, so there is no night to run");
        let problem = Diagnostic::new(message).help("give a --from that is not after --to");
        return Err(Problems(vec![problem]).into());
    }
    Ok(vec![Backfill::Between { from, to }])
}

/// Says which date it is when the arguments leave that to the clock.
pub(super) fn note_default_date(
    arguments: &TimeArguments,
    job: &Job,
    snapshot_date: SnapshotDate,
    output: &Output,
) {
    if arguments.as_of.is_none() && arguments.date.is_none() {
        output.aside(&format!(
            "snapshot date {snapshot_date}: the last day that has ended in {}",
            job.timezone
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::ground::{Classified, SourceFile};

    use super::*;

    /// The machine's date may be tomorrow where the job is.
    #[test]
    fn a_day_that_goes_on_is_not_run_unless_the_job_says_so() {
        let job = |guards: &str| {
            let text = format!(
                "version = 1\nname = \"nights\"\ntimezone = \"America/Los_Angeles\"\noutput = \"out\"\n{guards}[sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n"
            );
            let file = SourceFile::new("jobs/nights.toml", text);
            Job::parse(&file, "nights", PathBuf::new()).unwrap()
        };
        let date = |day: &str| day.parse::<SnapshotDate>().unwrap();
        let found = |day: &str, guards: &str| {
            let ended = ended(date(day), date("2026-11-19"), &job(guards));
            ended.map_err(|error| (error.kind().exit_code(), error.to_string()))
        };
        assert_eq!(found("2026-11-19", ""), Ok(date("2026-11-19")));
        let (code, told) = found("2026-11-20", "").unwrap_err();
        assert_eq!(code, 4, "{told}");
        let expected = "the business day 2026-11-20 has not ended yet in America/Los_Angeles; run it once it has, or say `future_dates = true` under [guards] if a part of a day is meant";
        assert_eq!(told, expected);
        assert_eq!(found("2026-11-21", "").unwrap_err().0, 2);
        let open = "[guards]\nfuture_dates = true\n";
        for day in ["2026-11-20", "2026-11-21"] {
            assert_eq!(found(day, open), Ok(date(day)));
        }
    }

    #[test]
    fn a_name_means_the_job_of_that_name_and_a_path_that_file() {
        let meant = |named: &str| {
            let paths = meant_by(Path::new(named)).into_iter();
            paths
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(meant("prod"), ["prod", "jobs/prod.toml"]);
        assert_eq!(meant("prod.eu"), ["prod.eu", "jobs/prod.eu.toml"]);
        assert_eq!(
            meant("prod.toml"),
            ["prod.toml", "jobs/prod.toml", "jobs/prod.toml.toml"]
        );
        assert_eq!(meant("eu/prod"), ["eu/prod", "jobs/eu/prod.toml"]);
        for path in ["./prod.toml", "../prod.toml", "/srv/prod.toml"] {
            assert_eq!(meant(path), [path]);
        }
    }
}
