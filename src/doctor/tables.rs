//! The published tables: whether the next night finds them as the last one left them.

use crate::ground::counted;
use crate::job::{Job, Workspace};
use crate::plan::{of_final_dates, remark_on_final_dates, remark_on_lost_files};
use crate::publish::{Inspection, Publications, Table, inspect, lost_files};

use super::finding::Findings;

/// What is published, unless it cannot be known.
pub(super) async fn examine(
    job: &Job,
    workspace: &Workspace,
    findings: &mut Findings<'_>,
) -> Option<Publications> {
    let output = &workspace.output;
    findings.begin("tables");
    let publications = match Publications::load(output).await {
        Ok(publications) => publications.knowing(job.tables.keys()),
        Err(error) => {
            findings.failed("publications", &error);
            return None;
        }
    };
    let found = match publications.latest_date() {
        Some(newest) => {
            let dates = publications.published().count();
            format!("{} published, the newest {newest}", counted(dates, "date"))
        }
        None => "nothing is published yet".to_owned(),
    };
    findings.pass("publications", found);
    match inspect(output, &publications).await {
        Ok(inspection) => {
            examine_commits(&inspection, findings);
            examine_protocols(workspace, &inspection, findings).await;
            examine_files(workspace, &publications, &inspection, findings).await;
        }
        Err(error) => findings.failed("commits", &error),
    }
    Some(publications)
}

fn examine_commits(inspection: &Inspection, findings: &mut Findings<'_>) {
    if inspection.is_clean() {
        return findings.pass("commits", "every table is as publications say");
    }
    let tables: Vec<&str> = inspection.unfinished().collect();
    findings.warn(
        "commits",
        format!(
            "no publication names the newest commits of {}",
            tables.join(", ")
        ),
        Some("the next run puts it right; until then read the versions that `publications` names"),
    );
}

/// Opening a table refuses one that not every reader opens.
async fn examine_protocols(
    workspace: &Workspace,
    inspection: &Inspection,
    findings: &mut Findings<'_>,
) {
    let mut opened = 0;
    for (name, _version) in inspection.recorded() {
        match Table::open(&workspace.output, name).await {
            Ok(_) => opened += 1,
            Err(error) => findings.failed("protocol", &error),
        }
    }
    if opened > 0 {
        let tables = counted(opened, "table");
        findings.pass(
            "protocol",
            format!("{tables} at reader version 1, writer version 2"),
        );
    }
}

async fn examine_files(
    workspace: &Workspace,
    publications: &Publications,
    inspection: &Inspection,
    findings: &mut Findings<'_>,
) {
    match lost_files(&workspace.output, publications, inspection).await {
        Ok(lost) if lost.is_empty() => findings.pass("files", "all published files are there"),
        Ok(lost) => {
            let (of_final, lost) = of_final_dates(&lost, publications);
            if let Some(remark) = remark_on_lost_files(&lost) {
                let remedy = "`tierline backfill --affected` makes these dates again";
                findings.fail("files", remark, Some(remedy));
            }
            if let Some(remark) = remark_on_final_dates(&of_final) {
                findings.fail("files of final dates", remark, None);
            }
        }
        Err(error) => findings.failed("files", &error),
    }
}
