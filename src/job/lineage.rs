//! The section `[openlineage]`: who is told which tables a night reads and writes, in the events of
//! [OpenLineage](https://openlineage.io/docs/spec/object-model).

use std::path::{Path, PathBuf};

use url::Url;

use crate::ground::{Diagnostic, Problems, SourceFile, has_secret};

use super::file::{Keys, LineageSection};

/// The namespace of jobs, where a job file names none.
const NAMESPACE: &str = "tierline";

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageSettings {
    /// The server that takes events, as `http://marquez:5000`.
    pub url: Option<Url>,
    /// The file that gets a line for each event.
    pub file: Option<PathBuf>,
    /// The namespace that the job has there.
    pub namespace: String,
}

/// Reads the section, and says what is wrong with it. A file is relative to the folder `base`.
pub(super) fn read(
    section: &LineageSection,
    (file, keys): (&SourceFile, &Keys),
    base: &Path,
) -> (LineageSettings, Problems) {
    let mut problems = Problems::default();
    let url = section.url.as_ref().and_then(|url| {
        let parsed = server(url.get_ref());
        let parsed = parsed.map_err(|message| {
            let help = "give the URL of a server, such as url = \"http://marquez:5000\"; an API key is taken from OPENLINEAGE_API_KEY";
            Diagnostic::at(file, url.span(), message).help(help)
        });
        problems.keep(parsed)
    });
    if section.url.is_none() && section.file.is_none() {
        let message = "[openlineage] says nowhere to send events to";
        let help = "give url = \"http://marquez:5000\", or file = \"lineage.jsonl\"";
        let place = keys.place("openlineage");
        problems.push(Diagnostic::at(file, place, message).help(help));
    }
    let path = section.file.as_ref().and_then(|name| {
        let is_local = !name.get_ref().is_empty() && !name.get_ref().contains("://");
        let path = is_local.then(|| base.join(name.get_ref())).ok_or_else(|| {
            let message = "`file` of [openlineage] is no path on this machine";
            let help = "give the path of a file in a folder that is there, such as file = \"lineage.jsonl\"";
            Diagnostic::at(file, name.span(), message).help(help)
        });
        problems.keep(path)
    });
    let namespace = section.namespace.clone();
    let settings = LineageSettings {
        url,
        file: path,
        namespace: namespace.unwrap_or_else(|| NAMESPACE.to_owned()),
    };
    (settings, problems)
}

fn server(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
    match url {
        Some(_) if has_secret(text) => {
            Err("`url` has a user name, a password or a signature in it")
        }
        Some(url) => Ok(url),
        None => Err("`url` of [openlineage] is no URL of http or https"),
    }
}
