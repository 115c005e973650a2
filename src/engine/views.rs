//! Views: plans under a name.
//!
//! A plan over a view ends at the view's columns, so that it is as small as the SQL it was made from.
//! Only as it is executed, and after it was analysed, the views in it are [opened](OpenViews): each
//! gives way to its plan, below the view's name. The expressions of that plan have been
//! [checked](CheckExpressions) and its joins fused before, once and not in every plan that reads the view.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{ViewTable, provider_as_source, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, TableScan, TableType,
};
use datafusion::optimizer::{Analyzer, AnalyzerRule, Optimizer, OptimizerContext};
use datafusion::physical_plan::ExecutionPlan;

use super::checked::CheckExpressions;
use super::growth::check_growth;

/// A plan as a table.
#[derive(Debug)]
pub(super) struct View(ViewTable);

impl View {
    /// The rows of an [analysed] plan: its expressions checked, the views in it opened, and as the rules of
    /// `fusing` leave it.
    ///
    /// # Errors
    /// Literals that cannot be cast, expressions that [grow](check_growth) too large, and those of the rules.
    pub(super) fn of(
        name: TableReference,
        plan: LogicalPlan,
        fusing: &Optimizer,
        options: &ConfigOptions,
    ) -> Result<Self> {
        // What fails says of which model it is, by the name of the view.
        let named = SubqueryAlias::try_new(Arc::new(plan), name)?;
        let checked = CheckExpressions.analyze(LogicalPlan::SubqueryAlias(named), options)?;
        let opened = opened(checked)?;
        check_growth(&opened)?;
        let once = OptimizerContext::new_with_config_options(Arc::new(options.clone()));
        let once = once.with_max_passes(1);
        let plan = match fusing.optimize(opened, &once, |_, _| {})? {
            LogicalPlan::SubqueryAlias(named) => Arc::unwrap_or_clone(named.input),
            other => other,
        };
        Ok(Self(ViewTable::new(plan, None)))
    }
}

#[async_trait]
impl TableProvider for View {
    /// None, or the engine would put the plan in place of the view at once.
    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}

/// The plan with the types that SQL implies, its views closed.
///
/// # Errors
/// What the engine cannot analyse, and expressions that [grow](check_growth) too large.
pub fn analysed(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    check_growth(&plan)?;
    Analyzer::new().execute_and_check(plan, state.config_options(), |_, _| {})
}

/// Puts the plans of views in place of the views, after everything else was analysed.
#[derive(Debug)]
pub(super) struct OpenViews;

impl AnalyzerRule for OpenViews {
    fn name(&self) -> &str {
        "open_views"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        opened(plan)
    }
}

fn opened(plan: LogicalPlan) -> Result<LogicalPlan> {
    in_place_of_views(plan, &|scan, view| {
        let rows = Arc::new(view.0.logical_plan().clone());
        let alias = SubqueryAlias::try_new(rows, scan.table_name.clone())?;
        let rows = LogicalPlan::SubqueryAlias(alias);
        match &scan.projection {
            Some(columns) => LogicalPlanBuilder::from(rows)
                .select(columns.clone())?
                .build(),
            None => Ok(rows),
        }
    })
}

/// The plan over tables without rows in place of the views in it.
///
/// # Errors
/// The engine's: a bug.
pub fn over_no_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    in_place_of_views(plan, &|scan, view| {
        let source = provider_as_source(Arc::new(EmptyTable::new(view.schema())));
        Ok(LogicalPlan::TableScan(TableScan {
            source,
            ..scan.clone()
        }))
    })
}

