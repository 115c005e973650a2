//! The tile builder: fetches stored tiles, makes missing ones, and lays out both as rows.
//!
//! 1. [`TileBuilder::fetch`]: stored tiles, each whole and checked. Where the output is on
//!    this machine they are read in place, otherwise they are copied here by one GET each.
//! 2. [`TileBuilder::make`]: missing tiles, shorter periods first, since longer ones are merged from
//!    them. Runs of recent days are made by one query each.
//! 3. [`TileBuilder::lay_out`]: the tiles of the cover, by the windows that they lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::Session;
use chrono::NaiveDate;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Date32Type, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use parquet::errors::ParquetError;
use tokio::io::AsyncWriteExt;

use crate::ground::Layout;
use crate::storage::Location;

use super::address::Address;
use super::error::{DamagedTile, TileError};
use super::file::{Maker, Refusal, TileFile, TileWriter, accept};
use super::keys::{DAY, USER_ID};
use super::merge_inputs::{MergedColumn, MergedRollup, TileRows};
use super::merged::MergedTiles;
use super::merging::Merge;
use super::period::{Period, day_number, day_of};
use super::plan::{TileBuild, TilePlan};
use super::rollup::Rollup;
use super::store::{StoredTile, path_of};
use super::window::Window;

/// How many requests are under way at once.
const CONCURRENT_REQUESTS: usize = 16;

/// Days that are made by one query, at most, and their source bytes, about.
const DAYS_AT_ONCE: usize = 64;
const BYTES_AT_ONCE: u64 = 8 << 20;

/// What is wrong with a tile that somebody removed since it was listed.
const GONE: &str = "it is gone";

/// Bytes that an upload holds in memory.
const UPLOAD_BYTES: usize = 8 << 20;

/// Where tiles are made.
pub struct TileBuilder<'a> {
    /// The session that holds the staging tables.
    pub session: &'a Session,
    /// Where tiles are stored.
    pub output: &'a Location,
    /// The paths below it.
    pub layout: &'a Layout,
    /// A folder of this machine, for this run alone.
    pub folder: &'a Path,
    /// How many tiles are made at once.
    pub threads: usize,
}

/// Tiles at hand, by address.
pub type TileFiles = BTreeMap<Address, TileFile>;

