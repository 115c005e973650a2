//! What a report is asked for.

use crate::ground::SnapshotDate;
use crate::job::Language;
use crate::migration::Period;
use crate::night::RowCount;

/// A report that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReportRequest<'a> {
    /// The published date; the newest when none.
    pub date: Option<SnapshotDate>,
    /// Another published date since which moves are shown too, and with which the page opens.
    pub from: Option<SnapshotDate>,
    /// The period that the page opens with otherwise.
    pub period: Period,
    /// The language that it opens in.
    pub language: Language,
    /// How many users to be contacted it names.
    pub users: u32,
    /// The night that has just published the date, when it is one.
    pub night: Option<NightNotes<'a>>,
}

/// What a night found in its rows. It is told once, so that a report made later does not know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NightNotes<'a> {
    /// The run.
    pub run_id: &'a str,
    /// Rows that staging left out; none where the night has read no row of the date, whose tiles were there.
    pub rejected: Option<&'a [RowCount]>,
    /// What else is worth a look.
    pub warnings: &'a [String],
}

impl Default for ReportRequest<'_> {
    fn default() -> Self {
        Self {
            date: None,
            from: None,
            period: Period::Night,
            language: Language::default(),
            users: 0,
            night: None,
        }
    }
}
