//! Whether user ids are numbers or texts: as staging selects them, alike in all staging models.
//!
//! ID columns that no file has, and those of declarations without files, take one type or the
//! other: BIGINT where the SQL can be planned with it and staging agrees, VARCHAR otherwise.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as EngineResult;
use datafusion::prelude::DataFrame;

use crate::drafts::{ContractError, ContractProblem};
use crate::engine::{EngineError, Session};
use crate::ground::{Diagnostic, SnapshotDate, SqlSchema, TableName, sql_type};
use crate::models::Model;
use crate::tables::TIER_SNAPSHOT;
use crate::tiles::USER_ID;

use super::catalog::Catalog;
use super::contracted::ID_TYPES;
use super::error::PackError;
use super::project::Project;

/// Models over sources whose ids have been given a type.
pub(crate) struct Staged<'a> {
    /// The models of the schemas asked for.
    pub catalog: Catalog<'a>,
    /// The type of ID columns that nothing else decides.
    pub id_type: DataType,
    /// Staging models whose user ids are of different types.
    pub disagreement: Option<Diagnostic>,
}

/// Registers models, staging first, with the type of ids with which they can be planned.
/// `register_sources` registers every source with the type it is given for undecided ID columns.
///
/// # Errors
/// The problems of the models, with the type that brings fewer.
pub(crate) async fn stage<'a>(
    session: &'a Session,
    project: &'a Project,
    snapshot_date: SnapshotDate,
    schemas: &[SqlSchema],
    register_sources: impl Fn(&DataType) -> EngineResult<()>,
) -> Result<Staged<'a>, PackError> {
    let [numbers, texts] = &ID_TYPES;
    let attempt = |id_type| {
        attempt(
            session,
            project,
            snapshot_date,
            schemas,
            id_type,
            &register_sources,
        )
    };
    let by_numbers = attempt(numbers).await;
    if matches!(&by_numbers, Ok(staged) if staged.disagreement.is_none()) {
        return by_numbers;
    }
    let by_texts = attempt(texts).await;
    match (by_numbers, by_texts) {
        (Err(PackError::Problems(first)), Err(PackError::Problems(second))) => {
            let is_fewer = second.0.len() < first.0.len();
            Err(if is_fewer { second } else { first }.into())
        }
        (Ok(staged), Err(PackError::Problems(_))) => Ok(staged),
        (_, by_texts) => by_texts,
    }
}

/// Registers the models over ids of one type.
async fn attempt<'a>(
    session: &'a Session,
    project: &'a Project,
    snapshot_date: SnapshotDate,
    schemas: &[SqlSchema],
    id_type: &DataType,
    register_sources: &impl Fn(&DataType) -> EngineResult<()>,
) -> Result<Staged<'a>, PackError> {
    let engine = EngineError::during("registering sources");
    register_sources(id_type).map_err(&engine)?;
    let mut catalog = Catalog::open(session, project, snapshot_date).map_err(&engine)?;
    catalog
        .register_models(schemas, &project.parameters)
        .await?;
    let disagreement = disagreement(&catalog, project).await;
    Ok(Staged {
        disagreement: disagreement.map_err(&engine)?,
        id_type: id_type.clone(),
        catalog,
    })
}

/// What is wrong when staging models select user ids of different types.
pub(crate) async fn disagreement(
    catalog: &Catalog<'_>,
    project: &Project,
) -> EngineResult<Option<Diagnostic>> {
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    let staging = project.graph.in_schema(SqlSchema::Staging);
    for model in staging.filter(|model| catalog.has_planned(model)) {
        match type_in(catalog, &model.name).await? {
            DataType::Int64 => numbers.push(model),
            _ => texts.push(model),
        }
    }
    Ok(match (numbers.first(), texts.first()) {
        (Some(number), Some(text)) => Some(mixed_types(number, text)),
        _ => None,
    })
}

/// Refuses user ids that are of one type in staging and of the other in the previous snapshot.
///
/// # Errors
/// The type that is published, with what to do about it.
pub(crate) async fn check_previous(
    catalog: &Catalog<'_>,
    project: &Project,
    previous: &DataFrame,
) -> Result<(), PackError> {
    let engine = EngineError::during("comparing user ids with those of the previous snapshot");
    let published = type_of(previous).map_err(&engine)?;
    // All of them agree.
    let Some(model) = project.graph.in_schema(SqlSchema::Staging).next() else {
        return Ok(());
    };
    let found = type_in(catalog, &model.name).await.map_err(&engine)?;
    let is_number = |data_type: &DataType| *data_type == DataType::Int64;
    if is_number(&found) == is_number(&published) {
        return Ok(());
    }
    let problem = ContractProblem::user_ids(TIER_SNAPSHOT.name, &published, &found);
    Err(PackError::Contract(ContractError {
        problems: vec![problem],
    }))
}

/// The type of user ids in a table of the catalog.
async fn type_in(catalog: &Catalog<'_>, table: &TableName) -> EngineResult<DataType> {
    type_of(&catalog.table(table).await?)
}

fn type_of(rows: &DataFrame) -> EngineResult<DataType> {
    let user_id = rows.schema().field_with_unqualified_name(USER_ID)?;
    Ok(user_id.data_type().clone())
}

fn mixed_types(number: &Model, text: &Model) -> Diagnostic {
    let message = format!(
        "`{USER_ID}` is {} in `{}` and {} in `{}`",
        sql_type(&DataType::Int64),
        number.name,
        sql_type(&DataType::Utf8View),
        text.name,
    );
    let place = number.place_selecting(USER_ID);
    let cast = number.cast_of(USER_ID, "VARCHAR");
    Diagnostic::at(&number.file, place, message).help(format!(
        "deliver one type in all sources, or write {cast} here"
    ))
}
