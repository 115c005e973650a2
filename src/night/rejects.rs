//! Rows that staging leaves out or remarks on: counted per source, day and reason, and a sample
//! of the rejected ones kept in quarantine.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::engine::{EngineError, texts};
use crate::ground::{Fingerprint, SqlSchema, TableName, counted, shown};
use crate::job::{Job, encodings};
use crate::models::{Model, ReferenceTable};
use crate::pack::{Catalog, Project, REJECT_REASON, WARNING};
use crate::tiles::{DAY, any_of};

use super::context::Run;
use super::error::NightError;
use super::report::{Report, RowCount};
use super::row_remarks::{RowRemarks, SHOWN};
use super::tiling::days_read;
use super::times_outside::{IS_OUTSIDE, TimesOutside, is_outside, span_of, time_column};
use super::unreported::{Found, Unreported};

/// What is being done when it fails.
pub(super) const COUNTING: &str = "counting rejected rows";

/// What is wrong with the rows of one source.
#[derive(Debug, Default)]
struct Findings {
    /// Rows left out.
    rejected: Vec<RowCount>,
    /// The days that have some; none where one of them is no date.
    days_rejected: Option<BTreeSet<NaiveDate>>,
    /// The reasons that most of them have.
    reasons: BTreeSet<String>,
    /// Rows kept with a remark.
    remarks: RowRemarks,
    /// What is said of times that are of quite another day.
    times_outside: Option<String>,
}

impl Run<'_> {
    /// Counts the rejected and the remarked rows of the days that the night's tiles are made from,
    /// and keeps samples of the rejected ones. What nights that failed counted is reported, too.
    pub(super) async fn count_rejects(
        &self,
        catalog: &Catalog<'_>,
        report: &mut Report,
    ) -> Result<Unreported, NightError> {
        let mut unreported = self.unreported(report).await?;
        let has_earlier = !unreported.is_empty();
        let rules = self.rules_of_staging();
        unreported.keep_judged_by(&rules);
        let date = self.plan.snapshot_date.day();
        for model in self.scenario.project.graph.in_schema(SqlSchema::Staging) {
            let read = days_read(&self.scenario.project.graph, &model.name, &self.plan.tiles);
            report.has_read_date |= read.as_ref().is_none_or(|days| days.contains(&date));
            if read.as_ref().is_none_or(|days| !days.is_empty()) {
                let rules = &rules[&model.name.name];
                let found = self.found_in(catalog, &model.name, read, rules).await?;
                unreported.add(&model.name.name, found);
            }
        }
        unreported.note_in(report, date);
        self.keep_unreported(&mut unreported, has_earlier).await?;
        Ok(unreported)
    }

    /// What the rows of each staging table are judged by.
    fn rules_of_staging(&self) -> BTreeMap<String, String> {
        let models = self.scenario.project.graph.in_schema(SqlSchema::Staging);
        let rules = models.map(|model| {
            let rules = staging_rules(self.job, self.scenario.project, model);
            (model.name.name.clone(), rules.to_string())
        });
        rules.collect()
    }

    /// What the rows of a staging table are like on the days that are read.
    async fn found_in(
        &self,
        catalog: &Catalog<'_>,
        staging: &TableName,
        read: Option<BTreeSet<NaiveDate>>,
        rules: &str,
    ) -> Result<Found, NightError> {
        let findings = self.find(catalog, staging, read.as_ref()).await?;
        let mut remarks = findings.remarks.lines(&staging.name);
        remarks.extend(findings.times_outside);
        let mut sample = None;
        if !findings.rejected.is_empty() {
            let days = findings.days_rejected.as_ref().or(read.as_ref());
            let days = days.and_then(any_of);
            match self
                .keep_sample(catalog, staging, days.as_ref(), findings.reasons)
                .await
            {
                Ok(run_id) => sample = Some(run_id),
                // All columns are computed of these rows, which may be why they are rejected.
                Err(NightError::Engine(EngineError::Rows { reason, .. })) => remarks.push(format!(
                    "{}: no sample of the rejected rows is kept: {reason}",
                    staging.name
                )),
                Err(error) => return Err(error),
            }
        }
        Ok(Found {
            days: read.unwrap_or_default(),
            rejected: findings.rejected,
            remarks,
            sample,
            rules: rules.to_owned(),
        })
    }

    /// Counts the rejected and the remarked rows of a staging table on the days that are read, all when none are
    /// said, and those whose time is of quite another day.
    async fn find(
        &self,
        catalog: &Catalog<'_>,
        staging: &TableName,
        read: Option<&BTreeSet<NaiveDate>>,
    ) -> Result<Findings, NightError> {
        let engine = EngineError::during(COUNTING);
        let days = read.and_then(any_of);
        let rows = catalog.rows_with_rejected(staging, days.as_ref()).await;
        let rows = rows.map_err(&engine)?;
        let judged = Judged::in_rows(&staging.name, &rows);
        let mut found = Counting::default();
        if judged.is_nothing() {
            return Ok(found.finish(staging, judged.time));
        }
        if let Some(counted) = self.counted_by_others(staging, read).await? {
            for batch in &counted {
                found.add(batch, &judged).map_err(&engine)?;
            }
            return Ok(found.finish(staging, judged.time));
        }
        let counted = judged.counted(rows, self.job.timezone).map_err(&engine)?;
        let mut counted = counted.execute_stream().await.map_err(&engine)?;
        while let Some(batch) = counted.try_next().await.map_err(&engine)? {
            found.add(&batch, &judged).map_err(&engine)?;
        }
        Ok(found.finish(staging, judged.time))
    }

    #[cfg(not(feature = "cluster"))]
    async fn counted_by_others(
        &self,
        _: &TableName,
        _: Option<&BTreeSet<NaiveDate>>,
    ) -> Result<Option<Vec<RecordBatch>>, NightError> {
        Ok(None)
    }
}

