//! Nights whose ranges a cluster computes: processes of the real binary on this machine, some of which die. The
//! tables have the rows of one machine, or nothing is published and the next run finishes.

mod certificates;
mod processes;
mod strangers;
mod tiles;

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tierline::ground::{Classified, FailureKind};
use tierline::night::NightError;

use self::processes::{Cluster, wait_until};
use crate::naive::fixtures::{days_ago, hand_given_cut_points};
use crate::naive::history::History;
use crate::nights::bucket::Bucket;
use crate::nights::job::Nights;
use crate::nights::lake::{Delivery, Ids};
use crate::nights::pack::Edit;
use crate::nights::ranges::{AVERAGE_OF_ALL, IDS_AS_TEXTS, dates, history, published, write_extra};
use crate::support::command::Tierline;
use crate::support::s3_server::{RequestKind, SECRET_ACCESS_KEY, Trouble};

/// Ranges of a night here: enough that a process dies in the midst of them.
const RANGES: usize = 6;

/// How long a night may take that cannot be finished.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Users with long names.
fn users() -> History {
    history(|user| format!("the-user-with-a-long-name-{user:03}"))
}

fn nights_over(history: &History, ids: Ids) -> Nights {
    let delivery = Delivery {
        ids,
        ..Delivery::default()
    };
    Nights::over(history, &delivery)
}

/// The same nights on one machine and, to another output, on a cluster.
fn both(one: &Nights, cluster: &Cluster) -> Nights {
    let mut many = one.publishing_to("many");
    many.ranges = Some(RANGES);
    many.cluster = Some(cluster.url());
    many.certificates = cluster.certificates();
    many
}

/// Calibrates before the first of some nights, and runs them on one machine.
async fn run_here(nights: &Nights, count: i64) {
    nights.calibrate_by_hand(days_ago(count - 1), &hand_given_cut_points());
    for date in dates(count) {
        nights.run(date).await.unwrap();
    }
}

async fn assert_same(one: &Nights, many: &Nights, count: i64) {
    let expected = published(one, count).await;
    for (table, rows) in published(many, count).await {
        assert_eq!(rows, expected[&table], "{table:?}");
    }
}

#[tokio::test]
async fn rows_are_those_of_one_machine() {
    assert_rows_of_one_machine(&Cluster::start(2, Vec::new())).await;
}

async fn assert_rows_of_one_machine(cluster: &Cluster) {
    for (history, ids) in [
        (users(), Ids::Varchar),
        (history(|user| (user * 7 + 1).to_string()), Ids::BigInt),
    ] {
        let one = nights_over(&history, ids);
        run_here(&one, 4).await;
        let many = both(&one, cluster);
        let before = cluster.ranges_done();
        run_here(&many, 4).await;
        let done = cluster.ranges_done() - before;
        // One more where a machine is so busy that an executor is silent for long.
        assert!(done >= 4 * RANGES, "each range is computed");
        assert_same(&one, &many, 4).await;
    }
}

