//! Reference tables: the pack's CSV files, read whole, their column types taken from the values.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::csv::ReaderBuilder;
use datafusion::arrow::csv::reader::Format;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::ground::{Diagnostic, SourceFile, TableName};

/// One CSV file as rows.
#[derive(Debug, Clone)]
pub struct ReferenceTable {
    /// The table, `reference.<name>`.
    pub name: TableName,
    /// The file, for messages and fingerprints.
    pub file: SourceFile,
    /// All rows; whole numbers are BIGINT, true and false BOOLEAN, the rest VARCHAR. Empty is
    /// NULL.
    pub rows: RecordBatch,
}

impl ReferenceTable {
    /// Reads a CSV file with a header line.
    ///
    /// # Errors
    /// What is not CSV, with the line where it goes wrong.
    pub fn read(name: TableName, file: SourceFile) -> Result<Self, Diagnostic> {
        file.check_visible()?;
        let rows = read_rows(&file.text).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.trim_start_matches("Csv error: ").to_owned();
            let line = line_named_in(&reason);
            let start = file.byte_at(line, 1);
            let end = file.byte_at(line, u64::MAX);
            Diagnostic::at(
                &file,
                start..end,
                format!("`{name}` cannot be read: {reason}"),
            )
            .help("a reference file is CSV with a header line and as many values on every line")
        })?;
        check_separator(&rows, &file)?;
        let rows = named_columns(&rows, &file)?;
        Ok(Self { name, file, rows })
    }

    /// A value as text: whole numbers in digits, `true` and `false`; none for NULL.
    pub fn value(&self, row: usize, column: usize) -> Option<String> {
        let column = self.rows.column(column);
        if column.is_null(row) {
            return None;
        }
        Some(match column.data_type() {
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Boolean => column.as_boolean().value(row).to_string(),
            _ => column.as_string::<i32>().value(row).to_owned(),
        })
    }

    /// The rows as CSV in one form, whatever the form of the file: lines end in a line feed, and quotes
    /// stand where they must.
    pub fn canonical_text(&self) -> String {
        let schema = self.rows.schema();
        let header = schema.fields().iter().map(|field| field.name().clone());
        let rows = (0..self.rows.num_rows()).map(|row| {
            let values = (0..self.rows.num_columns()).map(|column| self.value(row, column));
            values.map(Option::unwrap_or_default).collect::<Vec<_>>()
        });
        let records = std::iter::once(header.collect()).chain(rows);
        records.map(|values| line_of_csv(&values)).collect()
    }

    /// The line on which a row begins, counted from 1.
    pub fn line_of(&self, row: usize) -> u64 {
        let after_header = row + 1;
        records(&self.file.text).nth(after_header).unwrap_or(1)
    }
}

/// Spreadsheets of some countries separate by semicolons, or by tabs.
fn check_separator(rows: &RecordBatch, file: &SourceFile) -> Result<(), Diagnostic> {
    let [only] = &rows.schema_ref().fields()[..] else {
        return Ok(());
    };
    let found = [(';', "semicolons"), ('\t', "tabs")];
    let found = found
        .iter()
        .find(|(separator, _)| only.name().contains(*separator));
    let Some((_, name)) = found else {
        return Ok(());
    };
    let message = format!("the columns of this file are separated by {name}");
    let place = 0..file.byte_at(1, u64::MAX);
    Err(Diagnostic::at(file, place, message).help("save it as CSV with commas"))
}

/// The columns with their names; those without a name or a value, as of the commas that spreadsheets leave
/// at the right, are none.
fn named_columns(rows: &RecordBatch, file: &SourceFile) -> Result<RecordBatch, Diagnostic> {
    let problem = |message: String, help: &str| {
        let place = 0..file.byte_at(1, u64::MAX);
        Err(Diagnostic::at(file, place, message).help(help))
    };
    let mut names = BTreeSet::new();
    let mut kept = Vec::new();
    for (index, field) in rows.schema_ref().fields().iter().enumerate() {
        let column = rows.column(index);
        if field.name().trim().is_empty() {
            if column.null_count() == column.len() {
                continue;
            }
            let message = format!("column {} has values and no name", index + 1);
            return problem(
                message,
                "give it a name in the first line, or take its values out",
            );
        }
        if !names.insert(field.name()) {
            let message = format!("two columns are called `{}`", field.name());
            return problem(message, "give one of them another name, or take it out");
        }
        kept.push(index);
    }
    rows.project(&kept)
        .map_err(|error| Diagnostic::new(error.to_string()))
}

