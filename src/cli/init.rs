//! `tierline init`: a job file, the SQL pack, scheduler files and files for BI tools, written out to be
//! edited.
//!
//! The scheduler files are for the job in the folder: they name its place, its timezone and the
//! program that wrote them. The files for BI tools name its output.

use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::ground::{Diagnostic, Problems, SourceFile, counted};
use crate::job::Job;
use crate::models::BUILT_IN;
use crate::night::NightError;
use crate::storage::without_dots;

use super::arguments::InitArguments;
use super::output::Output;

/// The job file to start from, documented.
const JOB: &str = include_str!("../../jobs/production.toml");
const JOB_PATH: &str = "jobs/production.toml";

/// A night under the usual schedulers, as [`Place::fill`] takes them.
static SCHEDULERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/jobs/schedulers");

/// Views, and projects for dbt, Superset and Evidence over the published tables, as [`Place::fill_bi`] takes
/// them.
static BI: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/jobs/bi");

/// The output that the files for BI tools name as they stand: that of the job to start from.
const OUTPUT_OF_BI: &str = "s3://your-bucket/tierline";

/// Writes the files; those that exist are left alone and named.
pub(super) fn init(arguments: &InitArguments, output: &Output) -> Result<(), NightError> {
    let folder = &arguments.folder;
    let place = Place::of(folder)?;
    if !place.is_plain() {
        output.note(&format!(
            "the path of `{}` has characters that shells and schedulers read in their own way: quote it in {}",
            place.folder,
            folder.join("schedulers").display()
        ));
    }
    let mut files = vec![(PathBuf::from(JOB_PATH), JOB.as_bytes().to_vec())];
    let schedulers = place.schedulers();
    files.extend(schedulers.map(|(path, text)| (path, text.into_bytes())));
    collect(&BUILT_IN, Path::new("sql"), &mut files);
    let mut bi = Vec::new();
    collect(&BI, Path::new("bi"), &mut bi);
    files.extend(
        bi.into_iter()
            .map(|(path, text)| (path, place.fill_bi(text))),
    );
    let mut written = 0;
    for (relative, contents) in files {
        let path = folder.join(&relative);
        if path.exists() {
            output.result(&format!("kept    {}\n", path.display()));
            continue;
        }
        write(&path, &contents)?;
        written += 1;
        output.result(&format!("wrote   {}\n", path.display()));
    }
    output.result(&format!(
        "{} written; next: {}edit jobs/production.toml, then `tierline check`\n",
        counted(written, "file"),
        change_to(folder)
    ));
    Ok(())
}

/// What scheduler files have to know of a job. As they stand they are valid, and name other values.
#[derive(Debug)]
struct Place {
    folder: String,
    program: String,
    timezone: String,
    label: String,
    output: String,
    memory_mib: Option<usize>,
}

impl Place {
    /// Of the job that the folder has, or else the one that will be written there.
    fn of(folder: &Path) -> Result<Self, NightError> {
        let job_path = folder.join(JOB_PATH);
        let job = match job_path.exists() {
            true => Job::load(&job_path)?,
            false => Job::parse(&SourceFile::new(JOB_PATH, JOB), "production", "jobs".into())?,
        };
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let program = std::env::current_exe().unwrap_or_else(|_| "tierline".into());
        Ok(Self {
            folder: absolute.display().to_string(),
            program: program.display().to_string(),
            timezone: job.timezone.name().to_owned(),
            label: as_label(&format!("tierline-{}", job.name)),
            output: output_url(&job),
            memory_mib: job.engine.memory_bytes.map(container_mib),
        })
    }

    /// The scheduler files for the job.
    fn schedulers(&self) -> impl Iterator<Item = (PathBuf, String)> {
        SCHEDULERS.files().map(|file| {
            let text = String::from_utf8_lossy(file.contents());
            (Path::new("schedulers").join(file.path()), self.fill(&text))
        })
    }

    /// A scheduler file with its stand-ins replaced: paths come last, since they may contain others.
    fn fill(&self, text: &str) -> String {
        let memory = self.memory_mib.map(|mib| format!("{mib}Mi"));
        text.replace("Etc/UTC", &self.timezone)
            .replace("tierline-production", &self.label)
            .replace("4Gi", memory.as_deref().unwrap_or("4Gi"))
            .replace("/srv/tierline", &self.folder)
            .replace("/usr/local/bin/tierline", &self.program)
    }

    /// A file for BI tools with the job's output in it. They name it between the quotes of SQL.
    fn fill_bi(&self, text: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&text);
        let output = self.output.replace('\'', "''");
        text.replace(OUTPUT_OF_BI, &output).into_bytes()
    }

    /// Whether the paths mean themselves within double quotes, wherever they are written.
    fn is_plain(&self) -> bool {
        let special = |letter: char| letter.is_control() || "\"\\$`%{}".contains(letter);
        ![&self.folder, &self.program]
            .iter()
            .any(|path| path.contains(special))
    }
}

/// A name as Kubernetes and Airflow take it: small letters, digits and dashes. A CronJob's has at most 52
/// characters, of which `-catch-up` takes 9.
fn as_label(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        _ => '-',
    });
    let label: String = letters.take(43).collect();
    label.trim_end_matches('-').to_owned()
}

/// The URL of a job's output, as views name it.
fn output_url(job: &Job) -> String {
    if job.output.contains("://") {
        return job.output.trim_end_matches('/').to_owned();
    }
    let path = job.base.join(&job.output);
    let path = std::path::absolute(&path).unwrap_or(path);
    format!("file://{}", without_dots(&path).display())
}

