//! Whom to contact on a published date, and whom to leave alone: the mart `actions`, added up by
//! action and channel. No user is named.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{ident, lit};
use serde::Serialize;

use crate::engine::{EngineError, Session, all_rows, decimals, integers, texts};
use crate::ground::{Diagnostic, Problems, SnapshotDate, SqlSchema, TableName};
use crate::job::Job;
use crate::night::NightError;
use crate::publish::Publication;
use crate::tables::{self, REVENUE_TYPE};

use super::amounts::as_money;
use super::{Opened, register_published};

/// The table.
const ACTIONS: &str = tables::ACTIONS.name;

/// The actions of a published date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActionsOverview {
    /// The snapshot date that is shown.
    pub snapshot_date: SnapshotDate,
    /// The run that published it.
    pub run_id: String,
    /// Each action and channel that has users, in the order of priority.
    pub actions: Vec<ActionOverview>,
}

/// One action over one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActionOverview {
    /// What to do.
    pub action: String,
    /// How.
    pub channel: String,
    /// 1 comes before 2.
    pub priority: i64,
    /// Users to be contacted so, or to be left alone.
    pub users: i64,
    /// Users whom capacities left out of the action, its own or those of its channels.
    pub cut_users: i64,
    /// Users whom the capacity of the channel, over all of its actions, left out.
    pub channel_cut_users: i64,
    /// What is at stake with these users, in hundredths.
    #[serde(serialize_with = "as_money")]
    pub value_at_stake: i128,
    /// The day from which on it is too late, as 2026-11-20: of the first of these users.
    pub expires_on: Option<String>,
}

impl ActionsOverview {
    /// Reads the actions of a published date, the newest unless told otherwise.
    ///
    /// # Errors
    /// A date that is not published, or was published without actions, and whatever keeps the
    /// table from being read.
    pub(crate) async fn read(job: &Job, date: Option<SnapshotDate>) -> Result<Self, NightError> {
        let opened = Opened::of(job).await?;
        let publication = opened.publication(date).await?;
        Box::pin(Self::of(&opened, publication)).await
    }

    /// Reads the actions that a publication recorded.
    ///
    /// # Errors
    /// One without actions, and whatever keeps the table from being read.
    pub(crate) async fn of(opened: &Opened, publication: &Publication) -> Result<Self, NightError> {
        if !publication.tables.contains_key(ACTIONS) {
            return Err(without_actions(publication.snapshot_date).into());
        }
        register_published(&opened.session, &opened.output, publication, ACTIONS).await?;
        let rows = Box::pin(added_up(&opened.session)).await;
        let rows = rows.map_err(EngineError::during("reading actions"))?;
        Ok(Self {
            snapshot_date: publication.snapshot_date,
            run_id: publication.run_id.clone(),
            actions: actions(&rows).map_err(EngineError::during("reading actions"))?,
        })
    }
}

fn without_actions(date: SnapshotDate) -> Problems {
    let message = format!("{date} was published without a table `{ACTIONS}`");
    let help = format!(
        "add publish/{ACTIONS}.sql and reference/{ACTIONS}.csv to the SQL pack, as `tierline init` writes them, and publish the date again: `tierline run --date {date}`"
    );
    Problems(vec![Diagnostic::new(message).help(help)])
}

/// A row for each action and channel.
async fn added_up(session: &Session) -> EngineResult<RecordBatch> {
    let name = TableName::new(SqlSchema::Publish, ACTIONS);
    let rows = session.table(&name).await?;
    let has = |column: &str| rows.schema().has_column_with_unqualified_name(column);
    let stake = match has("value_at_stake") {
        true => sum(ident("value_at_stake")),
        false => sum(lit(0_i64)),
    };
    let channel_cut = match has("channel_cut_users") {
        true => ident("channel_cut_users"),
        false => lit(0_i64),
    };
    let groups = ["priority", "action", "channel"].map(ident);
    let figures = vec![
        count(lit(1)).alias("users"),
        max(ident("cut_users")).alias("cut_users"),
        max(channel_cut).alias("channel_cut_users"),
        stake.alias("value_at_stake"),
        min(ident("expires_on")).alias("expires_on"),
    ];
    let order = groups.clone().map(|column| column.sort(true, false));
    let rows = rows.aggregate(groups.to_vec(), figures)?;
    all_rows(rows.sort(order.to_vec())?).await
}

fn actions(rows: &RecordBatch) -> Result<Vec<ActionOverview>, ArrowError> {
    let (names, channels) = (texts(rows, "action")?, texts(rows, "channel")?);
    let (priorities, users) = (integers(rows, "priority")?, integers(rows, "users")?);
    let cut = integers(rows, "cut_users")?;
    let channel_cut = integers(rows, "channel_cut_users")?;
    let stake = decimals(rows, "value_at_stake", &REVENUE_TYPE)?;
    let expires = texts(rows, "expires_on")?;
    let action = |row| ActionOverview {
        action: names.value(row).to_owned(),
        channel: channels.value(row).to_owned(),
        priority: priorities.value(row),
        users: users.value(row),
        cut_users: if cut.is_valid(row) { cut.value(row) } else { 0 },
        channel_cut_users: if channel_cut.is_valid(row) {
            channel_cut.value(row)
        } else {
            0
        },
        value_at_stake: if stake.is_valid(row) {
            stake.value(row)
        } else {
            0
        },
        expires_on: expires.is_valid(row).then(|| expires.value(row).to_owned()),
    };
    Ok((0..rows.num_rows()).map(action).collect())
}
