//! An accumulator of many groups as one of a single group, for queries that do not group.

use std::mem::size_of_val;
use std::sync::{Mutex, PoisonError};

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;

/// All rows as one group. The engine shares accumulators between threads, and those of groups not;
/// nobody ever waits for the lock.
pub(super) struct OneGroup(Mutex<Box<dyn GroupsAccumulator>>);

impl OneGroup {
    /// The one group of an accumulator that has none yet.
    ///
    /// # Errors
    /// What the accumulator gives.
    pub(super) fn of(mut groups: Box<dyn GroupsAccumulator>, inputs: &[ArrayRef]) -> Result<Self> {
        groups.update_batch(inputs, &[], None, 1)?;
        Ok(Self(Mutex::new(groups)))
    }

    fn groups(&mut self) -> &mut dyn GroupsAccumulator {
        let groups = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        groups.as_mut()
    }

    /// The state, which stays.
    fn arrays(&mut self) -> Result<Vec<ArrayRef>> {
        let state = self.groups().state(EmitTo::All)?;
        self.groups().merge_batch(&state, &[0], 1)?;
        Ok(state)
    }
}

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OneGroup")
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |values| values.len());
        self.groups().update_batch(values, &vec![0; rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // A running window asks again and again.
        let state = self.arrays()?;
        let value = self.groups().evaluate(EmitTo::All)?;
        self.groups().merge_batch(&state, &[0], 1)?;
        ScalarValue::try_from_array(&value, 0)
    }

    fn size(&self) -> usize {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        size_of_val(self) + groups.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = self.arrays()?;
        let values = state.iter().map(|one| ScalarValue::try_from_array(one, 0));
        values.collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |states| states.len());
        self.groups().merge_batch(states, &vec![0; rows], 1)
    }
}
