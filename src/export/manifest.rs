//! `manifest.json`: what was exported, and the digest of each file. It is written last, and the one
//! before it is removed first, so that whoever goes by it finds whole files that belong together.

use serde::Serialize;

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
    /// The run that published it.
    pub run_id: String,
    /// The number of its publication.
    pub publication: i64,
    /// The version of the table that has the rows.
    pub table_version: i64,
    /// The condition that holds of the rows; left out where all were asked for.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The column of whose values each has a file; left out where all rows are in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_by: Option<String>,
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
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// The files that a manifest of any form names; none where it is no manifest.
pub(super) fn files_named(bytes: &[u8]) -> Vec<String> {
    let found: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let files = found["files"].as_array().into_iter().flatten();
    let names = files.filter_map(|file| file["name"].as_str());
    let beside = names.filter(|name| !name.contains(['/', '\\']) && *name != "..");
    beside.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};

    #[test]
    fn manifests_of_every_form_name_their_files() {
        for version in versions("export-manifest") {
            let manifest = path(&format!("export-manifest/{version}/manifest.json"));
            let named = files_named(&std::fs::read(manifest).unwrap());
            assert_reads("export-manifest", &version, &serde_json::json!(named));
        }
    }

    #[test]
    fn what_lies_elsewhere_is_not_of_an_export() {
        let manifest =
            br#"{"files": [{"name": "../job.toml"}, {"name": ".."}, {"name": "a.csv"}]}"#;
        assert_eq!(files_named(manifest), ["a.csv"]);
        assert!(files_named(b"no manifest").is_empty());
    }
}
