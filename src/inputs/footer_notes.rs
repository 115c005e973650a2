//! Notes in a footer, which carry what is known of a file to where its columns are read: they
//! become the metadata of the schema that the engine reads the file by.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use parquet::basic::{ConvertedType, Type};
use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder};

/// The note on columns of bytes.
const BYTE_COLUMNS: &str = "tierline.byte_columns";

/// What names in a note are parted by; writers put none into a name.
const SEPARATOR: char = '\u{1f}';

/// The footer with one more note.
pub(super) fn with_note(
    footer: &ParquetMetaData,
    key: &'static str,
    text: String,
) -> Arc<ParquetMetaData> {
    let file = footer.file_metadata();
    let notes = file.key_value_metadata().into_iter().flatten();
    let notes = notes.filter(|note| note.key != key).cloned();
    let noted = KeyValue::new(key.to_owned(), text);
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(notes.chain([noted]).collect()),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    let footer = ParquetMetaDataBuilder::new(file)
        .set_row_groups(footer.row_groups().to_vec())
        .set_column_index(footer.column_index().cloned())
        .set_offset_index(footer.offset_index().cloned());
    Arc::new(footer.build())
}

/// The footer with a note of the columns of bytes that are not marked as texts: where a text is
/// declared the engine takes them for texts, and does not look whether they are.
pub(super) fn with_byte_columns(footer: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
    let columns = footer.file_metadata().schema_descr().columns();
    let of_bytes = columns.iter().filter(|column| {
        let marked = [ConvertedType::UTF8, ConvertedType::DECIMAL];
        column.physical_type() == Type::BYTE_ARRAY && !marked.contains(&column.converted_type())
    });
    let names: Vec<&str> = of_bytes.map(|column| column.name()).collect();
    match names.is_empty() {
        true => footer,
        false => {
            let text = names.join(&SEPARATOR.to_string());
            with_note(&footer, BYTE_COLUMNS, text)
        }
    }
}

/// The columns of bytes, from the note in the footer that a schema was read from.
pub(super) fn byte_columns(schema: &Schema) -> BTreeSet<String> {
    let note = schema.metadata().get(BYTE_COLUMNS);
    let names = note.into_iter().flat_map(|note| note.split(SEPARATOR));
    names.map(str::to_owned).collect()
}
