//! Calibrations: frozen cut points, each an immutable record below the output.
//!
//! The id names the as-of date and a version, `2026-11-20-v1`. A job pins an id, takes the newest
//! one as of D or earlier (or the earliest, where D is before all of them), or gives its cut points
//! by hand, which are kept in the same way; nothing ever changes a record.
//!
//! `calibrations/<id>.json`:
//!
//! ```json
//! {"format": 1, "id": "2026-11-20-v1", "as_of": "2026-11-20", "population": 6, "metrics": [
//!   {"metric": "revenue_365d", "cuts": ["40.00", "90.00", "160.00", "250.00"], "users": [2, 1, 1, 1, 1]}
//! ]}
//! ```
//!
//! | field | |
//! |---|---|
//! | `format` | 1; a record of another is refused before anything else is read of it |
//! | `id` | the name of the file, too |
//! | `as_of` | the snapshot date whose users were measured |
//! | `population` | how many users were scored |
//! | `origin` | `"by_hand"` where the job file gave the cut points; left out where they were computed, as in records from before there were others |
//! | `provisional_until` | where the history was shorter than what a metric looks back: the date from which a new calibration is worth making; otherwise left out |
//! | `metrics` | one entry for each column of `calibration/rfm.sql`, in its order |
//! | `.metric` | the column |
//! | `.cuts` | four strictly increasing values in the unit of the column, as texts: they keep their digits |
//! | `.users` | how many of the population are at or below cut 1, between the cuts, and above cut 4 |
//! | `digest` | a fingerprint of all of that, so that a record which was changed is refused; records from before it have none, and are taken as they are |
//!
//! Another field beside these of the record itself is refused: what it says could change scores.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ground::{Classified, ExactNumber, FailureKind, Fingerprint, Layout, SnapshotDate};
use crate::job::{GivenCuts, ParameterValue};
use crate::models::Parameters;
use crate::storage::{Location, StorageError};

use super::cut_points::{CutPointError, CutPoints, Histograms};

/// The parameter whose value is how many users were scored.
pub const POPULATION: &str = "calibrated_users";

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
    /// Where the cut points come from.
    #[serde(default, skip_serializing_if = "Origin::is_computed")]
    pub origin: Origin,
    /// The date from which a new calibration is worth making, where the history was shorter than
    /// what a metric looks back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisional_until: Option<String>,
    /// The cut points of each metric.
    pub metrics: Vec<CutPoints>,
}

/// Where the cut points of a record come from. Records that do not say were computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From the users that were measured.
    #[default]
    Computed,
    /// From the job file.
    ByHand,
}

impl Origin {
    fn is_computed(&self) -> bool {
        *self == Self::Computed
    }
}

/// A calibration that cannot be loaded or made.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A pinned id without a record.
    #[error("the job pins calibration `{id}`, which does not exist{known}")]
    Unknown {
        id: String,
        /// `; there are: ...`, or nothing.
        known: String,
    },
    /// A record by which something was published.
    #[error(
        "the calibration record `{path}` is gone, by which {dates} scored; restore it from a copy, or say under [calibration] of the job by which cut points users are scored from now on"
    )]
    Lost {
        path: String,
        /// The dates and the verb: `2026-11-19 was`.
        dates: String,
    },
    /// A record that was changed by other hands or written by another version.
    #[error(
        "the calibration record `{path}` cannot be read: {reason}; restore it, or pin another id"
    )]
    Record { path: String, reason: String },
    /// A record in a format that this version does not know.
    #[error(
        "the calibration record `{path}` has format {found}, and this tierline reads {known}; use the tierline that wrote it, or pin another id"
    )]
    Format {
        path: String,
        /// The format that it says.
        found: u32,
        /// The format that is known.
        known: u32,
    },
    /// A record under the name of another.
    #[error(
        "the calibration record `{path}` says that its id is `{id}`; rename it to `{id}.json`, or pin another id"
    )]
    OtherId {
        path: String,
        /// The id that it says.
        id: String,
    },
    /// A record whose cut points are out of order.
    #[error(
        "the calibration record `{path}` has cut points of `{metric}` that do not increase: {next} comes after {cut}; restore it, or pin another id"
    )]
    NotIncreasing {
        path: String,
        metric: String,
        cut: ExactNumber,
        /// The one after it.
        next: ExactNumber,
    },
    /// Another run wrote the same id first.
    #[error("another run has just written calibration `{id}`; run again")]
    Taken { id: String },
}

