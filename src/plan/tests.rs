//! What is decided, as a function of facts: nothing is read here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDate;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::calibration::{Calibration, CutPoints, KeptIds};
use crate::ground::{SnapshotDate, SourceFile, TableName};
use crate::inputs::{InputFile, Manifest, PathValues, Retention, SourceHistory, SourceRecord};
use crate::job::{GivenCuts, Job};
use crate::pack::Project;
use crate::publish::testing::publications;
use crate::publish::{
    Inspection, LostFiles, Publication, PublicationStatus, Publications, TableVersion,
};
use crate::tables::{TIER_CURRENT, TIER_SNAPSHOT};

use super::days_had::{DaysBySource, DaysHad};
use super::facts::StoredHistory;
use super::source_files::files_read;
use super::{
    Accepted, Affected, AffectedBy, Because, CalibrationPlan, Facts, Plan, PlannedAction, decide,
};

/// The first day that is delivered, and D of most tests two days later.
const FIRST: &str = "2026-07-01";
const TODAY: &str = "2026-07-03";

const JOB: &str = "version = 1\ntimezone = \"UTC\"\noutput = \"out\"\n\
    [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n";

fn date(text: &str) -> SnapshotDate {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A job and its pack.
struct House {
    job: Job,
    project: Project,
}

impl House {
    fn new(sections: &str) -> Self {
        let file = SourceFile::new("job.toml", format!("{JOB}{sections}"));
        let job = Job::parse(&file, "nightly", PathBuf::new()).unwrap();
        let project = Project::load(&job).unwrap();
        Self { job, project }
    }

    fn decide(&self, facts: Facts) -> Plan {
        decide(&self.job, &self.project, facts)
    }

    /// Facts of a date on which `orders` has a file of every day, of which nothing is published.
    fn facts(&self, snapshot_date: &str) -> Facts {
        let snapshot_date = date(snapshot_date);
        let visible = delivered(snapshot_date, "v1");
        Facts {
            snapshot_date,
            source_fingerprint: files_read(&self.project.graph, &visible, snapshot_date),
            all_days: visible.clone(),
            visible,
            known: SourceRecord::default(),
            publications: publications(Vec::new()),
            inspection: Inspection::default(),
            lost: Vec::new(),
            accepted: Accepted::default(),
            history_starts: BTreeMap::new(),
            unread_rules: None,
            affected: Vec::new(),
            calibrations: KeptIds::default(),
            calibration: CalibrationPlan::Use(calibration(["10", "20", "30", "40"])),
            is_by_earlier_rules: false,
            had: DaysHad::Any,
            may_drop: Vec::new(),
            undivided: Vec::new(),
            stored: None,
        }
    }

    /// The publications of several dates, each made from what is delivered.
    fn published(&self, dates: &[&str]) -> Publications {
        let mut rows = Vec::new();
        for date in dates {
            let mut facts = self.facts(date);
            facts.publications = publications(rows.clone());
            let sequence = rows.len() as i64;
            rows.push(publication(&self.decide(facts), &self.project, sequence));
        }
        publications(rows)
    }
}

/// The days of `orders` up to a date, with files of some version.
fn delivered(snapshot_date: SnapshotDate, version: &str) -> BTreeMap<String, SourceHistory> {
    let days = day(FIRST).iter_days();
    let days = days.take_while(|day| *day <= snapshot_date.day());
    let manifest = Manifest {
        source: "orders".to_owned(),
        files: days.map(|day| file(day, version)).collect(),
        ..Manifest::default()
    };
    let retention = Retention {
        keeps_days: None,
        until: snapshot_date,
        is_removal_accepted: false,
    };
    let history = SourceHistory::of(manifest, &BTreeMap::new(), &retention);
    BTreeMap::from([("orders".to_owned(), history)])
}

fn file(day: NaiveDate, version: &str) -> InputFile {
    InputFile {
        day,
        object: ObjectMeta {
            location: Path::from(format!("dt={day}/part.parquet")),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: Some(version.to_owned()),
            version: None,
        },
        values: PathValues::default(),
        is_on_disk: false,
    }
}

fn calibration(cuts: [&str; 4]) -> Calibration {
    Calibration {
        format: 1,
        id: "2026-07-01-v1".to_owned(),
        as_of: "2026-07-01".to_owned(),
        population: 5,
        origin: Default::default(),
        provisional_until: None,
        metrics: vec![CutPoints {
            metric: "revenue_365d".to_owned(),
            cuts: cuts.map(|cut| cut.parse().unwrap()),
            users: [1; 5],
        }],
    }
}

/// What a run that carries out a plan puts on record.
fn publication(plan: &Plan, project: &Project, sequence: i64) -> Publication {
    let previous = plan.previous.as_ref();
    let snapshot = TableVersion {
        version: sequence + 1,
        rows: 5,
    };
    Publication {
        snapshot_date: plan.snapshot_date,
        status: PublicationStatus::Published,
        run_id: plan.run_id(),
        sequence,
        previous_snapshot_date: previous.map(|previous| previous.snapshot_date),
        previous_run_id: previous.map(|previous| previous.run_id.clone()),
        input_fingerprint: plan.input_fingerprint.to_string(),
        source_fingerprint: plan.source_fingerprint.to_string(),
        sql_fingerprint: project.sql_fingerprint(),
        cutpoints_id: plan.cutpoints_id.clone(),
        rules_fingerprint: Some(plan.rules_fingerprint.to_string()),
        tier_rules: None,
        source_record: None,
        source_files: None,
        published_at: None,
        tables: [TIER_SNAPSHOT.name, TIER_CURRENT.name]
            .map(|name| (name.to_owned(), snapshot))
            .into(),
    }
}

/// As a date that was not the newest is published.
#[test]
fn a_date_without_tables_of_the_newest_is_replaced_once_it_is_that() {
    let house = House::new("");
    let mut rows = house.published(&["2026-07-02", TODAY]).all().to_vec();
    rows[1].tables.remove(TIER_CURRENT.name);
    let mut facts = house.facts(TODAY);
    facts.publications = publications(rows);
    let plan = house.decide(facts);
    assert_eq!(
        changed(&plan),
        ["which date is the newest: it is this one now"]
    );
}

fn changed(plan: &Plan) -> Vec<&'static str> {
    match &plan.action {
        PlannedAction::Replace { changed, .. } => changed.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_facts_give_the_same_plan() {
    let house = House::new("");
    let [one, other] = [(), ()].map(|()| house.decide(house.facts(TODAY)));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn a_new_day_is_published_and_affects_what_follows_on_it() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.publications = house.published(&["2026-07-02", "2026-07-04"]);
    let plan = house.decide(facts);
    assert_eq!(plan.action, PlannedAction::Publish);
    assert_eq!(plan.previous.unwrap().snapshot_date, date("2026-07-02"));
    assert_eq!(plan.gaps, []);
    let later = Affected {
        date: date("2026-07-04"),
        by: AffectedBy::Snapshot,
    };
    assert_eq!(plan.affected, [later]);
}

#[test]
fn a_date_published_from_the_same_facts_needs_nothing() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.publications = house.published(&["2026-07-02", TODAY]);
    let run_id = facts.publications.newest_for(date(TODAY)).unwrap();
    let run_id = run_id.run_id.clone();
    let plan = house.decide(facts);
    assert_eq!(plan.action, PlannedAction::Nothing { run_id });
    assert_eq!(plan.affected, []);
}

#[test]
fn a_published_date_is_replaced_when_what_it_is_made_of_has_changed() {
    let house = House::new("");
    let published = house.published(&["2026-07-02", TODAY]);
    let with = |change: &dyn Fn(&mut Facts)| {
        let mut facts = house.facts(TODAY);
        facts.publications = published.clone();
        change(&mut facts);
        facts
    };
    let late = with(&|facts| {
        facts.visible = delivered(facts.snapshot_date, "v2");
        let graph = &house.project.graph;
        facts.source_fingerprint = files_read(graph, &facts.visible, facts.snapshot_date);
    });
    assert_eq!(changed(&house.decide(late)), ["source files"]);
    let another_before = with(&|facts| {
        let mut rows = published.all().to_vec();
        rows[0].run_id = "2026-07-02-restated".to_owned();
        facts.publications = publications(rows);
    });
    assert_eq!(
        changed(&house.decide(another_before)),
        ["the snapshot before it"]
    );
    let lost = with(&|facts| {
        facts.lost = vec![LostFiles {
            date: facts.snapshot_date,
            table: TIER_SNAPSHOT.name.to_owned(),
            path: "part.parquet".to_owned(),
        }];
    });
    let lost = house.decide(lost);
    assert_eq!(changed(&lost), ["published files, which are missing"]);
    assert_eq!(lost.affected, [], "the same rows affect nobody");
    let edited = House::new("[params]\nchurned_days = 61\n");
    assert_eq!(
        changed(&edited.decide(with(&|_| {}))),
        ["SQL, parameters or reference files"]
    );
    let other_grace = House::new("[grace_days]\nvalue_tier = 3\n");
    assert_eq!(
        changed(&other_grace.decide(with(&|_| {}))),
        ["settings of the job"]
    );
}

/// The night before is as it was, so that nothing else tells of it.
#[test]
fn a_snapshot_of_a_week_or_of_four_weeks_before_that_comes_late_replaces_the_date() {
    let house = House::new("");
    for [before, today] in [["2026-07-07", "2026-07-08"], ["2026-07-28", "2026-07-29"]] {
        let mut rows = house.published(&[before, today]).all().to_vec();
        let late = house.facts(FIRST);
        rows.push(publication(&house.decide(late), &house.project, 2));
        let mut facts = house.facts(today);
        facts.publications = publications(rows);
        let told = ["the snapshot of a week or four weeks before it, or how tierline makes rows"];
        assert_eq!(changed(&house.decide(facts)), told);
    }
}

#[test]
fn rows_of_a_dead_run_are_put_right_also_when_nothing_is_to_be_published() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.publications = house.published(&[TODAY]);
    facts.inspection = Inspection::with_rows_of_a_dead_run(&[TIER_SNAPSHOT.name]);
    let plan = house.decide(facts);
    assert!(matches!(plan.action, PlannedAction::Nothing { .. }));
    assert!(!plan.inspection.is_clean());
    assert!(plan.to_string().contains(TIER_SNAPSHOT.name), "{plan}");
}

