//! The results of functions that are NULL where an operand is.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::logical_expr::ReturnFieldArgs;

/// The result of a function that is NULL where an operand is: what may be NULL is as the engine's
/// own operators have it.
pub(super) fn field_of_strict(
    name: &str,
    data_type: &DataType,
    arguments: &ReturnFieldArgs<'_>,
) -> FieldRef {
    let mut fields = arguments.arg_fields.iter();
    let is_nullable = fields.any(|field| field.is_nullable());
    Arc::new(Field::new(name, data_type.clone(), is_nullable))
}
