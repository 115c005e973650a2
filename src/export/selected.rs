//! The rows that are exported.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::Result as EngineResult;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{JoinType, ident};
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::engine::{EngineError, Session};
use crate::ground::{
    Diagnostic, Problems, SnapshotDate, SourceFile, SqlSchema, TableName, did_you_mean,
};
use crate::inputs::ParquetFiles;
use crate::job::Job;
use crate::models::{Parameters, planner, rows_where};
use crate::night::NightError;
use crate::overview::Opened;
use crate::publish::{
    Publication, Publications, missing, published_dates, published_in_order, published_table,
};
use crate::storage::Location;
use crate::tables::{self, SNAPSHOT_DATE, TIER_SNAPSHOT, Tables};
use crate::tiles::USER_ID;

use super::dates::{is_actions, keeps_no_dates, missing_days, publications_from, still_to_do};
use super::no_rows::{Comparison, comparisons, never_met};
use super::request::{Request, STAGE, besides};

/// What the users of the snapshot are called beside those of the table.
const SNAPSHOT_USER: &str = "(user of snapshot)";

/// Rows of a published table, with the column that they are split by.
pub(super) struct Selected {
    /// The publication that recorded them.
    pub publication: Publication,
    /// The version of the table that has them.
    pub version: i64,
    /// The publications that recorded the rows of several dates, in their order; none where it is one date.
    pub dates: Vec<Publication>,
    /// The columns that are written.
    pub schema: SchemaRef,
    /// Where the column that splits the rows is among those of a batch; none where nothing does.
    pub split: Option<usize>,
    /// The rows: the columns that are written, and after them the one that splits, where it is
    /// none of these.
    rows: SendableRecordBatchStream,
    /// The condition, and what it compares; none where all rows are asked for.
    condition: Option<(SourceFile, BTreeSet<Comparison>)>,
    /// The first and the last of several dates.
    period: Option<(SnapshotDate, SnapshotDate)>,
    table: TableName,
    /// The rows come from its tables.
    session: Session,
}

impl Selected {
    /// Plans what is asked for; no more than the first `most` rows where that is given.
    ///
    /// # Errors
    /// A date or a table that is not published, columns that the table does not have, what is
    /// wrong with the condition, and tables that cannot be read.
    pub(super) async fn read(
        job: &Job,
        request: &Request<'_>,
        most: Option<u64>,
    ) -> Result<Self, NightError> {
        let failed = EngineError::during(STAGE);
        let opened = Opened::of(job).await?;
        let publication = publication_with(&opened, request).await?.clone();
        let Rows {
            rows,
            own,
            version,
            dates,
            order,
        } = Rows::read(job, &opened, &publication, request).await?;
        let session = opened.session;
        let name = TableName::new(SqlSchema::Publish, request.table);
        session.register(&name, rows).map_err(&failed)?;
        let all = session.table(&name).await.map_err(&failed)?;
        let known = all.schema().as_arrow().clone();
        let columns = Columns::of(request, &known, &own)?;
        let (rows, condition) = match request.condition {
            None => (all, None),
            Some(condition) => {
                let file = SourceFile::new("--where", condition);
                file.check_visible()
                    .map_err(|problem| Problems(vec![problem]))?;
                let model = rows_where(&name, file.clone())?;
                let parameters =
                    Parameters::default().with_snapshot_date(publication.snapshot_date);
                let plan = planner::plan(&session.state(), &model, &parameters).await?;
                let compared = comparisons(&plan).map_err(&failed)?;
                (session.plan(plan), Some((file, compared)))
            }
        };
        // NULL comes last in an order that was asked for, and first in that of the key.
        let asked = request.order();
        let asked = asked.map(|(column, ascending)| ident(column).sort(ascending, false));
        let key = order.columns(&known);
        let date = request.from.map(|_| SNAPSHOT_DATE);
        let key = key.chain(date).map(|column| ident(column).sort(true, true));
        let mut rows = rows.sort(asked.chain(key).collect()).map_err(&failed)?;
        if let Some(most) = most {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            rows = rows.limit(0, Some(most)).map_err(&failed)?;
        }
        let read = columns.read.iter().map(|column| ident(*column));
        let rows = rows.select(read.collect::<Vec<_>>()).map_err(&failed)?;
        let split = columns.split();
        let schema = columns.written(&known);
        Ok(Self {
            version,
            schema,
            split,
            rows: rows.execute_stream().await.map_err(&failed)?,
            period: request.from.map(|from| (from, publication.snapshot_date)),
            publication,
            dates,
            condition,
            table: name,
            session,
        })
    }