#[test]
fn late_data_affects_its_date_and_all_that_follow_on_it() {
    let house = House::new("");
    let mut facts = house.facts("2026-07-05");
    let dates = ["2026-07-01", "2026-07-02", TODAY, "2026-07-05"];
    facts.publications = house.published(&dates);
    facts.affected = vec![Affected {
        date: date("2026-07-02"),
        by: AffectedBy::Files,
    }];
    let plan = house.decide(facts);
    let affected: Vec<_> = plan.affected.iter().map(|one| (one.date, one.by)).collect();
    let expected = [
        (date("2026-07-02"), AffectedBy::Files),
        (date(TODAY), AffectedBy::Snapshot),
    ];
    assert_eq!(affected, expected);
}

#[test]
fn days_that_were_never_published_are_a_gap() {
    let house = House::new("");
    let mut facts = house.facts("2026-07-05");
    facts.publications = house.published(&["2026-07-02"]);
    let plan = house.decide(facts);
    assert_eq!(plan.gaps, [day(TODAY), day("2026-07-04")]);
}

#[test]
fn new_cut_points_replace_what_others_have_scored() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.publications = house.published(&[TODAY]);
    let cuts = ["11", "21", "31", "41"].map(|cut| cut.parse().unwrap());
    facts.calibration = CalibrationPlan::Keep(vec![GivenCuts {
        metric: "revenue_365d".to_owned(),
        cuts,
    }]);
    let plan = house.decide(facts);
    assert_eq!(changed(&plan), ["cut points"]);
    assert_eq!(plan.cutpoints_id, "2026-07-03-v1", "known before they are");
}