impl Classified for CalibrationError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Unknown { .. }
            | Self::Record { .. }
            | Self::Format { .. }
            | Self::OtherId { .. }
            | Self::NotIncreasing { .. } => FailureKind::Usage,
            Self::Lost { .. } => FailureKind::Blocked,
            Self::Taken { .. } => FailureKind::Conflict,
        }
    }
}

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(flatten)]
    record: &'a Calibration,
    digest: String,
}

impl Calibration {
    /// A calibration computed from users as of a date, for good or until the date given.
    ///
    /// # Errors
    /// A metric that cannot be cut.
    pub fn computed(
        id: String,
        as_of: SnapshotDate,
        users: &Histograms,
        provisional_until: Option<SnapshotDate>,
    ) -> Result<Self, CutPointError> {
        Ok(Self {
            format: FORMAT,
            id,
            as_of: as_of.to_string(),
            population: users.population(),
            origin: Origin::Computed,
            provisional_until: provisional_until.map(|date| date.to_string()),
            metrics: users.calibrate()?,
        })
    }

    /// Cut points given by hand, and how users lie between them as of a date.
    pub fn by_hand(
        id: String,
        as_of: SnapshotDate,
        given: &[GivenCuts],
        users: &Histograms,
    ) -> Self {
        Self {
            format: FORMAT,
            id,
            as_of: as_of.to_string(),
            population: users.population(),
            origin: Origin::ByHand,
            provisional_until: None,
            metrics: users.counted(given),
        }
    }

    /// The cut points without the users they were counted on.
    pub fn cuts(&self) -> Vec<GivenCuts> {
        self.metrics.iter().map(CutPoints::without_users).collect()
    }

    /// Whether the cut points are these, for the same metrics.
    pub fn has_cuts(&self, cuts: &[GivenCuts]) -> bool {
        let own = self.cuts();
        own.len() == cuts.len() && cuts.iter().all(|metric| own.contains(metric))
    }

    /// The parameters `$<metric>_cut_<k>` that tier models score by, and those that KPIs compare
    /// today's scores with: `$<metric>_users_<k>` and `$calibrated_users`.
    pub fn parameters(&self, parameters: Parameters) -> Parameters {
        let parameters = parameters.with(POPULATION, count_value(self.population));
        self.metrics.iter().fold(parameters, |parameters, points| {
            let cuts = (1..).zip(points.cuts.map(cut_value));
            let cuts = cuts.map(|(k, cut)| (parameter_name(&points.metric, k), cut));
            let users = (1..).zip(points.users.map(count_value));
            let users = users.map(|(k, users)| (users_parameter(&points.metric, k), users));
            cuts.chain(users)
                .fold(parameters, |all, (name, value)| all.with(name, value))
        })
    }

    /// Reads a record that is kept.
    ///
    /// # Errors
    /// A store that fails, and a record that cannot be read or is not what its name says.
    pub async fn read(
        location: &Location,
        layout: &Layout,
        id: &str,
    ) -> Result<Self, CalibrationError> {
        read(location, &layout.calibration(id)).await
    }

