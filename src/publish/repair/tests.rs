use std::sync::Arc;

use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::drafts::testing::{date, draft, on_every_store, tiers};
use crate::drafts::{Dating, TableSpec};
use crate::publish::testing::{
    Fault, assert_found, crash, drafts, faulty, found, load, log_path, provenance, publish,
    publish_by, record, snapshot,
};
use crate::publish::{Publication, Table, commit_all};

use super::*;

on_every_store!(
    a_date_that_was_never_published_is_removed,
    a_published_date_gets_its_files_back,
    the_newest_date_gets_its_files_back,
    a_first_attempt_is_removed_and_its_columns_bind_nobody,
    columns_of_an_attempt_are_taken_back,
    a_repair_is_known_again,
    a_repair_that_a_publication_overtook_is_repaired,
    an_attempt_below_later_publications_is_found,
    a_run_that_was_overtaken_undoes_its_commits,
    a_run_that_publishes_puts_back_what_a_repair_took_from_it,
    a_published_file_that_is_gone_is_named_until_it_is_back,
    rows_that_were_put_into_other_files_and_vacuumed_come_back_from_those,
    what_a_dead_run_has_left_is_not_read_as_published,
    a_repair_writes_the_checkpoint_that_is_due,
    a_commit_of_somebody_else_is_told_apart,
);

const TABLES: [&str; 2] = ["tier_snapshot", "tier_current"];

async fn repaired(output: &Location) {
    let publications = load(output).await;
    let before = inspect(output, &publications).await.unwrap();
    assert!(before.unfinished().eq(["tier_current", "tier_snapshot"]));
    let after = repair(output, &publications).await.unwrap();
    assert!(after.is_clean());
    assert_eq!(inspect(output, &publications).await.unwrap(), after);
}