    /// What is to be said of so many rows: which days are missing, and where no row is left, texts of the
    /// condition that their columns never have.
    pub(super) async fn remarks(&self, rows: u64) -> Problems {
        let mut told = match (&self.condition, rows) {
            (Some((file, compared)), 0) => self.why_nothing(file, compared).await,
            _ => Problems::default(),
        };
        let period = self.period;
        told.0
            .extend(period.and_then(|period| missing_days(self.dates.len(), period)));
        told
    }

    async fn why_nothing(&self, file: &SourceFile, compared: &BTreeSet<Comparison>) -> Problems {
        let told = never_met(&self.session, &self.table, compared, file).await;
        let mut told = told.unwrap_or_else(|error| {
            // What was exported stands.
            tracing::warn!(%error, "could not look for what the condition compares");
            Problems::default()
        });
        if told.0.is_empty() {
            let dates = match self.period {
                Some((from, to)) => format!("from {from} to {to}"),
                None => format!("of {}", self.publication.snapshot_date),
            };
            let message = format!("no row of `{}` {dates} meets --where", self.table.name);
            told.push(Diagnostic::new(message).as_warning());
        }
        told
    }

    /// The next rows.
    ///
    /// # Errors
    /// Rows that cannot be read, or of which the condition cannot be computed.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, NightError> {
        let next = self.rows.try_next().await;
        next.map_err(|error| match EngineError::during(STAGE)(error) {
            EngineError::Rows { reason, .. } => not_computed(&reason).into(),
            error => error.into(),
        })
    }
}

/// The rows of a table that an export chooses from.
struct Rows {
    /// With the columns of the snapshot that are asked for besides.
    rows: Arc<dyn TableProvider>,
    /// The columns of the table.
    own: SchemaRef,
    version: i64,
    dates: Vec<Publication>,
    order: Order,
}

impl Rows {
    async fn read(
        job: &Job,
        opened: &Opened,
        publication: &Publication,
        request: &Request<'_>,
    ) -> Result<Self, NightError> {
        let failed = EngineError::during(STAGE);
        let publications = &opened.publications;
        let recorded = publication.tables.get(request.table);
        let recorded =
            recorded.ok_or_else(|| unknown_table(request.table, publication, publications))?;
        let (tables, problems) = Tables::of(job);
        problems.or_ok(())?;
        let order = Order::of(&tables, request.table);
        let (rows, version, dates) = match request.from {
            None => {
                let rows = order.rows(&opened.output, publication, request.table);
                let rows = opened.session.read(Arc::new(rows.await?));
                (rows.map_err(&failed)?, recorded.version, Vec::new())
            }
            Some(from) => {
                let period = (from, publication.snapshot_date);
                let dates = publications_from(opened, &tables, request.table, period)?;
                let (rows, version) = rows_of_dates(opened, publication, request, &dates).await?;
                (rows, version, dates.into_iter().cloned().collect())
            }
        };
        let own = Arc::new(rows.schema().as_arrow().clone());
        let snapshot = published_table(&opened.output, publication, TIER_SNAPSHOT.name).await?;
        let snapshot = snapshot.filter(|snapshot| request.asks_besides(&own, &snapshot.schema()));
        let rows = match snapshot {
            None => rows.into_view(),
            Some(snapshot) => with_snapshot(&opened.session, rows, snapshot).map_err(&failed)?,
        };
        Ok(Self {
            rows,
            own,
            version,
            dates,
            order,
        })
    }
}

