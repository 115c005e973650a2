//! What the objects of a source are, by their paths below it and their sizes. Parquet is what the
//! bytes say, so that names decide only what is no delivered file at all.
//!
//! | object | role |
//! |---|---|
//! | `dt=2026-11-20/part-0.parquet`, `dt=2026-11-20/hour=5/000001_0` | data of that day |
//! | the same with a name that `files` of the source does not match | unread |
//! | `dt=2026-11-20/_temporary/0/part-0`, `_temporary/0/dt=2026-11-20/part-0`, `dt=2026-11-20/a.tmp` | unfinished |
//! | `_temporary/0/task_1/part-0`, of no day and not empty | of a write to the whole source |
//! | `dt=2026-11-20/_SUCCESS`, where the job says `ready = "_SUCCESS"` | marker |
//! | `_metadata`, `.part-0.crc`, `.hidden/x`, `a_$folder$`, `done` without bytes | aside |
//! | `part-0.parquet` | outside partitions |
//! | `dt=today/part-0.parquet` | in a partition of no day |

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::job::{Delivery, PARTITION_KEY, day_of_partition};

/// What an object of a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A file of rows of a day.
    Data(NaiveDate),
    /// A file of a day whose name the job does not read.
    Unread(NaiveDate),
    /// Something of a day that its writer has not finished, or never will.
    Unfinished(NaiveDate),
    /// Something that a write to the whole source has not put into a partition yet.
    Writing,
    /// Says that its partition is whole.
    Marker,
    /// A file of rows without a day.
    Outside,
    /// A file of rows in a partition whose value is not a day.
    OfInvalidDay,
    /// No file of rows, to judge by its name, in no partition.
    Stray,
    /// A file of rows in the partitions of two days.
    OfTwoDays,
    /// Nobody's data: hidden files, empty markers, folders.
    Aside,
}

/// The role of an object, given the parts of its path below the source.
pub(super) fn role(parts: &[&str], size_bytes: u64, delivery: &Delivery) -> Role {
    let Some((name, folders)) = parts.split_last() else {
        return Role::Aside;
    };
    let days: BTreeSet<NaiveDate> = folders
        .iter()
        .filter_map(|folder| day_of_partition(folder))
        .collect();
    let day = days.last().copied();
    if delivery.ready.as_deref() == Some(*name) {
        return match folders.last().and_then(|last| day_of_partition(last)) {
            Some(_) => Role::Marker,
            None => Role::Aside,
        };
    }
    if name.ends_with(FOLDER_MARKER) {
        return Role::Aside;
    }
    if parts.iter().any(|part| is_unfinished(part)) {
        let is_at_work = size_bytes > 0 && folders.iter().any(|folder| is_workplace(folder));
        return match day {
            Some(day) => Role::Unfinished(day),
            None if is_at_work => Role::Writing,
            None => Role::Aside,
        };
    }
    let is_hidden = parts.iter().any(|part| part.starts_with(['_', '.']));
    if is_hidden || (size_bytes == 0 && !is_named_parquet(name)) {
        return Role::Aside;
    }
    let is_read = delivery.files.matches(name);
    let has_invalid_day = folders.iter().any(|folder| has_no_day(folder));
    match day {
        _ if !is_read && day.is_none() => Role::Stray,
        None if has_invalid_day => Role::OfInvalidDay,
        None if may_hold_rows(name) => Role::Outside,
        None => Role::Stray,
        Some(day) if !is_read => Role::Unread(day),
        Some(_) if has_invalid_day => Role::OfInvalidDay,
        Some(_) if days.len() > 1 => Role::OfTwoDays,
        Some(day) => Role::Data(day),
    }
}

/// The partition folder that an object lies in, such as `dt=2026-11-20` or `region=eu/dt=2026-11-20`.
pub(super) fn partition_folder(parts: &[&str]) -> Option<String> {
    let (_, folders) = parts.split_last()?;
    let last = folders
        .iter()
        .rposition(|folder| day_of_partition(folder).is_some())?;
    Some(folders[..=last].join("/"))
}

