//! Calibrations: frozen cut points, each an immutable record below the output.
//!
//! The id names the as-of date and a version, `2026-11-20-v1`. A job pins an id, or takes the
//! newest one as of D or earlier; nothing ever changes a record.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};

use crate::config::job::ParameterValue;
use crate::config::storage::{Location, StorageError};
use crate::ground::{Classified, FailureKind, Layout, SnapshotDate};
use crate::models::Parameters;

use super::CutPoints;

/// The format of the records.
const FORMAT: u32 = 1;

/// One calibration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The format of the record.
    pub format: u32,
    /// The id, which is also the record's name.
    pub id: String,
    /// The snapshot date whose users were measured.
    pub as_of: String,
    /// How many users were scored.
    pub population: u64,
    /// The cut points of each metric.
    pub metrics: Vec<CutPoints>,
}

/// A calibration that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A pinned id without a record.
    #[error("the job pins calibration `{id}`, which does not exist{known}")]
    Unknown {
        /// The id.
        id: String,
        /// `; there are: ...`, or nothing.
        known: String,
    },
    /// A record that was changed by other hands or written by another version.
    #[error(
        "the calibration record `{path}` cannot be read: {reason}; restore it, or pin another id"
    )]
    Record {
        /// The record's URL.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another run wrote the same id first.
    #[error("another run has just written calibration `{id}`; run again")]
    Taken {
        /// The id.
        id: String,
    },
}

impl Classified for CalibrationError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Unknown { .. } | Self::Record { .. } => FailureKind::Usage,
            Self::Taken { .. } => FailureKind::Conflict,
        }
    }
}

impl Calibration {
    /// Version 1 of the calibration as of a date: the one that the first run makes.
    pub fn first(as_of: SnapshotDate, population: u64, metrics: Vec<CutPoints>) -> Self {
        Self {
            format: FORMAT,
            id: Layout::calibration_id(as_of, 1),
            as_of: as_of.to_string(),
            population,
            metrics,
        }
    }

    /// The parameters `$<metric>_cut_<k>` that tier models score by.
    pub fn parameters(&self, parameters: Parameters) -> Parameters {
        let cuts = self.metrics.iter().flat_map(|points| {
            let numbered = (1..).zip(&points.cuts);
            numbered.map(|(k, cut)| (parameter_name(&points.metric, k), cut))
        });
        cuts.fold(parameters, |parameters, (name, cut)| {
            parameters.with(name, cut_value(cut))
        })
    }

    /// The pinned calibration, or the newest as of `snapshot_date` or earlier; none when there is
    /// none yet.
    ///
    /// # Errors
    /// A store that fails, a pinned id without a record, and a record that cannot be read.
    pub async fn find(
        location: &Location,
        layout: &Layout,
        pinned: Option<&str>,
        snapshot_date: SnapshotDate,
    ) -> Result<Option<Self>, CalibrationError> {
        let ids = list(location, layout).await?;
        let id = match pinned {
            Some(id) if ids.iter().any(|known| known.text == id) => id.to_owned(),
            Some(id) => {
                let names: Vec<&str> = ids.iter().map(|known| known.text.as_str()).collect();
                return Err(CalibrationError::Unknown {
                    id: id.to_owned(),
                    known: match names.as_slice() {
                        [] => String::new(),
                        names => format!("; there are: {}", names.join(", ")),
                    },
                });
            }
            None => match ids.into_iter().filter(|id| id.as_of <= snapshot_date).max() {
                Some(newest) => newest.text,
                None => return Ok(None),
            },
        };
        read(location, &layout.calibration(&id)).await.map(Some)
    }

    /// Keeps the record for good.
    ///
    /// # Errors
    /// A store that fails, and a record of the same id that says something else.
    pub async fn keep(&self, location: &Location, layout: &Layout) -> Result<(), CalibrationError> {
        let path = layout.calibration(&self.id);
        let record = serde_json::to_vec_pretty(self).map_err(|error| CalibrationError::Record {
            path: location.url_of(&path),
            reason: error.to_string(),
        })?;
        let put = location
            .store
            .put_opts(&path, record.into(), PutMode::Create.into());
        match put.await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let kept = read(location, &path).await?;
                let taken = || CalibrationError::Taken {
                    id: self.id.clone(),
                };
                if kept == *self { Ok(()) } else { Err(taken()) }
            }
            Err(error) => Err(location.failure("write", &path, error).into()),
        }
    }
}

/// The parameter that holds cut `k` of a metric.
pub fn parameter_name(metric: &str, k: usize) -> String {
    format!("{metric}_cut_{k}")
}

fn cut_value(cut: &str) -> ParameterValue {
    match cut.parse() {
        Ok(value) => ParameterValue::Integer(value),
        Err(_) => ParameterValue::Decimal(cut.to_owned()),
    }
}

/// An id taken apart, ordered by date and version.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    as_of: SnapshotDate,
    version: u32,
    text: String,
}

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let (as_of, version) = text.rsplit_once("-v")?;
        Some(Self {
            as_of: as_of.parse().ok()?,
            version: version.parse().ok()?,
            text: text.to_owned(),
        })
    }
}

async fn list(location: &Location, layout: &Layout) -> Result<Vec<Id>, StorageError> {
    let folder = layout.calibrations();
    let objects: Vec<_> = location
        .store
        .list(Some(&folder))
        .try_collect()
        .await
        .map_err(|error| location.failure("list", &folder, error))?;
    let names = objects
        .iter()
        .filter_map(|object| object.location.filename());
    Ok(names
        .filter_map(|name| Id::parse(name.strip_suffix(".json")?))
        .collect())
}

async fn read(location: &Location, path: &Path) -> Result<Calibration, CalibrationError> {
    let unreadable = |error| location.failure("read", path, error);
    let object = location.store.get(path).await.map_err(unreadable)?;
    let bytes = object.bytes().await.map_err(unreadable)?;
    serde_json::from_slice(&bytes).map_err(|error| CalibrationError::Record {
        path: location.url_of(path),
        reason: error.to_string(),
    })
}