impl TileBuilder<'_> {
    /// Brings stored tiles here, which are added to those at hand, `files`; returns those that are not what their
    /// names say.
    ///
    /// # Errors
    /// A store or disk that fails, and texts where today's ids are numbers.
    pub async fn fetch(
        &self,
        rollup: &Rollup,
        stored: &BTreeMap<Address, StoredTile>,
        files: &mut TileFiles,
    ) -> Result<Vec<DamagedTile>, TileError> {
        let missing = stored
            .iter()
            .filter(|(address, _)| !files.contains_key(*address));
        let fetched = missing.map(|(address, stored)| async move {
            let fetched = self.fetch_one(rollup, address, stored).await?;
            Ok::<_, TileError>((address, fetched))
        });
        let fetched: Vec<_> = fetched.collect();
        let mut fetched = stream::iter(fetched).buffer_unordered(CONCURRENT_REQUESTS);
        let mut damaged = Vec::new();
        while let Some((address, fetched)) = fetched.try_next().await? {
            match fetched {
                Ok(file) => drop(files.insert(address.clone(), file)),
                Err(tile) => damaged.push(tile),
            }
        }
        damaged.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(damaged)
    }

    async fn fetch_one(
        &self,
        rollup: &Rollup,
        address: &Address,
        stored: &StoredTile,
    ) -> Result<Result<TileFile, DamagedTile>, TileError> {
        let url = || self.output.url_of(&stored.path);
        let damaged = |what: &str| {
            Ok(Err(DamagedTile {
                address: address.clone(),
                path: url(),
                what: what.to_owned(),
            }))
        };
        let path = match self.in_place(&stored.path) {
            Some(path) => path,
            None => match self.download(stored).await? {
                Some(path) => path,
                None => return damaged(GONE),
            },
        };
        let task = {
            let (path, maker, stored) = (path.clone(), maker_of(rollup), stored.clone());
            let (period, expected) = (address.period, file_schema(rollup));
            move || accept(&path, &maker, &stored, period, &expected)
        };
        let accepted = tokio::task::spawn_blocking(task).await;
        let disk = TileError::disk(&path);
        let accepted = match accepted {
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => return damaged(GONE),
            Ok(accepted) => accepted.map_err(|error| disk(error.into()))?,
            Err(error) => return Err(disk(ParquetError::External(Box::new(error)))),
        };
        match accepted {
            Ok(file) => Ok(Ok(file)),
            Err(Refusal::Damaged(what)) => damaged(&what),
            Err(Refusal::Texts(column)) => Err(TileError::Texts {
                path: url(),
                rollup: rollup.name.clone(),
                column,
            }),
        }
    }

    /// The file of an object, when the output is a folder of this machine.
    fn in_place(&self, path: &object_store::path::Path) -> Option<PathBuf> {
        if self.output.root != ObjectStoreUrl::local_filesystem() {
            return None;
        }
        LocalFileSystem::new().path_to_filesystem(path).ok()
    }

    /// Copies an object to this machine; none when it is gone since it was listed.
    async fn download(&self, stored: &StoredTile) -> Result<Option<PathBuf>, TileError> {
        let path = self.folder.join(stored.path.filename().unwrap_or_default());
        let failed = |error| self.output.failure("read", &stored.path, error);
        let mut bytes = match self.output.store.get(&stored.path).await {
            Ok(object) => object.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error).into()),
        };
        let disk = TileError::disk(&path);
        let file = tokio::fs::File::create(&path).await;
        let mut file = file.map_err(|error| disk(error.into()))?;
        while let Some(chunk) = bytes.try_next().await.map_err(failed)? {
            let written = file.write_all(&chunk).await;
            written.map_err(|error| disk(error.into()))?;
        }
        file.flush().await.map_err(|error| disk(error.into()))?;
        Ok(Some(path))
    }

    /// Makes and stores tiles, each after those it is made from; `files` are those at hand, to which the new
    /// ones are added. `source_bytes` are those of each day's files.
    ///
    /// # Errors
    /// Queries, stores and disks that fail.
    pub async fn make(
        &self,
        rollup: &Rollup,
        builds: &[TileBuild],
        files: &mut TileFiles,
        source_bytes: &BTreeMap<NaiveDate, u64>,
    ) -> Result<(), TileError> {
        let (days, longer) = days_and_longer(builds);
        let chunks = chunks_of(&days, source_bytes);
        let made = chunks.iter().map(|chunk| self.make_days(rollup, chunk));
        let made: Vec<Vec<(Address, TileFile)>> = stream::iter(made)
            .buffer_unordered(self.threads)
            .try_collect()
            .await?;
        files.extend(made.into_iter().flatten());
        for wave in longer.chunk_by(|left, right| level(left) == level(right)) {
            let at_hand = &*files;
            let made = wave
                .iter()
                .map(|build| self.make_longer(rollup, build, at_hand));
            let made: Vec<(Address, TileFile)> = stream::iter(made)
                .buffer_unordered(self.threads)
                .try_collect()
                .await?;
            files.extend(made);
        }
        Ok(())
    }

    /// One query for the tiles of several days.
    async fn make_days(
        &self,
        rollup: &Rollup,
        builds: &[&TileBuild],
    ) -> Result<Vec<(Address, TileFile)>, TileError> {
        let days: BTreeSet<NaiveDate> = builds
            .iter()
            .flat_map(|build| &build.days)
            .copied()
            .collect();
        let failed = engine(rollup, span_of(&days));
        let rows = rollup.daily_stored(any_of(&days)).map_err(&failed)?;
        let rows = LogicalPlanBuilder::from(rows)
            .sort([col(DAY).sort(true, true), col(USER_ID).sort(true, true)])
            .and_then(LogicalPlanBuilder::build)
            .map_err(&failed)?;
        let mut stream = self.session.execute(rows).await.map_err(&failed)?;
        let mut waiting = builds.iter();
        let mut open: Option<(Address, TileWriter)> = None;
        let mut made = Vec::new();
        while let Some(batch) = stream.try_next().await.map_err(&failed)? {
            for (day, rows) in by_day(&batch) {
                while open
                    .as_ref()
                    .is_none_or(|(address, _)| address.period.last() != day)
                {
                    made.extend(self.keep_open(rollup, open.take()).await?);
                    let Some(build) = waiting.next() else { break };
                    open = Some((build.address.clone(), self.start(rollup, build)?));
                }
                if let Some((_, writer)) = &mut open {
                    self.write(rollup, writer, &batch.slice(rows.start, rows.len()))?;
                }
            }
        }
        made.extend(self.keep_open(rollup, open).await?);
        // Days whose files hold no good row have a tile too, an empty one.
        for build in waiting {
            let empty = (build.address.clone(), self.start(rollup, build)?);
            made.extend(self.keep_open(rollup, Some(empty)).await?);
        }
        Ok(made)
    }

    async fn keep_open(
        &self,
        rollup: &Rollup,
        open: Option<(Address, TileWriter)>,
    ) -> Result<Option<(Address, TileFile)>, TileError> {
        let Some((address, writer)) = open else {
            return Ok(None);
        };
        let file = self.keep(rollup, &address, writer).await?;
        Ok(Some((address, file)))
    }

    /// A tile of several days, merged from others and from source days.
    async fn make_longer(
        &self,
        rollup: &Rollup,
        build: &TileBuild,
        at_hand: &TileFiles,
    ) -> Result<(Address, TileFile), TileError> {
        let merged = build
            .tiles
            .iter()
            .filter_map(|address| at_hand.get(address));
        let mut merged: Vec<TileFile> = merged.cloned().collect();
        let mut writer = self.start(rollup, build)?;
        for (index, run) in runs_of(rollup, build).iter().enumerate() {
            let rows = run.rows(rollup).map_err(engine_over(rollup, build))?;
            if build.tiles.is_empty() {
                self.fill(rollup, build, &mut writer, rows).await?;
            } else {
                let mut aside = self.open(rollup, build, &format!("days {index} of "))?;
                self.fill(rollup, build, &mut aside, rows).await?;
                let aside = aside.finish().map_err(TileError::disk(self.folder))?;
                let last_day = run.last_day();
                merged.push(TileFile { last_day, ..aside });
            }
        }
        if !merged.is_empty() {
            let rows = self.merged(rollup, merged);
            let rows = rows.map_err(engine_over(rollup, build))?;
            self.fill(rollup, build, &mut writer, rows).await?;
        }
        let file = self.keep(rollup, &build.address, writer).await?;
        Ok((build.address.clone(), file))
    }

    /// The rows of tiles, merged.
    fn merged(&self, rollup: &Rollup, tiles: Vec<TileFile>) -> EngineResult<LogicalPlan> {
        let columns = rollup.columns.iter().map(|column| MergedColumn {
            name: column.name.clone(),
            source: column.name.clone(),
            window: None,
            merge: column.merge.clone(),
            data_type: column.stored_type(),
        });
        let merged = MergedRollup {
            name: rollup.name.name.clone(),
            columns: columns.collect(),
            rows: vec![TileRows {
                windows: Vec::new(),
                tiles,
            }],
        };
        let table = MergedTiles::new(vec![merged], rollup.user_id_type.clone());
        LogicalPlanBuilder::scan("tiles", provider_as_source(Arc::new(table)), None)?.build()
    }

    async fn fill(
        &self,
        rollup: &Rollup,
        build: &TileBuild,
        writer: &mut TileWriter,
        rows: LogicalPlan,
    ) -> Result<(), TileError> {
        let failed = engine_over(rollup, build);
        let mut rows = self.session.execute(rows).await.map_err(&failed)?;
        while let Some(batch) = rows.try_next().await.map_err(&failed)? {
            self.write(rollup, writer, &batch)?;
        }
        Ok(())
    }

    fn start(&self, rollup: &Rollup, build: &TileBuild) -> Result<TileWriter, TileError> {
        self.open(rollup, build, "")
    }

    /// Starts a file whose name begins with `prefix`.
    fn open(
        &self,
        rollup: &Rollup,
        build: &TileBuild,
        prefix: &str,
    ) -> Result<TileWriter, TileError> {
        let name = format!("{prefix}{}-{}.parquet", rollup.name.name, build.address);
        let path = self.folder.join(name);
        TileWriter::create(path, &maker_of(rollup), &build.address, file_schema(rollup))
            .map_err(TileError::disk(self.folder))
    }

    /// Writes rows whose columns may be in any order and among others.
    fn write(
        &self,
        rollup: &Rollup,
        writer: &mut TileWriter,
        rows: &RecordBatch,
    ) -> Result<(), TileError> {
        let schema = file_schema(rollup);
        let columns = schema.fields().iter().map(|field| {
            let column = rows.column(rows.schema_ref().index_of(field.name())?);
            cast(column, field.data_type())
        });
        let plain = columns
            .collect::<Result<_, _>>()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns))
            .map_err(|error| engine(rollup, None)(error.into()))?;
        writer.write(&plain).map_err(TileError::disk(self.folder))
    }

    /// Completes a tile and stores a copy.
    async fn keep(
        &self,
        rollup: &Rollup,
        address: &Address,
        writer: TileWriter,
    ) -> Result<TileFile, TileError> {
        let file = writer.finish().map_err(TileError::disk(self.folder))?;
        let path = path_of(self.layout, &rollup.name.name, address, &file.digest);
        let failed = |error| self.output.failure("write", &path, error);
        let mut reader = tokio::fs::File::open(&file.path)
            .await
            .map_err(|error| TileError::disk(&file.path)(error.into()))?;
        let store = Arc::clone(&self.output.store);
        let mut upload = BufWriter::with_capacity(store, path.clone(), UPLOAD_BYTES);
        let copied = tokio::io::copy(&mut reader, &mut upload).await;
        let stored = match copied {
            Ok(_) => upload.shutdown().await,
            Err(error) => Err(error),
        };
        stored.map_err(|error| {
            failed(object_store::Error::Generic {
                store: "tiles",
                source: Box::new(error),
            })
        })?;
        Ok(TileFile {
            stored: Some(path),
            ..file
        })
    }

    /// The tiles of a plan's cover, those that lie in the same windows together.
    pub fn lay_out(&self, plan: &TilePlan, files: &TileFiles) -> Vec<TileRows> {
        let mut classes: BTreeMap<Vec<Window>, Vec<TileFile>> = BTreeMap::new();
        for tile in &plan.cover {
            if let Some(file) = files.get(&tile.address) {
                let class = classes.entry(tile.windows.clone()).or_default();
                class.push(file.clone());
            }
        }
        let classes = classes.into_iter();
        classes
            .map(|(windows, tiles)| TileRows { windows, tiles })
            .collect()
    }
}

