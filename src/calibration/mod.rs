//! Calibration: frozen cut points, computed once from the users of a date or given by hand, and kept.
//!
//! 1. [`calibrate`]: four values that split the scored users into fifths.
//! 2. [`fit_given`]: cut points of the job file against the metrics of the calibration models.
//! 3. [`Calibration`]: the immutable record of either below the output; [`KeptIds`] chooses one.

mod cut_points;
mod given_cuts;
mod record;

pub use cut_points::{CutPointError, CutPoints, Histogram, Histograms, SCORES, calibrate};
pub use given_cuts::{Metric, fit_given};
pub use record::{
    Calibration, CalibrationError, KeptIds, Origin, POPULATION, parameter_name, users_parameter,
};
