//! How much memory queries may take where a job does not say.

use std::sync::LazyLock;

use sysinfo::{MemoryRefreshKind, System};

/// The share that is theirs, in percent. Batches that are under way, decoders and requests are not
/// counted by the engine, and the other 40 are for them.
const PERCENT: u64 = 60;

/// In bytes: a share of the container's memory where it is limited, or else of the machine's. No limit
/// where neither is known.
pub(super) fn for_queries() -> usize {
    static BYTES: LazyLock<usize> = LazyLock::new(|| {
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let container = system.cgroup_limits().map(|limits| limits.total_memory);
        let machine = system.total_memory();
        share_of(container.unwrap_or(machine).min(machine))
    });
    *BYTES
}

fn share_of(bytes: u64) -> usize {
    match bytes {
        0 => usize::MAX,
        bytes => usize::try_from(bytes / 100 * PERCENT).unwrap_or(usize::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_a_share_of_what_there_is() {
        assert_eq!(share_of(1_000_000_000), 600_000_000);
        assert_eq!(share_of(0), usize::MAX);
        assert!(for_queries() < usize::MAX, "{}", for_queries());
    }
}
