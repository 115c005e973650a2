//! What queries have used up, in the words of a job file: memory, or room on disk.

use datafusion::error::DataFusionError;

/// What comes before the figures where the engine says that memory is used up.
const POOL: &str = "pool_size: ";
const CONSUMED: &str = " consumed ";

/// What comes before the figure where spilled rows have filled what they may have of the disk.
const DISK: &str = "exceeded the allowable limit of ";

/// How many of those that took most are named.
const NAMED: usize = 2;

/// What is used up, how much it was, and what to do about it.
pub(super) fn used_up(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(said) => Some(of_memory(said)),
        root => of_disk(&root.to_string()),
    }
}

fn of_memory(said: &str) -> String {
    let limit = after(said, POOL, ")");
    let limit = limit.map_or_else(String::new, |limit| format!(", {limit}"));
    let took = match most(said) {
        took if took.is_empty() => String::new(),
        took => format!(" (most took {})", took.join(", ")),
    };
    format!(
        "the memory of queries is used up{limit}{took}; raise `memory_limit_mib` under [engine] as far as the machine allows, lower `threads`, which share it, or let the SQL join and sort fewer rows"
    )
}

/// The operators that took most, with how much: `HashJoinInput 1.2 GB`.
fn most(said: &str) -> Vec<String> {
    let lines = said.lines().filter_map(|line| {
        let (operator, figures) = line.split_once(CONSUMED)?;
        let operator = operator.trim_start().split(['#', '[', '(']).next()?;
        let bytes = figures.split(',').next()?;
        (!bytes.starts_with("0.0 ")).then(|| format!("{operator} {bytes}"))
    });
    lines.take(NAMED).collect()
}

fn of_disk(said: &str) -> Option<String> {
    let limit = after(said, DISK, ". ")?;
    Some(format!(
        "queries have spilled {limit}, which is all they may have on disk; raise `spill_limit_mib` under [engine] as far as the disk allows, raise `memory_limit_mib`, or let the SQL join and sort fewer rows"
    ))
}

fn after<'a>(said: &'a str, before: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = said.split_once(before)?;
    rest.split(end).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_named_by_its_setting_with_those_that_took_most() {
        let said = "Additional allocation failed for ExternalSorter[1] with top memory consumers (across reservations) as:\n  ExternalSorterMerge[1]#44(can spill: false) consumed 10.0 MB, peak 10.0 MB,\n  HashJoinInput#14(can spill: false) consumed 3.6 KB, peak 3.6 KB,\n  FinalHashAggregateStream[1]#45(can spill: true) consumed 0.0 B, peak 0.0 B.\nError: Failed to allocate additional 1876.6 KB for ExternalSorter[1] with 0.0 B already allocated for this reservation - 1251.2 KB remain available for the total memory pool: fair(pool_size: 32.0 MB)";
        let error = DataFusionError::ResourcesExhausted(said.to_owned());
        let error = DataFusionError::Context("sorting".to_owned(), Box::new(error));
        insta::assert_snapshot!(used_up(&error).unwrap(), @"the memory of queries is used up, 32.0 MB (most took ExternalSorterMerge 10.0 MB, HashJoinInput 3.6 KB); raise `memory_limit_mib` under [engine] as far as the machine allows, lower `threads`, which share it, or let the SQL join and sort fewer rows");
    }

    #[test]
    fn so_is_room_on_disk() {
        let said = "The used disk space during the spilling process has exceeded the allowable limit of 8.0 MB. Please try increasing the config: `datafusion.runtime.max_temp_directory_size`.";
        let error = DataFusionError::IoError(std::io::Error::other(said));
        insta::assert_snapshot!(used_up(&error).unwrap(), @"queries have spilled 8.0 MB, which is all they may have on disk; raise `spill_limit_mib` under [engine] as far as the disk allows, raise `memory_limit_mib`, or let the SQL join and sort fewer rows");
        assert_eq!(used_up(&DataFusionError::Execution("no".to_owned())), None);
    }
}
