//! The mirror of a job file: its keys, their defaults, nothing more.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::Deserialize;

use crate::ground::{Diagnostic, Problems, SourceFile, did_you_mean};

/// Every key of every section, for suggestions.
const KEYS: [&str; 28] = [
    "version",
    "name",
    "timezone",
    "output",
    "sql",
    "sources",
    "url",
    "required",
    "columns",
    "type",
    "optional",
    "params",
    "grace_days",
    "calibration",
    "id",
    "engine",
    "threads",
    "memory_limit_mib",
    "spill_folder",
    "storage",
    "retry_seconds",
    "request_seconds",
    "guards",
    "max_users_drop",
    "max_users_growth",
    "max_tier_share_change",
    "orders",
    "engagement",
];

#[derive(Debug, Deserialize)]
pub(super) struct JobFile {
    pub version: toml::Spanned<i64>,
    pub name: Option<String>,
    pub timezone: toml::Spanned<String>,
    pub output: String,
    pub sql: Option<String>,
    #[serde(default)]
    pub sources: BTreeMap<String, SourceSection>,
    #[serde(default)]
    pub params: BTreeMap<String, toml::Value>,
    #[serde(default = "default_grace")]
    pub grace_days: BTreeMap<String, u32>,
    #[serde(default)]
    pub calibration: CalibrationSection,
    #[serde(default)]
    pub engine: EngineSection,
    #[serde(default)]
    pub storage: StorageSection,
    #[serde(default)]
    pub guards: GuardsSection,
}

#[derive(Debug, Deserialize)]
pub(super) struct SourceSection {
    pub url: String,
    #[serde(default = "yes")]
    pub required: bool,
    #[serde(default)]
    pub columns: BTreeMap<String, DeclaredColumn>,
}

/// `"BIGINT"`, or `{ type = "BIGINT", optional = true }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum DeclaredColumn {
    Required(toml::Spanned<String>),
    Detailed {
        #[serde(rename = "type")]
        type_name: toml::Spanned<String>,
        #[serde(default)]
        optional: bool,
    },
}

impl DeclaredColumn {
    pub(super) fn parts(&self) -> (&toml::Spanned<String>, bool) {
        match self {
            Self::Required(type_name) => (type_name, false),
            Self::Detailed {
                type_name,
                optional,
            } => (type_name, *optional),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct CalibrationSection {
    pub id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct EngineSection {
    pub threads: Option<NonZeroUsize>,
    pub memory_limit_mib: Option<NonZeroUsize>,
    pub spill_folder: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct StorageSection {
    pub retry_seconds: u64,
    pub request_seconds: u64,
}

impl Default for StorageSection {
    fn default() -> Self {
        Self {
            retry_seconds: 180,
            request_seconds: 120,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct GuardsSection {
    pub max_users_drop: f64,
    pub max_users_growth: f64,
    pub max_tier_share_change: f64,
}

impl Default for GuardsSection {
    fn default() -> Self {
        Self {
            max_users_drop: 0.05,
            max_users_growth: 1.0,
            max_tier_share_change: 0.25,
        }
    }
}

fn yes() -> bool {
    true
}

fn default_grace() -> BTreeMap<String, u32> {
    BTreeMap::from([("value_tier".to_owned(), 7)])
}

impl JobFile {
    /// The mirror, and a problem per unknown key.
    ///
    /// # Errors
    /// What is not TOML, missing keys and values of a wrong type.
    pub(super) fn parse(file: &SourceFile) -> Result<(Self, Problems), Problems> {
        let mut unknown = Vec::new();
        let parsed = toml::Deserializer::parse(&file.text).and_then(|deserializer| {
            serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string()))
        });
        let mut problems = Problems::default();
        for path in unknown {
            problems.push(unknown_key(file, &path));
        }
        match parsed {
            Ok(job_file) => Ok((job_file, problems)),
            Err(error) => {
                let place = error.span().unwrap_or(0..0);
                let message = error.message().trim_end_matches('.');
                problems.push(Diagnostic::at(file, place, message));
                Err(problems)
            }
        }
    }
}

fn unknown_key(file: &SourceFile, path: &str) -> Diagnostic {
    let key = path.rsplit('.').next().unwrap_or(path);
    let is_key = |line: &str| {
        let line = line.trim_start().trim_start_matches('[');
        line.strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
    };
    let mut line_start = 0;
    let mut place = 0..0;
    for line in file.text.split_inclusive('\n') {
        if is_key(line) {
            let start = line_start + line.find(key).unwrap_or_default();
            place = start..start + key.len();
            break;
        }
        line_start += line.len();
    }
    let near = did_you_mean(key, KEYS);
    Diagnostic::at(file, place, format!("unknown key `{path}`{near}"))
}
