//! Cut points, and the tier models under them.

use crate::calibration::Calibration;
use crate::ground::SqlSchema;
use crate::models::Parameters;
use crate::pack::{Catalog, Shape, cut_points};
use crate::plan::CalibrationPlan;

use super::context::Run;
use super::error::NightError;
use super::scenario::Scenario;

/// The tiers of a scenario, planned.
pub(crate) struct Tiers {
    /// The cut points, kept or new.
    pub calibration: Calibration,
    /// The parameters of SQL, cut points among them.
    pub parameters: Parameters,
    /// What `dim_tier` lists.
    pub shape: Shape,
}

impl Run<'_> {
    /// The calibration that a scenario scores by: the kept one, or a new one that is to be kept.
    pub(crate) async fn calibration(
        &self,
        scenario: &Scenario<'_>,
        catalog: &mut Catalog<'_>,
    ) -> Result<Calibration, NightError> {
        let Scenario { date, project, .. } = *scenario;
        let id = self.plan.calibrations.next(date);
        match scenario.cut_points {
            CalibrationPlan::Use(calibration) => Ok(calibration.clone()),
            CalibrationPlan::Calibrate => {
                let users = cut_points::measure(catalog, project).await?;
                Ok(Calibration::computed(id, date, &users)?)
            }
            CalibrationPlan::Keep(given) => {
                let users = cut_points::measure(catalog, project).await?;
                Ok(Calibration::by_hand(id, date, given, &users))
            }
        }
    }

    /// Plans the tier models under a calibration, and reads what they list.
    pub(super) async fn tiers(
        &self,
        scenario: &Scenario<'_>,
        catalog: &mut Catalog<'_>,
        calibration: Calibration,
    ) -> Result<Tiers, NightError> {
        let parameters = scenario.plan_tiers(catalog, &calibration).await?;
        let project = scenario.project;
        let shape = Shape::read(catalog, project, self.job, &parameters).await?;
        Ok(Tiers {
            calibration,
            parameters,
            shape,
        })
    }
}

impl Scenario<'_> {
    /// Plans the tier models under a calibration, and returns the parameters of SQL; tables that
    /// were planned under another stay as they were.
    pub(crate) async fn plan_tiers(
        &self,
        catalog: &mut Catalog<'_>,
        calibration: &Calibration,
    ) -> Result<Parameters, NightError> {
        let parameters = calibration.parameters(self.project.parameters.clone());
        catalog
            .register_models(&[SqlSchema::Tiers], &parameters)
            .await?;
        Ok(parameters)
    }
}