    /// Keeps the record for good.
    ///
    /// # Errors
    /// A store that fails, and a record of the same id that says something else.
    pub async fn keep(&self, location: &Location, layout: &Layout) -> Result<(), CalibrationError> {
        let path = layout.calibration(&self.id);
        let written = serde_json::to_value(self).and_then(|content| {
            serde_json::to_vec_pretty(&Written {
                record: self,
                digest: Fingerprint::of_record(&self.id, content).to_string(),
            })
        });
        let record = written.map_err(|error| CalibrationError::Record {
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

/// The parameter whose value is how many users of the calibration were at or below cut 1 (`k` = 1),
/// between the cuts, or above cut 4 (`k` = 5).
pub fn users_parameter(metric: &str, k: usize) -> String {
    format!("{metric}_users_{k}")
}

/// A number of users; no more than BIGINT holds.
fn count_value(users: u64) -> ParameterValue {
    ParameterValue::Integer(i64::try_from(users).unwrap_or(i64::MAX))
}

/// The parameter whose value is cut `k` of a metric.
pub fn parameter_name(metric: &str, k: usize) -> String {
    format!("{metric}_cut_{k}")
}

fn cut_value(cut: ExactNumber) -> ParameterValue {
    match i64::try_from(cut.unscaled) {
        Ok(value) if cut.scale == 0 => ParameterValue::Integer(value),
        _ => ParameterValue::Decimal(cut.to_string()),
    }
}

/// The ids of the calibrations that are kept, and of those that should be.
#[derive(Debug, Clone, Default)]
pub struct KeptIds {
    kept: Vec<Id>,
    /// Those by which something is published, and that have no record.
    lost: Vec<Id>,
}

impl KeptIds {
    /// Lists the records.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn list(location: &Location, layout: &Layout) -> Result<Self, StorageError> {
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
        let ids = names.filter_map(|name| Id::parse(name.strip_suffix(".json")?));
        Ok(Self {
            kept: ids.collect(),
            lost: Vec::new(),
        })
    }

    /// The same, knowing by which ids something is published.
    #[must_use]
    pub fn knowing<'a>(self, published: impl IntoIterator<Item = &'a str>) -> Self {
        let published = published.into_iter().filter_map(Id::parse);
        let mut lost: Vec<Id> = published.filter(|id| !self.kept.contains(id)).collect();
        lost.sort();
        lost.dedup();
        Self { lost, ..self }
    }

    /// The lost calibration that would be the newest as of a date or, where the date is before all
    /// of them, the earliest.
    pub fn lost_for(&self, snapshot_date: SnapshotDate) -> Option<&str> {
        let all = Self {
            kept: self.kept.iter().chain(&self.lost).cloned().collect(),
            lost: Vec::new(),
        };
        let chosen = all.newest(snapshot_date).or(all.earliest())?;
        let lost = self.lost.iter().find(|id| id.text == chosen)?;
        Some(&lost.text)
    }

    /// The newest as of a date or earlier.
    pub fn newest(&self, snapshot_date: SnapshotDate) -> Option<&str> {
        let until = self.kept.iter().filter(|id| id.as_of <= snapshot_date);
        until.max().map(|id| id.text.as_str())
    }

    /// The one of the earliest date, and of these the newest; none where there is none.
    pub fn earliest(&self) -> Option<&str> {
        let first = self.kept.iter().map(|id| id.as_of).min()?;
        self.newest(first)
    }

    /// The newest as of exactly that date.
    pub fn of_date(&self, as_of: SnapshotDate) -> Option<&str> {
        let of_date = self.kept.iter().filter(|id| id.as_of == as_of);
        of_date.max().map(|id| id.text.as_str())
    }

    /// The id that a pinned one names.
    ///
    /// # Errors
    /// An id without a record.
    pub fn pinned<'a>(&self, id: &'a str) -> Result<&'a str, CalibrationError> {
        if self.kept.iter().any(|known| known.text == id) {
            return Ok(id);
        }
        let names: Vec<&str> = self.kept.iter().map(|known| known.text.as_str()).collect();
        Err(CalibrationError::Unknown {
            id: id.to_owned(),
            known: match names.as_slice() {
                [] => String::new(),
                names => format!("; there are: {}", names.join(", ")),
            },
        })
    }

    /// The id of the next calibration as of a date: its version is one more than the highest that
    /// there ever was.
    pub fn next(&self, as_of: SnapshotDate) -> String {
        let ever = self.kept.iter().chain(&self.lost);
        let of_date = ever.filter(|id| id.as_of == as_of);
        let highest = of_date.map(|id| id.version).max().unwrap_or_default();
        Layout::calibration_id(as_of, highest + 1)
    }

    /// The first date after `as_of` that has a calibration of its own.
    pub fn next_date(&self, as_of: SnapshotDate) -> Option<SnapshotDate> {
        let dates = self.kept.iter().map(|id| id.as_of);
        dates.filter(|date| *date > as_of).min()
    }
}

/// An id taken apart, ordered by date and version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

