//! This machine, or the container: memory, room to spill, open files.

use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use sysinfo::{Disks, System};

use crate::engine::{memory_for_queries, memory_of_machine};
use crate::job::Job;

use super::finding::Findings;

/// Beyond this share of the memory, in percent, what the engine does not count has too little.
const MOST_FOR_QUERIES: u64 = 80;

/// With less for queries, joins and sorts of some thousand users have no room.
const LEAST_FOR_QUERIES: u64 = 256 << 20;

/// Queries of a large night may need that much when they spill.
const LEAST_ROOM: u64 = 10 << 30;

/// What a night on a local disk may have open at once: footers, tiles and spilled rows, side by side.
const LEAST_OPEN_FILES: usize = 1024;

pub(super) fn examine(job: &Job, findings: &mut Findings<'_>) {
    findings.begin("machine");
    let queries = job.engine.memory_bytes.unwrap_or_else(memory_for_queries) as u64;
    examine_memory(queries, memory_of_machine(), findings);
    let folder = job.engine.spill_folder.clone();
    examine_spill_folder(
        folder.unwrap_or_else(std::env::temp_dir),
        job.engine.spill_bytes,
        findings,
    );
    examine_open_files(System::open_files_limit(), findings);
}

fn examine_memory(queries: u64, machine: Option<u64>, findings: &mut Findings<'_>) {
    let Some(machine) = machine else {
        let remedy = "set memory_limit_mib under [engine], or a night may be killed";
        return findings.warn("memory", "nobody knows how much there is", Some(remedy));
    };
    let share = queries.saturating_mul(100) / machine.max(1);
    let found = format!(
        "queries may take {} of {}, {share} %",
        HumanBytes(queries),
        HumanBytes(machine)
    );
    let remedy = "lower memory_limit_mib under [engine] to 60 % of it, or leave it out: what queries do not account for needs the rest";
    let too_little = match machine * MOST_FOR_QUERIES / 100 < LEAST_FOR_QUERIES {
        true => "a night of some thousand users needs a machine or container of 512 MiB or more",
        false => {
            "raise memory_limit_mib under [engine] to 256 or more: a night of some thousand users needs it"
        }
    };
    match share {
        share if share > 100 => findings.fail("memory", found, Some(remedy)),
        _ if queries < LEAST_FOR_QUERIES => findings.warn("memory", found, Some(too_little)),
        share if share > MOST_FOR_QUERIES => findings.warn("memory", found, Some(remedy)),
        _ => findings.pass("memory", found),
    }
}

fn examine_spill_folder(folder: PathBuf, limit: Option<u64>, findings: &mut Findings<'_>) {
    let shown = folder.display().to_string();
    // Nights make it, too.
    let made = std::fs::create_dir_all(&folder);
    if let Err(error) = made.and_then(|()| tempfile::tempfile_in(&folder)) {
        let found = format!("cannot write to {shown}: {error}");
        let remedy = "make it writable, or set spill_folder under [engine]";
        return findings.fail("spill folder", found, Some(remedy));
    }
    let Some((room, is_memory)) = room_in(&folder) else {
        let found = format!("{shown} can be written to; its room is not known");
        return findings.pass("spill folder", found);
    };
    let found = format!("{} are free in {shown}", HumanBytes(room));
    if is_memory {
        let found = format!("{found}, which is memory");
        let remedy = "set spill_folder under [engine] to a folder on a disk: what spills there fills the memory that it is to save";
        return findings.warn("spill folder", found, Some(remedy));
    }
    if limit.is_some_and(|limit| limit > room) {
        let remedy = "lower spill_limit_mib under [engine], free some space, or set spill_folder to another disk";
        return findings.warn(
            "spill folder",
            format!("{found}, less than spill_limit_mib"),
            Some(remedy),
        );
    }
    if room < LEAST_ROOM {
        let remedy = "free some space, or set spill_folder under [engine] to another disk";
        return findings.warn("spill folder", found, Some(remedy));
    }
    findings.pass("spill folder", found);
}

/// The free bytes of the disk that a folder is on, and whether it is memory.
fn room_in(folder: &Path) -> Option<(u64, bool)> {
    let folder = folder.canonicalize().ok()?;
    let disks = Disks::new_with_refreshed_list();
    let holding = disks
        .iter()
        .filter(|disk| folder.starts_with(disk.mount_point()));
    let disk = holding.max_by_key(|disk| disk.mount_point().as_os_str().len())?;
    Some((disk.available_space(), disk.file_system() == "tmpfs"))
}

fn examine_open_files(limit: Option<usize>, findings: &mut Findings<'_>) {
    let Some(limit) = limit else {
        return;
    };
    let found = format!("{limit} files may be open at once");
    match limit < LEAST_OPEN_FILES {
        true => findings.warn(
            "open files",
            found,
            Some("raise the limit to 1024 or more, as by `ulimit -n 4096` or LimitNOFILE="),
        ),
        false => findings.pass("open files", found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn verdict(examine: impl FnOnce(&mut Findings<'_>)) -> (Verdict, String) {
        let mut tell = |_: &_| {};
        let mut findings = Findings::new(&mut tell);
        examine(&mut findings);
        let all = findings.into_all();
        (all[0].verdict, all[0].found.clone())
    }

    #[test]
    fn memory_that_is_not_there_is_not_promised() {
        let memory = |queries: u64, machine| {
            let bytes = |mebibytes: u64| mebibytes << 20;
            verdict(|findings| {
                examine_memory(bytes(queries), Option::map(machine, bytes), findings);
            })
        };
        let found = "queries may take 4.00 GiB of 2.00 GiB, 200 %".to_owned();
        assert_eq!(memory(4096, Some(2048)), (Verdict::Fail, found));
        assert_eq!(memory(1700, Some(2048)).0, Verdict::Warn);
        assert_eq!(memory(1228, Some(2048)).0, Verdict::Pass);
        assert_eq!(memory(1228, None).0, Verdict::Warn);
        assert_eq!(memory(16, Some(2048)).0, Verdict::Warn);
        assert_eq!(memory(255, Some(200)).0, Verdict::Fail);
    }

    #[test]
    fn a_folder_to_spill_to_is_there_and_has_room() {
        let below_a_file = tempfile::NamedTempFile::new().unwrap();
        let below_a_file = below_a_file.path().join("spill");
        let (is, found) = verdict(|findings| examine_spill_folder(below_a_file, None, findings));
        assert_eq!(is, Verdict::Fail);
        assert!(found.starts_with("cannot write to "), "{found}");
        let here = std::env::temp_dir();
        let (is, _) = verdict(|findings| examine_spill_folder(here, Some(u64::MAX), findings));
        assert_ne!(is, Verdict::Fail);
    }
}