/// What object stores of old put in the place of an empty folder.
const FOLDER_MARKER: &str = "_$folder$";

/// How the names of folders begin that Spark, Hive and S3A write to until they are done.
const WORKPLACE_STARTS: [&str; 6] = [
    "_temporary",
    "__magic",
    "_staging",
    ".staging",
    ".spark-staging",
    ".hive-staging",
];

/// How names of files and folders begin that Flink and others write to until they are done.
const UNFINISHED_STARTS: [&str; 3] = ["_tmp", ".tmp", ".inprogress"];

/// How they end, of those and of programs that copy files.
const UNFINISHED_ENDS: [&str; 8] = [
    ".tmp",
    ".temp",
    "._copying_",
    ".inprogress",
    ".unfinished",
    ".partial",
    ".filepart",
    ".crdownload",
];

/// Whether a folder is one that writers write to until they are done.
fn is_workplace(folder: &str) -> bool {
    let folder = folder.to_ascii_lowercase();
    WORKPLACE_STARTS
        .iter()
        .any(|start| folder.starts_with(start))
}

fn is_unfinished(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    let is_hidden = part.starts_with(['.', '_']);
    // Flink's `.part-0-0.inprogress.<uid>`, and rsync's `.part-0.parquet.Xa81Zq`.
    let suffix = part
        .rsplit_once(".parquet.")
        .map_or("", |(_, suffix)| suffix);
    let is_word = suffix.starts_with("sha") || ["md5sum", "backup"].contains(&suffix);
    let is_copy = is_hidden && suffix.len() == 6 && !is_word;
    is_workplace(&part)
        || UNFINISHED_STARTS
            .iter()
            .any(|start| part.starts_with(start))
        || UNFINISHED_ENDS.iter().any(|end| part.ends_with(end))
        || (is_hidden && part.contains(".inprogress."))
        || is_copy
}

