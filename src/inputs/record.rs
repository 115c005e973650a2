//! What a run knew of the days of its sources, kept below the output by the hash of it.
//!
//! Tiles are found by the files of their days. Once a retention rule has removed raw files, this
//! record alone says what they were, and so which tiles hold the rows of their days.
//!
//! ```json
//! {"format": 2, "sources": {"orders": [
//!   {"from": "2026-07-01", "expired": true, "days": ["9a44be100d3f6a7c81e2b94577c0a1d0 1 2048 1782864000 5b1d7a6e0f3c2d91 -"]},
//!   {"from": "2026-07-02", "days": ["5f0c21d79a44be100d3f6a7c81e2b945 2 4096 1782950400 77aa10c3b2d4e5f6 0a1b2c3d4e5f6071", ".."]}
//! ]}}
//! ```
//!
//! | field | |
//! |---|---|
//! | `format` | 2; 1 is read, too |
//! | `sources` | the days of each source, by its name, in runs of days one after another |
//! | `.from` | the first day of a run |
//! | `.expired` | whether a retention rule has removed files of these days, so that tiles alone hold them; left out where not |
//! | `.days` | a text for each day, whose parts are parted by spaces |
//!
//! | part | |
//! |---|---|
//! | 1 | what the tiles of the day are found by, 32 hex digits |
//! | 2, 3 | how many files it has, or had, and their bytes |
//! | 4 | when the newest of them was written, in seconds since 1970 |
//! | 5 | a hash of their keys and sizes, 16 hex digits |
//! | 6 | 8 hex digits for the key of each, sorted, one after the other; `-` once all are gone |
//! | 7 | the fingerprint of the files as they are stored now, where they were put back and are told apart from those of part 1 |
//!
//! In format 1 a day ends with part 4, in its first records with part 3, and is kept so until its
//! files are seen again.
//!
//! A record costs one request however long the history: some 80 bytes a day, and 8 for each
//! file that is stored.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};

use crate::ground::{Fingerprint, Layout, SnapshotDate};
use crate::storage::Location;

use super::{DayFiles, InputError};

/// The format of the records.
const FORMAT: u32 = 2;

/// The oldest format that is read.
const OLDEST_FORMAT: u32 = 1;

/// Of a day none of whose files are there.
const NO_FILES: &str = "-";

/// Of files whose time is not known: no others count as newer, so that fewer of them are what is
/// left, and are asked about or have expired, rather than late data.
const TIME_UNKNOWN: i64 = i64::MAX;

/// What is known of one day of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDay {
    /// What the rows of the day depend on: its tiles are found by it.
    pub fingerprint: Fingerprint,
    /// Its files as they are stored, or were.
    pub files: DayFiles,
    /// Whether a retention rule has removed files: the day is held in tiles alone.
    pub is_expired: bool,
}

impl KnownDay {
    /// A day that has its files.
    pub(super) fn stored(files: DayFiles) -> Self {
        Self {
            fingerprint: files.fingerprint.clone(),
            files,
            is_expired: false,
        }
    }
}

/// The known days of one source.
pub type KnownDays = BTreeMap<NaiveDate, KnownDay>;

/// The known days of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceRecord(pub BTreeMap<String, KnownDays>);

impl SourceRecord {
    /// The days that are known of a source.
    pub fn days_of(&self, source: &str) -> KnownDays {
        self.0.get(source).cloned().unwrap_or_default()
    }

    /// Lays a later record over this one: up to its date it knows better.
    pub fn overlay(&mut self, later: Self, until: SnapshotDate) {
        for (source, days) in later.0 {
            let known = self.0.entry(source).or_default();
            known.retain(|day, _| *day > until.day());
            known.extend(days);
        }
    }

