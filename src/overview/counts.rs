//! How many users of a published snapshot have what.
//!
//! | counted | where |
//! |---|---|
//! | users and revenue of a tier | in `tier_summary`, where the publication has it |
//! | the same, in older publications | in the snapshot |
//! | users in grace or hold, users with a warning | in the snapshot |
//!
//! Whatever is counted in the snapshot is counted in one scan of it.

use std::collections::BTreeMap;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DFSchema;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, ident, lit};
use datafusion::prelude::DataFrame;

use crate::engine::{Session, all_rows, texts};
use crate::ground::{SqlSchema, TableName};
use crate::migration::REVENUE;
use crate::tables::{REVENUE_TYPE, TIER_SNAPSHOT};
use crate::tiers::{Dimension, Dimensions, Tier};

use super::amounts::Amounts;
use super::dimension::TierOverview;
use super::kpis::WarningOverview;

/// Everything that is counted of a date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    tiers: BTreeMap<TierKey, TierCounts>,
    warnings: BTreeMap<String, i64>,
}

/// A dimension and one of its values.
type TierKey = (String, String);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TierCounts {
    users: i64,
    waiting: i64,
    revenue_cents: i128,
}

/// What a number of the snapshot says.
#[derive(Debug, Clone)]
enum Subject {
    Users(TierKey),
    Revenue(TierKey),
    Waiting(TierKey),
    Warned(String),
}

impl Counts {
    /// Counts the tiers of `dimensions` and the users with each of `warnings`. `summary` has the
    /// rows of `tier_summary`, where there are any.
    pub(super) async fn of(
        session: &Session,
        dimensions: &Dimensions,
        warnings: &[String],
        summary: Option<&RecordBatch>,
    ) -> EngineResult<Self> {
        let snapshot = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
        let snapshot = session.table(&snapshot).await?;
        let mut counts = Self::default();
        if let Some(summary) = summary {
            counts.add_summary(summary)?;
        }
        let questions = questions(snapshot.schema(), dimensions, warnings, summary.is_some())?;
        if questions.is_empty() {
            return Ok(counts);
        }
        let answers = all_rows(answered(snapshot, &questions)?).await?;
        for ((subject, _), answer) in questions.iter().zip(answers.columns()) {
            counts.add(subject, answer)?;
        }
        Ok(counts)
    }

    /// Every tier of a dimension, those without users too.
    pub(super) fn tiers(&self, dimension: &Dimension) -> Vec<TierOverview> {
        let overview = |tier: &Tier| {
            let counts = self.tiers.get(&key(dimension, tier));
            let counts = counts.copied().unwrap_or_default();
            TierOverview {
                name: tier.name.clone(),
                users: counts.users,
                waiting: counts.waiting,
                revenue_cents: counts.revenue_cents,
            }
        };
        dimension.tiers.iter().map(overview).collect()
    }

    /// Those of `listed` that the snapshot has, in that order.
    pub(super) fn warnings(&self, listed: Vec<String>) -> Vec<WarningOverview> {
        let warnings = listed.into_iter().filter_map(|name| {
            let users = *self.warnings.get(&name)?;
            Some(WarningOverview { name, users })
        });
        warnings.collect()
    }

    fn add_summary(&mut self, summary: &RecordBatch) -> Result<(), ArrowError> {
        let (dimensions, tiers) = (texts(summary, "dimension")?, texts(summary, "tier")?);
        let amounts = Amounts::of(summary)?;
        for row in 0..summary.num_rows() {
            let key = (
                dimensions.value(row).to_owned(),
                tiers.value(row).to_owned(),
            );
            let counts = self.tiers.entry(key).or_default();
            (counts.users, counts.revenue_cents) = amounts.at(row);
        }
        Ok(())
    }

