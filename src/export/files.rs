//! The files of an export in a store: written aside, and given their names once all rows are there.
//!
//! 1. Rows are encoded and digested. What outgrows a buffer goes to an upload, which nobody sees
//!    before it is completed.
//! 2. The names of all files, those of the export before among them, go on record, and the manifest
//!    of that is removed.
//! 3. Each file is completed: it is there whole, or not at all.
//! 4. The manifest follows, files on record that it does not name are removed, and then the record.
//!    An export that fails on the way leaves it, and the next one removes what is left.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::path::{Path, PathPart};
use object_store::{ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::engine::EngineError;
use crate::ground::{Diagnostic, Problems, sql_type};
use crate::night::NightError;
use crate::storage::Location;

use super::encoder::{Encoder, Form, Format};
use super::kept::keep_changed;
use super::manifest::{
    self, ExportedColumn, ExportedDate, ExportedFile, KeptFile, Manifest, Unfinished,
};
use super::request::{Request, STAGE};
use super::selected::Selected;
use super::split::{self, Value};

/// How many files one export may have: each is open until the last row is written.
const MOST_FILES: usize = 500;

/// The bytes of a file that are kept before an upload begins, and of each part of one: the least
/// that S3 takes.
const BUFFER_BYTES: usize = 5 << 20;

/// How many parts of an upload are under way at once.
const PARTS_AT_ONCE: usize = 4;

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a folder, by the name of the table, beside `manifest.json`.
    Folder,
    /// To one file of that name, beside `<name>.manifest.json`.
    File(String),
}

impl Target {
    /// The folder of a path or URL, and whether it ends with the name of a file.
    ///
    /// # Errors
    /// The name of a file of another format, or of one where there are several.
    pub fn of(to: &str, form: Form, is_split: bool) -> Result<(&str, Self), Problems> {
        let refused =
            |message: String, help: &str| Err(Problems(vec![Diagnostic::new(message).help(help)]));
        let (folder, last) = match to.rfind(['/', '\\']) {
            Some(slash) => (&to[..=slash], &to[slash + 1..]),
            None => (".", to),
        };
        let ending = last
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase());
        let formats = [Format::Csv, Format::Parquet, Format::Json];
        let mut of_file = formats.into_iter().filter(|format| {
            let ending = ending.as_deref();
            ending.is_some_and(|ending| format.endings().contains(&ending))
        });
        match of_file.next() {
            None => Ok((to, Self::Folder)),
            Some(format) if format != form.format => refused(
                format!("--to ends with `{last}`, which is of another format than --format says"),
                "give the file the ending of its format, or name a folder",
            ),
            Some(_) if is_split => refused(
                format!("--to names one file, `{last}`, and --split-by makes several"),
                "name a folder",
            ),
            Some(_) => Ok((folder, Self::File(last.to_owned()))),
        }
    }

    /// Where the names of files are on record until the manifest is there.
    fn unfinished(&self) -> String {
        format!("{}.unfinished", self.manifest())
    }

    fn manifest(&self) -> String {
        match self {
            Self::Folder => "manifest.json".to_owned(),
            Self::File(name) => format!("{name}.manifest.json"),
        }
    }
}

/// The files of one export, being written.
pub(super) struct Files<'a> {
    location: &'a Location,
    target: &'a Target,
    table: &'a str,
    form: Form,
    schema: SchemaRef,
    split_by: Option<(&'a str, usize)>,
    /// How many rows a file has at most.
    limit: u64,
    open: Vec<OpenFile>,
    by_value: HashMap<Value, usize>,
    /// The names so far, in lower case: some disks tell no more apart.
    names: BTreeSet<String>,
}

/// A file that nobody sees yet.
struct OpenFile {
    name: String,
    value: Value,
    path: Path,
    encoder: Encoder,
    digest: Sha256,
    rows: u64,
    /// Rows behind the limit.
    left_out: u64,
    bytes: u64,
    buffer: Vec<u8>,
    upload: Option<WriteMultipart>,
}

impl<'a> Files<'a> {
    pub(super) fn new(
        location: &'a Location,
        target: &'a Target,
        request: &Request<'a>,
        selected: &Selected,
    ) -> Self {
        Self {
            location,
            target,
            table: request.table,
            form: request.form,
            schema: Arc::clone(&selected.schema),
            split_by: request.split_by.zip(selected.split),
            limit: request.limit.unwrap_or(u64::MAX),
            open: Vec::new(),
            by_value: HashMap::new(),
            names: BTreeSet::new(),
        }
    }

