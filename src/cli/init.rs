//! `tierline init`: a job file, the SQL pack and scheduler files, written out to be edited.

use std::path::{Component, Path, PathBuf};

use include_dir::Dir;

use crate::ground::{Diagnostic, Problems, counted};
use crate::models::BUILT_IN;
use crate::night::NightError;

use super::arguments::InitArguments;
use super::output::Output;

/// The documented job file to start from, and a night under the usual schedulers.
const FILES: [(&str, &str); 4] = [
    (
        "jobs/production.toml",
        include_str!("../../jobs/production.toml"),
    ),
    (
        "schedulers/crontab",
        include_str!("../../jobs/schedulers/crontab"),
    ),
    (
        "schedulers/airflow_dag.py",
        include_str!("../../jobs/schedulers/airflow_dag.py"),
    ),
    (
        "schedulers/kubernetes.yaml",
        include_str!("../../jobs/schedulers/kubernetes.yaml"),
    ),
];

/// Writes the files; those that exist are left alone and named.
pub(super) fn init(arguments: &InitArguments, output: &Output) -> Result<(), NightError> {
    let folder = &arguments.folder;
    let mut files: Vec<(PathBuf, &[u8])> = FILES
        .iter()
        .map(|(path, text)| (PathBuf::from(path), text.as_bytes()))
        .collect();
    collect(&BUILT_IN, &mut files);
    let mut written = 0;
    for (relative, contents) in files {
        let path = folder.join(&relative);
        if path.exists() {
            output.result(&format!("kept    {}\n", path.display()));
            continue;
        }
        write(&path, contents)?;
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

/// How to come into the folder; nothing when that is where we are.
fn change_to(folder: &Path) -> String {
    match folder.components().all(|part| part == Component::CurDir) {
        true => String::new(),
        false => format!("`cd {}`, ", folder.display()),
    }
}

/// The files of the pack, below `sql/`.
fn collect<'a>(folder: &'a Dir<'a>, files: &mut Vec<(PathBuf, &'a [u8])>) {
    for file in folder.files() {
        files.push((Path::new("sql").join(file.path()), file.contents()));
    }
    for inner in folder.dirs() {
        collect(inner, files);
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
