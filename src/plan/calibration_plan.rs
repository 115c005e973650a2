//! Where the cut points of a night come from.

use crate::calibration::Calibration;
use crate::job::GivenCuts;

/// Where the cut points come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalibrationPlan {
    /// A kept calibration.
    Use(Calibration),
    /// There is none yet: this run calibrates.
    Calibrate,
    /// Cut points given by hand that are not those of the newest calibration: this run keeps them.
    Keep(Vec<GivenCuts>),
}

impl CalibrationPlan {
    /// The id of the calibration, where it is kept already.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Use(calibration) => Some(&calibration.id),
            Self::Calibrate | Self::Keep(_) => None,
        }
    }
}
