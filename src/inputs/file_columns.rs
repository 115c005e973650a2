//! A file's own columns as the declared ones, while it is scanned.
//!
//! The engine asks for an adapter per file. Every column of an expression is replaced by the
//! column of the file that it stands for ([`find`]), in the type that SQL sees:
//!
//! | the file's column | is read as |
//! |---|---|
//! | missing | NULL |
//! | of the declared type | it is |
//! | an instant | [`Instant`] |
//! | of a narrower type | a cast |

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, lit};
use datafusion_physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use super::column_names::{Found, find};
use super::file_error::Refused;
use super::instant::Instant;

/// Makes the adapter of each file of a source.
#[derive(Debug)]
pub(super) struct FileColumns;

impl PhysicalExprAdapterFactory for FileColumns {
    fn create(
        &self,
        declared: SchemaRef,
        of_file: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        Ok(Arc::new(OfFile { declared, of_file }))
    }
}

#[derive(Debug)]
struct OfFile {
    declared: SchemaRef,
    of_file: SchemaRef,
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
        match find(&self.of_file, name, is_declared) {
            Found::One(index) => Ok(self.read_as(index, &Arc::new(declared.clone()))),
            Found::Missing => Ok(lit(ScalarValue::try_new_null(declared.data_type())?)),
            Found::Ambiguous(columns) => Err(Refused::Ambiguous {
                column: name.to_owned(),
                columns,
            }
            .into()),
        }
    }

    fn read_as(&self, index: usize, declared: &FieldRef) -> Arc<dyn PhysicalExpr> {
        let found = self.of_file.field(index);
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(found.name(), index));
        if found.data_type() == declared.data_type() {
            return column;
        }
        match declared.data_type() {
            DataType::Timestamp(..) => Arc::new(Instant::of(column, declared)),
            _ => {
                let declared = Arc::clone(declared);
                Arc::new(CastExpr::new_with_target_field(column, declared, None))
            }
        }
    }
}
