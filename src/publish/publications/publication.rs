//! One publication: which version of every table belongs to a date.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ground::SnapshotDate;
use crate::tables::TIER_CURRENT;

/// The name of the table that has them all.
pub(in crate::publish) const PUBLICATIONS: &str = "publications";

/// What a publication says about its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationStatus {
    /// It is published.
    Published,
    /// It was published, and no longer is: its rows were wrong.
    Withdrawn,
    /// It was published, and no longer is: it is too old.
    Expired,
}

impl PublicationStatus {
    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// What a text of the table says. An older tierline wrote only of dates that are published.
    pub(super) fn of(text: &str) -> Self {
        let mut others = [Self::Withdrawn, Self::Expired].into_iter();
        others
            .find(|status| status.as_str() == text)
            .unwrap_or(Self::Published)
    }
}

/// A date as one run published it, withdrew it, or let it expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The snapshot date that it is about.
    pub snapshot_date: SnapshotDate,
    /// Whether the date is published since, withdrawn, or expired.
    pub status: PublicationStatus,
    /// The run that published the date, or withdrew it.
    pub run_id: String,
    /// Counts the publications of all dates; of one date the largest is valid.
    pub sequence: i64,
    /// The date that movements were counted from; none for the first.
    pub previous_snapshot_date: Option<SnapshotDate>,
    /// The run that had published that date; none where there is none.
    pub previous_run_id: Option<String>,
    /// Everything the run read, as one hash.
    pub input_fingerprint: String,
    /// The source files among it.
    pub source_fingerprint: String,
    /// The SQL the run was made with.
    pub sql_fingerprint: String,
    /// The cut points the run was made with.
    pub cutpoints_id: String,
    /// The record of all rules the run was made by; none where an older tierline published.
    pub rules_fingerprint: Option<String>,
    /// The rules of each dimension as fingerprints; none where the run did not record them.
    pub tier_rules: Option<String>,
    /// Names the record of the days of the sources; none where an older tierline published.
    pub source_record: Option<String>,
    /// The files of each source as fingerprints; none where an older tierline published.
    pub source_files: Option<String>,
    /// When, as the commits of its tables say; none where an older tierline published.
    pub published_at: Option<DateTime<Utc>>,
    /// What became of each table; one that the run left alone is missing.
    pub tables: BTreeMap<String, TableVersion>,
}

impl Publication {
    /// The name of the record of the days of the sources. An older tierline named it by all files.
    pub fn source_record(&self) -> &str {
        let record = self.source_record.as_ref();
        record.unwrap_or(&self.source_fingerprint)
    }

    /// Whether it says that its date is published.
    pub fn is_published(&self) -> bool {
        self.status == PublicationStatus::Published
    }

    /// Whether it says that its date was withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.status == PublicationStatus::Withdrawn
    }

    /// Whether it says that its date has expired.
    pub fn is_expired(&self) -> bool {
        self.status == PublicationStatus::Expired
    }

    /// Whether its date was the newest then, and so has the tables that keep the newest date alone.
    pub fn was_newest(&self) -> bool {
        self.tables.contains_key(TIER_CURRENT.name)
    }
}

/// A table's part of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableVersion {
    /// The version of the table that has the rows.
    pub version: i64,
    /// Rows that the publication put into the table.
    pub rows: u64,
}