/// What the rows of a staging table depend on but for the files: all that it reads.
fn staging_rules(job: &Job, project: &Project, model: &Model) -> Fingerprint {
    let tables = project.graph.upstream(&model.name);
    let models = tables.iter().filter_map(|table| project.graph.model(table));
    let models = models.map(|model| model.fingerprint(&project.parameters));
    let sources = job.sources_among(&tables);
    let sources = sources.map(|(name, source)| encodings::of_source(name, source));
    let references = project.references.iter();
    let references = references.filter(|reference| tables.contains(&reference.name));
    Fingerprint::builder()
        .parts("model", models)
        .parts("source", sources)
        .parts("reference", references.map(ReferenceTable::fingerprint))
        .finish()
}

/// By which columns the rows of a staging table are judged.
pub(super) struct Judged {
    /// Those that say something of a row.
    told: Vec<&'static str>,
    /// The one with its time.
    time: Option<&'static str>,
}

impl Judged {
    /// Those that the rows of a staging table have.
    pub(super) fn in_rows(staging: &str, rows: &DataFrame) -> Self {
        let has = |column: &&str| rows.schema().has_column_with_unqualified_name(column);
        Self {
            told: [REJECT_REASON, WARNING].into_iter().filter(has).collect(),
            time: time_column(staging, rows),
        }
    }

    /// Whether nothing can be said of any row.
    fn is_nothing(&self) -> bool {
        self.told.is_empty() && self.time.is_none()
    }

    /// The rejected and the remarked rows, and those whose time is of quite another day, counted by what is said of
    /// them, and by day.
    pub(super) fn counted(&self, rows: DataFrame, timezone: Tz) -> Result<DataFrame> {
        let mut keys: Vec<Expr> = self.told.iter().map(|column| col(*column)).collect();
        let mut is_told: Vec<Expr> = keys.iter().cloned().map(Expr::is_not_null).collect();
        let mut counted = vec![count(lit(1)).alias("rows")];
        if let Some(time) = self.time {
            let has_reasons = self.told.contains(&REJECT_REASON);
            let is_outside = is_outside(time, timezone, has_reasons)?;
            is_told.push(is_outside.clone());
            keys.push(is_outside.alias(IS_OUTSIDE));
            counted.extend(span_of(time));
        }
        let is_told = is_told.into_iter().reduce(Expr::or);
        keys.push(col(DAY));
        rows.filter(is_told.unwrap_or_else(|| lit(false)))?
            .aggregate(keys, counted)
    }
}