fn line_of_csv(values: &[String]) -> String {
    let quoted = |value: &String| match value.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.clone(),
    };
    let values: Vec<String> = values.iter().map(quoted).collect();
    format!("{}\n", values.join(","))
}

/// The line on which each record begins: values in quotes may hold line breaks, and lines without a
/// value are no records.
fn records(text: &str) -> impl Iterator<Item = u64> {
    let mut is_quoted = false;
    (1..).zip(text.lines()).filter_map(move |(line, text)| {
        let begins = !is_quoted && !has_no_values(text);
        is_quoted ^= text.matches('"').count() % 2 == 1;
        begins.then_some(line)
    })
}

/// Whether all values of a line are empty, as of the rows that spreadsheets save below a table.
fn has_no_values(line: &str) -> bool {
    let is_quote_of_text = line.contains("\"\"\"") || line.matches('"').count() % 2 == 1;
    !is_quote_of_text
        && line
            .chars()
            .all(|character| [',', '"'].contains(&character))
}

fn read_rows(text: &str) -> Result<RecordBatch, ArrowError> {
    let format = Format::default().with_header(true);
    let (header, _) = format.infer_schema(Cursor::new(text), Some(0))?;
    let names = header.fields().iter().map(|field| field.name());
    let texts: Vec<Field> = names
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let schema: SchemaRef = Arc::new(Schema::new(texts));
    let reader = ReaderBuilder::new(Arc::clone(&schema))
        .with_format(format)
        .build(Cursor::new(text))?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    typed(&with_values(&concat_batches(&schema, &batches)?)?)
}

/// The rows that have any value.
fn with_values(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let has_value = |row| rows.columns().iter().any(|column| column.is_valid(row));
    let have: BooleanArray = (0..rows.num_rows())
        .map(|row| Some(has_value(row)))
        .collect();
    filter_record_batch(rows, &have)
}

/// Columns of whole numbers as BIGINT, of true and false as BOOLEAN; everything else stays the text it is.
fn typed(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = rows
        .columns()
        .iter()
        .map(|column| {
            let texts = column.as_string::<i32>();
            as_numbers(texts)
                .or_else(|| as_booleans(texts))
                .unwrap_or_else(|| Arc::clone(column))
        })
        .collect();
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> = fields
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn as_numbers(texts: &StringArray) -> Option<ArrayRef> {
    let number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<i64>().ok()).flatten()
    };
    let numbers: Int64Array = texts.iter().map(|text| text.and_then(number)).collect();
    is_any_and_all(texts, &numbers).then(|| Arc::new(numbers) as ArrayRef)
}

