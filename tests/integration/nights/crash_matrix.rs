//! Each write of a night as the last thing that its run does: it dies before the write, or after it.
//!
//! A store counts the writes of a night: objects put, copied, completed in parts and deleted. Before or
//! after one of them it is gone, for reads too, as if the process had been killed. Then
//!
//! 1. those who go by `publications` find each date as it was, or as the night publishes it, whole;
//! 2. after the next run, be it of that date or of another, the newest version of each table is the
//!    one that publications name;
//! 3. once both dates have been run, every table has the rows of a twin whose night nobody disturbed. Cut
//!    points that the dead run kept are the twin's as well: they hold for good once they are on record.
//!
//! A test run tries a few points of each case, the same each time. `CRASH_POINTS=1000` tries every one,
//! which takes an hour: `CRASH_POINTS=1000 cargo test --test integration crash_matrix -- --nocapture`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{Days, NaiveDate};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tierline::publish::{Publications, inspect};
use tierline::storage::Location;

use super::example::{history, last_night, late, night_before};
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{Row, newest_rows, of_any_run, rows};
use crate::naive::fixtures::days_ago;

/// How many points of a case an ordinary test run tries.
const POINTS: usize = 3;

/// A column that published tables do not have yet.
const NEW_COLUMN: &[Edit] = &[Edit {
    file: "publish/tier_snapshot.sql",
    from: "    -- interaction\n",
    to: "    2 * users.orders_365d AS orders_doubled,\n",
}];

/// Where a run dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    /// The write, counted from 0.
    write: usize,
    /// Whether the store has it.
    is_after: bool,
}

impl Point {
    /// Every point of a night with so many writes, in order.
    fn all(writes: usize) -> Vec<Self> {
        let of_write = |write| [false, true].map(|is_after| Self { write, is_after });
        (0..writes).flat_map(of_write).collect()
    }

    /// Those that this test run tries, from the first to the last.
    fn tried(writes: usize) -> Vec<Self> {
        let all = Self::all(writes);
        let asked = std::env::var_os("CRASH_POINTS").map(|points| points.into_string().unwrap());
        let count = asked.map_or(POINTS, |points| points.parse().unwrap());
        let count = count.clamp(2, all.len());
        let spread = (0..count).map(|number| number * (all.len() - 1) / (count - 1));
        spread.map(|index| all[index]).collect()
    }
}

/// What the wrappers of one store share.
#[derive(Debug)]
struct Life {
    dies_at: Option<Point>,
    writes: AtomicUsize,
    is_over: AtomicBool,
}

impl Life {
    fn check(&self) -> Result<()> {
        match self.is_over.load(Ordering::SeqCst) {
            true => Err(dead()),
            false => Ok(()),
        }
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        self.check()?;
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        let last = self.dies_at.filter(|point| point.write == number);
        if last.is_some_and(|point| !point.is_after) {
            self.is_over.store(true, Ordering::SeqCst);
        }
        self.check()?;
        let written = write.await;
        if last.is_some() {
            self.is_over.store(true, Ordering::SeqCst);
        }
        self.check()?;
        written
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic {
        store: "mortal",
        source: "the run is dead".into(),
    }
}

/// A store that a process reaches until it dies.
#[derive(Debug)]
struct MortalStore {
    inner: Arc<dyn ObjectStore>,
    life: Arc<Life>,
}

impl fmt::Display for MortalStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("mortal store")
    }
}