    /// Adds rows.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), NightError> {
        let failed = EngineError::during(STAGE);
        let parts = match self.split_by {
            Some((_, column)) => split::parts(batch, column).map_err(&failed)?,
            None => vec![(None, batch.clone())],
        };
        for (value, rows) in parts {
            let number = self.number_of(value)?;
            let file = &mut self.open[number];
            let left = usize::try_from(self.limit - file.rows).unwrap_or(usize::MAX);
            let written = rows.num_rows().min(left);
            file.left_out += (rows.num_rows() - written) as u64;
            let rows = rows.slice(0, written);
            let bytes = file.encoder.encode(&rows).map_err(&failed)?;
            file.rows += rows.num_rows() as u64;
            file.add(self.location, bytes).await?;
        }
        Ok(())
    }

    /// A table without rows is a file without rows; one that is split has none.
    pub(super) fn begin_if_empty(&mut self) -> Result<(), NightError> {
        if self.open.is_empty() && self.split_by.is_none() {
            self.number_of(None)?;
        }
        Ok(())
    }

    /// Adds what stands at the end of each file.
    pub(super) async fn encode_ends(&mut self) -> Result<(), NightError> {
        for file in &mut self.open {
            let bytes = file.encoder.finish();
            let bytes = bytes.map_err(EngineError::during(STAGE))?;
            file.add(self.location, bytes).await?;
        }
        Ok(())
    }

    /// The file of a value, begun where it is new.
    fn number_of(&mut self, value: Value) -> Result<usize, NightError> {
        if let Some(number) = self.by_value.get(&value) {
            return Ok(*number);
        }
        if let Some((column, _)) = self.split_by
            && self.open.len() == MOST_FILES
        {
            let message = format!("--split-by: `{column}` has more than {MOST_FILES} values");
            let help = "split by a column of fewer, or leave rows out with --where";
            return Err(Problems(vec![Diagnostic::new(message).help(help)]).into());
        }
        let name = self.name_of(value.as_deref());
        let encoder = Encoder::new(self.form, &self.schema);
        self.open.push(OpenFile {
            path: self.path(&name),
            name,
            value: value.clone(),
            encoder: encoder.map_err(EngineError::during(STAGE))?,
            digest: Sha256::new(),
            rows: 0,
            left_out: 0,
            bytes: 0,
            buffer: Vec::new(),
            upload: None,
        });
        let number = self.open.len() - 1;
        self.by_value.insert(value, number);
        Ok(number)
    }

    fn name_of(&mut self, value: Option<&str>) -> String {
        let ending = self.form.format.endings()[0];
        if let Target::File(name) = self.target {
            return name.clone();
        }
        if self.split_by.is_none() {
            return format!("{}.{ending}", self.table);
        }
        let mut name = split::name_of(value);
        if !self.names.insert(name.to_lowercase()) {
            name = split::told_apart(&name, value.unwrap_or_default());
            self.names.insert(name.to_lowercase());
        }
        format!("{}-{name}.{ending}", self.table)
    }

    /// Where a file of that name lies, without any of its characters written otherwise.
    fn path(&self, name: &str) -> Path {
        let folder = &self.location.path;
        let as_it_is = PathPart::parse(name).ok().and_then(|_| {
            let path = format!("{folder}/{name}");
            Path::parse(path).ok()
        });
        as_it_is.unwrap_or_else(|| folder.clone().join(name))
    }

    /// Removes what was written.
    pub(super) async fn abort(self) {
        for file in self.open {
            file.abort().await;
        }
    }

    /// Gives the files their names, and writes the manifest.
    pub(super) async fn publish(
        mut self,
        request: &Request<'_>,
        selected: &Selected,
    ) -> Result<Manifest, NightError> {
        let open = std::mem::take(&mut self.open);
        let path = self.path(&self.target.manifest());
        let record = self.path(&self.target.unfinished());
        let names = open.iter().map(|file| file.name.clone()).collect();
        let (before, kept) = match self.begin(&path, &record, names).await {
            Ok(begun) => begun,
            Err(failure) => {
                self.open = open;
                self.abort().await;
                return Err(failure);
            }
        };
        let mut files = Vec::new();
        let mut waiting = open.into_iter();
        while let Some(file) = waiting.next() {
            match file.complete(self.location, self.split_by.is_some()).await {
                Ok(file) => files.push(file),
                Err(failure) => {
                    self.open = waiting.collect();
                    self.abort().await;
                    return Err(failure);
                }
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let mut manifest = self.manifest(request, selected, files);
        manifest.kept = kept;
        let text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        let put = self.location.store.put(&path, text.into()).await;
        put.map_err(|error| self.location.failure("write", &path, error))?;
        let is_left = |name: &String| manifest.files.iter().all(|file| file.name != *name);
        let left: Vec<String> = before.into_iter().filter(is_left).collect();
        for name in left {
            self.remove(&self.path(&name)).await?;
            manifest.removed.push(name);
        }
        self.remove(&record).await?;
        Ok(manifest)
    }

    /// Removes the manifest of the export before, and returns the files that it and exports which
    /// did not come to theirs have left. With those of this one they are on record by then. Those that
    /// were changed are kept.
    async fn begin(
        &self,
        manifest: &Path,
        record: &Path,
        mut names: Vec<String>,
    ) -> Result<(BTreeSet<String>, Vec<KeptFile>), NightError> {
        let mut before = BTreeSet::new();
        let mut kept = Vec::new();
        let unfinished = self.read(record).await?;
        let unfinished = unfinished.map(|(found, _)| Unfinished::read(&found).0);
        before.extend(unfinished.unwrap_or_default());
        let finished = self.read(manifest).await?;
        if let Some((found, written)) = &finished {
            let named = manifest::files_named(found).ok_or_else(|| self.foreign(manifest))?;
            kept = keep_changed(self.location, &named, *written, |name| self.path(name)).await?;
            before.extend(named.into_iter().map(|file| file.name));
        }
        names.extend(before.iter().cloned());
        let text = serde_json::json!(Unfinished(names)).to_string();
        let put = self.location.store.put(record, text.into()).await;
        put.map_err(|error| self.location.failure("write", record, error))?;
        if finished.is_some() {
            self.remove(manifest).await?;
        }
        Ok((before, kept))
    }

    fn foreign(&self, manifest: &Path) -> Problems {
        let message = format!(
            "`{}` is no manifest of an export",
            self.location.url_of(manifest)
        );
        let help =
            "name a folder of its own for the export, or delete that file if it is one's remains";
        Problems(vec![Diagnostic::new(message).help(help)])
    }

    /// What is there, and when it was written.
    async fn read(&self, path: &Path) -> Result<Option<(Bytes, DateTime<Utc>)>, NightError> {
        let failed = |error| self.location.failure("read", path, error);
        match self.location.store.get(path).await {
            Ok(found) => {
                let written = found.meta.last_modified;
                Ok(Some((found.bytes().await.map_err(failed)?, written)))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error).into()),
        }
    }

    async fn remove(&self, path: &Path) -> Result<(), NightError> {
        match self.location.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.location.failure("remove", path, error).into()),
        }
    }

    fn manifest(
        &self,
        request: &Request<'_>,
        selected: &Selected,
        files: Vec<ExportedFile>,
    ) -> Manifest {
        let columns = self.schema.fields().iter().map(|field| ExportedColumn {
            name: field.name().clone(),
            column_type: sql_type(field.data_type()),
        });
        let Selected {
            publication,
            version,
            dates,
            ..
        } = selected;
        Manifest {
            format: manifest::FORMAT,
            table: self.table.to_owned(),
            snapshot_date: publication.snapshot_date.to_string(),
            from: request.from.map(|from| from.to_string()),
            run_id: publication.run_id.clone(),
            publication: publication.sequence,
            table_version: *version,
            dates: dates.iter().map(ExportedDate::of).collect(),
            condition: request.condition.map(str::to_owned),
            order_by: request.order_by.to_vec(),
            split_by: request.split_by.map(str::to_owned),
            limit: request.limit,
            columns: columns.collect(),
            rows: files.iter().map(|file| file.rows).sum(),
            files,
            removed: Vec::new(),
            kept: Vec::new(),
            warnings: Problems::default(),
        }
    }
}