    /// What the record says, as one hash: records of the same name are the same.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut builder = Fingerprint::builder().part("format", &FORMAT.to_string());
        for (source, days) in &self.0 {
            builder = builder.part("source", source);
            for (day, known) in days {
                let day = format!("{day} {} {}", known.is_expired, text_of(known));
                builder = builder.part("day", &day);
            }
        }
        builder.finish()
    }

    /// Reads the record of a publication; none when there is no such record.
    ///
    /// # Errors
    /// A store that fails, and a record that cannot be read.
    pub async fn read(
        output: &Location,
        layout: &Layout,
        name: &str,
    ) -> Result<Option<Self>, InputError> {
        let path = layout.source_record(name);
        let found = match output.store.get(&path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(output.failure("read", &path, error).into()),
        };
        let bytes = found.bytes().await;
        let bytes = bytes.map_err(|error| output.failure("read", &path, error))?;
        let record = Self::from_json(&bytes);
        record.map(Some).map_err(|reason| InputError::Record {
            path: output.url_of(&path),
            reason,
        })
    }

    /// Keeps the record by its fingerprint. One that is there already says the same, and is new
    /// again, so that nobody takes it for one that no publication needs.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn keep(&self, output: &Location, layout: &Layout) -> Result<(), InputError> {
        let path = layout.source_record(self.fingerprint().as_str());
        let record = self.to_json().map_err(|reason| InputError::Record {
            path: output.url_of(&path),
            reason,
        })?;
        let put = output.store.put(&path, record.into()).await;
        put.map(drop)
            .map_err(|error| output.failure("write", &path, error).into())
    }

    fn to_json(&self) -> Result<Vec<u8>, String> {
        let sources = self.0.iter();
        let record = RecordFile {
            format: FORMAT,
            sources: sources
                .map(|(source, days)| (source.clone(), runs_of(days)))
                .collect(),
        };
        serde_json::to_vec(&record).map_err(|error| error.to_string())
    }

    fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let record: RecordFile =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if !(OLDEST_FORMAT..=FORMAT).contains(&record.format) {
            let found = record.format;
            return Err(format!(
                "its format is {found}, and this tierline reads {OLDEST_FORMAT} to {FORMAT}"
            ));
        }
        let mut sources = BTreeMap::new();
        for (source, runs) in record.sources {
            let mut days = KnownDays::new();
            for run in &runs {
                days.extend(run.days()?);
            }
            sources.insert(source, days);
        }
        Ok(Self(sources))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFile {
    format: u32,
    sources: BTreeMap<String, Vec<Run>>,
}

/// Days one after another, all expired or none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    from: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    expired: bool,
    days: Vec<String>,
}

fn runs_of(days: &KnownDays) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last = None;
    for (day, known) in days {
        let text = text_of(known);
        let goes_on = last.and_then(|last: NaiveDate| last.succ_opt()) == Some(*day);
        match runs.last_mut() {
            Some(run) if goes_on && run.expired == known.is_expired => run.days.push(text),
            _ => runs.push(Run {
                from: day.to_string(),
                expired: known.is_expired,
                days: vec![text],
            }),
        }
        last = Some(*day);
    }
    runs
}

impl Run {
    fn days(&self) -> Result<Vec<(NaiveDate, KnownDay)>, String> {
        let from: NaiveDate = self
            .from
            .parse()
            .map_err(|_| format!("`{}` is not a day", self.from))?;
        let numbered = (0_u64..).zip(&self.days);
        let days = numbered.map(|(number, text)| {
            let known = self.known(text);
            let known = known.ok_or_else(|| format!("`{text}` does not describe a day"))?;
            Ok((from + Days::new(number), known))
        });
        days.collect()
    }

    fn known(&self, text: &str) -> Option<KnownDay> {
        let mut parts = text.split(' ');
        let fingerprint = Fingerprint::parse(parts.next()?)?;
        let mut files = DayFiles {
            fingerprint: fingerprint.clone(),
            count: parts.next()?.parse().ok()?,
            bytes: parts.next()?.parse().ok()?,
            newest: match parts.next() {
                Some(newest) => newest.parse().ok()?,
                None => TIME_UNKNOWN,
            },
            places: None,
            each: None,
        };
        if let Some(places) = parts.next() {
            files.places = Some(u64::from_str_radix(places, 16).ok()?);
            files.each = each_of(parts.next()?)?;
        }
        if let Some(stored) = parts.next() {
            files.fingerprint = Fingerprint::parse(stored)?;
        }
        let known = KnownDay {
            fingerprint,
            files,
            is_expired: self.expired,
        };
        parts.next().is_none().then_some(known)
    }
}

/// A day as a record has it.
fn text_of(known: &KnownDay) -> String {
    let KnownDay {
        fingerprint, files, ..
    } = known;
    let DayFiles {
        count,
        bytes,
        newest,
        ..
    } = files;
    let mut text = format!("{fingerprint} {count} {bytes} {newest}");
    let Some(places) = files.places else {
        return text;
    };
    let each = files.each.as_ref();
    let each = each.map(|each| each.iter().map(|hash| format!("{hash:08x}")));
    let each = each.map_or_else(|| NO_FILES.to_owned(), Iterator::collect);
    text.push_str(&format!(" {places:016x} {each}"));
    if files.fingerprint != *fingerprint {
        text.push_str(&format!(" {}", files.fingerprint));
    }
    text
}