/// The first and the last of some days.
type Span = Option<(NaiveDate, NaiveDate)>;

fn span_of(days: &BTreeSet<NaiveDate>) -> Span {
    days.first().copied().zip(days.last().copied())
}

fn engine(rollup: &Rollup, days: Span) -> impl Fn(DataFusionError) -> TileError {
    let rollup = rollup.name.to_string();
    move |source| TileError::Engine {
        rollup: rollup.clone(),
        days,
        source: Box::new(source),
    }
}

/// As [`engine`], for a tile of several days.
fn engine_over(rollup: &Rollup, build: &TileBuild) -> impl Fn(DataFusionError) -> TileError {
    let period = build.address.period;
    let last = day_of(period.last());
    let first = period.first().map(day_of);
    let first = first.or(build.days.first().copied()).unwrap_or(last);
    engine(rollup, Some((first, last)))
}

/// Days of a build that are read from the sources by one query.
#[derive(Debug, Default)]
struct Run {
    days: BTreeSet<NaiveDate>,
    /// All days before this one, too.
    before: Option<NaiveDate>,
}

impl Run {
    /// The rows of these days, sorted by user.
    fn rows(&self, rollup: &Rollup) -> EngineResult<LogicalPlan> {
        let before = self.before.map(|day| col(DAY).lt(date(day_number(day))));
        let condition = any_of(&self.days).into_iter().chain(before);
        LogicalPlanBuilder::from(rollup.stored(condition.reduce(Expr::or))?)
            .sort([col(USER_ID).sort(true, true)])?
            .build()
    }

