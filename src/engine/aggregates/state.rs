//! The state of an aggregate as a value of its own.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, StructArray, new_empty_array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr};

use super::one_group::OneGroup;

/// An aggregate over arguments of some types, and what its state is: a single field as it is,
/// several as a STRUCT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AggregateState {
    function: Arc<AggregateUDF>,
    arguments: Vec<FieldRef>,
    fields: Fields,
    value_type: DataType,
    is_of_engine: bool,
}

impl AggregateState {
    /// The state of a function of ours.
    ///
    /// # Errors
    /// Arguments that the function does not take.
    pub fn of(function: impl Into<AggregateUDF>, arguments: &[DataType]) -> Result<Self> {
        Self::new(Arc::new(function.into()), arguments, false)
    }

    /// The state of a function of the engine, which another version may keep otherwise.
    ///
    /// # Errors
    /// Arguments that the function does not take.
    pub fn of_engine(function: Arc<AggregateUDF>, arguments: &[DataType]) -> Result<Self> {
        Self::new(function, arguments, true)
    }

    fn new(
        function: Arc<AggregateUDF>,
        arguments: &[DataType],
        is_of_engine: bool,
    ) -> Result<Self> {
        let arguments = arguments.iter().enumerate();
        let arguments: Vec<FieldRef> = arguments
            .map(|(at, of)| Arc::new(Field::new(format!("a{at}"), of.clone(), true)))
            .collect();
        let returned = function.return_field(&arguments)?;
        let fields = function.state_fields(StateFieldsArgs {
            name: function.name(),
            input_fields: &arguments,
            return_field: Arc::clone(&returned),
            ordering_fields: &[],
            is_distinct: false,
        })?;
        Ok(Self {
            value_type: returned.data_type().clone(),
            fields: fields.into(),
            arguments,
            function,
            is_of_engine,
        })
    }

    /// Whether the engine decides what is in a state.
    pub fn is_of_engine(&self) -> bool {
        self.is_of_engine
    }

    /// The type of a state.
    pub fn data_type(&self) -> DataType {
        match self.fields.as_ref() {
            [only] => only.data_type().clone(),
            _ => DataType::Struct(self.fields.clone()),
        }
    }

    /// The type of a value.
    pub fn value_type(&self) -> &DataType {
        &self.value_type
    }

    /// The function that gives the value.
    pub fn function(&self) -> Arc<AggregateUDF> {
        Arc::clone(&self.function)
    }

    /// The function of the same arguments that gives the state.
    pub fn state_function(&self) -> Arc<AggregateUDF> {
        Arc::new(AggregateUDF::from(StateOf {
            signature: Signature::any(self.arguments.len(), Volatility::Immutable),
            state: self.clone(),
        }))
    }

    /// Merges the states of many groups.
    ///
    /// # Errors
    /// Types that the function has no accumulator for.
    pub fn merger(&self) -> Result<StateMerger> {
        Ok(StateMerger {
            state: self.clone(),
            groups: self.accumulator()?,
        })
    }

    fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>> {
        let arguments = self.arguments.iter().enumerate();
        let arguments = arguments.map(|(at, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), at));
            column
        });
        let schema = Schema::new(self.arguments.clone());
        let aggregate = AggregateExprBuilder::new(self.function(), arguments.collect())
            .schema(Arc::new(schema))
            .alias(self.function.name())
            .build()?;
        if aggregate.groups_accumulator_supported() {
            return aggregate.create_groups_accumulator();
        }
        let one_group = move || aggregate.create_accumulator();
        Ok(Box::new(GroupsAccumulatorAdapter::new(one_group)))
    }

    fn packed(&self, mut state: Vec<ArrayRef>) -> Result<ArrayRef> {
        if state.len() == 1 {
            return Ok(state.remove(0));
        }
        let packed = StructArray::try_new(self.fields.clone(), state, None)?;
        Ok(Arc::new(packed))
    }

    fn unpacked(&self, states: &ArrayRef) -> Vec<ArrayRef> {
        match self.fields.len() {
            1 => vec![Arc::clone(states)],
            _ => states.as_struct().columns().to_vec(),
        }
    }
}

/// Merges states, group by group.
pub struct StateMerger {
    state: AggregateState,
    groups: Box<dyn GroupsAccumulator>,
}

impl StateMerger {
    /// Adds states to their groups, of which there are `count`.
    ///
    /// # Errors
    /// Numbers that outgrow their type, and states that are none.
    pub fn add(&mut self, states: &ArrayRef, groups: &[usize], count: usize) -> Result<()> {
        let states = self.state.unpacked(states);
        self.groups.merge_batch(&states, groups, count)
    }

    /// The states of `count` groups; nothing is left behind.
    ///
    /// # Errors
    /// What the function gives.
    pub fn states(&mut self, count: usize) -> Result<ArrayRef> {
        self.add(&new_empty_array(&self.state.data_type()), &[], count)?;
        let states = self.groups.state(EmitTo::All)?;
        self.state.packed(states)
    }

    /// The values of `count` groups; nothing is left behind.
    ///
    /// # Errors
    /// Values that outgrow their type.
    pub fn values(&mut self, count: usize) -> Result<ArrayRef> {
        self.add(&new_empty_array(&self.state.data_type()), &[], count)?;
        self.groups.evaluate(EmitTo::All)
    }
}

/// The function that gives the state of another.
#[derive(Debug, PartialEq, Eq, Hash)]
struct StateOf {
    signature: Signature,
    state: AggregateState,
}

impl AggregateUDFImpl for StateOf {
    fn name(&self) -> &'static str {
        "state_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.state.data_type())
    }

    fn state_fields(&self, _arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(self.state.fields.iter().cloned().collect())
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let inputs = self.state.arguments.iter();
        let inputs: Vec<ArrayRef> = inputs
            .map(|field| new_empty_array(field.data_type()))
            .collect();
        let groups = self.create_groups_accumulator(arguments)?;
        Ok(Box::new(OneGroup::of(groups, &inputs)?))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(GivesState {
            groups: self.state.accumulator()?,
            state: self.state.clone(),
        }))
    }
}

/// Accumulates as the function does, and gives the state for a value.
struct GivesState {
    state: AggregateState,
    groups: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for GivesState {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.groups.update_batch(values, groups, filter, count)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let state = self.groups.state(emit_to)?;
        self.state.packed(state)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.groups.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.groups.merge_batch(values, groups, count)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        self.groups.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.groups.size()
    }
}