/// The short hashes of files: some, or [none](NO_FILES), or a text that is neither.
fn each_of(text: &str) -> Option<Option<Vec<u32>>> {
    if text == NO_FILES {
        return Some(None);
    }
    let hashes = text.as_bytes().chunks(8);
    let hashes = hashes.map(|hash| {
        let hash = str::from_utf8(hash).ok().filter(|hash| hash.len() == 8)?;
        u32::from_str_radix(hash, 16).ok()
    });
    hashes.collect::<Option<Vec<u32>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::day_files::Relation;

    pub(super) fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn known(files: &str, is_expired: bool) -> KnownDay {
        let fingerprint = Fingerprint::of(files);
        let files = DayFiles {
            fingerprint: fingerprint.clone(),
            count: 2,
            bytes: 4_096,
            newest: 1_782_864_000,
            places: Some(7),
            each: (!is_expired).then(|| vec![1, u32::MAX]),
        };
        KnownDay {
            fingerprint,
            files,
            is_expired,
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut restored = known("e", false);
        restored.files.fingerprint = Fingerprint::of("put back");
        let days = KnownDays::from([
            (day("2026-07-01"), known("a", true)),
            (day("2026-07-02"), known("b", true)),
            (day("2026-07-03"), known("c", false)),
            (day("2026-07-05"), known("d", false)),
            (day("2026-07-06"), restored),
        ]);
        let record = SourceRecord(BTreeMap::from([
            ("orders".to_owned(), days),
            ("users".to_owned(), KnownDays::new()),
        ]));
        let json = record.to_json().unwrap();
        assert_eq!(SourceRecord::from_json(&json), Ok(record));
        let runs = String::from_utf8(json).unwrap().matches("from").count();
        assert_eq!(runs, 3);
    }

    #[test]
    fn ten_years_of_a_source_are_a_small_file() {
        let days = day("2016-01-01").iter_days().take(3_653);
        let days = days.map(|day| (day, known(&day.to_string(), false)));
        let record = SourceRecord(BTreeMap::from([("orders".to_owned(), days.collect())]));
        assert!(record.to_json().unwrap().len() < 400_000);
    }

    #[test]
    fn a_later_record_knows_better_up_to_its_date() {
        let of = |days: &[(&str, &str)]| {
            let days = days.iter();
            let days = days.map(|(text, files)| (day(text), known(files, false)));
            SourceRecord(BTreeMap::from([("orders".to_owned(), days.collect())]))
        };
        let mut record = of(&[
            ("2026-07-01", "a"),
            ("2026-07-02", "b"),
            ("2026-07-03", "c"),
        ]);
        let later = of(&[("2026-07-01", "late")]);
        record.overlay(later, "2026-07-02".parse().unwrap());
        assert_eq!(record, of(&[("2026-07-01", "late"), ("2026-07-03", "c")]));
    }

    #[test]
    fn records_have_one_name_when_they_say_the_same() {
        let of = |source: &str, is_expired| {
            let days = KnownDays::from([(day("2026-07-01"), known("a", is_expired))]);
            SourceRecord(BTreeMap::from([(source.to_owned(), days)])).fingerprint()
        };
        assert_eq!(of("orders", false), of("orders", false));
        assert_ne!(of("orders", false), of("orders", true));
        assert_ne!(of("orders", false), of("users", false));
    }

    #[test]
    fn a_record_of_an_older_tierline_is_read() {
        let json = r#"{"format": 1, "sources": {"orders": [{"from": "2026-07-01", "expired": true,
            "days": ["9a44be100d3f6a7c81e2b94577c0a1d0 1 2048 1782864000"]}]}}"#;
        let record = SourceRecord::from_json(json.as_bytes()).unwrap();
        let known = &record.0["orders"][&day("2026-07-01")];
        assert!(known.is_expired);
        assert_eq!(known.files.fingerprint, known.fingerprint);
        assert_eq!((known.files.count, known.files.bytes), (1, 2_048));
        assert_eq!((known.files.places, &known.files.each), (None, &None));
        let again = SourceRecord::from_json(&record.to_json().unwrap());
        assert_eq!(again, Ok(record));
    }

    /// Taken for rewritten they would be late data, and the rows of the others would go.
    #[test]
    fn fewer_files_than_a_record_without_times_knew_are_what_is_left() {
        let json = r#"{"format": 1, "sources": {"orders": [{"from": "2026-07-01",
            "days": ["9a44be100d3f6a7c81e2b94577c0a1d0 3 2048"]}]}}"#;
        let record = SourceRecord::from_json(json.as_bytes()).unwrap();
        let before = &record.0["orders"][&day("2026-07-01")];
        let now = known("what is left", false);
        assert_eq!(before.files.relation(&now.files), Relation::Fewer);
        let again = SourceRecord::from_json(&record.to_json().unwrap());
        assert_eq!(again, Ok(record));
    }

    #[test]
    fn a_record_in_other_words_is_refused() {
        for (json, reason) in [
            (r#"{"format": 3, "sources": {}}"#, "its format is 3"),
            (
                r#"{"format": 1, "sources": {"orders": [{"from": "x", "days": []}]}}"#,
                "`x` is not a day",
            ),
            (
                r#"{"format": 1, "sources": {"orders": [{"from": "2026-07-01", "days": ["abc"]}]}}"#,
                "`abc` does not describe a day",
            ),
        ] {
            let refused = SourceRecord::from_json(json.as_bytes()).unwrap_err();
            assert!(refused.starts_with(reason), "{refused}");
        }
    }
}