async fn a_date_that_was_never_published_is_removed(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    crash(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
    assert_found(
        output,
        &[("2026-11-19", 1), ("2026-11-20", 2)],
        &[("2026-11-20", 2)],
    )
    .await;
    repaired(output).await;
    assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
}

async fn a_published_date_gets_its_files_back(output: &Location) {
    publish(output, "2026-11-18", &[(1, "gold")]).await;
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let restated = draft(output, &snapshot(), "2026-11-18", &[(1, "new"), (2, "new")]).await;
    table
        .replace(restated, &provenance("dead", 1))
        .await
        .unwrap();
    let publications = load(output).await;
    repair(output, &publications).await.unwrap();
    assert_found(
        output,
        &[("2026-11-18", 1), ("2026-11-19", 1)],
        &[("2026-11-19", 1)],
    )
    .await;
    let holds = publications.newest_for(date("2026-11-18")).unwrap();
    let recorded = publications.files_of(holds, "tier_snapshot").await.unwrap();
    let newest = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    assert_eq!(newest.files(Some(date("2026-11-18"))).unwrap(), recorded);
}

async fn the_newest_date_gets_its_files_back(output: &Location) {
    publish(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
    // A run of the day before that knew nothing of the 20th.
    crash(output, "2026-11-19", &[(1, "gold")]).await;
    repaired(output).await;
    assert_found(output, &[("2026-11-20", 2)], &[("2026-11-20", 2)]).await;
}

async fn a_first_attempt_is_removed_and_its_columns_bind_nobody(output: &Location) {
    let schema = snapshot().schema().project(&[0, 1]).unwrap();
    for (name, dating) in [
        ("tier_snapshot", Dating::EveryDate),
        ("tier_current", Dating::NewestDate),
    ] {
        let spec = Arc::new(TableSpec::new(name, &schema, dating).unwrap());
        Table::open_or_create(output, &spec).await.unwrap();
    }
    let publications = load(output).await;
    assert!(inspect(output, &publications).await.unwrap().is_clean());
    let wide = tiers("tier_snapshot", Dating::EveryDate);
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let dead = draft(output, &wide, "2026-11-20", &[(1, "gold")]).await;
    table.replace(dead, &provenance("dead", 1)).await.unwrap();

    publish(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
    assert_found(output, &[("2026-11-19", 2)], &[("2026-11-19", 2)]).await;
    for table in TABLES {
        let table = Table::open(output, table).await.unwrap().unwrap();
        assert_eq!(table.schema().unwrap(), **wide.schema());
    }
}

async fn columns_of_an_attempt_are_taken_back(output: &Location) {
    let narrow = snapshot().schema().project(&[0, 1]).unwrap();
    let narrow = TableSpec::new("tier_snapshot", &narrow, Dating::EveryDate).unwrap();
    let narrow = Arc::new(narrow.allowing_no_rows());
    let publish_narrow = async |day: &str| {
        let publications = load(output).await;
        let writer = crate::drafts::DraftWriter::open(output, &narrow, date(day)).unwrap();
        let drafts = vec![writer.finish().await.unwrap()];
        let inspection = inspect(output, &publications).await.unwrap();
        let state = (&publications, &inspection);
        Box::pin(commit_all(output, state, drafts, record(day, "run"), &[])).await
    };
    publish_narrow("2026-11-19").await.unwrap();
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let wide = draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await;
    table.replace(wide, &provenance("dead", 1)).await.unwrap();

    publish_narrow("2026-11-20").await.unwrap();
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    assert_eq!(table.schema().unwrap(), **narrow.schema());
    assert_eq!(found(output, "tier_snapshot").await, []);
}

async fn a_repair_is_known_again(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    crash(output, "2026-11-20", &[(1, "gold")]).await;
    repaired(output).await;
    let publications = load(output).await;
    let version = inspect(output, &publications).await.unwrap();
    let again = repair(output, &publications).await.unwrap();
    assert_eq!(version, again);
    assert_eq!(again.version("tier_snapshot"), 3);
    // The next publication follows on it, and nothing is looked into any more.
    publish(output, "2026-11-20", &[(1, "gold")]).await;
    let clean = inspect(output, &load(output).await).await.unwrap();
    assert!(clean.is_clean());
    assert_eq!(clean.version("tier_snapshot"), 4);
}

async fn a_repair_that_a_publication_overtook_is_repaired(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    let slow = load(output).await;
    // A run has committed to its tables when another repairs them, and then publishes.
    let inspection = inspect(output, &slow).await.unwrap();
    let drafts = drafts(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
    let tables = crate::publish::open_drafted(output, &slow, &drafts)
        .await
        .unwrap();
    let by = provenance("slow", slow.next_sequence());
    let commits = crate::publish::prepare_all(output, tables, drafts, &by)
        .await
        .unwrap();
    let row = crate::publish::publication(record("2026-11-20", "slow"), by.sequence, &commits);
    let last = slow.prepare((&[], &row), &by).await.unwrap();
    for commit in commits {
        commit.put().await.unwrap();
    }
    assert!(inspection.is_clean());
    repair(output, &slow).await.unwrap();
    assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
    last.put().await.unwrap();

    repaired(output).await;
    assert_found(
        output,
        &[("2026-11-19", 1), ("2026-11-20", 2)],
        &[("2026-11-20", 2)],
    )
    .await;
}

/// As releases left them that did not look for them.
async fn an_attempt_below_later_publications_is_found(output: &Location) {
    publish(output, "2026-11-18", &[(1, "gold")]).await;
    crash(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
    let publications = load(output).await;
    let drafts = drafts(output, "2026-11-20", &[(1, "gold")]).await;
    let tables = crate::publish::open_drafted(output, &publications, &drafts).await;
    let by = provenance("old", 2);
    let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
    let commits = commits.unwrap();
    let row = crate::publish::publication(record("2026-11-20", "old"), 2, &commits);
    let last = publications.prepare((&[], &row), &by).await.unwrap();
    for commit in commits {
        commit.put().await.unwrap();
    }
    last.put().await.unwrap();

    repaired(output).await;
    assert_found(
        output,
        &[("2026-11-18", 1), ("2026-11-20", 1)],
        &[("2026-11-20", 1)],
    )
    .await;
    publish(output, "2026-11-21", &[(1, "gold")]).await;
    assert!(
        inspect(output, &load(output).await)
            .await
            .unwrap()
            .is_clean()
    );
}

async fn a_run_that_was_overtaken_undoes_its_commits(output: &Location) {
    publish(output, "2026-11-18", &[(1, "gold")]).await;
    let slow = load(output).await;
    let drafts = drafts(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
    let tables = crate::publish::open_drafted(output, &slow, &drafts).await;
    let by = provenance("slow", slow.next_sequence());
    let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
    // Another run publishes between the last look and the first commit.
    let row = Publication {
        snapshot_date: date("2026-11-20"),
        ..slow.all()[0].clone()
    };
    let row = Publication { sequence: 2, ..row };
    let other = slow
        .prepare((&[], &row), &provenance("fast", 2))
        .await
        .unwrap();
    let slow_row = crate::publish::publication(
        record("2026-11-19", "slow"),
        by.sequence,
        commits.as_ref().unwrap(),
    );
    let last = slow.prepare((&[], &slow_row), &by).await.unwrap();
    let [snapshots, others, whole] = crate::publish::in_turn(commits.unwrap());
    other.put().await.unwrap();
    let (tables, failure) = crate::publish::put_in_turn([snapshots, others, whole]).await;
    assert!(failure.is_none());
    let overtaken =
        crate::publish::put_last(output, last, (&slow, (&[], &slow_row)), &tables).await;
    assert!(matches!(overtaken, Err(PublishError::Conflict { .. })));
    let publications = load(output).await;
    assert!(inspect(output, &publications).await.unwrap().is_clean());
    assert_eq!(
        found(output, "tier_snapshot").await,
        [("2026-11-18".to_owned(), 1)]
    );
}

async fn a_run_that_publishes_puts_back_what_a_repair_took_from_it(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    let slow = load(output).await;
    let drafts = drafts(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
    let tables = crate::publish::open_drafted(output, &slow, &drafts).await;
    let by = provenance("slow", slow.next_sequence());
    let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
    let commits = commits.unwrap();
    let row = crate::publish::publication(record("2026-11-20", "slow"), by.sequence, &commits);
    let last = slow.prepare((&[], &row), &by).await.unwrap();
    let (tables, failure) = crate::publish::put_in_turn(crate::publish::in_turn(commits)).await;
    assert!(failure.is_none());
    repair(output, &slow).await.unwrap();
    crate::publish::put_last(output, last, (&slow, (&[], &row)), &tables)
        .await
        .unwrap();
    assert_found(
        output,
        &[("2026-11-19", 1), ("2026-11-20", 2)],
        &[("2026-11-20", 2)],
    )
    .await;
}

/// The repair was on its way when the run whose commits it undoes published, and that run had
/// seen nothing of it.
#[tokio::test]
async fn a_repair_that_hits_what_was_published_just_before_is_taken_back() {
    let (store, output) = faulty();
    publish(&output, "2026-11-19", &[(1, "gold")]).await;
    let publications = load(&output).await;
    store.arm_for("publications", Fault::Late);
    let users = [(1, "gold"), (2, "new")];
    let error = publish_by(&output, &publications, "2026-11-20", &users).await;
    assert!(error.unwrap_err().is_uncertain());
    store.arm_for("tier_snapshot", Fault::AfterLate);
    let overtaken = repair(&output, &publications).await.unwrap_err();
    assert!(matches!(overtaken, PublishError::Conflict { .. }));
    assert_found(
        &output,
        &[("2026-11-19", 1), ("2026-11-20", 2)],
        &[("2026-11-20", 2)],
    )
    .await;
}

#[tokio::test]
async fn a_publication_that_arrives_late_is_taken_as_it_is() {
    let (store, output) = faulty();
    publish(&output, "2026-11-19", &[(1, "gold")]).await;
    store.arm_for("publications", Fault::Late);
    let publications = load(&output).await;
    let users = [(1, "gold"), (2, "new")];
    let error = publish_by(&output, &publications, "2026-11-20", &users).await;
    assert!(error.unwrap_err().is_uncertain());
    // Another run comes first, and finds nothing published.
    repaired(&output).await;
    store.arrive().await;
    repaired(&output).await;
    assert_found(
        &output,
        &[("2026-11-19", 1), ("2026-11-20", 2)],
        &[("2026-11-20", 2)],
    )
    .await;
}

#[tokio::test]
async fn a_commit_that_was_cut_short_is_named() {
    let output = crate::drafts::testing::in_memory();
    publish(&output, "2026-11-19", &[(1, "gold")]).await;
    let path = crate::publish::testing::log_path(&output, "tier_snapshot", 1);
    let entry = output
        .store
        .get(&path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let publications = load(&output).await;
    for length in [0, entry.len() - 5] {
        let cut = entry.slice(..length);
        output.store.put(&path, cut.into()).await.unwrap();
        let inspected = inspect(&output, &publications)
            .await
            .unwrap_err()
            .to_string();
        let opened = Table::open(&output, "tier_snapshot").await;
        assert_eq!(opened.unwrap_err().to_string(), inspected);
        let how = match length {
            0 => "is empty".to_owned(),
            length => format!("ends after {length} bytes"),
        };
        let name = format!("{path}`, a commit of table `tier_snapshot`, {how}: a power cut");
        assert!(inspected.contains(&name), "{inspected}");
    }
}

/// Restates a date that is published, and dies.
async fn die_restating(output: &Location, day: &str) {
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let restated = draft(output, &snapshot(), day, &[(1, "new"), (2, "new")]).await;
    let dead = table.replace(restated, &provenance("dead", 1)).await;
    dead.unwrap();
}

/// It was left as it was, and taken for put right.
async fn a_published_file_that_is_gone_is_named_until_it_is_back(output: &Location) {
    publish(output, "2026-11-18", &[(1, "gold")]).await;
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    let publications = load(output).await;
    let holds = publications.newest_for(date("2026-11-18")).unwrap();
    let [file] = &publications.files_of(holds, "tier_snapshot").await.unwrap()[..] else {
        panic!("one file")
    };
    die_restating(output, "2026-11-18").await;
    let bytes = output
        .store
        .get(&file.path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    output.store.delete(&file.path).await.unwrap();
    for _ in 0..2 {
        let error = repair(output, &publications).await.unwrap_err().to_string();
        let name = file.path.filename().unwrap();
        assert!(error.contains(name), "{error}");
        assert!(
            error.contains("`tierline withdraw --date 2026-11-18`"),
            "{error}"
        );
    }
    output.store.put(&file.path, bytes.into()).await.unwrap();
    repair(output, &publications).await.unwrap();
    let dates = [("2026-11-18", 1), ("2026-11-19", 1)];
    assert_found(output, &dates, &[("2026-11-19", 1)]).await;
}

/// The files that publications recorded are wanted no more.
async fn rows_that_were_put_into_other_files_and_vacuumed_come_back_from_those(output: &Location) {
    let dates = ["2026-11-17", "2026-11-18", "2026-11-19"];
    for day in dates {
        publish(output, day, &[(1, "gold")]).await;
    }
    put_into_other_files(output, 4, &dates[..2]).await;
    let publications = load(output).await;
    assert!(inspect(output, &publications).await.unwrap().is_clean());

    die_restating(output, "2026-11-18").await;
    repair(output, &publications).await.unwrap();
    let published = dates.map(|day| (day, 1));
    assert_found(output, &published, &[("2026-11-19", 1)]).await;
    // Once more, above a repair.
    die_restating(output, "2026-11-17").await;
    repair(output, &publications).await.unwrap();
    assert_found(output, &published, &[("2026-11-19", 1)]).await;
}

/// As another program does that compacts some dates, and vacuums at once.
async fn put_into_other_files(output: &Location, version: i64, dates: &[&str]) {
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let mut actions = vec![serde_json::json!({"commitInfo": {"operation": "OPTIMIZE"}})];
    for day in dates {
        let [file] = &table.entries(Some(date(day))).unwrap()[..] else {
            panic!("one file")
        };
        let before = table.full_path(file);
        let bytes = output.store.get(&before).await.unwrap().bytes().await;
        let together = format!(
            "{}-together.parquet",
            file.path().trim_end_matches(".parquet")
        );
        let after = before.as_ref().replace(".parquet", "-together.parquet");
        let after = Path::parse(after).unwrap();
        output
            .store
            .put(&after, bytes.unwrap().into())
            .await
            .unwrap();
        output.store.delete(&before).await.unwrap();
        let partition = serde_json::json!({"snapshot_date": day});
        actions.push(serde_json::json!({"add": {
            "path": together, "dataChange": false, "size": file.size(), "modificationTime": 0,
            "partitionValues": partition, "stats": r#"{"numRecords": 1}"#,
        }}));
        actions.push(serde_json::json!({"remove": {
            "path": file.path(), "dataChange": false, "deletionTimestamp": 0,
            "partitionValues": partition, "extendedFileMetadata": true,
        }}));
    }
    let entry: Vec<String> = actions.iter().map(ToString::to_string).collect();
    let path = log_path(output, "tier_snapshot", version);
    output
        .store
        .put(&path, entry.join("\n").into())
        .await
        .unwrap();
}

async fn what_a_dead_run_has_left_is_not_read_as_published(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    crash(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
    let publications = load(output).await;
    let tables = crate::publish::published_tables(output, &publications).await;
    let found = tables.unwrap().into_iter().map(|table| {
        let files = table.files(None).unwrap();
        let rows = files.iter().map(|file| file.rows.unwrap());
        (table.name().to_owned(), rows.sum::<u64>())
    });
    let expected = [
        ("publications", 1),
        ("tier_current", 1),
        ("tier_snapshot", 1),
    ];
    let expected = expected.map(|(name, rows)| (name.to_owned(), rows));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected.into());
}

async fn a_repair_writes_the_checkpoint_that_is_due(output: &Location) {
    for day in 11..=18 {
        publish(output, &format!("2026-11-{day}"), &[(1, "gold")]).await;
    }
    crash(output, "2026-11-19", &[(1, "gold")]).await;
    let publications = load(output).await;
    let repaired = repair(output, &publications).await.unwrap();
    assert_eq!(repaired.version("tier_snapshot"), 10);
    let log = log_path(output, "tier_snapshot", 10);
    let checkpoint = log.as_ref().replace(".json", ".checkpoint.parquet");
    let checkpoint = Path::parse(checkpoint).unwrap();
    output.store.head(&checkpoint).await.unwrap();
}

async fn a_commit_of_somebody_else_is_told_apart(output: &Location) {
    publish(output, "2026-11-19", &[(1, "gold")]).await;
    let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
    let [file] = &table.entries(None).unwrap()[..] else {
        panic!("one file")
    };
    let remove = serde_json::json!({"remove": {
        "path": file.path(), "dataChange": true, "deletionTimestamp": 0,
        "partitionValues": {"snapshot_date": "2026-11-19"}, "extendedFileMetadata": true,
    }});
    let info = serde_json::json!({"commitInfo": {"operation": "DELETE", "timestamp": 1_795_000_000_000_i64}});
    let path = log_path(output, "tier_snapshot", 2);
    let entry = format!("{info}\n{remove}");
    output.store.put(&path, entry.into()).await.unwrap();

    let publications = load(output).await;
    let inspection = inspect(output, &publications).await.unwrap();
    assert!(inspection.unfinished().eq(["tier_snapshot"]));
    assert_eq!(inspection.left_by_runs().count(), 0);
    let [foreign] = inspection.foreign() else {
        panic!("one commit")
    };
    assert_eq!(
        (foreign.version, foreign.operation.as_deref()),
        (2, Some("DELETE"))
    );
    repair(output, &publications).await.unwrap();
    assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
}

/// Whatever a repair leaves that is interrupted, the next one puts right.
#[tokio::test]
async fn a_repair_that_is_interrupted_is_repaired() {
    for table in TABLES {
        for fault in [Fault::NotStored, Fault::AnswerLost, Fault::GoneDark] {
            let (store, output) = faulty();
            publish(&output, "2026-11-19", &[(1, "gold")]).await;
            crash(&output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
            let publications = load(&output).await;
            store.arm_for(table, fault);
            let interrupted = repair(&output, &publications).await;
            assert_eq!(
                interrupted.is_ok(),
                fault == Fault::AnswerLost,
                "{interrupted:?}"
            );
            store.light_up();
            let repaired = repair(&output, &publications).await.unwrap();
            assert!(repaired.is_clean());
            assert_found(&output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
        }
    }
}

/// The rows of the last line were not there, and nobody said so.
#[tokio::test]
async fn a_commit_that_was_cut_at_the_end_of_a_line_is_named() {
    for table in ["tier_snapshot", "publications"] {
        let output = crate::drafts::testing::in_memory();
        publish(&output, "2026-11-19", &[(1, "gold")]).await;
        let path = log_path(&output, table, 1);
        let entry = output
            .store
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let publications = load(&output).await;
        let ends = entry.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        for (end, _) in ends {
            let cut = entry.slice(..end);
            output.store.put(&path, cut.into()).await.unwrap();
            let opened = Table::open(&output, table).await.unwrap_err().to_string();
            let name = format!("{path}`, a commit of table `{table}`, ends after {end} bytes");
            assert!(opened.contains(&name), "{opened}");
            match table {
                "publications" => assert!(Publications::load(&output).await.is_err()),
                _ => assert!(inspect(&output, &publications).await.is_err()),
            }
        }
    }
}
