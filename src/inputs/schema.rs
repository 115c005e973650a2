//! The files' own columns against the declared ones.
//!
//! | declared | a file may have |
//! |---|---|
//! | BIGINT | any integer; one that does not fit into 64 bits signed is refused when it is read |
//! | VARCHAR | any text, number, date, instant, truth value, UUID, and bytes in UTF-8; see [`super::converted`] |
//! | ID | integers in all files, or text; a mixture is text, but for user_id, which it is refused for |
//! | DECIMAL(p,s) | a decimal or integer whose digits all fit |
//! | DOUBLE | any number: staging's CAST decides what becomes of it |
//! | TIMESTAMP | any instant, with a zone or in UTC without one; read to the microsecond |
//!
//! A column of the type NULL, which writers give one without a value, is NULL in every type. Files
//! without rows say nothing of types. Names are matched without regard to case where that is unambiguous ([`find`]). Partition columns
//! are found in the [paths](super::path_values) of files, as texts that can be read as the declared
//! type. What does not fit is refused where SQL reads it ([`SourceSchema::require`]).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use parquet::file::metadata::ParquetMetaData;

use crate::engine::{FileError, FileName};
use crate::ground::{Diagnostic, Problems, SourceFile, did_you_mean, sql_type};
use crate::job::{Column, ColumnType, contract_columns};
use crate::storage::{ListedObject, Location};

use super::column_names::{Found, find};
use super::decoding::decoded;
use super::footers::KeptFooter;
use super::path_values::{InPath, typed};
use super::{InputError, InputFile, Manifest, PathValues};

/// The ID that must be of one type in all files of all sources.
pub(super) const USER_ID: &str = "user_id";

/// How many footers are read at once.
const CONCURRENT_FOOTERS: usize = 32;

/// The schema of one file of a source, and what else its footer says.
#[derive(Debug, Clone)]
pub struct FileSchema {
    /// The file's URL.
    pub url: String,
    /// Its own columns, with the types that the file has.
    pub schema: SchemaRef,
    /// The business day of its partition.
    pub day: NaiveDate,
    /// Key, size and e_tag, as listed.
    pub object: ObjectMeta,
    /// How many rows it has.
    pub rows: u64,
    /// Kept, so that a scan does not read it again.
    pub footer: Arc<ParquetMetaData>,
    /// The columns that its path has, or the log that names it.
    pub values: PathValues,
}

/// The columns of a source as SQL sees them, and which files lack which.
#[derive(Debug, Clone)]
pub struct SourceSchema {
    /// The source's name.
    pub source: String,
    /// Every declared column; those that files lack are there too.
    pub columns: SchemaRef,
    /// For each declared column that is not optional and that some file lacks: that file.
    pub lacking: Vec<(String, FileSchema)>,
    /// For each declared column that several columns of some file could be: that file, and those.
    pub ambiguous: Vec<(String, FileSchema, String)>,
    /// For each declared column of which some file has values of another type: what is wrong.
    pub misfits: Vec<(String, Diagnostic)>,
}

/// Reads the footers of every file of a manifest.
///
/// # Errors
/// A store that fails, and files that are not Parquet, each by name.
pub async fn read(
    manifest: &Manifest,
    location: &Location,
    runtime: &RuntimeEnv,
) -> Result<Vec<FileSchema>, InputError> {
    let footers = manifest.files.iter().map(|file| async move {
        let name = FileName {
            url: location.url_of(&file.object.location),
            source: Some(manifest.source.clone()),
        };
        let error = match read_footer(file, location, runtime).await {
            Ok((footer, schema)) => {
                return Ok(Ok(FileSchema {
                    url: name.url,
                    schema: Arc::new(schema),
                    day: file.day,
                    object: file.object.clone(),
                    rows: footer.file_metadata().num_rows().cast_unsigned(),
                    footer,
                    values: file.values.clone(),
                }));
            }
            Err(error) => error,
        };
        let unreadable = unreadable(&manifest.source, &name.url, &error);
        match FileError::of(&name, error) {
            Ok(FileError::Damaged { .. }) | Err(_) => Ok(Err(unreadable)),
            Ok(of_file) => Err(InputError::File(of_file)),
        }
    });
    let read: Vec<Result<FileSchema, Diagnostic>> = stream::iter(footers)
        .buffered(CONCURRENT_FOOTERS)
        .try_collect()
        .await?;
    let mut problems = Problems::default();
    let schemas = read
        .into_iter()
        .filter_map(|schema| problems.keep(schema))
        .collect();
    problems.or_ok(schemas).map_err(InputError::Refused)
}

