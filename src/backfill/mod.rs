//! Many nights, in the order of their dates: each follows on the one before it.
//!
//! A gap is a date between published ones that no night has published. It is filled by today's rules.
//!
//! A published date that late data affects is restated as it was meant: by the rules and the cut
//! points that it was published by, or by today's where that is asked for. A date that would come
//! out poorer than it is published is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::Days;
use serde::Serialize;

use crate::calibration::KeptIds;
use crate::engine::chain;
use crate::ground::{Classified, Execution, SnapshotDate, counted, noun_for};
use crate::job::{CalibrationChoice, Job, Workspace};
use crate::night::{Failure, NightError, Report, Status};
use crate::pack::Project;
use crate::plan::{
    Accepted, Affected, AffectedBy, Found, HistoryError, HistoryStarts, PlanError, Rules,
    check_doubts, fingerprint, histories, known_days, list_sources, of_final_dates,
    remark_on_final_dates, remark_on_lost_files, seen_then,
};
use crate::publish::{LostFiles, Publication, Publications, check_complete, inspect, lost_files};
use crate::tables::TIER_SNAPSHOT;

/// Which nights to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// Every date of a span, published or not, by today's rules: those that are published from
    /// what is stored today are passed over.
    Between {
        /// The first date, which need not be published.
        from: SnapshotDate,
        /// The last date, made too.
        to: SnapshotDate,
    },
    /// The dates before the newest published one that were never published. Those that were
    /// withdrawn stay so.
    Gaps {
        /// How many days before the newest date are looked at.
        days: u32,
    },
    /// The published dates from the first affected one on: each of them follows on it.
    Affected {
        /// Those of the job, or those that each date was published by.
        rules: RulesChoice,
    },
}

/// By which rules published dates are restated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RulesChoice {
    /// Those that each date was published by.
    #[default]
    Published,
    /// Those of the job and its SQL pack now.
    Today,
}

/// The nights of a backfill.
#[derive(Debug, Default)]
pub struct BackfillPlan {
    /// Those to run, in order.
    pub nights: Vec<BackfillNight>,
    /// Published dates that are left as they are.
    pub left: Vec<DateLeft>,
    /// What is to be known before it begins.
    pub notes: Vec<String>,
}

/// A night to run.
#[derive(Debug, Clone)]
pub struct BackfillNight {
    /// The snapshot date that it makes.
    pub date: SnapshotDate,
    /// Those of the job, or those that the date was published by.
    pub rules: NightRules,
    /// What the date was before.
    pub before: Before,
}

/// What the date of a night was before it. This says whether other dates are made when this one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Asked for, and not published.
    Unpublished,
    /// Missing between published dates.
    Gap,
    /// Published: it is left as it is rather than made poorer.
    Published,
}

/// The rules of one night.
#[derive(Debug, Clone)]
pub enum NightRules {
    /// Those of the job.
    Today,
    /// Those of the job, which are the ones that the date was published by, and its cut points.
    TodayScoredBy(String),
    /// Those that the date was published by, and its cut points.
    Published(Arc<Rules>, String),
}

impl NightRules {
    /// The job that the night runs.
    pub fn job(&self, job: &Job) -> Job {
        match self {
            Self::Today => job.clone(),
            Self::TodayScoredBy(cutpoints_id) => Job {
                calibration: CalibrationChoice::Pinned(cutpoints_id.clone()),
                ..job.clone()
            },
            Self::Published(rules, cutpoints_id) => rules.job(job, cutpoints_id),
        }
    }

    /// Whether they are those that the date was published by.
    pub fn are_of_then(&self) -> bool {
        !matches!(self, Self::Today)
    }

    /// The rules, where they are not the job's.
    pub fn published(&self) -> Option<&Rules> {
        match self {
            Self::Today | Self::TodayScoredBy(_) => None,
            Self::Published(rules, _) => Some(rules),
        }
    }
}

