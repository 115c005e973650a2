//! What is to be done today: the actions with what to do, and, when asked, the users who come first.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{ident, lit};
use serde::Serialize;

use crate::engine::{EngineError, decimals, optional_texts, texts};
use crate::night::NightError;
use crate::overview::{ActionOverview, ActionsOverview, as_money};
use crate::tables::{ACTIONS, REVENUE_TYPE};
use crate::tiles::USER_ID;

use super::published::{Published, STAGE, collected, has};

/// An action over a channel.
#[derive(Debug, Serialize)]
pub(super) struct Action {
    #[serde(flatten)]
    counts: ActionOverview,
    /// What to do, and what not.
    playbook: Option<String>,
    /// The same in Chinese.
    playbook_zh: Option<String>,
}

/// A user to be contacted.
#[derive(Debug, Serialize)]
pub(super) struct ListedUser {
    user_id: String,
    action: String,
    channel: String,
    reason_en: Option<String>,
    reason_zh: Option<String>,
    /// What is at stake, in hundredths; none where the table does not say.
    #[serde(serialize_with = "as_money")]
    value_at_stake: i128,
    expires_on: Option<String>,
}

/// The actions in the order of priority; none where the date was published without any.
pub(super) async fn actions(published: Published<'_>) -> Result<Option<Vec<Action>>, NightError> {
    let Some(rows) = published.table(ACTIONS.name).await? else {
        return Ok(None);
    };
    let counted = ActionsOverview::of(published.opened, published.publication);
    let counted = Box::pin(counted).await?;
    let texts_of = ["playbook", "playbook_zh"].into_iter();
    let texts_of = texts_of.filter(|column| has(&rows, column));
    let texts_of: Vec<_> = texts_of
        .map(|column| min(ident(column)).alias(column))
        .collect();
    let mut playbooks = BTreeMap::new();
    if !texts_of.is_empty() {
        let groups = vec![ident("action"), ident("channel")];
        let rows = collected(rows.aggregate(groups, texts_of)).await?;
        playbooks = playbooks_of(&rows).map_err(EngineError::during(STAGE))?;
    }
    let actions = counted.actions.into_iter().map(|counts| {
        let key = (counts.action.clone(), counts.channel.clone());
        let (playbook, playbook_zh) = playbooks.get(&key).cloned().unwrap_or_default();
        Action {
            counts,
            playbook,
            playbook_zh,
        }
    });
    Ok(Some(actions.collect()))
}

type Playbooks = BTreeMap<(String, String), (Option<String>, Option<String>)>;

fn playbooks_of(rows: &RecordBatch) -> Result<Playbooks, ArrowError> {
    let (actions, channels) = (texts(rows, "action")?, texts(rows, "channel")?);
    let playbook = optional_texts(rows, "playbook")?.into_iter();
    let playbooks = playbook.zip(optional_texts(rows, "playbook_zh")?);
    let playbooks = playbooks.enumerate().map(|(row, playbooks)| {
        let key = (
            actions.value(row).to_owned(),
            channels.value(row).to_owned(),
        );
        (key, playbooks)
    });
    Ok(playbooks.collect())
}

/// The users who come first: by priority, then by what is at stake.
pub(super) async fn users(
    published: Published<'_>,
    most: u32,
) -> Result<Vec<ListedUser>, NightError> {
    let rows = match most {
        0 => None,
        _ => published.table(ACTIONS.name).await?,
    };
    let Some(mut rows) = rows else {
        return Ok(Vec::new());
    };
    // Whoever is to be left alone is not to be contacted.
    if has(&rows, "channel") {
        let is_reached = ident("channel").not_eq(lit("none"));
        rows = rows
            .filter(is_reached)
            .map_err(EngineError::during(STAGE))?;
    }
    let mut order = vec![ident("priority").sort(true, false)];
    if has(&rows, "value_at_stake") {
        order.push(ident("value_at_stake").sort(false, false));
    }
    order.push(ident(USER_ID).sort(true, false));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let rows = rows.sort(order);
    let rows = collected(rows.and_then(|rows| rows.limit(0, Some(most)))).await?;
    Ok(users_of(&rows).map_err(EngineError::during(STAGE))?)
}

fn users_of(rows: &RecordBatch) -> Result<Vec<ListedUser>, ArrowError> {
    let ids = texts(rows, USER_ID)?;
    let (actions, channels) = (texts(rows, "action")?, texts(rows, "channel")?);
    let reasons = optional_texts(rows, "reason_en")?.into_iter();
    let reasons = reasons.zip(optional_texts(rows, "reason_zh")?);
    let expires = optional_texts(rows, "expires_on")?.into_iter();
    let stakes = match rows.schema().index_of("value_at_stake") {
        Ok(_) => Some(decimals(rows, "value_at_stake", &REVENUE_TYPE)?),
        Err(_) => None,
    };
    let users = reasons.zip(expires).enumerate();
    let users = users.map(|(row, ((reason_en, reason_zh), expires_on))| ListedUser {
        user_id: ids.value(row).to_owned(),
        action: actions.value(row).to_owned(),
        channel: channels.value(row).to_owned(),
        reason_en,
        reason_zh,
        value_at_stake: match &stakes {
            Some(stakes) if stakes.is_valid(row) => stakes.value(row),
            _ => 0,
        },
        expires_on,
    });
    Ok(users.collect())
}