fn is_named_parquet(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".parquet", ".parq", ".pq"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// Whether a file in no partition may be one that somebody meant to be read: a `README.md` is not.
fn may_hold_rows(name: &str) -> bool {
    is_named_parquet(name) || name.ends_with(".snappy") || !name.contains('.')
}

/// `dt=__HIVE_DEFAULT_PARTITION__`, `dt=20-11-2026`.
fn has_no_day(folder: &str) -> bool {
    let value = folder.strip_prefix(PARTITION_KEY);
    let is_partition = value.is_some_and(|value| value.starts_with('='));
    is_partition && day_of_partition(folder).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn role_of(path: &str, delivery: &Delivery) -> Role {
        let parts: Vec<&str> = path.split('/').collect();
        role(&parts, 100, delivery)
    }

    #[test]
    fn whatever_is_not_hidden_is_data_of_its_partition() {
        for name in [
            "a.parquet",
            "000001_0",
            "a.parq",
            "A.PARQUET",
            "a.pq",
            "a.snappy",
            "a.csv",
        ] {
            for folder in [
                "dt=2026-11-20",
                "region=eu/dt=2026-11-20",
                "dt=2026-11-20/hour=05",
            ] {
                let role = role_of(&format!("{folder}/{name}"), &Delivery::default());
                assert_eq!(role, Role::Data(day(20)), "{folder}/{name}");
            }
        }
    }

    #[test]
    fn what_writers_leave_until_they_are_done_is_of_its_day() {
        for path in [
            "dt=2026-11-20/_temporary/0/_temporary/attempt_1/part-0.parquet",
            "_temporary/0/_temporary/attempt_1/dt=2026-11-20/part-0.parquet",
            "dt=2026-11-20/_temporary",
            ".spark-staging-7f3c/dt=2026-11-20/part-0.parquet",
            ".hive-staging_hive_2026-11-20/-ext-10000/dt=2026-11-20/000000_0",
            "dt=2026-11-20/__magic/job-1/tasks/part-0.parquet",
            "dt=2026-11-20/part-0.parquet.tmp",
            "dt=2026-11-20/part-0.parquet._COPYING_",
            "dt=2026-11-20/.part-0-0.inprogress.c3f2",
            "dt=2026-11-20/.part-0.parquet.Xa81Zq",
        ] {
            let role = role_of(path, &Delivery::default());
            assert_eq!(role, Role::Unfinished(day(20)), "{path}");
        }
        let of_no_day = |path| role_of(path, &Delivery::default());
        assert_eq!(of_no_day("_temporary/0/part-0.parquet"), Role::Writing);
        assert_eq!(of_no_day(".tmp/notes"), Role::Aside);
        assert_eq!(of_no_day("notes.tmp"), Role::Aside);
        let folder = role(&["_temporary", "0"], 0, &Delivery::default());
        assert_eq!(folder, Role::Aside);
    }

    #[test]
    fn hidden_and_empty_objects_are_nobodys_data() {
        for path in [
            "_SUCCESS",
            "dt=2026-11-20/_metadata",
            "dt=2026-11-20/.part-0.parquet.crc",
            "dt=2026-11-20/.part-0.parquet.sha256",
            "dt=2026-11-20/.part-0.parquet.md5sum",
            "dt=2026-11-20/.ipynb_checkpoints/part-0.parquet",
            "_quarantine/dt=2026-11-20/part-0.parquet",
            "dt=2026-11-20_$folder$",
            "dt=2026-11-20/_temporary_$folder$",
        ] {
            assert_eq!(role_of(path, &Delivery::default()), Role::Aside, "{path}");
        }
        let empty = |parts: &[&str]| role(parts, 0, &Delivery::default());
        assert_eq!(empty(&["dt=2026-11-20"]), Role::Aside);
        assert_eq!(empty(&["dt=2026-11-20", "done"]), Role::Aside);
        // Cut off before its first byte, and refused when it is read.
        assert_eq!(empty(&["dt=2026-11-20", "a.parquet"]), Role::Data(day(20)));
    }

    #[test]
    fn rows_of_no_day_or_of_two_are_told_apart_from_notes_at_the_side() {
        let role_of = |path| role_of(path, &Delivery::default());
        assert_eq!(role_of("all.parquet"), Role::Outside);
        assert_eq!(role_of("2026/11/000001_0"), Role::Outside);
        assert_eq!(role_of("dt=20-11-2026/a.parquet"), Role::OfInvalidDay);
        let null = role_of("dt=__HIVE_DEFAULT_PARTITION__/000000_0");
        assert_eq!(null, Role::OfInvalidDay);
        assert_eq!(
            role_of("dt=2026-11-20/dt=today/a.parquet"),
            Role::OfInvalidDay
        );
        assert_eq!(role_of("README.md"), Role::Stray);
        assert_eq!(
            role_of("dt=2026-11-20/dt=2026-11-19/a.parquet"),
            Role::OfTwoDays
        );
        assert_eq!(
            role_of("dt=2026-11-20/dt=2026-11-20/a.parquet"),
            Role::Data(day(20))
        );
    }

    #[test]
    fn the_job_says_which_names_are_read_and_which_mark_a_partition() {
        let delivery = Delivery {
            files: "*.parquet".parse().unwrap(),
            ready: Some("done.json".to_owned()),
            ..Delivery::default()
        };
        let role_of = |path| role_of(path, &delivery);
        assert_eq!(role_of("dt=2026-11-20/a.parquet"), Role::Data(day(20)));
        assert_eq!(role_of("dt=2026-11-20/000001_0"), Role::Unread(day(20)));
        assert_eq!(role_of("000001_0"), Role::Stray);
        assert_eq!(role_of("dt=2026-11-20/done.json"), Role::Marker);
        assert_eq!(role_of("done.json"), Role::Aside);
    }

    #[test]
    fn the_partition_of_an_object_ends_with_its_day() {
        let folder = |path: &str| partition_folder(&path.split('/').collect::<Vec<_>>());
        let of = |folder: &str| Some(folder.to_owned());
        assert_eq!(folder("dt=2026-11-20/a"), of("dt=2026-11-20"));
        assert_eq!(folder("r=eu/dt=2026-11-20/h=5/a"), of("r=eu/dt=2026-11-20"));
        assert_eq!(folder("a"), None);
    }
}