/// What adds up while counted rows come in.
#[derive(Default)]
struct Counting {
    rejected: BTreeMap<(String, String), i64>,
    remarks: RowRemarks,
    times_outside: TimesOutside,
}

impl Counting {
    fn add(&mut self, batch: &RecordBatch, judged: &Judged) -> Result<()> {
        let days = texts(batch, DAY)?;
        let days: Vec<String> = (0..batch.num_rows())
            .map(|row| days.value(row).to_owned())
            .collect();
        let rows = batch.column(batch.schema_ref().index_of("rows")?);
        let rows = rows.as_primitive::<Int64Type>();
        for column in &judged.told {
            let reasons = texts(batch, column)?;
            for row in (0..batch.num_rows()).filter(|row| reasons.is_valid(*row)) {
                let (reason, rows) = (reasons.value(row), rows.value(row));
                if *column == WARNING {
                    self.remarks.add(&days[row], reason, rows);
                    continue;
                }
                let key = (days[row].clone(), reason.to_owned());
                *self.rejected.entry(key).or_insert(0) += rows;
            }
        }
        if judged.time.is_some() {
            self.times_outside.add(batch, &days)?;
        }
        Ok(())
    }

    fn finish(self, staging: &TableName, time: Option<&str>) -> Findings {
        let source = &staging.name;
        let line = time.and_then(|time| self.times_outside.line(source, time));
        let reasons = most_frequent(&self.rejected);
        let days = self.rejected.keys().map(|(day, _)| day.parse());
        Findings {
            days_rejected: days.collect::<Result<_, _>>().ok(),
            rejected: few_reasons(source, &self.rejected, &reasons),
            reasons: reasons.into_iter().map(str::to_owned).collect(),
            remarks: self.remarks,
            times_outside: line,
        }
    }
}

/// The reasons that most rows have.
fn most_frequent(counts: &BTreeMap<(String, String), i64>) -> BTreeSet<&str> {
    let mut by_reason: HashMap<&str, i64> = HashMap::new();
    for ((_, reason), rows) in counts {
        *by_reason.entry(reason).or_insert(0) += rows;
    }
    let mut reasons: Vec<(&str, i64)> = by_reason.into_iter().collect();
    reasons.sort_unstable_by_key(|(reason, rows)| (Reverse(*rows), *reason));
    let reasons = reasons.into_iter().take(SHOWN);
    reasons.map(|(reason, _)| reason).collect()
}

/// The rows of each day and reason. Reasons beyond those that most rows have are one: SQL may put
/// anything into them.
fn few_reasons(
    source: &str,
    counts: &BTreeMap<(String, String), i64>,
    most_frequent: &BTreeSet<&str>,
) -> Vec<RowCount> {
    let reasons = counts.keys().map(|(_, reason)| reason.as_str());
    let others: HashSet<&str> = reasons
        .filter(|reason| !most_frequent.contains(reason))
        .collect();
    let others_name = counted(others.len(), "other reason");
    let mut few: BTreeMap<(&str, String), i64> = BTreeMap::new();
    for ((day, reason), rows) in counts {
        let reason = match others.contains(reason.as_str()) {
            true => others_name.clone(),
            false => shown(reason),
        };
        *few.entry((day, reason)).or_insert(0) += rows;
    }
    let counts = few.into_iter().map(|((day, reason), rows)| RowCount {
        source: source.to_owned(),
        day: day.to_owned(),
        reason,
        rows,
    });
    counts.collect()
}
