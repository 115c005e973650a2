//! Who gets a first score, and who loses the last one.

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::delay_limits::{AtOnce, DelayLimits, Unscored};

/// What a batch says of its users' scores, row by row; nothing where nobody can tell.
#[derive(Debug, Default)]
pub(super) struct ScoreChanges(Option<[BooleanArray; 2]>);

impl ScoreChanges {
    /// Of today's rows and of the previous snapshot's, NULL for users whom it did not have.
    pub(super) fn of(
        limits: &DelayLimits,
        today: &RecordBatch,
        previous: Option<&RecordBatch>,
    ) -> Result<Self, ArrowError> {
        let (Some(unscored), Some(previous)) = (&limits.unscored, previous) else {
            return Ok(Self::default());
        };
        let both = [previous, today].map(|batch| is_unscored(unscored, batch));
        let [before, now] = both;
        Ok(Self(before?.zip(now?).map(|(before, now)| [before, now])))
    }

    /// Why the user of a row is shown so at once.
    pub(super) fn at(&self, row: usize) -> Option<AtOnce> {
        let both = self.0.as_ref()?;
        let known = both
            .each_ref()
            .map(|side| side.is_valid(row).then(|| side.value(row)));
        match known {
            [Some(false), Some(true)] => Some(AtOnce::Unscored),
            [Some(true), Some(false)] => Some(AtOnce::FirstScore),
            _ => None,
        }
    }
}

/// Whether each user of a batch has no score; none where the batch does not tell.
fn is_unscored(
    unscored: &Unscored,
    batch: &RecordBatch,
) -> Result<Option<BooleanArray>, ArrowError> {
    let Some(tiers) = batch.column_by_name(&unscored.dimension) else {
        return Ok(None);
    };
    let tiers = cast(tiers, &DataType::Utf8View)?;
    let tiers = tiers.as_string_view().iter();
    let is_unscored = tiers.map(|tier| tier.map(|tier| tier == unscored.tier));
    Ok(Some(is_unscored.collect()))
}
