//! Sources whose files are all of another format than Parquet, by the endings of their names. No
//! retry makes Parquet of them, so that waiting for a partition would wait for ever.

/// Endings of other formats that tables are delivered in.
const FORMATS: [&str; 9] = [
    "csv", "tsv", "json", "jsonl", "ndjson", "avro", "orc", "xlsx", "xml",
];

/// Endings that compression adds.
const COMPRESSED: [&str; 4] = ["gz", "zst", "bz2", "zip"];

/// The first of the paths, when every one of them has an ending of another format.
pub(super) fn only_of_other_formats<'a>(
    mut paths: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let first = paths.next().filter(|path| is_of_other_format(path))?;
    paths.all(is_of_other_format).then_some(first)
}

fn is_of_other_format(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut endings = name.rsplit('.').map(str::to_lowercase);
    let last = endings.next().unwrap_or_default();
    let format = match COMPRESSED.contains(&last.as_str()) {
        true => endings.next().unwrap_or_default(),
        false => last,
    };
    name.contains('.') && FORMATS.contains(&format.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_without_parquet_are_told_by_their_first_file() {
        let found = |paths: &[&'static str]| only_of_other_formats(paths.iter().copied());
        assert_eq!(
            found(&["dt=2026-11-20/a.csv", "b.CSV.gz"]),
            Some("dt=2026-11-20/a.csv")
        );
        assert_eq!(found(&["a.csv", "dt=2026-11-20/part-0.parquet"]), None);
        assert_eq!(found(&["dt=2026-11-20/000001_0"]), None);
        assert_eq!(found(&["README.md", "csv"]), None);
        assert_eq!(found(&[]), None);
    }
}