async fn read(location: &Location, path: &Path) -> Result<Calibration, CalibrationError> {
    let unreadable = |error| location.failure("read", path, error);
    let object = location.store.get(path).await.map_err(unreadable)?;
    let bytes = object.bytes().await.map_err(unreadable)?;
    parse(&bytes, &location.url_of(path))
}

/// A record as it is, of whatever format.
#[derive(Debug, Deserialize)]
struct AnyFormat {
    format: u32,
    digest: Option<String>,
}

/// The record in `bytes`, which were read from `path`.
fn parse(bytes: &[u8], path: &str) -> Result<Calibration, CalibrationError> {
    let broken = |error: serde_json::Error| CalibrationError::Record {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    // First, since other formats may have other fields.
    let AnyFormat { format, digest } = serde_json::from_slice(bytes).map_err(broken)?;
    if format != FORMAT {
        return Err(CalibrationError::Format {
            path: path.to_owned(),
            found: format,
            known: FORMAT,
        });
    }
    let mut content: Value = serde_json::from_slice(bytes).map_err(broken)?;
    if let Some(fields) = content.as_object_mut() {
        fields.remove("digest");
    }
    let record: Calibration = serde_json::from_value(content.clone()).map_err(broken)?;
    let of_content = Fingerprint::of_record(&record.id, content);
    if digest.is_some_and(|digest| digest != of_content.as_str()) {
        return Err(CalibrationError::Record {
            path: path.to_owned(),
            reason: "it is not as it was written".to_owned(),
        });
    }
    check(&record, path)?;
    Ok(record)
}

/// A record must be what its name says, and its cut points must increase.
fn check(record: &Calibration, path: &str) -> Result<(), CalibrationError> {
    let file_name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    if file_name != format!("{}.json", record.id) {
        return Err(CalibrationError::OtherId {
            path: path.to_owned(),
            id: record.id.clone(),
        });
    }
    for CutPoints { metric, cuts, .. } in &record.metrics {
        let mut pairs = cuts.iter().zip(&cuts[1..]);
        if let Some((cut, next)) = pairs.find(|(cut, next)| cut >= next) {
            return Err(CalibrationError::NotIncreasing {
                path: path.to_owned(),
                metric: metric.clone(),
                cut: *cut,
                next: *next,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> SnapshotDate {
        text.parse().unwrap()
    }

    fn kept(ids: &[&str]) -> KeptIds {
        KeptIds {
            kept: ids.iter().filter_map(|id| Id::parse(id)).collect(),
            lost: Vec::new(),
        }
    }

    #[test]
    fn a_lost_calibration_is_missed_where_it_would_be_chosen_and_its_id_is_not_given_again() {
        let kept = kept(&["2026-11-10-v1", "2026-11-20-v1"]);
        let of = |published: &[&'static str]| kept.clone().knowing(published.iter().copied());
        assert_eq!(of(&["2026-11-10-v1"]).lost_for(date("2026-11-15")), None);
        let lost = of(&["2026-11-10-v2", "2026-11-10-v2", "2026-11-20-v1"]);
        assert_eq!(lost.lost_for(date("2026-11-01")), Some("2026-11-10-v2"));
        assert_eq!(lost.lost_for(date("2026-11-19")), Some("2026-11-10-v2"));
        assert_eq!(lost.lost_for(date("2026-11-20")), None);
        assert_eq!(lost.next(date("2026-11-10")), "2026-11-10-v3");
        assert_eq!(lost.newest(date("2026-11-19")), Some("2026-11-10-v1"));
        let all_lost = KeptIds::default().knowing(["2026-11-10-v1"]);
        assert_eq!(all_lost.lost_for(date("2026-11-01")), Some("2026-11-10-v1"));
    }

    #[test]
    fn a_record_that_was_changed_is_refused_where_it_has_a_digest() {
        let mut with_digest: Value = serde_json::from_str(OLD_RECORD).unwrap();
        let digest = Fingerprint::of_record("2026-11-20-v1", with_digest.clone());
        with_digest["digest"] = digest.as_str().into();
        let path = "s3://bucket/calibrations/2026-11-20-v1.json";
        let text = with_digest.to_string();
        assert!(parse(text.as_bytes(), path).is_ok());
        let changed = text.replace("2.00", "2.50");
        let error = parse(changed.as_bytes(), path).unwrap_err();
        insta::assert_snapshot!(error, @"the calibration record `s3://bucket/calibrations/2026-11-20-v1.json` cannot be read: it is not as it was written; restore it, or pin another id");
    }

    #[test]
    fn newest_is_the_highest_version_of_the_last_date() {
        let kept = kept(&["2026-11-10-v2", "2026-11-10-v10", "2026-11-20-v1", "notes"]);
        assert_eq!(kept.newest(date("2026-11-09")), None);
        assert_eq!(kept.newest(date("2026-11-19")), Some("2026-11-10-v10"));
        assert_eq!(kept.earliest(), Some("2026-11-10-v10"));
        assert_eq!(kept.newest(date("2026-11-20")), Some("2026-11-20-v1"));
        assert_eq!(kept.next(date("2026-11-10")), "2026-11-10-v11");
        assert_eq!(kept.next(date("2026-11-11")), "2026-11-11-v1");
        assert_eq!(kept.next_date(date("2026-11-10")), Some(date("2026-11-20")));
        assert_eq!(kept.next_date(date("2026-11-20")), None);
    }

    const OLD_RECORD: &str = r#"{
        "format": 1, "id": "2026-11-20-v1", "as_of": "2026-11-20", "population": 9,
        "metrics": [{"metric": "revenue_365d", "cuts": ["1.00", "2.00", "3.00", "4.00"], "users": [1, 2, 3, 2, 1]}]
    }"#;

    #[test]
    fn record_that_says_no_origin_was_computed_and_is_written_as_before() {
        let record: Calibration = serde_json::from_str(OLD_RECORD).unwrap();
        assert_eq!(record.origin, Origin::Computed);
        let as_value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(as_value(&written), as_value(OLD_RECORD));
    }

    #[test]
    fn record_given_by_hand_says_so() {
        let record: Calibration = serde_json::from_str(OLD_RECORD).unwrap();
        let id = "2026-11-20-v2".to_owned();
        let users = Histograms(vec![("revenue_365d".to_owned(), Default::default())]);
        let given = Calibration::by_hand(id, date("2026-11-20"), &record.cuts(), &users);
        let written = serde_json::to_value(&given).unwrap();
        assert_eq!(written["origin"], "by_hand");
        assert_eq!(written["population"], 0);
        assert_eq!(
            serde_json::from_value::<Calibration>(written).unwrap(),
            given
        );
        assert!(given.has_cuts(&record.cuts()));
        assert!(!given.has_cuts(&[]));
    }

    /// What is said of the old record with a text in it replaced.
    fn refused(from: &str, to: &str) -> String {
        let path = "s3://bucket/calibrations/2026-11-20-v1.json";
        assert!(parse(OLD_RECORD.as_bytes(), path).is_ok());
        assert!(OLD_RECORD.contains(from));
        let record = OLD_RECORD.replace(from, to);
        let error = parse(record.as_bytes(), path).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Usage);
        error.to_string()
    }

    #[test]
    fn record_with_cuts_that_are_no_numbers_is_refused() {
        let error = refused("2.00", "two");
        assert!(error.contains("`two` is not a number"), "{error}");
    }

    #[test]
    fn record_of_another_format_is_refused_whatever_else_it_says() {
        insta::assert_snapshot!(refused("\"format\": 1,", "\"format\": 2, \"groups\": 10,"), @"the calibration record `s3://bucket/calibrations/2026-11-20-v1.json` has format 2, and this tierline reads 1; use the tierline that wrote it, or pin another id");
    }

    #[test]
    fn record_under_the_name_of_another_is_refused() {
        insta::assert_snapshot!(refused("2026-11-20-v1", "2026-11-20-v2"), @"the calibration record `s3://bucket/calibrations/2026-11-20-v1.json` says that its id is `2026-11-20-v2`; rename it to `2026-11-20-v2.json`, or pin another id");
    }

    #[test]
    fn record_whose_cut_points_do_not_increase_is_refused() {
        insta::assert_snapshot!(refused("\"3.00\"", "\"2.0\""), @"the calibration record `s3://bucket/calibrations/2026-11-20-v1.json` has cut points of `revenue_365d` that do not increase: 2.0 comes after 2.00; restore it, or pin another id");
    }
}
