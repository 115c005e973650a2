//! What the tiers of a date are computed from, as one value: "the same night, but ..." is another
//! value of it.
//!
//! Which files are opened, which tiles are made and which rejected rows are counted the
//! [plan](crate::plan) says: a scenario with another date or other data needs a plan of its own.

use chrono::NaiveDate;

use crate::ground::SnapshotDate;
use crate::pack::Project;
use crate::plan::{CalibrationPlan, Plan};
use crate::publish::Publication;

/// The argument of what computes: staging over [sources](super::sources),
/// [cut points and tiers](super::tiers), [settled rows](super::settled).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario<'a> {
    /// The snapshot date, D.
    pub date: SnapshotDate,
    /// The last day whose files are read. The tiles have to be planned up to the same day.
    pub data_through: NaiveDate,
    /// Where the cut points come from.
    pub cut_points: &'a CalibrationPlan,
    /// The SQL that everything is computed by.
    pub project: &'a Project,
    /// The published snapshot that grace and hold go on from; none where there is nobody before.
    pub previous: Option<&'a Publication>,
}

impl<'a> Scenario<'a> {
    /// The night as it is planned.
    pub(crate) fn of(plan: &'a Plan, project: &'a Project) -> Self {
        Self {
            date: plan.snapshot_date,
            data_through: plan.snapshot_date.day(),
            cut_points: &plan.calibration,
            project,
            previous: plan.previous.as_ref(),
        }
    }
}