/// A date that a backfill leaves as it is.
#[derive(Debug, Clone, Serialize)]
pub struct DateLeft {
    /// The snapshot date, as YYYY-MM-DD.
    pub snapshot_date: String,
    /// What its night failed with.
    pub reason: String,
    /// What its night had found and done by then; none where it did not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub night: Option<Box<Report>>,
}

impl Backfill {
    /// The nights, in order, and by which rules each is run.
    ///
    /// # Errors
    /// Stores that fail, a SQL pack that does not load, and sources whose days have vanished.
    pub async fn plan(
        self,
        job: &Job,
        workspace: &Workspace,
        accepted: Accepted,
    ) -> Result<BackfillPlan, NightError> {
        let publications = Publications::load(&workspace.output).await?;
        let publications = publications.knowing(job.tables.keys());
        check_complete(&workspace.output, &publications).await?;
        let project = Project::load(job)?;
        let Workspace { output, layout, .. } = workspace;
        let latest = publications.latest_date();
        let latest = latest.and_then(|latest| publications.newest_for(latest));
        // A record that cannot be read keeps its own dates from being restated, and no others.
        let seen = seen_then(job, &project, workspace, latest).await?;
        let planning = Planning {
            job,
            workspace,
            accepted,
            starts: seen.starts,
            calibrations: KeptIds::list(output, layout).await?,
            publications,
            project,
        };
        match self {
            Self::Between { from, to } => Ok(planning.between(from, to)),
            Self::Gaps { days } => Ok(planning.gaps(days)),
            Self::Affected { rules } => Box::pin(planning.affected(rules)).await,
        }
    }
}

/// What a backfill is planned from.
struct Planning<'a> {
    job: &'a Job,
    workspace: &'a Workspace,
    accepted: Accepted,
    project: Project,
    /// From which day on the newest published date sees history.
    starts: HistoryStarts,
    calibrations: KeptIds,
    publications: Publications,
}

