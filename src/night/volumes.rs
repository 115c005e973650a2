//! How much the required sources delivered of the day, by the KPIs that the pack names for it: which
//! of these the audit `volume_as_usual` can go by, and what is to be said of those that it cannot.
//!
//! | the night's `kpi_daily` | the published dates before it | |
//! |---|---|---|
//! | has the metric | have it, 7 of them or more | judged |
//! | has the metric | are fewer than 7 | not judged yet |
//! | has the metric | are 7 or more, of which fewer have it | reported: the metric is new or was renamed |
//! | lacks it, or has no value | | reported |

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;

use crate::audits::built_in::{MIN_VOLUME_DATES, volumes_known};
use crate::engine::EngineError;
use crate::ground::{SqlSchema, TableName};
use crate::tables::KPI_DAILY;

use super::context::Run;
use super::error::NightError;

/// The volumes of the required sources.
pub(super) struct Volumes {
    /// Those that the pack may publish: none when it has no KPIs.
    pub known: Vec<String>,
    /// Those that it certainly does not.
    missing: Vec<String>,
}

/// What is known of one volume.
struct Known {
    metric: String,
    has_value: bool,
    dates: i64,
    of_dates: i64,
}

impl Known {
    fn remark(&self) -> Option<String> {
        let Self { metric, .. } = self;
        if !self.has_value {
            return Some(missing(std::slice::from_ref(metric)));
        }
        let is_due = self.of_dates >= MIN_VOLUME_DATES && self.dates < MIN_VOLUME_DATES;
        is_due.then(|| {
            format!(
                "volume_as_usual cannot judge {metric} yet: of the {} published dates before this one {} have it, and it takes {MIN_VOLUME_DATES}",
                self.of_dates, self.dates
            )
        })
    }
}

fn missing(metrics: &[String]) -> String {
    format!(
        "volume_as_usual cannot judge {}: `publish.kpi_daily` has no value of that name tonight, so a day that was delivered in part would pass; select it there, or set min_volume_share = 0 under [guards]",
        metrics.join(", ")
    )
}

impl Run<'_> {
    /// The volumes of the required sources, unless the job's guard is off.
    pub(super) fn volumes(&self) -> Volumes {
        let is_guarded = self.job.guards.min_volume_share > 0.0;
        let sources = self.job.sources.iter();
        let required = sources.filter(|(_, source)| is_guarded && source.required);
        let volumes = required.flat_map(|(name, _)| self.scenario.project.volumes_of(name));
        let kpis = TableName::new(SqlSchema::Publish, KPI_DAILY.name);
        let (known, missing) = match self.scenario.project.graph.model(&kpis) {
            Some(_) => (volumes.collect(), Vec::new()),
            None => (Vec::new(), volumes.collect()),
        };
        Volumes { known, missing }
    }

    /// What the audit cannot judge, and why.
    pub(super) async fn remarks_on_volumes(
        &self,
        volumes: &Volumes,
    ) -> Result<Vec<String>, NightError> {
        if !volumes.missing.is_empty() {
            return Ok(vec![missing(&volumes.missing)]);
        }
        if volumes.known.is_empty() {
            return Ok(Vec::new());
        }
        let engine = EngineError::during("looking for the volumes of the night");
        let found = self.session.sql(&volumes_known(&volumes.known)).await;
        let found = found.map_err(&engine)?.collect().await.map_err(&engine)?;
        let mut remarks = Vec::new();
        for batch in &found {
            let metrics = batch.column(0).as_string_view();
            let has_value = batch.column(1).as_boolean();
            let [dates, of_dates] =
                [2, 3].map(|index| batch.column(index).as_primitive::<Int64Type>());
            remarks.extend((0..batch.num_rows()).filter_map(|row| {
                let known = Known {
                    metric: metrics.value(row).to_owned(),
                    has_value: has_value.value(row),
                    dates: dates.value(row),
                    of_dates: of_dates.value(row),
                };
                known.remark()
            }));
        }
        Ok(remarks)
    }
}
