//! A file's own columns as the declared ones, while it is scanned.
//!
//! The engine asks for an adapter per file. Every column of an expression is replaced by the
//! column of the file that it stands for ([`find`]), in the type that SQL sees:
//!
//! | the file's column | is read as |
//! |---|---|
//! | in its [path](super::path_values) | that value |
//! | missing | NULL |
//! | of the declared type | it is |
//! | an instant | [`Instant`] |
//! | of the type NULL | NULL |
//! | of another kind than declared | [`Converted`] |
//! | of a narrower type | a cast |

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, lit};
use datafusion_physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use crate::engine::Refused;
use crate::ground::sql_type;

use super::PathValues;
use super::column_names::{Found, find};
use super::converted::{Converted, is_converted};
use super::footer_notes::byte_columns;
use super::instant::Instant;
use super::path_values::{InPath, typed};

/// Makes the adapter of each file of a source.
#[derive(Debug)]
pub(super) struct FileColumns;

impl PhysicalExprAdapterFactory for FileColumns {
    fn create(
        &self,
        declared: SchemaRef,
        of_file: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let values = PathValues::of_note(&of_file);
        let bytes = byte_columns(&of_file);
        Ok(Arc::new(OfFile {
            declared,
            of_file,
            values,
            bytes,
        }))
    }
}

#[derive(Debug)]
struct OfFile {
    declared: SchemaRef,
    of_file: SchemaRef,
    values: PathValues,
    /// Columns that may be taken for texts, and that nobody has looked at.
    bytes: BTreeSet<String>,
}

impl PhysicalExprAdapter for OfFile {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let replace = |node: Arc<dyn PhysicalExpr>| {
            let Some(column) = node.downcast_ref::<Column>() else {
                return Ok(Transformed::no(node));
            };
            self.read(column.name()).map(Transformed::yes)
        };
        // From below: what replaces a column has columns of the file in it.
        expression.transform_up(replace).data()
    }
}

impl OfFile {
    fn read(&self, name: &str) -> Result<Arc<dyn PhysicalExpr>> {
        let (_, declared) = self.declared.column_with_name(name).ok_or_else(|| {
            datafusion::error::DataFusionError::Internal(format!("`{name}` is not declared"))
        })?;
        let is_declared = |name: &str| self.declared.column_with_name(name).is_some();
        if let Some(in_path) = self.values.find(name, is_declared) {
            return in_path_as(in_path, declared);
        }
        match find(&self.of_file, name, is_declared) {
            Found::One(index) => self.read_as(index, &Arc::new(declared.clone())),
            Found::Missing => Ok(lit(ScalarValue::try_new_null(declared.data_type())?)),
            Found::Ambiguous(columns) => Err(Refused::Ambiguous {
                column: name.to_owned(),
                columns,
            }
            .into()),
        }
    }

    fn read_as(&self, index: usize, declared: &FieldRef) -> Result<Arc<dyn PhysicalExpr>> {
        let found = self.of_file.field(index);
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(found.name(), index));
        if declared.data_type().is_string() && self.bytes.contains(found.name()) {
            return Ok(Arc::new(Converted::of(column, declared)));
        }
        if found.data_type() == declared.data_type() {
            return Ok(column);
        }
        if *found.data_type() == DataType::Null {
            return Ok(lit(ScalarValue::try_new_null(declared.data_type())?));
        }
        if is_converted(found.data_type(), declared.data_type()) {
            return Ok(Arc::new(Converted::of(column, declared)));
        }
        Ok(match declared.data_type() {
            DataType::Timestamp(..) => Arc::new(Instant::of(column, declared)),
            _ => {
                let declared = Arc::clone(declared);
                Arc::new(CastExpr::new_with_target_field(column, declared, None))
            }
        })
    }
}

/// What a path says of a column, in the type that SQL sees.
fn in_path_as(in_path: InPath<'_>, declared: &Field) -> Result<Arc<dyn PhysicalExpr>> {
    let column = || declared.name().clone();
    match in_path {
        InPath::Ambiguous(columns) => Err(Refused::Ambiguous {
            column: column(),
            columns: format!("in its path {columns}"),
        }
        .into()),
        InPath::Value(value) => match typed(value, declared.data_type()) {
            Some(value) => Ok(lit(value)),
            None => Err(Refused::Value {
                column: column(),
                what: format!(
                    "has a value in the path that is no {}",
                    sql_type(declared.data_type())
                ),
            }
            .into()),
        },
    }
}