impl Planning<'_> {
    fn between(&self, from: SnapshotDate, to: SnapshotDate) -> BackfillPlan {
        let days = from.day().iter_days();
        let days = days.take_while(|day| *day <= to.day());
        let published = self.publications.dates();
        let is_too_old =
            |date: &SnapshotDate| self.publications.is_final(*date) && !published.contains(date);
        let (too_old, dates): (Vec<_>, Vec<_>) = days.map(SnapshotDate::on).partition(is_too_old);
        let nights = dates.into_iter().map(|date| BackfillNight {
            date,
            rules: NightRules::Today,
            before: match published.contains(&date) {
                true => Before::Published,
                false => Before::Unpublished,
            },
        });
        let nights = nights.collect();
        let left = too_old.into_iter().map(|date| DateLeft {
            snapshot_date: date.to_string(),
            reason: "it would follow on snapshots that have expired, so it cannot be published"
                .to_owned(),
            night: None,
        });
        let left = left.collect();
        let published = published.range(from..=to);
        let others: Vec<SnapshotDate> = published
            .filter_map(|date| self.publications.newest_for(*date))
            .filter(|publication| !self.publications.is_final(publication.snapshot_date))
            .filter(|publication| self.has_other_rules(publication))
            .map(|publication| publication.snapshot_date)
            .collect();
        let note = dates_text(&others).map(|dates| {
            format!(
                "{dates} published by other SQL, parameters, settings or cut points than today's: republished by today's"
            )
        });
        BackfillPlan {
            nights,
            left,
            notes: note.into_iter().collect(),
        }
    }

    fn gaps(&self, days: u32) -> BackfillPlan {
        let dates = gaps(&self.publications, days);
        let nights = dates.into_iter().map(|date| BackfillNight {
            date,
            rules: NightRules::Today,
            before: Before::Gap,
        });
        BackfillPlan {
            nights: nights.collect(),
            ..BackfillPlan::default()
        }
    }

    async fn affected(&self, choice: RulesChoice) -> Result<BackfillPlan, NightError> {
        let (affected, lost) = self.affected_dates().await?;
        let mut plan = BackfillPlan::default();
        let (of_final, lost) = of_final_dates(&lost, &self.publications);
        plan.notes.extend(
            remark_on_lost_files(&lost)
                .map(|remark| format!("{remark}; these dates are made again")),
        );
        plan.notes.extend(remark_on_final_dates(&of_final));
        let dates = self.dates_to_restate(&affected);
        let by_files = affected.iter().filter(|date| date.by == AffectedBy::Files);
        let by_files: BTreeSet<SnapshotDate> = by_files.map(|affected| affected.date).collect();
        let mut others = Vec::new();
        let mut read = BTreeMap::new();
        for date in &dates {
            let Some(publication) = self.publications.newest_for(*date) else {
                continue;
            };
            let by_files = by_files.contains(date);
            match self
                .rules_for(publication, by_files, choice, &mut read)
                .await?
            {
                Ok(rules) => plan.nights.push(BackfillNight {
                    date: *date,
                    rules,
                    before: Before::Published,
                }),
                Err(reason) => plan.left.push(DateLeft {
                    snapshot_date: date.to_string(),
                    reason,
                    night: None,
                }),
            }
            if self.has_other_rules(publication) {
                others.push(*date);
            }
        }
        plan.notes.extend(dates_text(&others).map(|dates| match choice {
            RulesChoice::Published => format!(
                "{dates} published by other SQL, parameters, settings or cut points than today's: restated by those they were published by; --rules today restates by today's"
            ),
            RulesChoice::Today => format!(
                "{dates} published by other SQL, parameters, settings or cut points than today's: restated by today's"
            ),
        }));
        Ok(plan)
    }

    /// The published dates that would come out otherwise today, in order, and the files that some
    /// of them lack.
    async fn affected_dates(&self) -> Result<(Vec<Affected>, Vec<LostFiles>), NightError> {
        let Some(until) = self.publications.latest_date() else {
            return Ok((Vec::new(), Vec::new()));
        };
        let delivered = list_sources(self.job, self.workspace).await?;
        let known = known_days(&self.publications, self.workspace, self.accepted).await?;
        let histories = histories(self.job, delivered, &known, until, self.accepted);
        if !self.accepted.removed_days {
            // A withdrawn date may have known later days, of which no date is published.
            let of_dates = histories.iter();
            let of_dates = of_dates.map(|(name, history)| (name.clone(), history.up_to(until)));
            check_doubts(&of_dates.collect())?;
        }
        let output = &self.workspace.output;
        let inspection = inspect(output, &self.publications).await?;
        let lost = lost_files(output, &self.publications, &inspection).await?;
        let found = Found {
            workspace: self.workspace,
            publications: &self.publications,
            histories: &histories,
            known: &known,
            lost: &lost,
        };
        let affected = found.affected().await?;
        Ok((affected, lost))
    }

    /// The affected dates, and those that follow on them. A date that lacks files comes out as it
    /// was, so that it moves no other.
    fn dates_to_restate(&self, affected: &[Affected]) -> BTreeSet<SnapshotDate> {
        let moves_others = |affected: &&Affected| affected.by != AffectedBy::LostFiles;
        let first = affected.iter().find(moves_others);
        let published = self.publications.dates();
        let following = first.map(|first| published.range(first.date..).copied());
        let is_final = |date: &SnapshotDate| self.publications.is_final(*date);
        let following = following.into_iter().flatten();
        let following = following.filter(|date| !is_final(date));
        let affected = affected.iter().map(|affected| affected.date);
        affected.chain(following).collect()
    }

    /// Whether a date was published by other rules or cut points than a run of today would take.
    fn has_other_rules(&self, publication: &Publication) -> bool {
        let has_same_rules = match &publication.rules_fingerprint {
            Some(published) => self.are_todays(published),
            None => publication.sql_fingerprint == self.project.sql_fingerprint(),
        };
        let cut_points = match &self.job.calibration {
            CalibrationChoice::Pinned(id) => Some(id.as_str()),
            CalibrationChoice::Newest | CalibrationChoice::ByHand(_) => {
                let newest = self.calibrations.newest(publication.snapshot_date);
                newest.or(self.calibrations.earliest())
            }
        };
        !has_same_rules || cut_points != Some(publication.cutpoints_id.as_str())
    }

    /// Whether rules are those of today, with all of history or with as much as the newest date has.
    fn are_todays(&self, rules: &str) -> bool {
        let starts = [&HistoryStarts::new(), &self.starts];
        starts.into_iter().any(|starts| {
            let todays = fingerprint(self.job, &self.project, starts);
            todays.as_str() == rules
        })
    }

    /// By which rules a published date is restated, or why it is not.
    async fn rules_for(
        &self,
        publication: &Publication,
        by_files: bool,
        choice: RulesChoice,
        read: &mut BTreeMap<String, Result<Arc<Rules>, String>>,
    ) -> Result<Result<NightRules, String>, NightError> {
        let Some(published) = &publication.rules_fingerprint else {
            return Ok(self.rules_of_unrecorded(publication, by_files, choice));
        };
        let cutpoints_id = publication.cutpoints_id.clone();
        if choice == RulesChoice::Today {
            return Ok(Ok(NightRules::Today));
        }
        if self.are_todays(published) {
            return Ok(Ok(NightRules::TodayScoredBy(cutpoints_id)));
        }
        if !read.contains_key(published) {
            let rules = match Rules::read(self.workspace, published).await {
                // Dates that were published by others can be restated all the same.
                Err(error @ PlanError::History(HistoryError::Rules { .. })) => Err(chain(&error)),
                rules => Ok(Arc::new(rules?)),
            };
            read.insert(published.clone(), rules);
        }
        let rules = read[published].clone();
        Ok(rules.map(|rules| NightRules::Published(rules, cutpoints_id)))
    }

    /// As [`rules_for`](Self::rules_for), of a date that an older tierline published.
    fn rules_of_unrecorded(
        &self,
        publication: &Publication,
        by_files: bool,
        choice: RulesChoice,
    ) -> Result<NightRules, String> {
        let date = publication.snapshot_date;
        let has_same_sql = publication.sql_fingerprint == self.project.sql_fingerprint();
        if by_files && !self.accepted.shorter_history {
            return Err(format!(
                "it was published before the days of its sources were on record, so that nobody knows whether days have expired since; `tierline backfill --from {date} --to {date}` publishes it from the files there are"
            ));
        }
        match choice {
            RulesChoice::Today => Ok(NightRules::Today),
            RulesChoice::Published if has_same_sql => Ok(NightRules::TodayScoredBy(
                publication.cutpoints_id.clone(),
            )),
            RulesChoice::Published => Err(
                "it was published by other SQL than today's, before rules were on record; --rules today restates it by today's"
                    .to_owned(),
            ),
        }
    }
}

