//! What a night asks of S3: as much as is new, and a tile each for the windows, however long the
//! history before it is.

use std::collections::BTreeSet;

use super::bucket::{Bucket, SOURCES};
use crate::naive::fixtures::days_ago;
use crate::support::s3_server::RequestKind;

/// What a night took.
#[derive(Debug)]
struct Taken {
    /// GET requests; a night makes no HEAD requests.
    gets: u64,
    lists: u64,
    /// Tiles that hold the windows, over all rollups.
    cover: u64,
    /// Stored tiles that are read, for the windows or to make longer ones from.
    reused: u64,
    /// The keys of the GET requests.
    keys: Vec<String>,
}

impl Taken {
    /// The requests below a folder, and how many objects they named.
    fn below(&self, folder: &str) -> (u64, u64) {
        let keys = self.keys.iter().filter(|key| key.starts_with(folder));
        let distinct: BTreeSet<&String> = keys.clone().collect();
        (sum([keys.count()]), sum([distinct.len()]))
    }
}

fn sum(counts: impl IntoIterator<Item = usize>) -> u64 {
    counts.into_iter().sum::<usize>() as u64
}

/// Runs the night before D, which makes tiles of the whole history, and counts what D takes.
async fn measure_second_night(bucket: &Bucket) -> Taken {
    bucket.run(days_ago(1));
    let plan = bucket.plan(days_ago(0)).await;
    bucket.server.reset_requests();
    let report = bucket.run(days_ago(0));
    let counted = bucket.server.requests();
    let taken = Taken {
        gets: report["get_requests"].as_u64().unwrap(),
        lists: report["list_requests"].as_u64().unwrap(),
        cover: sum(plan.tiles.iter().map(|tiles| tiles.plan.cover.len())),
        reused: sum(plan.tiles.iter().map(|tiles| tiles.plan.reused.len())),
        keys: bucket.server.keys(RequestKind::Get),
    };
    // The report and the server have counted the same, but for what is kept beside the tables afterwards.
    let (beside, _) = taken.below("out/_README.txt");
    assert_eq!(taken.gets + beside, (counted.get + counted.head) as u64);
    assert_eq!((counted.head, taken.lists), (0, counted.list as u64));
    taken
}

#[tokio::test]
async fn requests_of_a_night_do_not_grow_with_the_history() {
    let short = Bucket::with_history_of(120, 1).await;
    let short = measure_second_night(&short).await;
    let long = Bucket::with_history_of(360, 1).await;
    let long = measure_second_night(&long).await;

    // A year is a few more tiles than four months, within which the windows of 60 days and the 60
    // before them end: the longer the tiles, the fewer.
    let more_tiles = long.cover.saturating_sub(short.cover);
    assert!(more_tiles <= 5, "{short:?}\n{long:?}");
    assert!(long.gets <= short.gets + more_tiles, "{short:?}\n{long:?}");
    assert_eq!(long.lists, short.lists);
}

/// An input file is read in these requests: three for its footer, two for the tile of its day
/// and, of orders, one for the audit of the day's revenue or, of engagement, one more for the tile;
/// two for the KPIs of how much was delivered.
const GETS_PER_NEW_FILE: u64 = 8;

/// What a night reads whatever is new: the logs of the Delta tables, of each at first the newest
/// entry and whether there is another, all of each for the files that it names, and whether there is
/// one once it has published; the previous snapshot, its own drafts for the audits, the calibration
/// twice, whose the output is, of which publication its views are, and the lists of the date before.
const GETS_OTHERWISE: u64 = 188;

/// The days before D whose orders `kpi_daily` reads, for how much the order value varies, and the
/// requests for each of their files: one for its footer and one for two columns.
const ORDER_DAYS: u64 = 29;
const GETS_PER_ORDER_DAY: u64 = 2;

/// Two LISTs for each source, of itself and of the folder above it, where a table's log may be; one
/// for the tiles of each rollup, of the calibrations, and of the records of source days; one of each
/// published table, whose files must be there. The others are of the logs of the Delta tables.
const LISTS: u64 = 43;

#[tokio::test]
async fn night_takes_a_few_requests_for_each_new_file_and_one_for_each_tile() {
    for files in [1, 4] {
        let bucket = Bucket::with_history_of(120, files).await;
        let taken = measure_second_night(&bucket).await;

        let new_files = sum([SOURCES.len() * files]);
        let (gets, opened) = taken.below("lake/");
        let for_kpis = ORDER_DAYS * GETS_PER_ORDER_DAY;
        assert!(opened >= new_files, "{taken:?}");
        assert!(opened <= new_files + ORDER_DAYS, "{taken:?}");
        assert!(
            gets <= GETS_PER_NEW_FILE * new_files + for_kpis,
            "{taken:?}"
        );
        assert_eq!(taken.below("out/tiles/"), (taken.reused, taken.reused));
        // Those of the cover, but for D's own that are made, and the halves of blocks that begin
        // or end where a window does tonight.
        assert!(taken.reused <= taken.cover + 3, "{taken:?}");
        let bound = GETS_PER_NEW_FILE * new_files + for_kpis + taken.reused + GETS_OTHERWISE;
        assert!(taken.gets <= bound, "more than {bound}: {taken:?}");
        assert!(taken.lists <= LISTS, "{taken:?}");
    }
}

/// Whoever reads the newest versions meanwhile finds some tables with the date and some without, so
/// nothing but the commits themselves is asked of the store in between.
#[tokio::test]
async fn commits_of_a_night_follow_one_another_without_a_request_in_between() {
    let bucket = Bucket::with_history_of(40, 1).await;
    bucket.run(days_ago(1));
    bucket.server.reset_requests();
    bucket.run(days_ago(0));

    let requests = bucket.server.sequence();
    let is_commit = |(kind, key): &(RequestKind, String)| {
        *kind == RequestKind::Put && key.contains("/_delta_log/") && key.ends_with(".json")
    };
    let first = requests.iter().position(is_commit).unwrap();
    let last = requests.iter().rposition(is_commit).unwrap();
    let tables: Vec<&str> = requests[first..=last]
        .iter()
        .map(|request| {
            assert!(is_commit(request), "{request:?}");
            request.1.split('/').nth(2).unwrap()
        })
        .collect();
    assert_eq!(tables.first(), Some(&"tier_snapshot"));
    assert_eq!(tables.last(), Some(&"publications"));
    let mut before_last: Vec<&str> = tables[tables.len() - 4..][..3].to_vec();
    before_last.sort_unstable();
    assert_eq!(before_last, ["dim_metric", "dim_tier", "tier_current"]);
    assert!((8..=10).contains(&tables.len()), "{tables:?}");
}
