//! Batches as the bytes of a file: CSV, Parquet or JSON, one object a line.
//!
//! | | CSV | JSON | Parquet |
//! |---|---|---|---|
//! | header | the names of the columns | in each line | in the file |
//! | NULL | an empty field, as an empty text is | `null` | NULL |
//! | DATE, TIMESTAMP | `2026-11-20`, `2026-11-20T08:00:00Z` | the same as texts | their types |
//! | DECIMAL | all digits | a number of all digits | its type |
//! | text with a comma, a quote or a line break | quoted, as RFC 4180 has it | escaped | as it is |

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::csv;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// What some spreadsheets need to see that a file is UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What a text begins with that a spreadsheet takes for a formula.
const BEGINS_FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The bytes of a row group, encoded, after which another begins: many files may be written at once.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// Parquet with zstd.
    Parquet,
    /// JSON, one object a line.
    Json,
}

impl Format {
    /// What the names of its files end in; the first is the usual one.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["csv"],
            Self::Parquet => &["parquet"],
            Self::Json => &["ndjson", "jsonl", "json"],
        }
    }
}

/// What files are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What they are.
    pub format: Format,
    /// Whether a CSV begins with a mark of UTF-8.
    pub has_bom: bool,
    /// Whether texts of a CSV that a spreadsheet would take for formulas begin with `'`.
    pub escapes_formulas: bool,
}

/// Turns the batches of one file into its bytes.
pub(super) struct Encoder {
    form: Form,
    schema: SchemaRef,
    has_begun: bool,
    /// The Parquet file so far, but for the bytes that are handed on already.
    parquet: Option<ArrowWriter<Vec<u8>>>,
}

impl Encoder {
    /// A file of these columns; batches may have others after them.
    pub(super) fn new(form: Form, schema: &SchemaRef) -> Result<Self, ArrowError> {
        let parquet = match form.format {
            Format::Parquet => Some(parquet_writer(schema)?),
            Format::Csv | Format::Json => None,
        };
        Ok(Self {
            form,
            schema: Arc::clone(schema),
            has_begun: false,
            parquet,
        })
    }