#[async_trait]
impl ObjectStore for MortalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(location, payload, options);
        self.life.write(put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.life.check()?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        let life = Arc::clone(&self.life);
        Ok(Box::new(MortalUpload { inner, life }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.life.check()?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (inner, life) = (Arc::clone(&self.inner), Arc::clone(&self.life));
        let deleted = locations.then(move |location| {
            let (inner, life) = (Arc::clone(&inner), Arc::clone(&life));
            async move {
                let location = location?;
                life.write(inner.delete(&location)).await?;
                Ok(location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.life.check() {
            Ok(()) => self.inner.list(prefix),
            Err(dead) => futures::stream::iter([Err(dead)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.life.check()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.life
            .write(self.inner.copy_opts(from, to, options))
            .await
    }
}

#[derive(Debug)]
struct MortalUpload {
    inner: Box<dyn MultipartUpload>,
    life: Arc<Life>,
}

#[async_trait]
impl MultipartUpload for MortalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match self.life.check() {
            Ok(()) => self.inner.put_part(data),
            Err(dead) => Box::pin(async { Err(dead) }),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.life.write(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.life.check()?;
        self.inner.abort().await
    }
}

/// A night, and what was published before it.
struct Case {
    name: &'static str,
    /// Everything is prepared; each point has a copy of it.
    nights: Nights,
    night: NaiveDate,
}

/// The rows of every table and date, by those who go by publications.
type State = BTreeMap<(NaiveDate, &'static str), Vec<Row>>;

impl Case {
    /// The date that is run besides.
    fn next_date(&self) -> NaiveDate {
        last_night() + Days::new(1)
    }

    /// Runs the night, and dies. The writes that it made, at most.
    async fn die(&self, nights: &Nights, dies_at: Option<Point>) -> usize {
        let mut workspace = nights.workspace();
        let life = Arc::new(Life {
            dies_at,
            writes: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        workspace.output.store = Arc::new(MortalStore {
            inner: Arc::clone(&workspace.output.store),
            life: Arc::clone(&life),
        });
        if let Ok(planned) = nights.plan_in(workspace, self.night).await {
            let ended = planned.execute().await;
            assert!(
                dies_at.is_some() || ended.is_ok(),
                "{}: {ended:?}",
                self.name
            );
        }
        life.writes.load(Ordering::SeqCst)
    }

    /// The dates to run after a death: that of the night first, or another.
    fn order(&self, point: Point) -> [NaiveDate; 2] {
        match point.write.is_multiple_of(2) {
            true => [self.night, self.next_date()],
            false => [self.next_date(), self.night],
        }
    }

    /// What a twin that has the cut points of `calibrated` has after these dates.
    async fn twin(&self, calibrated: &Nights, dates: &[NaiveDate]) -> State {
        let twin = self.nights.copied();
        twin.take_calibrations_of(calibrated);
        for date in dates {
            twin.run(*date).await.unwrap();
        }
        state(&twin.output()).await
    }

    /// Dies at every point that is tried.
    #[expect(
        clippy::print_stdout,
        reason = "how many points there are is asked for"
    )]
    async fn prove(&self) {
        let before = state(&self.nights.output()).await;
        let after = self.twin(&self.nights, &[self.night]).await;
        let writes = self.die(&self.nights.copied(), None).await;
        let points = Point::tried(writes);
        let (name, all) = (self.name, Point::all(writes).len());
        println!("{name}: {} of {all} points", points.len());
        let mut twins: BTreeMap<(Vec<String>, Vec<NaiveDate>), State> = BTreeMap::new();
        for point in points {
            let nights = self.nights.copied();
            self.die(&nights, Some(point)).await;
            let output = nights.output();
            let left = state(&output).await;
            let is_published = left != before;
            if is_published {
                assert_same(&format!("{name}, {point:?}, readers"), &left, &after);
            }
            let order = self.order(point);
            let dates = is_published.then_some(self.night).into_iter().chain(order);
            let like = (nights.calibrations(), dates.collect());
            if !twins.contains_key(&like) {
                let twin = self.twin(&nights, &like.1).await;
                twins.insert(like.clone(), twin);
            }
            for date in order {
                let run = nights.run(date).await;
                run.unwrap_or_else(|error| panic!("{name}, {point:?}, {date}: {error}"));
                assert_newest_is_published(&output, &format!("{name}, {point:?}, {date}")).await;
            }
            let found = state(&output).await;
            assert_same(
                &format!("{name}, {point:?}, {order:?}"),
                &found,
                &twins[&like],
            );
        }
    }
}

/// What those see who go by publications.
async fn state(output: &Location) -> State {
    let mut state = State::new();
    let publications = Publications::load(output).await.unwrap();
    for publication in publications.published() {
        let date = publication.snapshot_date.day();
        for table in tierline::tables::OUR_NAMES {
            let mut of_table = of_any_run(rows(output, date, table).await);
            of_table.sort();
            state.insert((date, table), of_table);
        }
    }
    state
}

fn assert_same(what: &str, found: &State, expected: &State) {
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    for key in keys {
        assert_eq!(found.get(key), expected.get(key), "{what}: {key:?}");
    }
}

/// Readers of the newest versions see what publications name.
async fn assert_newest_is_published(output: &Location, what: &str) {
    let publications = Publications::load(output).await.unwrap();
    let inspection = inspect(output, &publications).await.unwrap();
    assert!(inspection.is_clean(), "{what}: {inspection:?}");
    let newest = publications.latest_date().unwrap().day();
    for table in [
        "tier_snapshot",
        "tier_current",
        "tier_migration",
        "kpi_daily",
    ] {
        let found = newest_rows(output, newest, table).await;
        let named = rows(output, newest, table).await;
        assert_eq!(found, named, "{what}: {table}");
    }
}

#[tokio::test]
async fn first_publication() {
    let case = Case {
        name: "first publication",
        nights: Nights::over(&history(), &Delivery::default()),
        night: last_night(),
    };
    case.prove().await;
}

#[tokio::test]
async fn next_night_with_another_column() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.edit_pack(NEW_COLUMN);
    let case = Case {
        name: "next night with another column",
        nights,
        night: last_night(),
    };
    case.prove().await;
}

/// Two nights, and a late file for both.
async fn restated() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    let delivery = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &delivery);
    nights
}

#[tokio::test]
async fn replacement() {
    let case = Case {
        name: "replacement",
        nights: restated().await,
        night: last_night(),
    };
    case.prove().await;
}

#[tokio::test]
async fn replacement_with_another_column() {
    let mut nights = restated().await;
    nights.edit_pack(NEW_COLUMN);
    let case = Case {
        name: "replacement with another column",
        nights,
        night: last_night(),
    };
    case.prove().await;
}

#[tokio::test]
async fn backfill_of_a_gap() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    nights.run(last_night()).await.unwrap();
    let case = Case {
        name: "backfill of a gap",
        nights,
        night: night_before(),
    };
    case.prove().await;
}