#[test]
fn columns_that_may_go_are_handed_on_and_change_nothing_else() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.publications = house.published(&[TODAY]);
    facts.may_drop = vec!["tier_snapshot.recency_days".parse().unwrap()];
    let plan = house.decide(facts);
    assert_eq!(plan.may_drop.len(), 1);
    assert!(matches!(plan.action, PlannedAction::Nothing { .. }));
}

/// A feature that reads days of staging which have expired.
fn scanning() -> Option<StoredHistory> {
    let model: TableName = "features.users".parse().unwrap();
    let days = [day("2026-07-01"), day("2026-07-02")];
    let expired = DaysBySource::from([("orders".to_owned(), days.into())]);
    Some(StoredHistory {
        rollups: Vec::new(),
        scans: vec![(model, expired)],
    })
}

#[test]
fn expired_days_that_a_feature_reads_are_out_of_reach_until_they_are_given_up() {
    let house = House::new("");
    let mut facts = house.facts(TODAY);
    facts.stored = scanning();
    let plan = house.decide(facts);
    let [missing] = plan.out_of_reach.as_slice() else {
        panic!("{:?}", plan.out_of_reach);
    };
    assert_eq!(missing.because, Because::ReadsStaging);
    assert_eq!(missing.days.len(), 2);
    assert!(plan.check_history().is_err());
    let mut facts = house.facts(TODAY);
    facts.stored = scanning();
    facts.accepted.shorter_history = true;
    let plan = house.decide(facts);
    assert_eq!(plan.out_of_reach, []);
    let starts: Vec<_> = plan.history_starts.values().copied().collect();
    assert_eq!(starts, [day(TODAY)]);
    // From which day on models see history is part of what the date is published from.
    let unlimited = house.decide(house.facts(TODAY));
    assert_ne!(plan.input_fingerprint, unlimited.input_fingerprint);
}
