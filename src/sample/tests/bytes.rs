//! The same spec gives the same files, however the work is shared out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::util::pretty::pretty_format_batches;
use tempfile::TempDir;

use super::{date, files_below, read, spec};
use crate::sample::workers::Sample;
use crate::sample::{SampleSpec, write};

fn written(spec: &SampleSpec, worker_count: usize) -> BTreeMap<PathBuf, Vec<u8>> {
    let root = TempDir::new().unwrap();
    Sample::plan(spec, root.path())
        .write(worker_count, &|_| ())
        .unwrap();
    files_below(root.path())
}

#[test]
fn equal_specs_give_equal_bytes_on_any_number_of_threads() {
    let spec = spec(300, 12);
    let on_one_thread = written(&spec, 1);
    assert!(written(&spec, 1) == on_one_thread);
    assert!(written(&spec, 5) == on_one_thread);
}

#[test]
fn a_day_written_alone_equals_the_day_written_among_others() {
    let spec = spec(300, 12);
    let root = TempDir::new().unwrap();
    Sample::plan(&spec, root.path())
        .write_day(date(2026, 11, 14))
        .unwrap();

    let alone = files_below(root.path());
    let among_others = written(&spec, 2);
    assert_eq!(alone.len(), 2);
    for (path, bytes) in alone {
        assert!(bytes == among_others[&path], "{} differs", path.display());
    }
}

#[test]
fn another_seed_gives_other_rows() {
    let one = spec(300, 3);
    let other = SampleSpec {
        seed: 8,
        ..one.clone()
    };
    assert!(written(&one, 1) != written(&other, 1));
}

/// Written down, so that neither another machine nor a new dependency changes them unseen.
#[test]
fn rows_are_what_they_have_always_been() {
    let root = TempDir::new().unwrap();
    write(&spec(3_000, 1), root.path(), &|_| ()).unwrap();
    let first_rows = |table| {
        let rows = read(root.path(), table, date(2026, 11, 20)).slice(0, 3);
        pretty_format_batches(&[rows]).unwrap().to_string()
    };
    insta::assert_snapshot!(first_rows("orders"), @r"
    +------------------+----------+-----------------------------+--------+----------+-----------+---------+----------+
    | order_id         | user_id  | ordered_at                  | amount | discount | status    | channel | category |
    +------------------+----------+-----------------------------+--------+----------+-----------+---------+----------+
    | 2026112000000001 | u0002747 | 2026-11-20T07:43:47.285874Z | 138.39 | 0.00     | completed | app     | snacks   |
    | 2026112000000002 | u0002129 | 2026-11-20T08:12:45.349120Z | 396.58 | 29.84    | completed | web     | snacks   |
    | 2026112000000003 | u0002912 | 2026-11-20T08:45:47.697414Z | 72.31  | 6.28     | completed | web     | gifts    |
    +------------------+----------+-----------------------------+--------+----------+-----------+---------+----------+
    ");
    insta::assert_snapshot!(first_rows("engagement"), @r"
    +----------+-----------------------------+------------+------------------+------------+---------+-------------+
    | user_id  | occurred_at                 | event_type | duration_seconds | content_id | channel | campaign_id |
    +----------+-----------------------------+------------+------------------+------------+---------+-------------+
    | u0001935 | 2026-11-20T06:36:25.078Z    | open       |                  |            | app     |             |
    | u0001935 | 2026-11-20T06:37:46.840397Z | click      |                  | 845        | app     |             |
    | u0001935 | 2026-11-20T06:37:55.537400Z | like       |                  | 12         | app     |             |
    +----------+-----------------------------+------------+------------------+------------+---------+-------------+
    ");
    insta::assert_snapshot!(first_rows("users"), @r"
    +----------+--------------------------+------------------+----------+
    | user_id  | registered_at            | acquisition_cost | city     |
    +----------+--------------------------+------------------+----------+
    | u0002981 | 2026-11-20T17:34:06.765Z | 0.00             | Shanghai |
    | u0002982 | 2026-11-20T08:17:49.406Z | 32.18            | Hangzhou |
    | u0002983 | 2026-11-20T13:13:01.509Z | 60.18            | Shenzhen |
    +----------+--------------------------+------------------+----------+
    ");
}
