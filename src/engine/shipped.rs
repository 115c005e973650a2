//! Rows and columns as another process is told of them: Arrow's own streams, as hexadecimal text in JSON.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ground::{of_hex, to_hex};

/// Some rows; none where only columns are told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShippedRows(pub RecordBatch);

impl ShippedRows {
    /// Columns without rows.
    pub(crate) fn columns(schema: SchemaRef) -> Self {
        Self(RecordBatch::new_empty(schema))
    }

    fn to_stream(&self) -> Result<Vec<u8>, ArrowError> {
        let mut stream = StreamWriter::try_new(Vec::new(), self.0.schema_ref())?;
        stream.write(&self.0)?;
        stream.into_inner()
    }

    fn of_stream(bytes: &[u8]) -> Result<Self, ArrowError> {
        let stream = StreamReader::try_new(bytes, None)?;
        let schema = stream.schema();
        let batches = stream.collect::<Result<Vec<_>, _>>()?;
        concat_batches(&schema, &batches).map(Self)
    }
}

impl Serialize for ShippedRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stream = self.to_stream().map_err(S::Error::custom)?;
        serializer.serialize_str(&to_hex(&stream))
    }
}

impl<'de> Deserialize<'de> for ShippedRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let bytes = of_hex(&digits).ok_or_else(|| D::Error::custom("not hexadecimal"))?;
        Self::of_stream(&bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Decimal128Array, StringViewArray};

    use super::*;

    #[test]
    fn rows_and_columns_come_back_as_they_were() {
        let money = Decimal128Array::from(vec![Some(1_234), None]);
        let money = money.with_precision_and_scale(18, 2).unwrap();
        let columns: [(&str, ArrayRef); 2] = [
            (
                "user_id",
                Arc::new(StringViewArray::from(vec![
                    "a",
                    "of more than twelve bytes",
                ])),
            ),
            ("revenue", Arc::new(money)),
        ];
        let rows = ShippedRows(RecordBatch::try_from_iter(columns).unwrap());
        let columns = ShippedRows::columns(rows.0.schema());
        for shipped in [rows, columns] {
            let text = serde_json::to_string(&shipped).unwrap();
            assert_eq!(serde_json::from_str::<ShippedRows>(&text).unwrap(), shipped);
        }
    }
}