    /// The last of these days.
    fn last_day(&self) -> i32 {
        let last = self.days.last().copied();
        let before = self.before.map(|day| day_number(day) - 1);
        last.map(day_number).or(before).unwrap_or(i32::MIN)
    }
}

/// The source days of a build: all in one run, unless a column takes the latest value, and a tile
/// lies between two of the days.
fn runs_of(rollup: &Rollup, build: &TileBuild) -> Vec<Run> {
    let takes_latest = rollup
        .columns
        .iter()
        .any(|column| column.merge == Merge::Last);
    let tiles_before = |day: NaiveDate| {
        let tiles = build.tiles.iter().filter(|_| takes_latest);
        tiles
            .filter(|tile| tile.period.last() < day_number(day))
            .count()
    };
    let mut runs: BTreeMap<usize, Run> = BTreeMap::new();
    for day in &build.days {
        let run = runs.entry(tiles_before(*day)).or_default();
        run.days.insert(*day);
    }
    if build.before.is_some() {
        runs.entry(0).or_default().before = build.before;
    }
    runs.into_values().collect()
}

/// The tiles to make that are of one day, and the longer ones.
fn days_and_longer(builds: &[TileBuild]) -> (Vec<&TileBuild>, Vec<&TileBuild>) {
    builds
        .iter()
        .partition(|build| build.address.period.is_day())
}

