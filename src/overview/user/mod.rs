//! One user of a published date, for whoever has to answer why the user is where they are.
//!
//! 1. The user's row of the snapshot, found by a filter that Parquet prunes with: snapshots are sorted
//!    by user.
//! 2. What `dim_tier` says of the user's tiers and warnings: labels and playbooks.
//! 3. The user's row of `actions`, and those of the lists before.
//! 4. The user's newest rows of `tier_migration`, of the last published dates.

mod action;
mod moves;
mod row;

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use serde::Serialize;

use crate::engine::{EngineError, texts};
use crate::ground::{Diagnostic, Problems, SnapshotDate, sql_type};
use crate::job::Job;
use crate::night::NightError;
use crate::publish::{Publication, missing, published_snapshot};
use crate::tables::{DIM_TIER, TIER_SNAPSHOT};
use crate::tiers::{Dimensions, WARNING, warnings};
use crate::tiles::USER_ID;

use super::labels::{Labels, Playbook};
use super::{Opened, dim_tier, register_published};

use self::action::{action_of, cuts, listed_before};
use self::moves::newest_moves;
use self::row::row_of_user;

pub(crate) use self::action::{ActionCut, ActionOfUser, ChannelCut, Cuts, Listing, UserAction};
pub(crate) use self::moves::UserMove;

/// The columns of the snapshot that say most about a user: scores, orders, revenue, rhythm,
/// interactions, touches. Those that the pack has.
const FIGURES: [&str; 12] = [
    "r_score",
    "f_score",
    "m_score",
    "rfm_total",
    "orders_365d",
    "orders_lifetime",
    "revenue_365d",
    "revenue_lifetime",
    "recency_days",
    "order_gap_days",
    "interactions_30d",
    "touches_30d",
];

/// What is published of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserOverview {
    /// The user, as text.
    pub user_id: String,
    /// The snapshot date that is shown.
    pub snapshot_date: SnapshotDate,
    /// The run that published it.
    pub run_id: String,
    /// The cut points that its scores come from.
    pub cutpoints_id: String,
    /// What is to be done about the user today; left out where the date has no actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionOfUser>,
    /// Where the user is not listed, which actions and channels had more users today than they take.
    #[serde(flatten)]
    pub cuts: Cuts,
    /// On which lists the user was before, the newest first.
    pub listed_before: Vec<Listing>,
    /// Where the user is in each dimension, in the order of `dim_tier`.
    pub dimensions: Vec<UserTier>,
    /// Scores and main figures, as far as the snapshot has them.
    pub figures: Vec<Figure>,
    /// The warnings that are raised, in the order of `dim_tier`.
    pub warnings: Vec<UserWarning>,
    /// What to do for the user: those of the warnings first, then those of the tiers.
    pub playbooks: Vec<Playbook>,
    /// The newest moves first, of the last published dates.
    pub moves: Vec<UserMove>,
}

/// Where a user is in a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserTier {
    /// The column of the snapshot.
    pub dimension: String,
    /// The value that is shown.
    pub tier: Option<String>,
    /// What reports call it.
    pub label_en: Option<String>,
    /// The same in Chinese.
    pub label_zh: Option<String>,
    /// Since when it is shown, as 2026-11-20.
    pub since: Option<String>,
    /// The value from today's data, before grace; none in a dimension without grace.
    pub raw: Option<String>,
    /// Since when a lower value has been pending.
    pub pending_since: Option<String>,
}

/// A number about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    /// The column of the snapshot.
    pub name: String,
    /// Its value as text, every digit kept; none where it is NULL.
    pub value: Option<String>,
}

/// A warning that is raised for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserWarning {
    /// The column of the snapshot.
    pub name: String,
    /// What reports call it.
    pub label_en: Option<String>,
    /// The same in Chinese.
    pub label_zh: Option<String>,
    /// Since when, as 2026-11-20, where the snapshot says so.
    pub since: Option<String>,
}

impl UserOverview {
    /// Reads one user of a published date, the newest unless told otherwise.
    ///
    /// # Errors
    /// A date that is not published, a user whom it does not have, and whatever keeps its tables
    /// from being read.
    pub(crate) async fn read(
        job: &Job,
        date: Option<SnapshotDate>,
        user_id: &str,
    ) -> Result<Self, NightError> {
        let opened = Opened::of(job).await?;
        let publication = opened.publication(date).await?;
        let row = Box::pin(row_of(&opened, publication, user_id)).await?;
        let row = row.ok_or_else(|| no_such_user(publication.snapshot_date, None))?;
        register_published(&opened.session, &opened.output, publication, DIM_TIER.name).await?;
        let dim_tier = dim_tier(&opened.session).await?;
        let (dimensions, warnings) = (Dimensions::listed(&dim_tier)?, warnings(&dim_tier)?);
        let user = user_of(&row)?;
        let action = Box::pin(action_of(&opened, publication, user.clone())).await?;
        let cuts = match action {
            Some(ActionOfUser::NotListed) => Box::pin(cuts(&opened)).await?,
            _ => Cuts::default(),
        };
        let listed_before = Box::pin(listed_before(&opened, publication, user.clone())).await?;
        let moves = Box::pin(newest_moves(&opened, publication, user)).await?;
        let told = Told {
            row: &row,
            labels: Labels::of(&dim_tier).map_err(EngineError::during("reading dim_tier"))?,
            action,
            cuts,
            listed_before,
            moves,
        };
        let read = told.overview(publication, &dimensions, &warnings);
        Ok(read.map_err(EngineError::during(READING))?)
    }
}

/// What the row is read for, in messages.
const READING: &str = "reading a user";