impl OpenFile {
    async fn add(&mut self, location: &Location, bytes: Vec<u8>) -> Result<(), NightError> {
        self.digest.update(&bytes);
        self.bytes += bytes.len() as u64;
        let failed = |error| location.failure("write", &self.path, error);
        if let Some(upload) = &mut self.upload {
            upload
                .wait_for_capacity(PARTS_AT_ONCE)
                .await
                .map_err(failed)?;
            upload.put(bytes.into());
            return Ok(());
        }
        self.buffer.extend(bytes);
        if self.buffer.len() > BUFFER_BYTES {
            let upload = location.store.put_multipart(&self.path).await;
            let upload = upload.map_err(failed)?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, BUFFER_BYTES);
            upload.put(std::mem::take(&mut self.buffer).into());
            self.upload = Some(upload);
        }
        Ok(())
    }

    /// The file under its name.
    async fn complete(
        self,
        location: &Location,
        is_split: bool,
    ) -> Result<ExportedFile, NightError> {
        let completed = match self.upload {
            Some(upload) => upload.finish().await,
            None => location.store.put(&self.path, self.buffer.into()).await,
        };
        completed.map_err(|error| location.failure("write", &self.path, error))?;
        Ok(ExportedFile {
            name: self.name,
            value: is_split.then_some(self.value),
            rows: self.rows,
            left_out: self.left_out,
            bytes: self.bytes,
            sha256: manifest::hex(&self.digest.finalize()),
        })
    }

    async fn abort(self) {
        let Some(upload) = self.upload else {
            return;
        };
        if let Err(error) = upload.abort().await {
            tracing::warn!(%error, "could not remove an upload that was given up");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_by_its_ending_or_a_folder() {
        let form = |format| Form {
            format,
            has_bom: false,
            escapes_formulas: false,
        };
        let csv = form(Format::Csv);
        let file = |folder, name: &str| Ok((folder, Target::File(name.to_owned())));
        assert_eq!(
            Target::of("out/calls.csv", csv, false),
            file("out/", "calls.csv")
        );
        assert_eq!(Target::of("calls.CSV", csv, false), file(".", "calls.CSV"));
        let json = form(Format::Json);
        assert_eq!(
            Target::of("s3://b/calls.jsonl", json, false),
            file("s3://b/", "calls.jsonl")
        );
        assert_eq!(
            Target::of("out/v1.2", csv, true),
            Ok(("out/v1.2", Target::Folder))
        );
        assert!(Target::of("calls.csv", csv, true).is_err());
        assert!(Target::of("calls.parquet", csv, false).is_err());
    }
}
