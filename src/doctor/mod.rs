//! Is everything there that a night needs? The real stores, tables, machine and sources of a job are
//! tried, and whatever is wrong is said before the first night finds it.
//!
//! | place | what is tried |
//! |---|---|
//! | the job | its SQL pack, as `check` does |
//! | [output](output_store) | whose it is; a probe is created, created again, listed, read and deleted; the clock |
//! | [tables](tables) | their protocol, commits that no publication names, published files |
//! | [machine](machine) | memory, room for queries to spill, open files |
//! | [sources](sources) | their days and files, what expired, reads of a listed file alone |
//! | the inputs of a night | the footers of the files that the night of a date opens, against what staging reads |
//!
//! Nothing is changed but for the probe, which is deleted again, and the spill folder, which is made.

mod finding;
mod machine;
mod output_store;
mod sources;
mod tables;

use chrono::{DateTime, Utc};

use crate::check;
use crate::engine::chain;
use crate::ground::{Classified, FailureKind, SnapshotDate, counted};
use crate::job::{Job, Workspace};
use crate::night::{self, InputsTried, NightError};
use crate::pack::Project;
use crate::plan::{Circumstances, Facts, decide};

pub use finding::{Finding, Verdict};

use finding::Findings;

/// Tries everything, and tells each finding as soon as it is known. `asked_for` is the date whose night is
/// looked at; left out, it is the newest day up to `last_ended` that every required source has.
///
/// # Errors
/// URLs that no store understands, and a signal. Whatever else fails is a finding.
pub async fn examine(
    job: &Job,
    (asked_for, last_ended): (Option<SnapshotDate>, SnapshotDate),
    clock: &(dyn Fn() -> DateTime<Utc> + Sync),
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<Vec<Finding>, NightError> {
    let workspace = Workspace::open(job)?;
    let mut findings = Findings::new(tell);
    findings.begin("job");
    let date = asked_for.unwrap_or(last_ended);
    let project = examine_pack(job, date, &mut findings).await;
    output_store::examine(job, &workspace.output, clock, &mut findings).await;
    let published = tables::examine(job, &workspace, &mut findings).await;
    machine::examine(job, &mut findings);
    let delivered = sources::examine(
        job,
        &workspace,
        published.as_ref(),
        last_ended,
        &mut findings,
    )
    .await;
    findings.begin("inputs of a night");
    if let Some(newest) = delivered.filter(|newest| asked_for.is_none() && *newest < last_ended) {
        findings.warn(
            "newest day",
            format!("required sources have no day after {newest}, and {last_ended} has ended"),
            Some("deliver what is missing: the night of today ends with exit code 4"),
        );
    }
    match (project, asked_for.or(delivered)) {
        (Some(project), Some(date)) => {
            examine_inputs(job, &project, &workspace, date, &mut findings).await;
        }
        (None, _) => findings.warn("files", "not tried, as the SQL pack has problems", None),
        (_, None) => findings.warn(
            "files",
            "not tried, as there is no day that every required source has",
            Some("deliver one, or name a date with --date"),
        ),
    }
    Ok(findings.into_all())
}

async fn examine_pack(
    job: &Job,
    date: SnapshotDate,
    findings: &mut Findings<'_>,
) -> Option<Project> {
    match Box::pin(check::check(job, date)).await {
        Ok(check::Checked {
            project, warnings, ..
        }) => {
            let models = counted(project.graph.models().len(), "model");
            findings.pass("SQL pack", format!("no problems in {models}"));
            if !warnings.0.is_empty() {
                let found = format!("{} of what may be meant otherwise", warnings.0.len());
                findings.warn("SQL pack", found, Some("`tierline check` shows the lines"));
            }
            Some(project)
        }
        Err(error) => {
            // What came in the way of a look says itself what to do.
            let is_of_pack = error.kind() != FailureKind::Unexpected;
            let remedy = is_of_pack.then_some("`tierline check` shows the lines");
            findings.fail("SQL pack", chain(&error), remedy);
            None
        }
    }
}

/// The files that the night of a date opens, held against what staging reads of them.
async fn examine_inputs(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    date: SnapshotDate,
    findings: &mut Findings<'_>,
) {
    let tried = async {
        let facts = Facts::gather(job, project, workspace, date, Circumstances::default());
        let plan = decide(job, project, Box::pin(facts).await?);
        Box::pin(night::try_inputs(job, project, workspace, &plan)).await
    };
    match tried.await {
        Ok(InputsTried { files, warnings }) => {
            let files = counted(files, "file");
            let found = format!("{date}: the types of {files} fit what the SQL reads");
            findings.pass("files", found);
            for warning in warnings {
                findings.warn("files", warning, None);
            }
        }
        Err(error) => findings.fail("files", format!("{date}: {}", chain(&error)), None),
    }
}