/// The user's row of the snapshot; none when there is no such user.
async fn row_of(
    opened: &Opened,
    publication: &Publication,
    user_id: &str,
) -> Result<Option<RecordBatch>, NightError> {
    let runtime = opened.session.runtime();
    let snapshot = published_snapshot(&opened.output, publication, &runtime).await?;
    let snapshot = snapshot.ok_or_else(|| missing(publication, TIER_SNAPSHOT.name))?;
    let engine = EngineError::during(READING);
    let rows = opened.session.read(Arc::new(snapshot)).map_err(&engine)?;
    let id_type = rows.schema().field_with_unqualified_name(USER_ID);
    let id_type = id_type.map_err(&engine)?.data_type().clone();
    let Ok(id) = ScalarValue::try_from_string(user_id.to_owned(), &id_type) else {
        return Err(no_such_user(publication.snapshot_date, Some(&id_type)).into());
    };
    let found = row_of_user(rows, id).await.map_err(&engine)?;
    Ok((found.num_rows() > 0).then_some(found))
}

/// The id as the snapshot has it.
fn user_of(row: &RecordBatch) -> Result<ScalarValue, NightError> {
    let index = row.schema().index_of(USER_ID);
    let index = index.map_err(EngineError::during(READING))?;
    let id = ScalarValue::try_from_array(row.column(index), 0);
    Ok(id.map_err(EngineError::during(READING))?)
}

/// The error for a user who is not there. Nobody else is named.
fn no_such_user(date: SnapshotDate, id_type: Option<&DataType>) -> Problems {
    let message = format!("the snapshot of {date} has no user with this id");
    let help = match id_type {
        Some(id_type) => format!("user ids are of type {} here", sql_type(id_type)),
        None => "check the id, or name another published date with --date".to_owned(),
    };
    Problems(vec![Diagnostic::new(message).help(help)])
}

/// A user's row, and what its values mean.
struct Told<'a> {
    row: &'a RecordBatch,
    labels: Labels,
    action: Option<ActionOfUser>,
    cuts: Cuts,
    listed_before: Vec<Listing>,
    moves: Vec<UserMove>,
}

impl Told<'_> {
    fn overview(
        self,
        publication: &Publication,
        dimensions: &Dimensions,
        warnings: &[String],
    ) -> Result<UserOverview, ArrowError> {
        let schema = self.row.schema();
        let dimensions = dimensions.in_snapshot(&schema);
        let tiers = dimensions
            .iter()
            .map(|dimension| self.tier(&dimension.name));
        let tiers = tiers.collect::<Result<Vec<_>, _>>()?;
        let figures = FIGURES.into_iter().filter(|name| has(&schema, name));
        let figures = figures.map(|name| {
            Ok(Figure {
                name: name.to_owned(),
                value: self.value(name)?,
            })
        });
        let raised = self.warnings(warnings)?;
        let of_warnings = raised.iter().map(|warning| (WARNING, &warning.name));
        let of_tiers = tiers
            .iter()
            .filter_map(|tier| Some((tier.dimension.as_str(), tier.tier.as_ref()?)));
        let playbooks = of_warnings.chain(of_tiers);
        let playbooks =
            playbooks.filter_map(|(dimension, tier)| self.labels.playbook(dimension, tier));
        Ok(UserOverview {
            user_id: self.value(USER_ID)?.unwrap_or_default(),
            snapshot_date: publication.snapshot_date,
            run_id: publication.run_id.clone(),
            cutpoints_id: publication.cutpoints_id.clone(),
            playbooks: playbooks.collect(),
            figures: figures.collect::<Result<_, ArrowError>>()?,
            dimensions: tiers,
            warnings: raised,
            action: self.action,
            cuts: self.cuts,
            listed_before: self.listed_before,
            moves: self.moves,
        })
    }

    fn tier(&self, dimension: &str) -> Result<UserTier, ArrowError> {
        let tier = self.value(dimension)?;
        let label = tier.as_deref();
        let label = label.map(|tier| self.labels.find(dimension, tier));
        let label = label.unwrap_or_default();
        Ok(UserTier {
            dimension: dimension.to_owned(),
            tier,
            label_en: label.label_en,
            label_zh: label.label_zh,
            since: self.value(&format!("{dimension}_since"))?,
            raw: self.value(&format!("{dimension}_raw"))?,
            pending_since: self.value(&format!("{dimension}_pending_since"))?,
        })
    }

    /// Those of `listed` that are true.
    fn warnings(&self, listed: &[String]) -> Result<Vec<UserWarning>, ArrowError> {
        let mut raised = Vec::new();
        for name in listed {
            if !self.is_true(name)? {
                continue;
            }
            let label = self.labels.find(WARNING, name);
            raised.push(UserWarning {
                name: name.clone(),
                label_en: label.label_en,
                label_zh: label.label_zh,
                since: self.value(&format!("{name}_since"))?,
            });
        }
        Ok(raised)
    }

    fn is_true(&self, column: &str) -> Result<bool, ArrowError> {
        let Ok(index) = self.row.schema().index_of(column) else {
            return Ok(false);
        };
        let flags = cast(self.row.column(index), &DataType::Boolean)?;
        let flags = flags.as_boolean();
        Ok(flags.is_valid(0) && flags.value(0))
    }

    /// The value of a column as text; none where it is NULL, or the snapshot has no such column.
    fn value(&self, column: &str) -> Result<Option<String>, ArrowError> {
        match has(&self.row.schema(), column) {
            true => {
                let texts = texts(self.row, column)?;
                Ok(texts.is_valid(0).then(|| texts.value(0).to_owned()))
            }
            false => Ok(None),
        }
    }
}

fn has(schema: &Schema, column: &str) -> bool {
    schema.field_with_name(column).is_ok()
}
