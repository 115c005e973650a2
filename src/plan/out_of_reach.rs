//! What needs expired days whose rows nothing gives any more, and what to do about it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;

use crate::ground::TableName;
use crate::tiles::Change;

use super::error::HistoryError;
use super::rollups::RollupTiles;

/// Something that needs days whose rows nothing gives any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfReach {
    /// The rollup, or the model that reads staging directly.
    pub model: TableName,
    /// The days that it needs and cannot have.
    pub days: BTreeSet<NaiveDate>,
    /// Why no tile gives them.
    pub because: Because,
}

/// Why the rows of expired days are not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// How a rollup differs from its stored tiles.
    Tiles(Change),
    /// Staging reads a source across days, so that no tile can be made without them.
    ReadsAcrossDays,
    /// A model does not read tiles.
    ReadsStaging,
}

impl RollupTiles {
    /// What the tiles of a night would need and cannot have.
    pub(crate) fn out_of_reach(&self) -> Option<OutOfReach> {
        let days = self.days_out_of_reach();
        if days.is_empty() {
            return None;
        }
        let of_whole = self.expired_of_whole();
        let (days, because) = match of_whole.is_empty() {
            true => {
                let change = self.change_since_stored(&days);
                (days, Because::Tiles(change))
            }
            false => (of_whole.clone(), Because::ReadsAcrossDays),
        };
        Some(OutOfReach {
            model: self.plan.rollup.clone(),
            days,
            because,
        })
    }
}

impl OutOfReach {
    /// The day from which on the model can see everything.
    pub(super) fn start_after(&self) -> Option<NaiveDate> {
        self.days.last()?.succ_opt()
    }

    fn remedy(&self) -> &'static str {
        match self.because {
            Because::Tiles(Change::Sql | Change::Format) => ", put the SQL and the parameters back",
            Because::Tiles(Change::Reference) => ", put the reference file back",
            Because::ReadsAcrossDays => ", read the source day by day",
            Because::Tiles(Change::New) => ", or the tiles from a copy",
            Because::Tiles(Change::Files) => {
                ", or the tiles from a copy, or move the sources back to the paths that they had: tiles are found by them"
            }
            Because::ReadsStaging => {
                ", read them through windows(..) of a rollup, or add a condition on day"
            }
        }
    }
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = match self.because {
            Because::Tiles(Change::New) => "it has no tiles",
            Because::Tiles(Change::Files) => "their tiles are gone or hold other files",
            Because::Tiles(Change::Sql | Change::Format) => {
                "the stored tiles were made by other SQL or parameters"
            }
            Because::Tiles(Change::Reference) => {
                "the stored tiles were made with another reference file"
            }
            Because::ReadsAcrossDays => {
                "its staging reads the source across days, so that every new tile needs all of them"
            }
            Because::ReadsStaging => "it reads staging directly and not tiles",
        };
        let days = span(&self.days);
        write!(
            formatter,
            "`{}` needs {days}, of which the raw files have expired, and {because}",
            self.model
        )
    }
}

/// `3 days, 2026-07-01 to 2026-07-05`.
pub(crate) fn span(days: &BTreeSet<NaiveDate>) -> String {
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("{} days, {first} to {last}", days.len())
        }
        (first, _) => first.map(NaiveDate::to_string).unwrap_or_default(),
    }
}

/// Refuses what cannot be had.
pub(crate) fn refuse(missing: &[OutOfReach]) -> Result<(), HistoryError> {
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let needs: Vec<String> = missing.iter().map(OutOfReach::to_string).collect();
    Err(HistoryError::OutOfReach {
        needs: needs.join("; "),
        remedy: first.remedy(),
    })
}
