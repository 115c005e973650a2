//! `last_n_distinct(x, n ORDER BY t, tie)`: the last n distinct values, the last one first.
//!
//! ```text
//! last_n_distinct(content_id, 3 ORDER BY occurred_at, content_id)   -- [soap, towel, comb]
//! ```
//!
//! NULL is no value; without any the list is NULL. Of rows that tie whatever the order says, the
//! larger value is the later one.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{plan_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;
use datafusion::scalar::ScalarValue;

use super::one_group::OneGroup;
use super::ordered_values::{Groups, Rule};

/// What SQL calls it.
pub const LAST_N_DISTINCT: &str = "last_n_distinct";

/// The most values of a list.
pub const MOST_VALUES: usize = 100;

/// The function as SQL has it.
pub(in crate::engine) fn last_n_distinct() -> Arc<AggregateUDF> {
    static FUNCTION: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
        Arc::new(AggregateUDF::from(LastNDistinct {
            signature: Signature::any(2, Volatility::Immutable),
        }))
    });
    Arc::clone(&FUNCTION)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LastNDistinct {
    signature: Signature,
}

impl LastNDistinct {
    /// The accumulator of the value and the keys that follow on the two arguments.
    fn groups(arguments: &AccumulatorArgs<'_>) -> Result<Groups> {
        if arguments.order_bys.is_empty() {
            return plan_err!("{LAST_N_DISTINCT} without an ORDER BY");
        }
        let limit = arguments.exprs[1].downcast_ref::<Literal>();
        let limit = limit.and_then(|limit| limit_of(limit.value()));
        let limit = limit.ok_or_else(|| {
            plan_datafusion_err!(
                "how many values {LAST_N_DISTINCT} gives is not a number from 1 to {MOST_VALUES}"
            )
        })?;
        let mut types = vec![arguments.expr_fields[0].data_type().clone()];
        for key in arguments.order_bys {
            types.push(key.expr.data_type(arguments.schema)?);
        }
        let options = arguments.order_bys.iter().map(|key| key.options);
        let by_key: Vec<SortOptions> = options.collect();
        Rule::last_distinct(&by_key, limit).accumulator(&types)
    }
}

/// A number of values that may be asked for.
pub fn limit_of(value: &ScalarValue) -> Option<usize> {
    if !value.data_type().is_integer() {
        return None;
    }
    let ScalarValue::Int64(Some(limit)) = value.cast_to(&DataType::Int64).ok()? else {
        return None;
    };
    let limit = usize::try_from(limit).ok()?;
    (1..=MOST_VALUES).contains(&limit).then_some(limit)
}

impl AggregateUDFImpl for LastNDistinct {
    fn name(&self) -> &'static str {
        LAST_N_DISTINCT
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(Rule::last_distinct(&[], 1).value_type(&arguments[0]))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        // The engine hands over what rows are ordered by only where the order matters.
        AggregateOrderSensitivity::Beneficial
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        _is_ordered: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let keys = arguments.ordering_fields.iter();
        let value = arguments.input_fields[..1].iter();
        let types = value.chain(keys).map(|field| field.data_type().clone());
        Ok(vec![Rule::state_field(&types.collect::<Vec<_>>())])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let groups = Self::groups(&arguments)?;
        let mut nothing = groups.nothing();
        nothing.insert(1, Arc::clone(&nothing[0]));
        let groups = Box::new(WithoutLimit(groups));
        Ok(Box::new(OneGroup::of(groups, &nothing)?))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(WithoutLimit(Self::groups(&arguments)?)))
    }
}

/// Passes on the value and the keys, and not the column between them that says how many.
struct WithoutLimit(Groups);

fn without_limit(values: &[ArrayRef]) -> Vec<ArrayRef> {
    [&values[..1], &values[2..]].concat()
}

impl GroupsAccumulator for WithoutLimit {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        let values = without_limit(values);
        self.0.update_batch(&values, groups, filter, count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.0.merge_batch(states, groups, count)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(&without_limit(values), filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