    fn add(&mut self, subject: &Subject, answer: &ArrayRef) -> Result<(), ArrowError> {
        match subject {
            Subject::Users(tier) => {
                self.tiers.entry(tier.clone()).or_default().users = users(answer)?;
            }
            Subject::Waiting(tier) => {
                self.tiers.entry(tier.clone()).or_default().waiting = users(answer)?;
            }
            Subject::Revenue(tier) => {
                self.tiers.entry(tier.clone()).or_default().revenue_cents = cents(answer)?;
            }
            Subject::Warned(warning) => {
                self.warnings.insert(warning.clone(), users(answer)?);
            }
        }
        Ok(())
    }
}

/// What the snapshot is asked, as far as it has the columns.
fn questions(
    snapshot: &DFSchema,
    dimensions: &Dimensions,
    warnings: &[String],
    has_summary: bool,
) -> EngineResult<Vec<(Subject, Expr)>> {
    let has = |column: &str| snapshot.has_column_with_unqualified_name(column);
    let users = |which: Expr| count(lit(1)).filter(which).build();
    let mut questions = Vec::new();
    for (dimension, tier) in tiers(dimensions) {
        let key = || key(dimension, tier);
        let is_here = ident(&dimension.name).eq(lit(&tier.name));
        let pending_since = format!("{}_pending_since", dimension.name);
        if has(&pending_since) {
            let waits = is_here.clone().and(ident(pending_since).is_not_null());
            questions.push((Subject::Waiting(key()), users(waits)?));
        }
        if !has_summary {
            let revenue = sum(ident(REVENUE)).filter(is_here.clone()).build()?;
            questions.push((Subject::Users(key()), users(is_here)?));
            questions.push((Subject::Revenue(key()), revenue));
        }
    }
    for warning in warnings.iter().filter(|warning| has(warning)) {
        let subject = Subject::Warned(warning.clone());
        questions.push((subject, users(ident(warning))?));
    }
    Ok(questions)
}

/// One row with the answer to every question, in their order.
fn answered(snapshot: DataFrame, questions: &[(Subject, Expr)]) -> EngineResult<DataFrame> {
    let numbered = questions.iter().enumerate();
    let answers = numbered.map(|(number, (_, expression))| {
        let expression = expression.clone();
        expression.alias(number.to_string())
    });
    snapshot.aggregate(Vec::new(), answers.collect())
}

fn tiers(dimensions: &Dimensions) -> impl Iterator<Item = (&Dimension, &Tier)> {
    dimensions.iter().flat_map(|dimension| {
        let tiers = dimension.tiers.iter();
        tiers.map(move |tier| (dimension, tier))
    })
}

fn key(dimension: &Dimension, tier: &Tier) -> TierKey {
    (dimension.name.clone(), tier.name.clone())
}

/// An answer in users; there is one row.
fn users(answer: &ArrayRef) -> Result<i64, ArrowError> {
    let answer = cast(answer, &DataType::Int64)?;
    Ok(answer.as_primitive::<Int64Type>().value(0))
}