/// The dates of the last `days` days before the newest published one that are after the first
/// published one and that no run has published.
fn gaps(publications: &Publications, days: u32) -> Vec<SnapshotDate> {
    let published = publications.dates();
    let (Some(first), Some(newest)) = (published.first(), published.last()) else {
        return Vec::new();
    };
    let since = newest.day() - Days::new(days.into());
    let between = since.max(first.day()).iter_days();
    let between = between.take_while(|day| *day < newest.day());
    let dates = between.map(SnapshotDate::on);
    dates
        .filter(|date| publications.last_of(*date).is_none() && !publications.is_final(*date))
        .collect()
}

/// `2026-11-01 to 2026-11-05 (3 dates) were`; none of no dates.
fn dates_text(dates: &[SnapshotDate]) -> Option<String> {
    let (first, last) = (dates.first()?, dates.last()?);
    Some(match dates.len() {
        1 => format!("{first} was"),
        count => format!("{first} to {last} ({count} dates) were"),
    })
}

/// What became of many nights: all of them, or those up to the first that failed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BackfillReport {
    /// `published`, `already_published` when nothing was to be done, or the kind of failure.
    pub status: Status,
    /// Why it ended early, or that dates are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Which execution of the program it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// How many nights were asked for.
    pub nights_planned: usize,
    /// By which rules dates are restated, where these are not today's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The nights that ran, in order.
    pub nights: Vec<Report>,
    /// Dates that are left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<DateLeft>,
    /// The night that ended it early, with what it had found by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_night: Option<Report>,
}

