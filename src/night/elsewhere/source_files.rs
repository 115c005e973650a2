//! The files of a piece of work: as others are told of them, and as the sources of their session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use crate::engine::{Session, empty};
use crate::ground::{SqlSchema, TableName};
use crate::inputs::{InputFile, Manifest, ShippedFile};
use crate::job::Workspace;
use crate::night::context::Run;
use crate::night::sources::files_of_source;

/// The files of some days of a source, as others are told of them.
pub(super) fn shipped(
    run: &Run<'_>,
    manifest: &Manifest,
    days: &BTreeSet<NaiveDate>,
) -> Vec<ShippedFile> {
    let through = run.scenario.data_through;
    let visible = days.iter().take_while(|day| **day <= through);
    let files = visible.flat_map(|day| manifest.files_on(*day));
    files.map(ShippedFile::from).collect()
}

/// Registers each source of a task with the files that a piece has of it. `sources` are their columns, the day of the
/// partitions last.
///
/// # Errors
/// Keys that no store has, and the engine's: bugs.
pub(super) fn register_sources(
    session: &Session,
    workspace: &Workspace,
    sources: Vec<(&str, SchemaRef)>,
    mut files: BTreeMap<String, Vec<ShippedFile>>,
) -> Result<()> {
    for (name, columns) in sources {
        let table: Arc<dyn TableProvider> = match workspace.sources.get(name) {
            None => empty(columns),
            Some(location) => {
                let files = files.remove(name).unwrap_or_default();
                let files = files.into_iter().map(ShippedFile::into_file);
                let files = files.collect::<Result<Vec<InputFile>, _>>()?;
                // The day is in no file.
                let in_files = columns.fields().len().saturating_sub(1);
                let in_files = Schema::new(columns.fields()[..in_files].to_vec());
                let files = files_of_source(location, name, files.iter(), in_files.into());
                Arc::new(files)
            }
        };
        session.register(&TableName::new(SqlSchema::Sources, name), table)?;
    }
    Ok(())
}
