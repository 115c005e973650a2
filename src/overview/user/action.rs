//! What is to be done about a user today, as `actions` says, and what was before.

use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{ident, lit};
use serde::Serialize;

use crate::engine::{EngineError, Session, all_rows, integers, optional_texts, texts};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::night::NightError;
use crate::overview::{Opened, register_published};
use crate::pack::marts::dates_of_history;
use crate::publish::{Publication, published_dates};
use crate::tables::{ACTIONS, SNAPSHOT_DATE, STOP_LIST};
use crate::tiles::USER_ID;

use super::row::row_of_user;

/// The columns with the users whom a capacity left out, that of an action and that of a channel.
const CUT_USERS: &str = "cut_users";
const CHANNEL_CUT_USERS: &str = "channel_cut_users";

/// What the table is read for, in messages.
const READING: &str = "reading a user's action";

/// Whether there is something to be done about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum ActionOfUser {
    /// The user's row.
    Listed(UserAction),
    /// No rule takes the user, or a rest or a capacity leaves them out.
    NotListed,
}

/// A row of `actions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserAction {
    /// What to do.
    pub action: String,
    /// How.
    pub channel: String,
    /// Why.
    pub reason_en: Option<String>,
    /// The same in Chinese.
    pub reason_zh: Option<String>,
    /// What to do and what not.
    pub playbook: Option<String>,
    /// The same in Chinese.
    pub playbook_zh: Option<String>,
    /// The day from which on it is too late, as 2026-11-20.
    pub expires_on: Option<String>,
}

/// An action that more users qualified for today than capacities take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActionCut {
    /// What would have been to do.
    pub action: String,
    /// How many users were left out.
    pub cut_users: i64,
}

/// A channel that actions have more users for today than its capacity takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChannelCut {
    /// How users would have been contacted.
    pub channel: String,
    /// How many users of any action were left out.
    pub cut_users: i64,
}

/// Whom capacities left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cuts {
    /// Those of actions, in the order of priority.
    #[serde(rename = "cuts")]
    pub actions: Vec<ActionCut>,
    /// Those of channels, in the order of the highest priority that each has.
    #[serde(rename = "channel_cuts")]
    pub channels: Vec<ChannelCut>,
}

/// The user on the list of an earlier date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Listing {
    /// The date, as 2026-11-20.
    pub snapshot_date: String,
    /// What was to be done.
    pub action: String,
    /// How.
    pub channel: String,
    /// The day from which on it is too late.
    pub expires_on: Option<String>,
    /// The first day on which an action of the same or a lower priority may follow; none where there is no
    /// rest, or the pack has no such column.
    pub rests_until: Option<String>,
}

/// A user's action of a published date; none where it was published without actions.
pub(super) async fn action_of(
    opened: &Opened,
    publication: &Publication,
    user: ScalarValue,
) -> Result<Option<ActionOfUser>, NightError> {
    if !publication.tables.contains_key(ACTIONS.name) {
        return Ok(None);
    }
    register_published(&opened.session, &opened.output, publication, ACTIONS.name).await?;
    let engine = EngineError::during(READING);
    let table = TableName::new(SqlSchema::Publish, ACTIONS.name);
    let rows = opened.session.table(&table).await.map_err(&engine)?;
    let row = row_of_user(rows, user).await.map_err(&engine)?;
    Ok(Some(read(&row).map_err(EngineError::during(READING))?))
}

/// The actions and channels that left users out for their capacities, once the user's action was
/// [read](action_of); none where the pack does not say so. Whom they left out, the table does not say.
pub(super) async fn cuts(opened: &Opened) -> Result<Cuts, NightError> {
    let cuts = async {
        let actions = cut_by(&opened.session, "action", CUT_USERS).await?;
        let actions = actions
            .into_iter()
            .map(|(action, cut_users)| ActionCut { action, cut_users });
        let channels = cut_by(&opened.session, "channel", CHANNEL_CUT_USERS).await?;
        let channels = channels
            .into_iter()
            .map(|(channel, cut_users)| ChannelCut { channel, cut_users });
        Ok(Cuts {
            actions: actions.collect(),
            channels: channels.collect(),
        })
    };
    let cuts: EngineResult<_> = Box::pin(cuts).await;
    Ok(cuts.map_err(EngineError::during(READING))?)
}