impl BackfillReport {
    /// Adds a plan of which no night has run.
    pub fn begin(&mut self, plan: &BackfillPlan) {
        if self.nights.is_empty() {
            self.status = Status::AlreadyPublished;
        }
        self.nights_planned += plan.nights.len() + plan.left.len();
        self.notes.extend_from_slice(&plan.notes);
        self.left.extend_from_slice(&plan.left);
    }

    /// Adds a night that ran.
    pub fn add(&mut self, night: Report) {
        if night.status != Status::AlreadyPublished {
            self.status = Status::Published;
        }
        self.nights.push(night);
    }

    /// Adds a date that is left as it is, with what its night had found and done by then.
    pub fn leave(&mut self, snapshot_date: SnapshotDate, error: &NightError, mut night: Report) {
        night.fail(error);
        self.left.push(DateLeft {
            snapshot_date: snapshot_date.to_string(),
            reason: chain(error),
            night: Some(Box::new(night)),
        });
        self.left
            .sort_by(|left, right| left.snapshot_date.cmp(&right.snapshot_date));
    }

    /// That dates are left, as the failure of the whole.
    ///
    /// # Errors
    /// When there are such dates.
    pub fn check_left(&self) -> Result<(), HistoryError> {
        let ends = self.left.first().zip(self.left.last());
        ends.map_or(Ok(()), |(first, last)| {
            Err(HistoryError::DatesLeft {
                count: self.left.len(),
                first: first.snapshot_date.clone(),
                last: last.snapshot_date.clone(),
            })
        })
    }

    /// Adds the night that ended it.
    pub fn add_failed(&mut self, night: Report) {
        self.failed_night = Some(night);
    }

    /// Notes the error that ended it.
    pub fn fail(&mut self, error: &NightError) {
        self.status = Status::Failed(error.kind());
        self.error = Some(chain(error));
        self.failure = Some(Failure::of(error));
    }

    /// The whole result as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#))
    }
}

impl fmt::Display for BackfillReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nights_planned == 0 {
            return writeln!(formatter, "no published date is affected; nothing done");
        }
        let mut told = BTreeSet::new();
        for night in &self.nights {
            let date = night.snapshot_date.as_deref().unwrap_or("?");
            let users = night
                .tables
                .get(TIER_SNAPSHOT.name)
                .map_or(0, |table| table.rows);
            writeln!(
                formatter,
                "{date} {}: {users} {}",
                night.status.as_str().replace('_', " "),
                noun_for(users, "user")
            )?;
            let findings = night.findings();
            // What holds for all nights is told with the first.
            let is_new =
                |line: &&str| !line.starts_with("warning: ") || told.insert(line.to_string());
            for line in findings.lines().filter(is_new) {
                writeln!(formatter, "  {line}")?;
            }
        }
        for DateLeft {
            snapshot_date,
            reason,
            night,
        } in &self.left
        {
            writeln!(formatter, "{snapshot_date} left as it is: {reason}")?;
            let repaired = night.iter().flat_map(|night| &night.repaired);
            let repaired: Vec<&str> = repaired.map(String::as_str).collect();
            if !repaired.is_empty() {
                let repaired = repaired.join(", ");
                writeln!(
                    formatter,
                    "  before that, tables were put right: {repaired}"
                )?;
            }
        }
        if let Some(night) = &self.failed_night {
            write!(formatter, "{night}")?;
        }
        let to_go = self.nights_planned - self.nights.len() - self.left.len();
        if to_go > 0 {
            let failed = self.failed_night.as_ref();
            if let Some(date) = failed.and_then(|night| night.snapshot_date.as_deref()) {
                write!(formatter, "stopped at {date}, ")?;
            }
            writeln!(
                formatter,
                "{to_go} of {} to go; the same command goes on from there",
                counted(self.nights_planned, "night")
            )?;
        }
        Ok(())
    }
}
