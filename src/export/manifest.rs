//! `manifest.json`: what was exported, and the digest of each file. It is written last, and the one
//! before it is removed first, so that whoever goes by it finds whole files that belong together.

use serde::{Deserialize, Serialize};

use crate::ground::Problems;
use crate::publish::Publication;

/// The form of manifests.
pub(super) const FORMAT: u32 = 1;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// The published table.
    pub table: String,
    /// The published date, as YYYY-MM-DD.
    pub snapshot_date: String,
    /// The first of several dates up to that one whose rows were exported; left out where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The run that published it.
    pub run_id: String,
    /// The number of its publication.
    pub publication: i64,
    /// The version of the table that has the rows.
    pub table_version: i64,
    /// Where rows of several dates were exported, the dates that have some; those that are not published are not
    /// among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<ExportedDate>,
    /// The condition that holds of the rows; left out where all were asked for.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The order of the rows as it was asked for; left out where it is that of the table's key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_by: Vec<String>,
    /// The column of whose values each has a file; left out where all rows are in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<String>,
    /// How many rows each file has at most; left out where there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The columns of the files.
    pub columns: Vec<ExportedColumn>,
    /// The rows of all files.
    pub rows: u64,
    /// The files.
    pub files: Vec<ExportedFile>,
    /// Files of the export before, in the same place, that this one does not have: they were
    /// removed.
    #[serde(skip)]
    pub removed: Vec<String>,
    /// Files of the export before that had been changed since: they were kept.
    #[serde(skip)]
    pub kept: Vec<KeptFile>,
    /// What is to be said of the rows: a condition that left none, days that are not published.
    #[serde(skip)]
    pub warnings: Problems,
}

/// One of several dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedDate {
    /// The date, as YYYY-MM-DD.
    pub snapshot_date: String,
    /// The run that published it last.
    pub run_id: String,
    /// The number of that publication.
    pub publication: i64,
}

impl ExportedDate {
    pub(super) fn of(publication: &Publication) -> Self {
        Self {
            snapshot_date: publication.snapshot_date.to_string(),
            run_id: publication.run_id.clone(),
            publication: publication.sequence,
        }
    }
}

/// A column of the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedColumn {
    /// Its name.
    pub name: String,
    /// Its type in SQL.
    #[serde(rename = "type")]
    pub column_type: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Its name, beside the manifest.
    pub name: String,
    /// The value of the column that splits the rows, where one does; null is NULL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Option<String>>,
    /// Its rows.
    pub rows: u64,
    /// The rows that the limit left out; left out where it left none.
    #[serde(skip_serializing_if = "is_none")]
    pub left_out: u64,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

/// A file that was changed, and the name that it is kept under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// The name that an export gives it.
    pub name: String,
    /// Its name from now on: no importer takes it for an export by its ending.
    pub kept_as: String,
}

/// What every form of a manifest has, and another program's hardly does.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they must be there")]
struct AnyManifest {
    format: u32,
    table: String,
    snapshot_date: String,
    run_id: String,
    files: Vec<NamedFile>,
}

/// A file as a manifest of any form names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct NamedFile {
    pub(super) name: String,
    pub(super) sha256: String,
}

/// The files that a manifest of any form names; none where it is no manifest of an export.
pub(super) fn files_named(bytes: &[u8]) -> Option<Vec<NamedFile>> {
    let manifest: AnyManifest = serde_json::from_slice(bytes).ok()?;
    let files = manifest.files.into_iter();
    Some(files.filter(|file| is_beside(&file.name)).collect())
}

/// A digest as manifests have it.
pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of the files that an export leaves when it does not come to its manifest: those of before
/// that and its own. Kept as a list of texts.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unfinished(pub(super) Vec<String>);

impl Unfinished {
    /// None of a record that cannot be read: it was being written.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let Self(mut names) = serde_json::from_slice(bytes).unwrap_or_default();
        names.retain(|name| is_beside(name));
        Self(names)
    }
}

fn is_beside(name: &str) -> bool {
    !name.contains(['/', '\\']) && name != ".."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};

    #[test]
    fn manifests_of_every_form_name_their_files() {
        for version in versions("export-manifest") {
            let manifest = path(&format!("export-manifest/{version}/manifest.json"));
            let named = files_named(&std::fs::read(manifest).unwrap()).unwrap();
            let named: Vec<String> = named.into_iter().map(|file| file.name).collect();
            assert_reads("export-manifest", &version, &serde_json::json!(named));
        }
    }

    #[test]
    fn what_lies_elsewhere_is_not_of_an_export() {
        let file = |name: &str| format!(r#"{{"name": "{name}", "sha256": "00", "rows": 1}}"#);
        let files = ["../job.toml", "..", "a.csv"].map(file).join(", ");
        let manifest = format!(
            r#"{{"format": 1, "table": "t", "snapshot_date": "2026-11-20", "run_id": "r", "files": [{files}]}}"#
        );
        let (name, sha256) = ("a.csv".to_owned(), "00".to_owned());
        let named = files_named(manifest.as_bytes());
        assert_eq!(named, Some(vec![NamedFile { name, sha256 }]));
        let unfinished = Unfinished::read(br#"["../job.toml", "a.csv"]"#);
        assert_eq!(unfinished, Unfinished(vec!["a.csv".to_owned()]));
        assert_eq!(Unfinished::read(b"[\"a.c"), Unfinished::default());
        for foreign in ["no manifest", r#"{"files": [{"name": "important.txt"}]}"#] {
            assert_eq!(files_named(foreign.as_bytes()), None);
        }
    }
}