    /// The next bytes.
    pub(super) fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let batch = self.plain(batch)?;
        let mut bytes = self.begin();
        if let Some(parquet) = &mut self.parquet {
            parquet.write(&batch)?;
            if parquet.in_progress_size() > ROW_GROUP_BYTES {
                parquet.flush()?;
            }
            return Ok(std::mem::take(parquet.inner_mut()));
        }
        match self.form.format {
            Format::Json => {
                let builder = json::WriterBuilder::new().with_explicit_nulls(true);
                let mut writer = builder.build::<_, json::writer::LineDelimited>(&mut bytes);
                writer.write(&batch)?;
                writer.finish()?;
            }
            _ => self.write_csv(&batch, &mut bytes)?,
        }
        Ok(bytes)
    }

    /// The last bytes.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        if let Some(parquet) = &mut self.parquet {
            parquet.finish()?;
            return Ok(std::mem::take(parquet.inner_mut()));
        }
        let mut bytes = self.begin();
        if self.form.format == Format::Csv {
            // A file without rows has its header all the same.
            let none = RecordBatch::new_empty(Arc::clone(&self.schema));
            self.write_csv(&none, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// What is before everything else.
    fn begin(&self) -> Vec<u8> {
        let is_first = !self.has_begun && self.form.format == Format::Csv;
        match is_first && self.form.has_bom {
            true => BOM.to_vec(),
            false => Vec::new(),
        }
    }

    fn write_csv(&mut self, batch: &RecordBatch, bytes: &mut Vec<u8>) -> Result<(), ArrowError> {
        let builder = csv::WriterBuilder::new()
            .with_header(!self.has_begun)
            .with_line_terminator(csv::writer::Terminator::CRLF);
        let mut writer = builder.build(bytes);
        self.has_begun = true;
        writer.write(batch)
    }

    /// The columns that are written, texts as plain texts.
    fn plain(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let fields = self.schema.fields().iter();
        let columns = fields.zip(batch.columns()).map(|(field, column)| {
            let column = match field.data_type() == column.data_type() {
                true => Arc::clone(column),
                false => cast(column, field.data_type())?,
            };
            let is_text = *field.data_type() == DataType::Utf8;
            Ok(match is_text && self.form.escapes_formulas {
                true => without_formulas(&column),
                false => column,
            })
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

/// No schema of Arrow's is kept in the file: what is not in Parquet itself, readers do without.
fn parquet_writer(schema: &SchemaRef) -> Result<ArrowWriter<Vec<u8>>, ArrowError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options);
    Ok(writer?)
}

/// Texts that a spreadsheet shows and does not compute.
fn without_formulas(column: &ArrayRef) -> ArrayRef {
    let texts = column.as_string::<i32>();
    let escaped = texts.iter().map(|text| {
        text.map(|text| match text.starts_with(BEGINS_FORMULA) {
            true => format!("'{text}"),
            false => text.to_owned(),
        })
    });
    Arc::new(escaped.collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        TimestampMicrosecondArray,
    };
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn rows() -> RecordBatch {
        let texts = ["=1+1", "a \"b\", c", "two\nlines"].map(Some);
        let texts: Vec<Option<&str>> = texts.into_iter().chain([None]).collect();
        let revenue = [Some(12_345), Some(-5), Some(i128::from(i64::MAX)), None];
        let revenue: Decimal128Array = revenue.into_iter().collect();
        let instants = [Some(0), Some(1_500_000), None, None];
        let instants: TimestampMicrosecondArray = instants.into_iter().collect();
        let columns: [(&str, ArrayRef, bool); 7] = [
            (
                "user_id",
                Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
                true,
            ),
            ("note", Arc::new(StringArray::from(texts)), true),
            (
                "revenue",
                Arc::new(revenue.with_precision_and_scale(38, 2).unwrap()),
                true,
            ),
            (
                "day",
                Arc::new(Date32Array::from(vec![Some(20_777), Some(0), None, None])),
                true,
            ),
            ("at", Arc::new(instants.with_timezone("UTC")), true),
            (
                "rate",
                Arc::new(Float64Array::from(vec![Some(0.1), Some(3.0), None, None])),
                true,
            ),
            (
                "is_new",
                Arc::new(BooleanArray::from(vec![
                    Some(true),
                    Some(false),
                    None,
                    None,
                ])),
                true,
            ),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    /// The bytes of a file whose rows come in two batches.
    fn encoded(form: Form) -> Vec<u8> {
        let rows = rows();
        let mut encoder = Encoder::new(form, &rows.schema()).unwrap();
        let mut bytes = encoder.encode(&rows.slice(0, 1)).unwrap();
        bytes.extend(encoder.encode(&rows.slice(1, 3)).unwrap());
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    fn form(format: Format) -> Form {
        Form {
            format,
            has_bom: false,
            escapes_formulas: false,
        }
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        let text = String::from_utf8(encoded(form(Format::Csv))).unwrap();
        insta::assert_snapshot!(text.replace("\r\n", "|\n"), @r#"
        user_id,note,revenue,day,at,rate,is_new|
        1,=1+1,123.45,2026-11-20,1970-01-01T00:00:00Z,0.1,true|
        2,"a ""b"", c",-0.05,1970-01-01,1970-01-01T00:00:01.500Z,3.0,false|
        3,"two
        lines",92233720368547758.07,,,,|
        4,,,,,,|
        "#);
        let for_spreadsheets = Form {
            has_bom: true,
            escapes_formulas: true,
            ..form(Format::Csv)
        };
        let guarded = String::from_utf8(encoded(for_spreadsheets)).unwrap();
        let expected = format!("\u{feff}{}", text.replace(",=1+1,", ",'=1+1,"));
        assert_eq!(guarded, expected);
    }

    #[test]
    fn json_has_an_object_a_line() {
        let text = String::from_utf8(encoded(form(Format::Json))).unwrap();
        insta::assert_snapshot!(text, @r#"
        {"user_id":1,"note":"=1+1","revenue":123.45,"day":"2026-11-20","at":"1970-01-01T00:00:00Z","rate":0.1,"is_new":true}
        {"user_id":2,"note":"a \"b\", c","revenue":-0.05,"day":"1970-01-01","at":"1970-01-01T00:00:01.500Z","rate":3.0,"is_new":false}
        {"user_id":3,"note":"two\nlines","revenue":92233720368547758.07,"day":null,"at":null,"rate":null,"is_new":null}
        {"user_id":4,"note":null,"revenue":null,"day":null,"at":null,"rate":null,"is_new":null}
        "#);
    }

    #[test]
    fn parquet_reads_back_as_it_was() {
        let bytes = bytes::Bytes::from(encoded(form(Format::Parquet)));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        let read: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let [read] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!(read.columns(), rows().columns());
    }

    #[test]
    fn a_file_without_rows_has_its_columns() {
        let schema = rows().schema();
        let of_format = |format| {
            let mut encoder = Encoder::new(form(format), &schema).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(
            of_format(Format::Csv),
            b"user_id,note,revenue,day,at,rate,is_new\r\n"
        );
        assert_eq!(of_format(Format::Json), b"");
        let parquet = bytes::Bytes::from(of_format(Format::Parquet));
        let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap();
        assert_eq!(reader.schema().fields().len(), 7);
    }
}