fn in_place_of_views(
    plan: LogicalPlan,
    replacement: &dyn Fn(&TableScan, &View) -> Result<LogicalPlan>,
) -> Result<LogicalPlan> {
    let replaced = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = &node else {
            return Ok(Transformed::no(node));
        };
        let provider = source_as_provider(&scan.source).ok();
        let view = provider
            .as_ref()
            .and_then(|provider| provider.downcast_ref::<View>());
        match view {
            Some(view) => replacement(scan, view).map(Transformed::yes),
            None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(replaced.data)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::datasource::MemTable;
    use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};

    use super::super::{EngineError, EngineLimits, Session, all_rows, over_no_rows};
    use crate::ground::{SqlSchema, TableName};

    /// Two views, one over the other: `n` is 1 to 3, and `twice` of those above 1.
    async fn session() -> Session {
        let limits = EngineLimits::default();
        let session = Session::open(&limits, [], []).unwrap();
        for (name, sql) in [
            ("numbers", "SELECT n FROM (VALUES (1), (2), (3)) AS v(n)"),
            (
                "twice",
                "SELECT n * 2 AS n FROM features.numbers WHERE n > 1",
            ),
        ] {
            let plan = session.sql(sql).await.unwrap().into_unoptimized_plan();
            let name = TableName::new(SqlSchema::Features, name);
            session.register_view(&name, plan).unwrap();
        }
        session
    }

    /// What compares times with a constant is left to the engine, though the rules of views come before it.
    #[tokio::test]
    async fn instants_that_nanoseconds_cannot_hold_compare_with_days() {
        let session = Session::open(&EngineLimits::default(), [], []).unwrap();
        let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![
            253_402_214_400_000_000,
        ]));
        let rows = RecordBatch::try_from_iter([("t", instants)]).unwrap();
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap();
        let instants = TableName::new(SqlSchema::Sources, "instants");
        session.register(&instants, Arc::new(table)).unwrap();
        let sql = "SELECT t, CASE WHEN t > DATE '2100-01-01' THEN 'odd' END AS reason FROM sources.instants";
        let plan = session.sql(sql).await.unwrap().into_unoptimized_plan();
        let view = TableName::new(SqlSchema::Staging, "instants");
        session.register_view(&view, plan).unwrap();
        let rows = session.rows(&view).await.unwrap();
        assert_eq!(rows.column(1).as_string::<i32>().value(0), "odd");
    }

    /// What was being done is told, and not which rule came upon it.
    #[tokio::test]
    async fn a_literal_that_cannot_be_cast_is_told_without_the_name_of_a_rule() {
        let session = session().await;
        let rows = session.sql("SELECT CAST(3000000000 AS INT) AS n").await;
        let error = all_rows(rows.unwrap()).await.unwrap_err();
        let told = EngineError::during("computing it")(error).to_string();
        assert!(!told.contains("check_expressions"), "{told}");
        assert!(told.starts_with("computing it"), "{told}");
    }

    const QUERY: &str = "SELECT n FROM features.twice ORDER BY n";

    #[tokio::test]
    async fn a_view_gives_the_rows_of_its_plan() {
        let rows = session().await.sql(QUERY).await.unwrap();
        let rows = all_rows(rows).await.unwrap();
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[4, 6]);
    }

    #[tokio::test]
    async fn plans_end_at_views_until_they_are_executed() {
        let session = session().await;
        let plan = session.sql(QUERY).await.unwrap().into_unoptimized_plan();
        assert!(!plan.display_indent().to_string().contains("numbers"));
        let opened = session.optimized(&plan).unwrap();
        let opened = opened.display_indent().to_string();
        assert!(!opened.contains("TableScan"), "{opened}");
    }

    #[tokio::test]
    async fn without_rows_nothing_is_left_of_a_view_but_its_columns() {
        let session = session().await;
        let plan = session.sql(QUERY).await.unwrap().into_unoptimized_plan();
        let rows = session.plan(over_no_rows(plan).unwrap());
        assert_eq!(all_rows(rows).await.unwrap().num_rows(), 0);
    }

    #[tokio::test]
    async fn a_plan_that_was_built_by_hand_gets_the_types_that_sql_implies() {
        let session = session().await;
        let numbers = TableName::new(SqlSchema::Features, "numbers");
        let rows = session.table(&numbers).await.unwrap();
        let plan = LogicalPlanBuilder::from(rows.into_unoptimized_plan())
            .filter(col("n").gt(lit(2_i32)))
            .unwrap();
        let large = TableName::new(SqlSchema::Features, "large");
        session
            .register_view(&large, plan.build().unwrap())
            .unwrap();
        assert_eq!(session.rows(&large).await.unwrap().num_rows(), 1);
    }
}
