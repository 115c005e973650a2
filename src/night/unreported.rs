//! What failed nights found in rows, and no publication has reported yet.
//!
//! A night counts the rejected rows of the days that it makes tiles of. When it fails after that,
//! the tiles stay, and the run that publishes reads those days no more, be it of the same date or of
//! another. So that its result has their rows all the same, each night keeps what it found until a
//! date is published that has the day.
//!
//! | a night that failed read | this night reads | reported |
//! |---|---|---|
//! | a day up to D | | what the failed one counted |
//! | a day up to D | the same day | what this one counts |
//! | a day after D | | by the first publication of that day or a later one |
//!
//! What was counted by other SQL counts for nothing: each source has the [rules](Found::rules) that
//! its rows were judged by. The record has the number that the next publication was to have, so
//! that what a publication has reported since is known whether or not the record could be removed.
//!
//! `quarantine/unreported.json`; one that cannot be read counts for nothing, and a warning says so:
//!
//! ```json
//! {"next_sequence": 8, "sources": {"orders": {
//!   "days": ["2026-11-19", "2026-11-20"],
//!   "rejected": [{"source": "orders", "day": "2026-11-19", "reason": "null_time", "rows": 2}],
//!   "remarks": [], "sample": "2026-11-20-57c88436396c", "rules": "88fc4464ee004972dbaf1ce12e397b78"}}}
//! ```
//!
//! It says no number of its form: the first one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use object_store::{Error as StoreError, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;

use super::context::Run;
use super::error::NightError;
use super::report::{Report, RowCount};

/// What is to be reported, by source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Unreported {
    /// The number that the next publication was to have.
    next_sequence: i64,
    sources: BTreeMap<String, Found>,
}

/// What the rows of one source were like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Found {
    /// The days that were read; empty where all rows are read in every try.
    pub days: BTreeSet<NaiveDate>,
    /// The rows left out.
    pub rejected: Vec<RowCount>,
    /// What else is reported of the rows, a line each.
    pub remarks: Vec<String>,
    /// The run under which the sample of the rows left out lies.
    pub sample: Option<String>,
    /// The staging model, the declared columns and the reference files, as a fingerprint.
    pub rules: String,
}

impl Unreported {
    /// Adds what this night found in a source, by the rules that all of it is [judged
    /// by](Self::keep_judged_by).
    pub(super) fn add(&mut self, source: &str, found: Found) {
        let known = self.sources.entry(source.to_owned()).or_default();
        if known.days.is_subset(&found.days) || found.days.is_empty() {
            *known = found;
            return;
        }
        let read: BTreeSet<String> = found.days.iter().map(NaiveDate::to_string).collect();
        known.rejected.retain(|row| !read.contains(&row.day));
        known.rejected.extend(found.rejected);
        known.rejected.sort_by(|left, right| {
            let key = |row: &RowCount| (row.day.clone(), row.reason.clone());
            key(left).cmp(&key(right))
        });
        let new = found.remarks.into_iter();
        let new: Vec<String> = new.filter(|line| !known.remarks.contains(line)).collect();
        known.remarks.extend(new);
        known.days.extend(found.days);
        known.sample = found.sample.or(known.sample.take());
    }

    /// Leaves out what was found by other rules than those of a source today.
    pub(super) fn keep_judged_by(&mut self, rules: &BTreeMap<String, String>) {
        self.sources
            .retain(|source, found| rules.get(source) == Some(&found.rules));
    }

    /// Leaves out the days up to a date.
    fn leave_out_until(&mut self, date: NaiveDate) {
        for found in self.sources.values_mut() {
            found.days.retain(|day| *day > date);
            let until = date.to_string();
            found.rejected.retain(|row| row.day > until);
        }
        self.sources.retain(|_, found| !found.days.is_empty());
    }

    /// Whether there is nothing to report.
    pub(super) fn is_empty(&self) -> bool {
        let mut found = self.sources.values();
        found.all(|found| found.rejected.is_empty() && found.remarks.is_empty())
    }

    /// Puts what is of days up to a date into the report.
    pub(super) fn note_in(&self, report: &mut Report, date: NaiveDate) {
        let until = date.to_string();
        for found in self.sources.values() {
            let of_date = found.rejected.iter().filter(|row| row.day <= until);
            report.rejected.extend(of_date.cloned());
            let is_of_date = found.days.first().is_none_or(|first| *first <= date);
            let remarks = found.remarks.iter().filter(|_| is_of_date);
            report.warnings.extend(remarks.cloned());
        }
    }

