//! What is to be done about a user today, as `actions` says.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use serde::Serialize;

use crate::engine::{EngineError, texts};
use crate::ground::{SqlSchema, TableName};
use crate::night::NightError;
use crate::overview::{Opened, register_published};
use crate::publish::Publication;
use crate::tables::ACTIONS;

use super::row::row_of_user;

/// What the table is read for, in messages.
const READING: &str = "reading a user's action";

/// Whether there is something to be done about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum ActionOfUser {
    /// The user's row.
    Listed(UserAction),
    /// Nothing takes the user, or a contact rule or a capacity leaves them out.
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
