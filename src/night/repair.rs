//! Tables that are not as the publications say are put right before anything else: rows of runs that
//! died go, and what somebody else changed is as it was.

use crate::ground::interruption;
use crate::job::{Job, Workspace};
use crate::publish::{self, ForeignCommit, Inspection, Publications, inspect};
use crate::storage::claim_output;

use super::error::NightError;
use super::report::{ReadersSee, Report};

/// Undoes commits that no publication names for a night that ends before it is planned, be it for
/// a day that is not ready: readers see no half of a publication meanwhile.
pub async fn put_right_unplanned(job: &Job, report: &mut Report) -> Result<(), NightError> {
    let workspace = Workspace::open(job)?;
    let publications = Publications::load(&workspace.output).await?;
    let publications = publications.knowing(job.tables.keys());
    report.readers_see = ReadersSee::newest_of(&publications);
    let found = inspect(&workspace.output, &publications).await?;
    if found.is_clean() {
        return Ok(());
    }
    claim_output(&workspace.output, &job.name).await?;
    put_right(&workspace, &publications, &found, report).await?;
    Ok(())
}

/// Undoes commits that no publication names, and notes the tables that had them.
pub(super) async fn put_right(
    workspace: &Workspace,
    publications: &Publications,
    found: &Inspection,
    report: &mut Report,
) -> Result<Inspection, NightError> {
    if found.is_clean() {
        return Ok(found.clone());
    }
    let _held_off = interruption().held_off();
    let repaired = publish::repair(&workspace.output, publications).await?;
    report.repaired = found.unfinished().map(str::to_owned).collect();
    report.warnings.extend(remarks_on_repair(found));
    Ok(repaired)
}

/// What was put right: rows of runs that died, and what somebody else changed.
fn remarks_on_repair(found: &Inspection) -> Vec<String> {
    let left: Vec<&str> = found.left_by_runs().collect();
    let left = (!left.is_empty()).then(|| {
        format!(
            "removed rows that an earlier run left unpublished in {}",
            left.join(", ")
        )
    });
    let foreign = found.foreign().iter().map(remark_on_foreign);
    left.into_iter().chain(foreign).collect()
}

fn remark_on_foreign(commit: &ForeignCommit) -> String {
    let ForeignCommit {
        table,
        version,
        operation,
        made_at,
    } = commit;
    let operation = operation.as_deref().unwrap_or("commit");
    let made_at = made_at.map_or_else(String::new, |made_at| {
        format!(" at {}", made_at.format("%Y-%m-%d %H:%M:%S UTC"))
    });
    format!(
        "table `{table}` was changed by a commit that tierline did not make, version {version}, {operation}{made_at}: its rows are as published again; to take a date back, use `tierline withdraw`"
    )
}