/// The tiles to make that need none of the others, in parts that can be made side by side: days in runs that are
/// worth a query each, and once there are all, tiles of one length.
#[cfg(feature = "cluster")]
pub fn first_parts<'a>(
    builds: &'a [TileBuild],
    source_bytes: &BTreeMap<NaiveDate, u64>,
) -> Vec<Vec<&'a TileBuild>> {
    let (days, longer) = days_and_longer(builds);
    if !days.is_empty() {
        return chunks_of(&days, source_bytes);
    }
    let first = longer.chunk_by(|left, right| level(left) == level(right));
    let first = first.into_iter().next().unwrap_or_default();
    first.iter().map(|build| vec![*build]).collect()
}

fn level(build: &TileBuild) -> Option<u8> {
    match build.address.period {
        Period::Block { level, .. } => Some(level),
        Period::Until { .. } => None,
    }
}

/// Day tiles in runs that are worth one query each.
fn chunks_of<'a>(
    days: &[&'a TileBuild],
    source_bytes: &BTreeMap<NaiveDate, u64>,
) -> Vec<Vec<&'a TileBuild>> {
    let bytes_of = |build: &&TileBuild| -> u64 {
        let sizes = build.days.iter().filter_map(|day| source_bytes.get(day));
        sizes.sum()
    };
    let mut in_order = days.to_vec();
    in_order.sort_by_key(|build| build.address.period.last());
    chunks_worth_a_query(in_order, bytes_of)
}

/// Days in runs that are worth one query each.
#[cfg(feature = "cluster")]
pub fn runs_of_days(
    days: &BTreeSet<NaiveDate>,
    source_bytes: &BTreeMap<NaiveDate, u64>,
) -> Vec<BTreeSet<NaiveDate>> {
    let bytes_of = |day: &NaiveDate| source_bytes.get(day).copied().unwrap_or_default();
    let chunks = chunks_worth_a_query(days.iter().copied(), bytes_of).into_iter();
    chunks.map(BTreeSet::from_iter).collect()
}

/// What is made of one day each, in runs of about so many bytes.
fn chunks_worth_a_query<T>(
    days: impl IntoIterator<Item = T>,
    bytes_of: impl Fn(&T) -> u64,
) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for day in days {
        let bytes_of_day = bytes_of(&day);
        let is_full = bytes >= BYTES_AT_ONCE;
        match chunks.last_mut() {
            Some(chunk) if !is_full && chunk.len() < DAYS_AT_ONCE => chunk.push(day),
            _ => {
                chunks.push(vec![day]);
                bytes = 0;
            }
        }
        bytes += bytes_of_day;
    }
    chunks
}

/// The condition that the column `day` is one of `days`; none for no days.
pub fn any_of(days: &BTreeSet<NaiveDate>) -> Option<Expr> {
    let numbers: Vec<i32> = days.iter().copied().map(day_number).collect();
    let runs = numbers.chunk_by(|left, right| left + 1 == *right);
    let within = runs.map(|run| {
        let (first, last) = (run[0], run[run.len() - 1]);
        col(DAY).between(date(first), date(last))
    });
    within.reduce(Expr::or)
}

fn date(number: i32) -> Expr {
    lit(ScalarValue::Date32(Some(number)))
}

/// The rows of each day of a batch that is sorted by day.
fn by_day(batch: &RecordBatch) -> Vec<(i32, Range<usize>)> {
    let Some(days) = batch.column_by_name(DAY) else {
        return Vec::new();
    };
    let days = days.as_primitive::<Date32Type>().values();
    let mut start = 0;
    let runs = days.chunk_by(|left, right| left == right).map(|run| {
        let rows = start..start + run.len();
        start = rows.end;
        (run[0], rows)
    });
    runs.collect()
}

/// What a tile says of who made it.
fn maker_of(rollup: &Rollup) -> Maker {
    Maker {
        rollup: rollup.name.clone(),
        engine: rollup.engine_version(),
    }
}

/// The columns of a tile.
fn file_schema(rollup: &Rollup) -> SchemaRef {
    let user_id = Field::new(USER_ID, rollup.user_id_type.clone(), true);
    let columns = rollup.columns.iter();
    let columns = columns.map(|column| Field::new(&column.name, column.stored_type(), true));
    Arc::new(Schema::new(
        std::iter::once(user_id).chain(columns).collect::<Vec<_>>(),
    ))
}