/// An answer in money; of nobody it is NULL.
fn cents(answer: &ArrayRef) -> Result<i128, ArrowError> {
    let answer = cast(answer, &REVENUE_TYPE)?;
    let cents = answer.as_primitive::<Decimal128Type>();
    Ok(cents.iter().flatten().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{BooleanArray, Date32Array, Decimal128Array, StringArray};
    use datafusion::datasource::MemTable;

    use super::*;
    use crate::engine::EngineLimits;
    use crate::tiers::Delay;

    fn dimension(name: &str, tiers: &[&str]) -> Dimension {
        let tier = |name: &&str| Tier {
            name: (*name).to_owned(),
            rank: None,
        };
        Dimension {
            name: name.to_owned(),
            tiers: tiers.iter().map(tier).collect(),
            delay: Delay::None,
        }
    }

    fn dimensions() -> Dimensions {
        Dimensions(vec![
            dimension("value_tier", &["gold", "basic", "none"]),
            dimension("Stage", &["new", "old"]),
        ])
    }

    fn texts(values: [&str; 4]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn money(cents: &[Option<i128>]) -> ArrayRef {
        let cents = Decimal128Array::from(cents.to_vec());
        Arc::new(cents.with_precision_and_scale(38, 2).unwrap())
    }

    /// Four users, of whom one waits and one has a warning; nobody has spent on `basic`.
    fn snapshot() -> RecordBatch {
        let pending = Date32Array::from(vec![None, Some(20_000), None, None]);
        let silent = BooleanArray::from(vec![Some(true), Some(false), None, Some(false)]);
        let columns: [(&str, ArrayRef); 5] = [
            ("value_tier", texts(["gold", "gold", "basic", "gold"])),
            ("value_tier_pending_since", Arc::new(pending)),
            ("Stage", texts(["new", "old", "new", "new"])),
            (REVENUE, money(&[Some(100), Some(250), None, Some(50)])),
            ("silent_warning", Arc::new(silent)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, rows)| (name, rows, true)))
            .unwrap()
    }

    fn summary() -> RecordBatch {
        let users: ArrayRef =
            Arc::new(datafusion::arrow::array::Int64Array::from(vec![3, 1, 3, 1]));
        let columns: [(&str, ArrayRef); 4] = [
            (
                "dimension",
                texts(["value_tier", "value_tier", "Stage", "Stage"]),
            ),
            ("tier", texts(["gold", "basic", "new", "old"])),
            ("users", users),
            (REVENUE, money(&[Some(400), Some(0), Some(150), Some(250)])),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn context() -> Session {
        let limits = EngineLimits::default();
        let session = Session::open(&limits, [], []).unwrap();
        let rows = snapshot();
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
        let name = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
        session.register(&name, Arc::new(table)).unwrap();
        session
    }

    const WARNINGS: [&str; 2] = ["silent_warning", "not_in_the_snapshot"];

    async fn counted(summary: Option<&RecordBatch>) -> Counts {
        let warnings = WARNINGS.map(str::to_owned);
        let (session, dimensions) = (context(), dimensions());
        let counts = Counts::of(&session, &dimensions, &warnings, summary);
        counts.await.unwrap()
    }

    #[tokio::test]
    async fn tiers_and_warnings_of_a_snapshot_are_counted() {
        let counts = counted(Some(&summary())).await;
        let tiers = |dimension: usize| {
            let tiers = counts.tiers(&dimensions().0[dimension]);
            let tiers = tiers.into_iter();
            tiers
                .map(|tier| (tier.name, tier.users, tier.waiting, tier.revenue_cents))
                .collect::<Vec<_>>()
        };
        let tier = |name: &str, users, waiting, cents| (name.to_owned(), users, waiting, cents);
        assert_eq!(
            tiers(0),
            [
                tier("gold", 3, 1, 400),
                tier("basic", 1, 0, 0),
                tier("none", 0, 0, 0)
            ]
        );
        assert_eq!(tiers(1), [tier("new", 3, 0, 150), tier("old", 1, 0, 250)]);
        let silent = WarningOverview {
            name: "silent_warning".to_owned(),
            users: 1,
        };
        let listed = WARNINGS.map(str::to_owned).to_vec();
        assert_eq!(counts.warnings(listed), [silent]);
    }

    #[tokio::test]
    async fn publication_without_a_summary_reads_the_same() {
        let (with, without) = (counted(Some(&summary())).await, counted(None).await);
        for dimension in dimensions().iter() {
            assert_eq!(with.tiers(dimension), without.tiers(dimension));
        }
        assert_eq!(with.warnings, without.warnings);
    }

    #[tokio::test]
    async fn everything_is_counted_in_one_scan() {
        let name = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
        let snapshot = context().table(&name).await.unwrap();
        let warnings = WARNINGS.map(str::to_owned);
        let questions = questions(snapshot.schema(), &dimensions(), &warnings, false).unwrap();
        assert_eq!(questions.len(), 3 * 5 - 2 + 1);
        let plan = answered(snapshot, &questions).unwrap();
        let plan = plan.into_optimized_plan().unwrap().to_string();
        assert_eq!(plan.matches("TableScan").count(), 1, "{plan}");
    }
}