async fn read_footer(
    file: &InputFile,
    location: &Location,
    runtime: &RuntimeEnv,
) -> Result<(Arc<ParquetMetaData>, Schema), DataFusionError> {
    let listed = ListedObject::new(Arc::clone(&location.store), file.object.clone());
    let footers = runtime.cache_manager.get_file_metadata_cache();
    let footer = KeptFooter::new(&location.root, Arc::new(listed), &file.object);
    let footer = footer.reading(footers);
    decoded(async { Ok((footer.fetch_metadata().await?, footer.fetch_schema().await?)) }).await
}

fn unreadable(source: &str, url: &str, error: &DataFusionError) -> Diagnostic {
    let said = error.find_root().strip_backtrace();
    if said.contains("encrypt") {
        let message =
            format!("{url} of source `{source}` is encrypted, and encrypted Parquet is not read");
        return Diagnostic::new(message).help("deliver it without encryption");
    }
    let said = said.rsplit("Parquet error: ").next().unwrap_or_default();
    let message = format!("{url} of source `{source}` is truncated or not Parquet: {said}");
    let help = match url.ends_with(".parquet") {
        true => "deliver the file again".to_owned(),
        false => format!(
            "deliver the file again; if it holds no rows, begin its name with _, or set files = \"*.parquet\" under [sources.{source}]"
        ),
    };
    Diagnostic::new(message).help(help)
}

/// The declared columns with the types that SQL sees. `id_fallback` is the type of ID columns
/// that no file has.
///
/// Columns whose type cannot be widened without loss, and IDs about which files disagree, are among
/// the misfits.
pub fn resolve(
    source: &str,
    declared: &[Column],
    files: &[FileSchema],
    id_fallback: &DataType,
) -> SourceSchema {
    let mut misfits = Vec::new();
    let mut fields = Vec::new();
    let mut lacking = Vec::new();
    let mut ambiguous = Vec::new();
    let with_rows: Vec<&FileSchema> = files.iter().filter(|file| file.rows > 0).collect();
    let files: Vec<&FileSchema> = match with_rows.is_empty() {
        true => files.iter().collect(),
        false => with_rows,
    };
    for column in declared {
        let is_declared = |name: &str| declared.iter().any(|other| other.name == name);
        let name = &column.name;
        let found = files.iter();
        let found = found.map(|file| (*file, held(file, name, is_declared)));
        let found: Vec<(&FileSchema, Held)> = found.collect();
        let having = types_in(&found, column.column_type);
        let (data_type, misfit) = resolve_column(source, column, &having, id_fallback);
        let in_path = misfit_in_path(source, column, &found, &data_type);
        let misfit = misfit.or(in_path);
        misfits.extend(misfit.map(|misfit| (name.clone(), misfit)));
        fields.push(Field::new(name, data_type, true));
        let mut files = found.iter();
        let without = files.find(|(_, held)| *held == Held::Missing);
        if let Some((file, _)) = without.filter(|_| !column.optional) {
            lacking.push((name.clone(), (*file).clone()));
        }
        let several = found.iter().find_map(|(file, held)| match held {
            Held::Ambiguous(columns) => Some((name.clone(), (*file).clone(), columns.clone())),
            Held::Column(_) | Held::InPath(_) | Held::Missing => None,
        });
        ambiguous.extend(several);
    }
    SourceSchema {
        source: source.to_owned(),
        columns: Arc::new(Schema::new(fields)),
        lacking,
        ambiguous,
        misfits,
    }
}

