//! Reference tables: the pack's CSV files, read whole, their column types taken from the values.

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
            let (line, reason) = with_line_of_file(&reason, &file.text);
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

    /// The end of a line of its file that has values in so many columns alone: a comma for each of the others.
    pub(crate) fn cells_beside(&self, filled: usize) -> String {
        ",".repeat(self.rows.num_columns().saturating_sub(filled))
    }

    /// The line on which a row begins, counted from 1.
    pub fn line_of(&self, row: usize) -> u64 {
        let after_header = row + 1;
        records(&self.file.text, has_values)
            .nth(after_header)
            .unwrap_or(1)
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

/// The rows without the empty columns that spreadsheets leave at the right, of which nothing has a name. One
/// of them alone stays: it has never hindered SQL, and tiles have the text in their addresses.
fn without_empty_columns(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let has_no_name = |column: &usize| schema.field(*column).name().trim().is_empty();
    let columns = 0..rows.num_columns();
    if columns.clone().filter(has_no_name).count() < 2 {
        return Ok(rows.clone());
    }
    let is_empty = |column: &usize| rows.column(*column).null_count() == rows.num_rows();
    let kept = columns.filter(|column| !(has_no_name(column) && is_empty(column)));
    rows.project(&kept.collect::<Vec<_>>())
}

fn line_of_csv(values: &[String]) -> String {
    let quoted = |value: &String| match value.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.clone(),
    };
    let values: Vec<String> = values.iter().map(quoted).collect();
    format!("{}\n", values.join(","))
}

/// The line on which each record begins, of those whose first line is one: values in quotes may hold line
/// breaks.
fn records(text: &str, is_record: fn(&str) -> bool) -> impl Iterator<Item = u64> {
    let mut is_quoted = false;
    (1..).zip(text.lines()).filter_map(move |(line, text)| {
        let begins = !is_quoted && is_record(text);
        is_quoted ^= text.matches('"').count() % 2 == 1;
        begins.then_some(line)
    })
}

/// Whether any value of a line is not empty, as all are of the rows that spreadsheets save below a table.
fn has_values(line: &str) -> bool {
    let is_quote_of_text = line.contains("\"\"\"") || line.matches('"').count() % 2 == 1;
    let is_of_value = |character| ![',', '"'].contains(&character);
    is_quote_of_text || line.chars().any(is_of_value)
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
    let rows = with_values(&concat_batches(&schema, &batches)?)?;
    typed(&without_empty_columns(&rows)?)
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

/// A message such as `.. for line 3, expected 4 got 2`, in which the reader of CSV counts records, with the
/// line of the file in its place; line 1 where it names none.
fn with_line_of_file(reason: &str, text: &str) -> (u64, String) {
    let named = reason.split_once("line ").map(|(before, after)| {
        let end = after.find(|character: char| !character.is_ascii_digit());
        (before, after.split_at(end.unwrap_or(after.len())))
    });
    let found = named.and_then(|(before, (digits, rest))| {
        let record: usize = digits.parse().ok()?;
        let line = records(text, |line| !line.is_empty()).nth(record.checked_sub(1)?)?;
        Some((line, format!("{before}line {line}{rest}")))
    });
    found.unwrap_or_else(|| (1, reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::{Problems, SqlSchema};

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
    fn empty_columns_at_the_right_are_none() {
        let read = |text: &str| {
            let name = TableName::new(SqlSchema::Reference, "t");
            let table = ReferenceTable::read(name, SourceFile::new("t.csv", text));
            table.unwrap().canonical_text()
        };
        assert_eq!(
            read("tier,rank,,\na,1,,\nb,2,,\n,,,\n"),
            "tier,rank\na,1\nb,2\n"
        );
        assert_eq!(read("tier,,rank,\na,x,1,\n"), "tier,,rank\na,x,1\n");
        // As tiles have it in their addresses.
        assert_eq!(read("tier,rank,\na,1,\n"), "tier,rank,\na,1,\n");
    }

    #[test]
    fn lines_are_those_of_the_file() {
        for (text, line) in [
            ("tier,playbook\na,\"two\nlines\"\nb\n", 4),
            ("tier,playbook\n\na,x\n\nb\n", 5),
            ("tier,playbook\n,\na,x,y\n", 3),
        ] {
            let name = TableName::new(SqlSchema::Reference, "t");
            let refused = ReferenceTable::read(name, SourceFile::new("t.csv", text));
            let refused = Problems(vec![refused.unwrap_err()]).to_string();
            let told = [format!("for line {line},"), format!("t.csv:{line}:1")];
            assert!(told.iter().all(|told| refused.contains(told)), "{refused}");
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