/// The rows of several dates, and the version that has them.
async fn rows_of_dates(
    opened: &Opened,
    newest: &Publication,
    request: &Request<'_>,
    dates: &[&Publication],
) -> Result<(DataFrame, i64), NightError> {
    let failed = EngineError::during(STAGE);
    let (output, publications) = (&opened.output, &opened.publications);
    let dates: Vec<SnapshotDate> = dates.iter().map(|date| date.snapshot_date).collect();
    let rows = published_dates(output, publications, request.table, &dates).await?;
    let (rows, version) = rows.ok_or_else(|| keeps_no_dates(request.table))?;
    let rows = opened.session.read(Arc::new(rows)).map_err(&failed)?;
    let rows = match is_actions(request.table) {
        true => still_to_do(rows, newest.snapshot_date).map_err(&failed)?,
        false => rows,
    };
    Ok((rows, version))
}

/// The publication that recorded the rows. A date that has expired still has those that name no user.
async fn publication_with<'a>(
    opened: &'a Opened,
    request: &Request<'_>,
) -> Result<&'a Publication, NightError> {
    let last = request
        .date
        .and_then(|date| opened.publications.last_of(date));
    let has_rows = |last: &&Publication| {
        let recorded = last.tables.get(request.table);
        last.is_expired() && recorded.is_some_and(|recorded| recorded.rows > 0)
    };
    match last.filter(has_rows) {
        Some(expired) => Ok(expired),
        None => opened.publication(request.date).await,
    }
}

/// Rows of users with what the snapshot of the newest date says of them besides.
fn with_snapshot(
    session: &Session,
    rows: DataFrame,
    snapshot: ParquetFiles,
) -> EngineResult<Arc<dyn TableProvider>> {
    let own = rows.schema().as_arrow().clone();
    let snapshot_schema = snapshot.schema();
    let besides = besides(&own, &snapshot_schema).map(ident);
    let of_snapshot = [ident(USER_ID).alias(SNAPSHOT_USER)]
        .into_iter()
        .chain(besides.clone());
    let of_snapshot = session
        .read(Arc::new(snapshot))?
        .select(of_snapshot.collect::<Vec<_>>())?;
    let joined = rows.join(
        of_snapshot,
        JoinType::Left,
        &[USER_ID],
        &[SNAPSHOT_USER],
        None,
    )?;
    let own = own.fields().iter().map(|field| ident(field.name()));
    let joined = joined.select(own.chain(besides).collect::<Vec<_>>())?;
    Ok(joined.into_view())
}

/// What is published can be read, so that it is the condition that cannot be computed on it.
fn not_computed(reason: &str) -> Problems {
    let what = reason.split(';').next().unwrap_or_default();
    let message = format!("--where: {what}");
    let help = "leave such rows out by CASE, use TRY_CAST, or divide by NULLIF(..., 0)";
    Problems(vec![Diagnostic::new(message).help(help)])
}

/// The order of the rows: that of the table's key, or of all columns where nobody knows the key.
struct Order {
    key: Option<&'static [&'static str]>,
    /// The column that files are known to be sorted by, where it is the key.
    in_files: Option<&'static str>,
}

impl Order {
    fn of(tables: &Tables, table: &str) -> Self {
        // Tables of the job's own may have been declared in another way when they were written.
        let ours = tables::find(table).filter(|ours| ours.key == ours.sorted_by);
        let in_files = match ours.map(|ours| ours.sorted_by) {
            Some([only]) => Some(*only),
            _ => None,
        };
        Self {
            key: tables.find(table).map(|table| table.key),
            in_files,
        }
    }

    async fn rows(
        &self,
        output: &Location,
        publication: &Publication,
        table: &str,
    ) -> Result<ParquetFiles, NightError> {
        let rows = match self.in_files {
            Some(column) => published_in_order(output, publication, table, column).await?,
            None => published_table(output, publication, table).await?,
        };
        Ok(rows.ok_or_else(|| missing(publication, table))?)
    }