/// A night on a cluster, on its way.
fn begin(many: &Nights) -> tokio::task::JoinHandle<Result<(), NightError>> {
    let many = many.clone();
    let here = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || here.block_on(many.run(days_ago(0))).map(|_| ()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_may_be_killed_stopped_and_started_again() {
    lose_executors(|| Cluster::start(2, Vec::new())).await;
}

async fn lose_executors(start: fn() -> Cluster) {
    let one = nights_over(&users(), Ids::Varchar);
    run_here(&one, 2).await;
    // After the first range, one in the middle, and before the last.
    for (ranges, what) in [
        (1, "killed"),
        (RANGES / 2, "stopped"),
        (RANGES - 1, "started again"),
    ] {
        let mut cluster = start();
        let many = both(&one, &cluster).publishing_to(what);
        many.calibrate_by_hand(days_ago(1), &hand_given_cut_points());
        many.run(days_ago(1)).await.unwrap();
        let before = cluster.ranges_done();
        let night = begin(&many);
        wait_until("ranges are worked off", || {
            cluster.ranges_done() >= before + ranges
        });
        match what {
            "stopped" => cluster.signal(0, "-STOP"),
            _ => cluster.kill_executor(0),
        }
        if what == "started again" {
            cluster.start_executor(0);
        }
        let outcome = night.await.unwrap();
        if what == "stopped" {
            // It was taken for lost, and is as good as before: it is alone from here on.
            cluster.signal(0, "-CONT");
            if cluster.certificates().is_none() {
                // With certificates it only goes on asking for work.
                wait_until("it is taken in again", || cluster.has_begun_anew());
            }
            cluster.kill_executor(1);
        }
        outcome.unwrap_or_else(|error| panic!("{what} after {ranges}: {error}"));
        assert_same(&one, &many, 2).await;
        // What it does once it goes on changes nothing, and the cluster is as good as before.
        many.withdraw(days_ago(0)).await;
        many.run(days_ago(0)).await.unwrap();
        assert_same(&one, &many, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_cluster_is_told_within_a_minute_and_the_next_run_finishes() {
    lose_cluster(Cluster::start(1, Vec::new())).await;
}

async fn lose_cluster(mut cluster: Cluster) {
    let one = nights_over(&users(), Ids::Varchar);
    run_here(&one, 2).await;
    let many = both(&one, &cluster);
    many.calibrate_by_hand(days_ago(1), &hand_given_cut_points());
    many.run(days_ago(1)).await.unwrap();
    let night_losing = async |cluster: &mut Cluster, lose: fn(&mut Cluster)| {
        let before = cluster.ranges_done();
        let night = begin(&many);
        wait_until("a range is worked off", || cluster.ranges_done() > before);
        let begun = Instant::now();
        lose(cluster);
        let error = night.await.unwrap().unwrap_err();
        assert!(begun.elapsed() < A_MINUTE, "{error}");
        assert_eq!(error.kind(), FailureKind::Unexpected);
        error.to_string()
    };
    let told = night_losing(&mut cluster, |cluster| cluster.kill_executor(0)).await;
    assert!(told.contains("all executors were lost"), "{told}");
    let again = "nothing of it is published: run the same command again";
    assert!(told.contains(again), "{told}");
    cluster.start_executor(0);
    let told = night_losing(&mut cluster, Cluster::kill_scheduler).await;
    assert!(told.contains("the scheduler is lost"), "{told}");
    let told = many.run(days_ago(0)).await.unwrap_err().to_string();
    let start = "start it with `tierline scheduler`, or run without --cluster";
    assert!(told.contains(start), "{told}");
    // Its executor finds the new one by itself.
    cluster.start_scheduler();
    many.run(days_ago(0)).await.unwrap();
    assert_same(&one, &many, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_without_executors_is_told() {
    let cluster = Cluster::start(0, Vec::new());
    let many = both(&nights_over(&users(), Ids::Varchar), &cluster);
    many.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    let error = many.run(days_ago(0)).await.unwrap_err();
    let told = error.to_string().replace(&cluster.url(), "[URL]");
    let help = "start one with `tierline executor --scheduler [URL]`, or run without --cluster";
    assert!(told.ends_with(help), "{told}");
    assert_eq!(error.kind(), FailureKind::Unexpected);
}

/// A cast that the rows of one of the first users do not survive.
const A_CAST_THAT_FAILS: &[Edit] = &[Edit {
    file: "tiers/rfm.sql",
    from: "recency_days <= $recency_days_cut_1 THEN 5",
    to: "CAST(CASE WHEN user_id LIKE '%001' THEN user_id ELSE '2' END AS BIGINT) = 1 THEN 5",
}];

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_computed_are_told_as_on_one_machine_and_end_the_night() {
    let cluster = Cluster::start(1, Vec::new());
    let mut one = nights_over(&users(), Ids::Varchar);
    one.edit_pack(A_CAST_THAT_FAILS);
    one.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    let many = both(&one, &cluster);
    many.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    let here = one.run(days_ago(0)).await.unwrap_err();
    let there = many.run(days_ago(0)).await.unwrap_err();
    assert_eq!(there.to_string(), here.to_string());
    assert_eq!(there.kind(), FailureKind::Blocked);
    assert_eq!(cluster.failures(), 0);
    // The others are not waited for.
    assert!(cluster.ranges_done() < RANGES - 1);
}

/// What was given up with the night before takes nothing away from the next one.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_refused_night_all_executors_work_again() {
    let cluster = Cluster::start(2, Vec::new());
    let one = nights_over(&users(), Ids::Varchar);
    let many = both(&one, &cluster);
    let mut refused = many.copied();
    refused.edit_pack(A_CAST_THAT_FAILS);
    for _ in 0..3 {
        refused.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
        refused.run(days_ago(0)).await.unwrap_err();
    }
    let before = [0, 1].map(|executor| cluster.ranges_done_by(executor));
    many.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    many.run(days_ago(0)).await.unwrap();
    for (executor, before) in before.into_iter().enumerate() {
        assert!(cluster.ranges_done_by(executor) > before, "{executor}");
    }
}

/// The average over all users by other means than a window.
const OTHER_AVERAGES: [&[Edit]; 2] = [
    &[Edit {
        file: "tiers/rfm.sql",
        from: "recency_days <= $recency_days_cut_4 THEN 2",
        to: "recency_days <= (SELECT AVG(recency_days) FROM features.users) THEN 2",
    }],
    &[
        Edit {
            file: "tiers/rfm.sql",
            from: "recency_days <= $recency_days_cut_4 THEN 2",
            to: "recency_days <= average THEN 2",
        },
        Edit {
            file: "tiers/rfm.sql",
            from: "FROM features.users",
            to: "FROM features.users CROSS JOIN (SELECT AVG(recency_days) AS average FROM features.users) AS everybody",
        },
    ],
];

/// Whether the plan of the night finds them out beforehand, or the night itself, since it is only there that ids
/// have the types of the files.
#[tokio::test]
async fn a_model_that_needs_all_users_at_once_is_computed_here() {
    let cluster = Cluster::start(1, Vec::new());
    let packs = OTHER_AVERAGES.into_iter().chain([AVERAGE_OF_ALL]);
    for pack in packs {
        for with_ids_as_texts in [false, true] {
            let mut one = nights_over(&users(), Ids::Varchar);
            match with_ids_as_texts {
                true => one.edit_pack(&[pack, IDS_AS_TEXTS].concat()),
                false => one.edit_pack(pack),
            }
            if with_ids_as_texts {
                write_extra(&one);
            }
            run_here(&one, 1).await;
            let many = both(&one, &cluster);
            run_here(&many, 1).await;
            assert_same(&one, &many, 1).await;
            assert_eq!(cluster.ranges_done(), 0, "{pack:?}");
        }
    }
}

/// In a bucket whose keys the executors know by their own variables: a store that fails is tried again, and the
/// keys are nowhere but there.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_tried_again_and_its_keys_are_nowhere() {
    let bucket = Bucket::with_history_of(140, 2).await;
    let cluster = Cluster::start(2, bucket.server.environment());
    bucket.add_to_job("\n[storage]\nretry_seconds = 1\nrequest_seconds = 5\n");
    let ran = |days: i64| {
        let job = bucket.job_file();
        let (date, url) = (days_ago(days).to_string(), cluster.url());
        let call = Tierline::new().args(["run", job.to_str().unwrap(), "--date", &date]);
        let call = call.args(["--cluster", &url, "--log-level", "debug"]);
        call.envs(bucket.server.environment()).run()
    };
    let finished = ran(1);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(cluster.tiles_done() > 0, "executors read sources");
    bucket.server.reset_requests();
    let finished = std::thread::scope(|threads| {
        let night = threads.spawn(|| ran(0));
        wait_until("an executor reads tiles", || {
            is_read_twice(&bucket, "/tiles/")
        });
        let previous = format!("snapshot_date={}", days_ago(1));
        bucket.server.make_trouble(&previous, 1, Trouble::TimedOut);
        wait_until("a range is left to be tried again", || {
            cluster.failures() > 0
        });
        bucket.server.end_trouble();
        night.join().unwrap()
    });
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(
        largest_answer(&finished.stderr) < 10_000,
        "bytes of a range"
    );
    let mut written = cluster.written();
    written.push((bucket.job_file(), fs::read(bucket.job_file()).unwrap()));
    for said in [finished.stdout, finished.stderr] {
        written.push(("the night".into(), said.into_bytes()));
    }
    let secret = SECRET_ACCESS_KEY.as_bytes();
    for (path, bytes) in written {
        let mut places = bytes.windows(secret.len());
        assert!(!places.any(|place| place == secret), "{path:?}");
    }
}

/// The bytes of the largest answer to a range, as a night has logged them.
fn largest_answer(log: &str) -> usize {
    let (_, bytes) = log
        .split_once("done by the cluster: computing ranges of users bytes=")
        .unwrap();
    let digits: String = bytes.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Whether an object was read by the driver and by an executor.
fn is_read_twice(bucket: &Bucket, keys: &str) -> bool {
    let mut read = bucket.server.keys(RequestKind::Get);
    read.retain(|key| key.contains(keys));
    let count = read.len();
    read.sort();
    read.dedup();
    read.len() < count
}

#[test]
fn what_is_no_cluster_is_told() {
    let folder = TempDir::new().unwrap();
    let call = |arguments: &[&str]| {
        let finished = Tierline::new()
            .args(arguments)
            .current_dir(folder.path())
            .run();
        (finished.exit_code, finished.stderr)
    };
    let (code, told) = call(&["executor", "--scheduler", "somewhere"]);
    assert_eq!(code, 2, "{told}");
    let url = "no scheduler's URL; write it as http://host:50050";
    assert!(told.contains(url), "{told}");
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, told) = call(&["scheduler", "--port", &port]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("in use"), "{told}");
}
