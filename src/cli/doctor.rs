//! `tierline doctor`: each thing that was tried, with how it is and what to do.

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::doctor::{Finding, Verdict, examine};
use crate::ground::{counted, escaped};
use crate::job::Job;
use crate::night::{NightError, Report};

use super::arguments::{DoctorArguments, OutputFormat};
use super::jobs;
use super::output::Output;
use super::table::Paint;

/// The result for machines.
#[derive(Debug, Serialize)]
struct DoctorResult<'a> {
    status: Status,
    job: &'a str,
    findings: &'a [Finding],
}

/// What it all comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Fit,
    Unfit,
}

/// Tries everything, and says so line by line. Whether anything is wrong.
pub(super) async fn doctor(
    arguments: &DoctorArguments,
    output: &Output,
) -> Result<bool, NightError> {
    let outcome = Box::pin(examine_and_tell(arguments, output)).await;
    if let (Err(error), OutputFormat::Json) = (&outcome, arguments.output) {
        let mut report = Report::default();
        report.fail(error);
        output.result(&format!("{}\n", report.to_json()));
    }
    outcome
}

async fn examine_and_tell(
    arguments: &DoctorArguments,
    output: &Output,
) -> Result<bool, NightError> {
    let job = jobs::load(&arguments.night.job)?;
    let time = &arguments.night.time;
    let last_ended = jobs::snapshot_date(&jobs::NO_TIME, &job)?;
    let asked_for = match time.as_of.is_some() || time.date.is_some() {
        true => Some(jobs::snapshot_date(time, &job)?),
        false => None,
    };
    let mut page = Page {
        paint: Paint {
            is_colourful: output.is_colourful,
        },
        place: String::new(),
    };
    let is_text = arguments.output == OutputFormat::Text;
    let mut tell = |finding: &Finding| {
        if is_text {
            output.result(&page.lines(finding));
        }
    };
    let findings = examine(&job, (asked_for, last_ended), &jobs::now, &mut tell).await?;
    match arguments.output {
        OutputFormat::Text => output.result(&conclusion(&findings)),
        OutputFormat::Json => output.result(&json(&job, &findings)),
    }
    Ok(count(&findings, Verdict::Fail) > 0)
}

/// What is printed so far.
struct Page {
    paint: Paint,
    /// The last heading.
    place: String,
}

impl Page {
    /// A finding, below its place.
    fn lines(&mut self, finding: &Finding) -> String {
        let mut lines = String::new();
        if self.place != finding.place {
            self.place.clone_from(&finding.place);
            lines.push_str(&format!("{}\n", escaped(&self.place)));
        }
        let (word, style) = match finding.verdict {
            Verdict::Pass => ("pass", AnsiColor::Green.on_default()),
            Verdict::Warn => ("warn", AnsiColor::Yellow.on_default()),
            Verdict::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
        };
        let word = self.paint.text(word, style);
        let mut found = finding.found.trim_end().split('\n').map(escaped);
        let first = found.next().unwrap_or_default();
        lines.push_str(&format!("  {word}  {:<18}  {first}\n", finding.check));
        for line in found.filter(|line| !line.is_empty()) {
            lines.push_str(&format!("  {:26}{line}\n", ""));
        }
        if let Some(remedy) = &finding.remedy {
            let remedy = self.paint.text(remedy, Style::new().bold());
            lines.push_str(&format!("  {:26}{remedy}\n", "do:"));
        }
        lines
    }
}

fn conclusion(findings: &[Finding]) -> String {
    let warnings = counted(count(findings, Verdict::Warn), "warning");
    match count(findings, Verdict::Fail) {
        0 => format!("fit to run, {warnings}\n"),
        failed => format!("not fit to run: {failed} failed, {warnings}\n"),
    }
}

fn json(job: &Job, findings: &[Finding]) -> String {
    let status = match count(findings, Verdict::Fail) {
        0 => Status::Fit,
        _ => Status::Unfit,
    };
    let result = DoctorResult {
        status,
        job: &job.name,
        findings,
    };
    format!("{}\n", serde_json::json!(result))
}

fn count(findings: &[Finding], verdict: Verdict) -> usize {
    let of_verdict = findings.iter();
    of_verdict
        .filter(|finding| finding.verdict == verdict)
        .count()
}