/// Each value of a column whose rows count users that were left out, with their number.
async fn cut_by(session: &Session, name: &str, counted: &str) -> EngineResult<Vec<(String, i64)>> {
    let table = TableName::new(SqlSchema::Publish, ACTIONS.name);
    let rows = session.table(&table).await?;
    if !rows.schema().has_column_with_unqualified_name(counted) {
        return Ok(Vec::new());
    }
    let rows = rows.filter(ident(counted).gt(lit(0)))?;
    let figures = [
        max(ident(counted)).alias(counted),
        min(ident("priority")).alias("priority"),
    ];
    let rows = rows.aggregate(vec![ident(name)], figures.to_vec())?;
    let rows = all_rows(rows.sort(vec![ident("priority").sort(true, false)])?).await?;
    let (names, users) = (texts(&rows, name)?, integers(&rows, counted)?);
    let cut = |row| (names.value(row).to_owned(), users.value(row));
    Ok((0..rows.num_rows()).map(cut).collect())
}

/// The user's rows of the dates before that marts know, the newest first. Whom a list leaves alone
/// is not told.
pub(super) async fn listed_before(
    opened: &Opened,
    publication: &Publication,
    user: ScalarValue,
) -> Result<Vec<Listing>, NightError> {
    let (output, publications) = (&opened.output, &opened.publications);
    let dates: Vec<SnapshotDate> =
        dates_of_history(publications, publication.snapshot_date).collect();
    let lists = published_dates(output, publications, ACTIONS.name, &dates).await?;
    let Some((lists, _)) = lists else {
        return Ok(Vec::new());
    };
    let listed = async {
        let rows = opened.session.read(Arc::new(lists))?;
        let is_contacted = ident("action").not_eq(lit(STOP_LIST));
        let rows = rows.filter(ident(USER_ID).eq(lit(user)).and(is_contacted))?;
        let rows = rows.sort(vec![ident(SNAPSHOT_DATE).sort(false, false)])?;
        Ok(listings(&all_rows(rows).await?)?)
    };
    let listed: EngineResult<_> = Box::pin(listed).await;
    Ok(listed.map_err(EngineError::during(READING))?)
}

fn listings(rows: &RecordBatch) -> Result<Vec<Listing>, ArrowError> {
    let (dates, actions) = (texts(rows, SNAPSHOT_DATE)?, texts(rows, "action")?);
    let channels = texts(rows, "channel")?;
    let rests = optional_texts(rows, "rests_until")?.into_iter();
    let days = rests.zip(optional_texts(rows, "expires_on")?);
    let listings = days
        .enumerate()
        .map(|(row, (rests_until, expires_on))| Listing {
            snapshot_date: dates.value(row).to_owned(),
            action: actions.value(row).to_owned(),
            channel: channels.value(row).to_owned(),
            expires_on,
            rests_until,
        });
    Ok(listings.collect())
}

fn read(row: &RecordBatch) -> Result<ActionOfUser, ArrowError> {
    if row.num_rows() == 0 {
        return Ok(ActionOfUser::NotListed);
    }
    let value = |column: &str| -> Result<Option<String>, ArrowError> {
        if row.schema().index_of(column).is_err() {
            return Ok(None);
        }
        let texts = texts(row, column)?;
        Ok(texts.is_valid(0).then(|| texts.value(0).to_owned()))
    };
    Ok(ActionOfUser::Listed(UserAction {
        action: value("action")?.unwrap_or_default(),
        channel: value("channel")?.unwrap_or_default(),
        reason_en: value("reason_en")?,
        reason_zh: value("reason_zh")?,
        playbook: value("playbook")?,
        playbook_zh: value("playbook_zh")?,
        expires_on: value("expires_on")?,
    }))
}
