//! How much memory queries may take where a job does not say.

use std::sync::LazyLock;

use sysinfo::{MemoryRefreshKind, System};

/// The share that is theirs, in percent. Batches that are under way, decoders and requests are not
/// counted by the engine, and the other 40 are for them.
const PERCENT: u64 = 60;

/// In bytes: a share of the container's memory where it is limited, or else of the machine's. No limit
/// where neither is known.
pub fn memory_for_queries() -> usize {
    static BYTES: LazyLock<usize> = LazyLock::new(|| share_of(memory_of_machine()));
    *BYTES
}

/// The memory of the container where it is limited, or else of the machine, in bytes; none where neither is
/// known.
pub fn memory_of_machine() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let container = system.cgroup_limits().map(|limits| limits.total_memory);
    let machine = system.total_memory();
    let memory = container.unwrap_or(machine).min(machine);
    (memory > 0).then_some(memory)
}

fn share_of(memory: Option<u64>) -> usize {
    let share = memory.map(|bytes| bytes / 100 * PERCENT);
    share.map_or(usize::MAX, |share| {
        usize::try_from(share).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_a_share_of_what_there_is() {
        assert_eq!(share_of(Some(1_000_000_000)), 600_000_000);
        assert_eq!(share_of(None), usize::MAX);
        assert!(memory_for_queries() < usize::MAX);
    }
}
