//! Cut points, and the tier models under them.

use crate::calibration::Calibration;
use crate::ground::SqlSchema;
use crate::models::Parameters;
use crate::pack::{Catalog, Shape, cut_points};
use crate::plan::CalibrationPlan;

use super::comparable::Scoring;
use super::context::Run;
use super::error::NightError;

/// The tiers of a scenario, planned.
pub(super) struct Tiers {
    /// The cut points, kept or new.
    pub calibration: Calibration,
    /// The parameters of SQL, cut points among them.
    pub parameters: Parameters,
    /// What `dim_tier` lists.
    pub shape: Shape,
    /// What earlier snapshots can be compared by.
    pub scoring: Scoring,
}

impl Run<'_> {
    /// The calibration that the scenario scores by: the kept one, or a new one that is to be kept.
    pub(super) async fn calibration(
        &self,
        catalog: &mut Catalog<'_>,
    ) -> Result<Calibration, NightError> {
        let date = self.scenario.date;
        let id = self.plan.calibrations.next(date);
        match self.scenario.cut_points {
            CalibrationPlan::Use(calibration) => Ok(calibration.clone()),
            CalibrationPlan::Calibrate => {
                let users = cut_points::measure(catalog, self.scenario.project).await?;
                let short = self.plan.short_history(users.metrics());
                let full_from = short.map(|short| short.full_from);
                Ok(Calibration::computed(id, date, &users, full_from)?)
            }
            CalibrationPlan::Keep(given) => {
                let users = cut_points::measure(catalog, self.scenario.project).await?;
                Ok(Calibration::by_hand(id, date, given, &users))
            }
        }
    }

    /// Plans the tier models under a calibration, and returns the parameters of SQL; tables that
    /// were planned under another stay as they were.
    pub(crate) async fn plan_tiers(
        &self,
        catalog: &mut Catalog<'_>,
        calibration: &Calibration,
    ) -> Result<Parameters, NightError> {
        let parameters = self.scenario.project.parameters.clone();
        let parameters = calibration.parameters(parameters);
        catalog
            .register_models(&[SqlSchema::Tiers], &parameters)
            .await?;
        Ok(parameters)
    }

    /// Plans the tier models, and reads what they list.
    pub(super) async fn tiers(
        &self,
        catalog: &mut Catalog<'_>,
        calibration: Calibration,
    ) -> Result<Tiers, NightError> {
        let parameters = self.plan_tiers(catalog, &calibration).await?;
        let shape = Shape::read(catalog, self.scenario.project, self.job, &parameters).await?;
        let scoring = Scoring::of(self, &shape.dimensions, &calibration);
        let is_comparable = scoring.is_comparable_to_week_ago(self);
        Ok(Tiers {
            parameters: parameters.comparing_with_week_ago(is_comparable),
            calibration,
            shape,
            scoring,
        })
    }
}