/// Where a file has a declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held<'a> {
    /// In a column of this type.
    Column(&'a DataType),
    /// In its path.
    InPath(Option<&'a str>),
    /// Nowhere.
    Missing,
    /// In one of several.
    Ambiguous(String),
}

fn held<'a>(file: &'a FileSchema, name: &str, declared: impl Fn(&str) -> bool) -> Held<'a> {
    match file.values.find(name, &declared) {
        Some(InPath::Value(value)) => return Held::InPath(value),
        Some(InPath::Ambiguous(columns)) => {
            return Held::Ambiguous(format!("in its path {columns}"));
        }
        None => {}
    }
    match find(&file.schema, name, declared) {
        Found::One(index) => Held::Column(file.schema.field(index).data_type()),
        Found::Missing => Held::Missing,
        Found::Ambiguous(columns) => Held::Ambiguous(columns),
    }
}

impl SourceSchema {
    /// The type of an ID column, once files have decided it.
    pub fn type_of(&self, column: &str) -> Option<&DataType> {
        self.columns
            .field_with_name(column)
            .ok()
            .map(Field::data_type)
    }

    /// The same, with these columns read as texts.
    pub fn with_texts(mut self, texts: &BTreeSet<String>) -> Self {
        let fields = self.columns.fields().iter();
        let fields = fields.map(|field| match texts.contains(field.name()) {
            true => Arc::new(
                field
                    .as_ref()
                    .clone()
                    .with_data_type(viewed(DataType::Utf8)),
            ),
            false => Arc::clone(field),
        });
        self.columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        self
    }

    /// Refuses columns that staging SQL reads although a file lacks them, has several that they
    /// could be, or has them in another type.
    ///
    /// `place_of` says where the SQL names a column.
    ///
    /// # Errors
    /// Each such column with the first such file.
    pub fn require(
        &self,
        used: &BTreeSet<String>,
        staging: &SourceFile,
        place_of: impl Fn(&str) -> Range<usize>,
    ) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let misfits = self.misfits.iter();
        let misfits = misfits.filter(|(column, _)| used.contains(column));
        for (_, misfit) in misfits {
            problems.push(misfit.clone());
        }
        let ambiguous = self.ambiguous.iter();
        for (column, file, columns) in ambiguous.filter(|(column, ..)| used.contains(column)) {
            let message = format!(
                "{} of source `{}` has {columns}, so which is column `{column}` cannot be told",
                file.url, self.source
            );
            problems.push(Diagnostic::new(message).help("deliver one of them"));
        }
        for (column, file) in self
            .lacking
            .iter()
            .filter(|(column, _)| used.contains(column))
        {
            let present: Vec<&str> = file
                .schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .chain(file.values.names())
                .collect();
            let message = format!(
                "source `{}` lacks the required column `{column}` in {}{}",
                self.source,
                file.url,
                did_you_mean(column, present.iter().copied())
            );
            let remedy = self.remedy_for(column, &staging.name);
            let help = format!("the file has: {}; {remedy}", present.join(", "));
            let problem = Diagnostic::at(staging, place_of(column), message);
            problems.push(problem.help(help));
        }
        problems.or_ok(())
    }

    /// What to do about a column that some file lacks: what the contract does not ask for, the job
    /// has declared, and may say that files lack it.
    fn remedy_for(&self, column: &str, staging_file: &str) -> String {
        let source = &self.source;
        let contract = contract_columns(source);
        let is_asked_for = contract
            .iter()
            .any(|asked| asked.name == column && !asked.optional);
        match self.type_of(column).filter(|_| !is_asked_for) {
            None => format!(
                "deliver the column, or map another one in {staging_file} and declare it under [sources.{source}.columns]"
            ),
            Some(declared) => format!(
                "deliver the column, or declare it as {column} = {{ type = \"{}\", optional = true }} under [sources.{source}.columns] if files may lack it",
                match declared {
                    DataType::Timestamp(..) => ColumnType::Timestamp.declared(),
                    other => sql_type(other),
                }
            ),
        }
    }
}