fn as_booleans(texts: &StringArray) -> Option<ArrayRef> {
    let boolean = |text: &str| match text {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    let booleans: BooleanArray = texts.iter().map(|text| text.and_then(boolean)).collect();
    is_any_and_all(texts, &booleans).then(|| Arc::new(booleans) as ArrayRef)
}

/// Whether there are texts, and each has a value of another type.
fn is_any_and_all(texts: &StringArray, values: &dyn Array) -> bool {
    texts.null_count() < texts.len() && texts.null_count() == values.null_count()
}

/// The line number in a message such as `... for line 3, expected 4 got 2`, or 1.
fn line_named_in(reason: &str) -> u64 {
    let after = reason.split("line ").nth(1).unwrap_or_default();
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::SqlSchema;

    #[test]
    fn the_form_of_a_file_decides_nothing() {
        let read = |text: &str| {
            let name = TableName::new(SqlSchema::Reference, "t");
            ReferenceTable::read(name, SourceFile::new("t.csv", text)).unwrap()
        };
        let text = "tier,rank,playbook\na,1,\"two, \"\"or\"\"\nlines\"\nb,,one\n";
        let table = read(text);
        assert_eq!(table.canonical_text(), text);
        let spreadsheet = "\u{feff}tier,rank,\"playbook\"\r\n\r\n\"a\",01,\"two, \"\"or\"\"\nlines\"\r\nb,,\"one\"";
        let saved = read(spreadsheet);
        assert_eq!(saved.canonical_text(), text);
        assert_eq!(saved.fingerprint(), table.fingerprint());
        let edited = read(&text.replace("b,,", "b,2,"));
        assert_ne!(edited.fingerprint(), table.fingerprint());
    }

    /// Tiles have it in their names: those of the shipped reference that staging reads stay.
    #[test]
    fn the_shipped_event_types_are_in_that_form() {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/reference/event_types.csv");
        let text = std::fs::read_to_string(file).unwrap();
        let name = TableName::new(SqlSchema::Reference, "event_types");
        let table = ReferenceTable::read(name, SourceFile::new("event_types.csv", &*text)).unwrap();
        assert_eq!(table.canonical_text(), text);
    }

    #[test]
    fn other_separators_are_named() {
        for (text, name) in [("tier;rank\na;1\n", "semicolons"), ("tier\trank\n", "tabs")] {
            let table = TableName::new(SqlSchema::Reference, "t");
            let refused = ReferenceTable::read(table, SourceFile::new("t.csv", text));
            let refused = format!("{:?}", refused.unwrap_err());
            assert!(refused.contains(name), "{refused}");
            assert!(refused.contains("save it as CSV with commas"), "{refused}");
        }
    }

    #[test]
    fn columns_have_a_name_each() {
        let read = |text: &str| {
            let name = TableName::new(SqlSchema::Reference, "t");
            ReferenceTable::read(name, SourceFile::new("t.csv", text))
        };
        let saved = read("tier,rank,,\na,1,,\nb,2,,\n,,,\n").unwrap();
        assert_eq!(saved.canonical_text(), "tier,rank\na,1\nb,2\n");
        for (text, problem, help) in [
            (
                "tier,rank,\na,1,x\n",
                "column 3 has values and no name",
                "give it a name in the first line, or take its values out",
            ),
            (
                "tier,rank,tier\na,1,b\n",
                "two columns are called `tier`",
                "give one of them another name, or take it out",
            ),
        ] {
            let refused = format!("{:?}", read(text).unwrap_err());
            assert!(refused.contains(problem), "{refused}");
            assert!(refused.contains(help), "{refused}");
        }
    }

    /// Full-width digits, which Chinese keyboards write, are no numbers to SQL.
    #[test]
    fn types_are_those_of_all_values() {
        let name = TableName::new(SqlSchema::Reference, "t");
        let text = "plain,wide,large,small,flag,mixed,none\n1,３００,9223372036854775808,-2,TRUE,true,\n,1,1,03,false,1,\n";
        let table = ReferenceTable::read(name, SourceFile::new("t.csv", text)).unwrap();
        let types = table.rows.schema();
        let types: Vec<_> = types
            .fields()
            .iter()
            .map(|field| field.data_type().to_string())
            .collect();
        assert_eq!(
            types,
            ["Int64", "Utf8", "Utf8", "Int64", "Boolean", "Utf8", "Utf8"]
        );
        assert_eq!(table.value(1, 3).as_deref(), Some("3"));
        assert_eq!(table.value(0, 1).as_deref(), Some("３００"));
    }

    /// Lines of commas are what spreadsheets save of empty rows.
    #[test]
    fn rows_know_their_lines() {
        let text = "tier,playbook\na,\"two\nlines\"\n\n,\n\"\",\"\"\nb,one\nc,\n,\n";
        let name = TableName::new(SqlSchema::Reference, "t");
        let table = ReferenceTable::read(name, SourceFile::new("t.csv", text)).unwrap();
        assert_eq!(table.rows.num_rows(), 3);
        assert_eq!([0, 1, 2].map(|row| table.line_of(row)), [2, 7, 8]);
    }
}