    fn columns<'a>(&self, known: &'a Schema) -> impl Iterator<Item = &'a str> {
        // An older date may have been published under another key.
        let is_known = |key: &&[&str]| key.iter().all(|name| known.index_of(name).is_ok());
        let key = self.key.filter(is_known);
        let has = move |name: &str| key.is_none_or(|key| key.contains(&name));
        let position =
            move |name: &str| key.and_then(|key| key.iter().position(|one| *one == name));
        let fields = known.fields().iter().map(|field| field.name().as_str());
        let mut columns: Vec<&str> = fields.filter(|name| has(name)).collect();
        columns.sort_by_key(|name| position(name));
        columns.into_iter()
    }
}

/// The columns of an export.
struct Columns<'a> {
    /// Those that are read: those that are written, and the one that splits.
    read: Vec<&'a str>,
    /// How many of them are written.
    written: usize,
    split_by: Option<&'a str>,
}

impl<'a> Columns<'a> {
    /// `known` are all columns that there are, and `own` those of the table.
    fn of(request: &Request<'a>, known: &'a Schema, own: &'a Schema) -> Result<Self, Problems> {
        let fields = own.fields().iter();
        let mut names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
        // The date of a dated table is in no file, and so behind the columns that are.
        if names.last() == Some(&SNAPSHOT_DATE) {
            names.rotate_right(1);
        }
        let mut problems = Problems::default();
        let asked = request
            .columns
            .iter()
            .map(|name| ("--columns", name.as_str()));
        let split = request.split_by.map(|name| ("--split-by", name));
        let order = request.order().map(|(name, _)| ("--order-by", name));
        for (argument, name) in asked.clone().chain(order).chain(split) {
            if known.index_of(name).is_err() {
                let near = did_you_mean(name, names.iter().copied());
                let message = format!(
                    "{argument}: `{}` has no column `{name}`{near}",
                    request.table
                );
                let help = format!("its columns are {}", names.join(", "));
                problems.push(Diagnostic::new(message).help(help));
            }
        }
        let mut read: Vec<&str> = asked.map(|(_, name)| name).collect();
        if let Some(twice) = (1..read.len()).find(|index| read[..*index].contains(&read[*index])) {
            let message = format!("--columns names `{}` twice", read[twice]);
            problems.push(Diagnostic::new(message).help("name it once"));
        }
        if request.split_by == Some(USER_ID) {
            let message = format!(
                "--split-by: files are named by the values of `{USER_ID}`, and names of files are printed"
            );
            let help = "split by a column of few values, such as action or channel";
            problems.push(Diagnostic::new(message).help(help));
        }
        problems.or_ok(())?;
        if read.is_empty() {
            read = names;
        }
        let written = read.len();
        read.extend(request.split_by.filter(|name| !read.contains(name)));
        Ok(Self {
            read,
            written,
            split_by: request.split_by,
        })
    }

    fn split(&self) -> Option<usize> {
        let split_by = self.split_by?;
        self.read.iter().position(|column| *column == split_by)
    }

    /// The columns as files have them: text is plain text.
    fn written(&self, known: &Schema) -> SchemaRef {
        let written = self.read[..self.written].iter();
        let fields = written.filter_map(|column| known.field_with_name(column).ok());
        let plain = fields.map(|field| match field.data_type() {
            DataType::Utf8View => Field::new(field.name(), DataType::Utf8, true),
            other => Field::new(field.name(), other.clone(), true),
        });
        Arc::new(Schema::new(plain.collect::<Vec<_>>()))
    }
}

/// Says which tables a date was published with.
fn unknown_table(name: &str, publication: &Publication, publications: &Publications) -> Problems {
    let date = publication.snapshot_date;
    let known = publication.tables.keys().map(String::as_str);
    let mut others = publications.all().iter();
    let is_known_otherwise = others.any(|other| other.tables.contains_key(name));
    let message = match is_known_otherwise {
        true => format!("table `{name}` was not published with {date}"),
        false => {
            let near = did_you_mean(name, known.clone());
            format!("there is no published table `{name}`{near}")
        }
    };
    let list = known.collect::<Vec<_>>().join(", ");
    let help = format!("the tables of {date} are {list}");
    Problems(vec![Diagnostic::new(message).help(help)])
}