/// The memory of a container whose queries may take `bytes`: 60 % of it, as without a limit of the job.
fn container_mib(bytes: usize) -> usize {
    (bytes / 60 * 100).div_ceil(1024 * 1024)
}

/// How to come into the folder; nothing when that is where we are.
fn change_to(folder: &Path) -> String {
    match folder.components().all(|part| part == Component::CurDir) {
        true => String::new(),
        false => format!("`cd {}`, ", folder.display()),
    }
}

/// The files of a folder and of those in it, below another.
fn collect(folder: &Dir<'_>, below: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for file in folder.files() {
        files.push((below.join(file.path()), file.contents().to_vec()));
    }
    for inner in folder.dirs() {
        collect(inner, below, files);
    }
}

/// Writes a file and the folders above it.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<(), Problems> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(path, contents));
    written.map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        Problems(vec![Diagnostic::new(message)])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn scheduler_files_are_of_the_job_in_the_folder() {
        let folder = TempDir::new().unwrap();
        let job = JOB
            .replace("timezone = \"UTC\"", "timezone = \"Asia/Shanghai\"")
            .replace("name = \"production\"", "name = \"EU_shop\"")
            .replace("# memory_limit_mib = 4096", "memory_limit_mib = 600");
        write(&folder.path().join(JOB_PATH), job.as_bytes()).unwrap();
        let place = Place::of(folder.path()).unwrap();
        assert!(place.is_plain(), "{place:?}");
        let texts: BTreeMap<PathBuf, String> = place.schedulers().collect();
        for (path, text) in &texts {
            for stand_in in [
                "/srv/tierline",
                "/usr/local/bin/tierline",
                "Etc/UTC",
                "tierline-production",
                "4Gi",
            ] {
                assert!(!text.contains(stand_in), "{path:?} has {stand_in}");
            }
        }
        let text_of = |name: &str| &texts[&Path::new("schedulers").join(name)];
        let (in_folder, program) = (folder.path().display(), &place.program);
        for (name, part) in [
            ("crontab", "CRON_TZ=Asia/Shanghai".to_owned()),
            ("crontab", format!("sh \"{in_folder}/schedulers/night.sh\"")),
            ("night.sh", format!("cd \"{in_folder}\"")),
            ("airflow_dag.py", format!("FOLDER = \"{in_folder}\"")),
            ("airflow_dag.py", format!("TIERLINE = \"{program}\"")),
            ("airflow_dag.py", "ZoneInfo(\"Asia/Shanghai\")".to_owned()),
            ("airflow_dag.py", "\"tierline-eu-shop\"".to_owned()),
            ("kubernetes.yaml", "name: tierline-eu-shop\n".to_owned()),
            ("kubernetes.yaml", "limits: { memory: 1000Mi }".to_owned()),
            (
                "tierline.service",
                format!("WorkingDirectory={in_folder}\n"),
            ),
            ("tierline.service", format!("ExecStart=\"{program}\" run")),
            ("tierline.timer", "04:30:00 Asia/Shanghai\n".to_owned()),
        ] {
            assert!(
                text_of(name).contains(&part),
                "{name}: {part}\n{}",
                text_of(name)
            );
        }
    }

    #[test]
    fn scheduler_files_of_a_new_folder_are_of_the_job_to_be_written_there() {
        let folder = TempDir::new().unwrap();
        let place = Place::of(&folder.path().join("my tiers")).unwrap();
        assert_eq!(
            (&*place.timezone, &*place.label),
            ("UTC", "tierline-production")
        );
        assert!(place.is_plain() && place.memory_mib.is_none(), "{place:?}");
        assert!(place.folder.ends_with("/my tiers"), "{place:?}");
        let odd = Place::of(&folder.path().join("100%")).unwrap();
        assert!(!odd.is_plain(), "{odd:?}");
    }

    #[test]
    fn files_for_bi_tools_name_the_output_of_the_job() {
        let folder = TempDir::new().unwrap();
        let url = |output: &str| {
            let job = JOB.replace(OUTPUT_OF_BI, output);
            write(&folder.path().join(JOB_PATH), job.as_bytes()).unwrap();
            Place::of(folder.path()).unwrap().output
        };
        assert_eq!(url("s3://bucket/tiers/"), "s3://bucket/tiers");
        let below = format!("file://{}/o'clock", folder.path().display());
        assert_eq!(url("../o'clock"), below);
        let place = Place::of(folder.path()).unwrap();
        let text = |name: &str| {
            let file = BI.get_file(name).unwrap().contents().to_vec();
            String::from_utf8(place.fill_bi(file)).unwrap()
        };
        let quoted = below.replace('\'', "''");
        for (name, part) in [
            (
                "duckdb.sql",
                format!("delta_scan('{quoted}/tables/alerts')"),
            ),
            ("spark.sql", format!("LOCATION '{quoted}/tables/alerts'")),
            ("trino.sql", format!("'{quoted}/tables/alerts')")),
            (
                "postgres.sql",
                format!("delta_scan('{quoted}/tables/alerts')"),
            ),
            (
                "dbt/models/sources.yml",
                format!("delta_scan('{quoted}/tables/{{name}}')"),
            ),
        ] {
            let text = text(name);
            assert!(text.contains(&part), "{name}: {part}");
            assert!(!text.contains(OUTPUT_OF_BI), "{name}");
        }
    }
}