/// The files that have a column, and its type in each. An ID in a path is a text.
fn types_in<'a>(
    found: &[(&'a FileSchema, Held<'a>)],
    column_type: ColumnType,
) -> Vec<(&'a FileSchema, &'a DataType)> {
    let having = found.iter().filter_map(|(file, held)| match held {
        Held::Column(data_type) if **data_type == DataType::Null => None,
        Held::Column(data_type) => Some((*file, *data_type)),
        Held::InPath(Some(_)) if column_type == ColumnType::Id => Some((*file, &DataType::Utf8)),
        Held::InPath(_) | Held::Missing | Held::Ambiguous(_) => None,
    });
    having.collect()
}

/// The first file with a value in its path that is not one of its column.
fn misfit_in_path(
    source: &str,
    column: &Column,
    found: &[(&FileSchema, Held<'_>)],
    data_type: &DataType,
) -> Option<Diagnostic> {
    let misfit = found.iter().find_map(|(file, held)| match held {
        Held::InPath(value) if typed(*value, data_type).is_none() => Some((file, *value)),
        _ => None,
    });
    let (file, value) = misfit?;
    let Column {
        name, column_type, ..
    } = column;
    let message = format!(
        "column `{name}` of source `{source}` is \"{}\" by the path of {}; {column_type} is expected",
        value.unwrap_or_default().escape_debug(),
        file.url,
    );
    let help = format!(
        "rename the folder so that its value is a {column_type}, or declare {name} = \"VARCHAR\" under [sources.{source}.columns] and write TRY_CAST({name} AS {column_type}) for it in staging SQL, which is NULL for such values"
    );
    Some(Diagnostic::new(message).help(help))
}

fn resolve_column(
    source: &str,
    column: &Column,
    having: &[(&FileSchema, &DataType)],
    id_fallback: &DataType,
) -> (DataType, Option<Diagnostic>) {
    let Some(target) = column.column_type.arrow() else {
        return match resolve_id(source, &column.name, having, id_fallback) {
            Ok(data_type) => (data_type, None),
            Err(misfit) => (id_fallback.clone(), Some(misfit)),
        };
    };
    let mut having = having.iter();
    let misfit = having.find(|(_, found)| !widens(found, column.column_type));
    let misfit = misfit.map(|(file, found)| {
        let message = format!(
            "column `{}` of source `{source}` is {} in {}; {} is expected and cannot be had without loss",
            column.name,
            sql_type(found),
            file.url,
            column.column_type
        );
        let help = format!(
            "deliver it as {}, or declare its type under [sources.{source}.columns] and CAST it in staging SQL: CAST({} AS {})",
            column.column_type, column.name, column.column_type
        );
        Diagnostic::new(message).help(help)
    });
    (viewed(target), misfit)
}

/// Integers in every file, or text in every file.
fn resolve_id(
    source: &str,
    column: &str,
    having: &[(&FileSchema, &DataType)],
    fallback: &DataType,
) -> Result<DataType, Diagnostic> {
    let Some((_, first_type)) = having.first() else {
        return Ok(fallback.clone());
    };
    for (file, found) in having {
        if id_kind(found).is_none() {
            let message = format!(
                "column `{column}` of source `{source}` is {} in {}; BIGINT or VARCHAR is expected",
                sql_type(found),
                file.url
            );
            let help = format!(
                "deliver it as BIGINT or VARCHAR, or declare {column} = \"VARCHAR\" under [sources.{source}.columns]"
            );
            return Err(Diagnostic::new(message).help(help));
        }
        if id_kind(found) != id_kind(first_type) && column != USER_ID {
            return Ok(viewed(DataType::Utf8));
        }
        if id_kind(found) != id_kind(first_type) {
            return Err(disagreement(source, column, having));
        }
    }
    let resolved = id_kind(first_type).and_then(ColumnType::arrow);
    Ok(resolved.map_or_else(|| fallback.clone(), viewed))
}

/// The first of the fewer files, and how many others there are: one bad file of many is named.
fn disagreement(source: &str, column: &str, having: &[(&FileSchema, &DataType)]) -> Diagnostic {
    let is_number =
        |(_, found): &&(&FileSchema, &DataType)| id_kind(found) == Some(ColumnType::BigInt);
    let (mut few, mut many): (Vec<_>, Vec<_>) = having.iter().partition(is_number);
    if few.len() > many.len() {
        std::mem::swap(&mut few, &mut many);
    }
    let of = |files: &[(&FileSchema, &DataType)]| match files {
        [] => String::new(),
        [(file, found)] => format!("{} in {}", sql_type(found), file.url),
        [(file, found), others @ ..] => {
            let (found, others) = (sql_type(found), others.len());
            format!("{found} in {} and {others} more", file.url)
        }
    };
    let message = format!(
        "files of source `{source}` disagree about `{column}`: it is {}, but {}",
        of(&few),
        of(&many)
    );
    let help = format!(
        "deliver one type in all files, or declare {column} = \"VARCHAR\" under [sources.{source}.columns]"
    );
    Diagnostic::new(message).help(help)
}

/// What a column of an ID is to SQL.
fn id_kind(found: &DataType) -> Option<ColumnType> {
    use DataType::{Binary, BinaryView, Dictionary, FixedSizeBinary, LargeBinary};
    match found {
        Dictionary(_, values) => id_kind(values),
        found if widens(found, ColumnType::BigInt) => Some(ColumnType::BigInt),
        Binary | BinaryView | LargeBinary | FixedSizeBinary(_) => Some(ColumnType::Varchar),
        found => found.is_string().then_some(ColumnType::Varchar),
    }
}

/// Text is scanned as string views, which group and join faster.
fn viewed(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Utf8View,
        other => other,
    }
}

/// Whether values of `found` can be read as `wanted`: the same value, or the nearest double.
fn widens(found: &DataType, wanted: ColumnType) -> bool {
    use DataType::{
        Boolean, Date32, Decimal32, Decimal64, Decimal128, Dictionary, Float32, Float64, Int8,
        Int16, Int32, Int64, Null, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    if *found == Null {
        return wanted != ColumnType::Id;
    }
    if let Dictionary(_, values) = found {
        return widens(values, wanted);
    }
    match wanted {
        ColumnType::Id => false,
        ColumnType::BigInt => matches!(
            found,
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64
        ),
        ColumnType::Varchar => !found.is_nested(),
        ColumnType::Decimal(precision, scale) => {
            let (found_precision, found_scale) = match found {
                Decimal32(precision, scale)
                | Decimal64(precision, scale)
                | Decimal128(precision, scale) => (*precision, *scale),
                Int8 | UInt8 => (3, 0),
                Int16 | UInt16 => (5, 0),
                Int32 | UInt32 => (10, 0),
                Int64 => (19, 0),
                UInt64 => (20, 0),
                _ => return false,
            };
            let whole_digits = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
            found_scale <= scale
                && whole_digits(found_precision, found_scale) <= whole_digits(precision, scale)
        }
        ColumnType::Double => matches!(
            found,
            Float32
                | Float64
                | Int8
                | Int16
                | Int32
                | Int64
                | UInt8
                | UInt16
                | UInt32
                | UInt64
                | Decimal32(..)
                | Decimal64(..)
                | Decimal128(..)
        ),
        ColumnType::Boolean => matches!(found, Boolean),
        ColumnType::Date => matches!(found, Date32),
        ColumnType::Timestamp => matches!(
            found,
            Timestamp(
                TimeUnit::Second
                    | TimeUnit::Millisecond
                    | TimeUnit::Microsecond
                    | TimeUnit::Nanosecond,
                _
            )
        ),
    }
}