    /// What the nights that follow cannot count themselves.
    fn to_keep(&self) -> Self {
        let sources = self.sources.iter();
        let by_day = sources.filter(|(_, found)| !found.days.is_empty());
        Self {
            next_sequence: self.next_sequence,
            sources: by_day
                .map(|(source, found)| (source.clone(), found.clone()))
                .collect(),
        }
    }
}

impl Run<'_> {
    /// What nights that failed have found. A record that cannot be read ends no night.
    pub(super) async fn unreported(&self, report: &mut Report) -> Result<Unreported, NightError> {
        let publications = &self.plan.publications;
        let next_sequence = publications.next_sequence();
        let none = Unreported {
            next_sequence,
            sources: BTreeMap::new(),
        };
        let output = &self.workspace.output;
        let path = self.workspace.layout.unreported();
        let bytes = match output.store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(StoreError::NotFound { .. }) => return Ok(none),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|error| output.failure("read", &path, error))?;
        let mut found: Unreported = match serde_json::from_slice(&bytes) {
            Ok(found) => found,
            Err(error) => {
                report.warnings.push(format!(
                    "{} cannot be read, so that rejected rows of nights that failed may be missing here: {error}",
                    output.url_of(&path)
                ));
                return Ok(none);
            }
        };
        let since = publications.all().iter();
        let since = since.filter(|row| row.sequence >= found.next_sequence);
        if let Some(told) = since.map(|row| row.snapshot_date.day()).max() {
            found.leave_out_until(told);
        }
        found.next_sequence = next_sequence;
        Ok(found)
    }

    /// Keeps what was found for the nights that may follow, and brings samples of earlier ones to
    /// where this run's lie.
    pub(super) async fn keep_unreported(
        &self,
        found: &mut Unreported,
        has_earlier: bool,
    ) -> Result<(), NightError> {
        let run_id = self.plan.run_id();
        let date = self.plan.snapshot_date.day();
        for (source, found) in &mut found.sources {
            let is_of_date = found.days.last().is_none_or(|last| *last <= date);
            let earlier = found.sample.as_ref().filter(|sample| **sample != run_id);
            if let Some(earlier) = earlier.filter(|_| is_of_date) {
                self.move_sample(source, earlier, &run_id).await?;
                found.sample = Some(run_id.clone());
            }
        }
        let kept = found.to_keep();
        if kept.is_empty() {
            if has_earlier {
                self.remove_unreported().await;
            }
            return Ok(());
        }
        let output = &self.workspace.output;
        let path = self.workspace.layout.unreported();
        let bytes = serde_json::to_vec_pretty(&kept).map_err(|error| {
            let stage = EngineError::during("keeping what was found in rows");
            stage(datafusion::error::DataFusionError::External(error.into()))
        })?;
        let put = output.store.put(&path, bytes.into()).await;
        put.map_err(|error| output.failure("write", &path, error))?;
        Ok(())
    }

    async fn move_sample(&self, source: &str, from: &str, to: &str) -> Result<(), NightError> {
        let layout = &self.workspace.layout;
        let [from, to] = [from, to].map(|run_id| layout.quarantine(source, run_id));
        let output = &self.workspace.output;
        match output.store.rename(&from, &to).await {
            // A sample may be removed at any time.
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(output.failure("move", &from, error).into()),
        }
    }

    /// Removes the record once D's publication has reported all of it. One that stays counts for
    /// nothing.
    pub(super) async fn forget_unreported(&self, mut unreported: Unreported) {
        unreported.leave_out_until(self.plan.snapshot_date.day());
        if unreported.sources.is_empty() {
            self.remove_unreported().await;
        }
    }

    async fn remove_unreported(&self) {
        let path = self.workspace.layout.unreported();
        match self.workspace.output.store.delete(&path).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => tracing::warn!(%error, "a record of what was found in rows is left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn found(days: &[u32], rejected: &[(u32, i64)], remark: &str) -> Found {
        let rejected = rejected.iter().map(|(of, rows)| RowCount {
            source: "orders".to_owned(),
            day: day(*of).to_string(),
            reason: "null_time".to_owned(),
            rows: *rows,
        });
        Found {
            days: days.iter().copied().map(day).collect(),
            rejected: rejected.collect(),
            remarks: vec![remark.to_owned()],
            sample: None,
            rules: "by SQL".to_owned(),
        }
    }

    fn reported(unreported: &Unreported) -> (Vec<(String, i64)>, Vec<String>) {
        let mut report = Report::default();
        unreported.note_in(&mut report, day(20));
        let rejected = report.rejected.into_iter();
        let rejected = rejected.map(|row| (row.day, row.rows)).collect();
        (rejected, report.warnings)
    }

    #[test]
    fn records_of_every_form_are_read() {
        for version in versions("unreported") {
            let record = path(&format!("unreported/{version}/quarantine/unreported.json"));
            let record = std::fs::read(record).unwrap();
            let found: Unreported = serde_json::from_slice(&record).unwrap();
            assert_reads("unreported", &version, &reading(&found));
        }
    }

    fn reading(unreported: &Unreported) -> serde_json::Value {
        let Unreported {
            next_sequence,
            sources,
        } = unreported;
        let sources = sources.iter().map(|(source, found)| {
            let Found {
                days,
                rejected,
                remarks,
                sample,
                rules,
            } = found;
            let rejected = rejected.iter().map(|row| {
                let RowCount {
                    source,
                    day,
                    reason,
                    rows,
                } = row;
                format!("{source} {day} {reason} {rows}")
            });
            let rejected: Vec<String> = rejected.collect();
            let of_source = serde_json::json!({
                "days": days,
                "rejected": rejected,
                "remarks": remarks,
                "sample": sample,
                "rules": rules,
            });
            (source, of_source)
        });
        let sources: BTreeMap<_, _> = sources.collect();
        serde_json::json!({"next_sequence": next_sequence, "sources": sources})
    }

    #[test]
    fn days_that_are_read_again_are_counted_again_and_others_stay() {
        let mut unreported = Unreported::default();
        assert!(unreported.is_empty());
        unreported.add("orders", found(&[17, 20], &[(17, 2), (20, 5)], "a"));
        unreported.add("orders", found(&[20], &[(20, 1)], "b"));
        let expected = [("2026-11-17".to_owned(), 2), ("2026-11-20".to_owned(), 1)];
        let remarks = ["a", "b"].map(str::to_owned);
        assert_eq!(reported(&unreported), (expected.into(), remarks.into()));
    }

    #[test]
    fn a_day_is_told_by_the_first_publication_that_has_it() {
        let mut unreported = Unreported::default();
        unreported.add(
            "orders",
            found(&[19, 20, 21], &[(19, 1), (20, 2), (21, 3)], "a"),
        );
        let expected = |days: &[(u32, i64)]| -> Vec<(String, i64)> {
            let days = days.iter();
            days.map(|(of, rows)| (day(*of).to_string(), *rows))
                .collect()
        };
        assert_eq!(reported(&unreported).0, expected(&[(19, 1), (20, 2)]));
        unreported.leave_out_until(day(19));
        assert_eq!(reported(&unreported).0, expected(&[(20, 2)]));
        unreported.leave_out_until(day(20));
        assert_eq!(reported(&unreported), (Vec::new(), Vec::new()));
        assert!(!unreported.is_empty());
        unreported.leave_out_until(day(21));
        assert!(unreported.is_empty());
    }

    #[test]
    fn what_other_sql_counted_counts_for_nothing() {
        let mut unreported = Unreported::default();
        let edited = Found {
            rules: "by edited SQL".to_owned(),
            ..found(&[17, 20], &[(17, 200), (20, 500)], "a")
        };
        unreported.add("orders", edited);
        let rules = [("orders".to_owned(), "by SQL".to_owned())];
        unreported.keep_judged_by(&rules.into());
        unreported.add("orders", found(&[20], &[(20, 1)], "b"));
        let expected = [("2026-11-20".to_owned(), 1)];
        assert_eq!(
            reported(&unreported),
            (expected.into(), vec!["b".to_owned()])
        );
    }

    #[test]
    fn what_is_read_whole_is_told_as_it_is_read_last() {
        for days in [&[][..], &[17, 18, 20]] {
            let mut unreported = Unreported::default();
            unreported.add("orders", found(&[17, 20], &[(17, 2), (20, 5)], "a"));
            unreported.add("orders", found(days, &[(18, 1)], "b"));
            let expected = [("2026-11-18".to_owned(), 1)];
            assert_eq!(
                reported(&unreported),
                (expected.into(), vec!["b".to_owned()]),
                "{days:?}"
            );
        }
    }
}
