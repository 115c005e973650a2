//! A published table as CSV, Parquet or JSON, for programs that have no Delta reader.
//!
//! 1. [`Selected::read`]: the rows that the publication of a date recorded, or those of several
//!    [dates], in the order that is asked for or else of the table's key, of which a condition and a list
//!    of columns leave some.
//! 2. [`split`]: each batch by the values of a column, where a file is wanted for each.
//! 3. [`Encoder`]: batches as the bytes of a file. No more than a row group of each is in memory.
//! 4. [`files`]: the bytes go to a store, aside; once all rows are written the files get their names,
//!    and the [manifest](Manifest) comes last; files in which somebody has worked are [kept]. Or the
//!    bytes go to a stream, such as stdout.
//!
//! A condition that leaves no row is told, with [why](no_rows).

mod dates;
mod encoder;
mod files;
mod kept;
mod manifest;
mod no_rows;
mod request;
mod selected;
mod split;

use std::io::{ErrorKind, Write};

use datafusion::error::DataFusionError;

use crate::engine::EngineError;
use crate::ground::Problems;
use crate::job::Job;
use crate::night::NightError;
use crate::storage::Location;

pub use encoder::{Form, Format};
pub use files::Target;
pub use manifest::{ExportedColumn, ExportedDate, ExportedFile, KeptFile, Manifest};
pub use request::Request;

use encoder::Encoder;
use files::Files;
use request::STAGE;
use selected::Selected;

/// Writes all rows to a stream. A reader that went away ends it, and is no failure. Returns what is to be said
/// of them: a condition that left none, days that are not published.
///
/// # Errors
/// A date or a table that is not published, columns and conditions that do not fit, and stores
/// and streams that fail.
pub async fn to_stream(
    job: &Job,
    request: &Request<'_>,
    stream: &mut dyn Write,
) -> Result<Problems, NightError> {
    let mut selected = Selected::read(job, request, request.limit).await?;
    let failed = EngineError::during(STAGE);
    let mut encoder = Encoder::new(request.form, &selected.schema).map_err(&failed)?;
    let mut rows = 0;
    while let Some(batch) = selected.next().await? {
        rows += batch.num_rows() as u64;
        let bytes = encoder.encode(&batch).map_err(&failed)?;
        match stream.write_all(&bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Problems::default()),
            Err(error) => return Err(not_written(error)),
        }
    }
    let bytes = encoder.finish().map_err(&failed)?;
    let written = stream.write_all(&bytes).and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(not_written(error)),
        _ => Ok(selected.remarks(rows).await),
    }
}

fn not_written(error: std::io::Error) -> NightError {
    EngineError::during("writing to stdout")(DataFusionError::IoError(error)).into()
}

/// Writes files, and last the manifest that names them. When it fails, none of them is there that
/// was not before.
///
/// # Errors
/// As [`to_stream`], and a split into too many files.
pub async fn to_files(
    job: &Job,
    request: &Request<'_>,
    location: &Location,
    target: &Target,
) -> Result<Manifest, NightError> {
    // The rows behind the limit of each file are counted.
    let mut selected = Selected::read(job, request, None).await?;
    let mut files = Files::new(location, target, request, &selected);
    let written = async {
        while let Some(batch) = selected.next().await? {
            files.write(&batch).await?;
        }
        files.begin_if_empty()?;
        files.encode_ends().await
    };
    if let Err(error) = written.await {
        files.abort().await;
        return Err(error);
    }
    let mut manifest = files.publish(request, &selected).await?;
    manifest.warnings = selected.remarks(manifest.rows).await;
    Ok(manifest)
}
