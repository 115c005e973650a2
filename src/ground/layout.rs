//! Every object path below a job's output, in one place.
//!
//! ```text
//! <output>/
//!   tables/<table>/                 one Delta table each
//!   last-publication.json           the last publication that is known to be in
//!   output.json                     whose the output is, and that its store was tried
//!   probe-<name>                    what is written to try that, and deleted
//!   views/                          files that open all tables at the versions that belong together
//!   _README.txt                     what people should read who find the folder
//!   plain/                          copies of the tables' files that may be read by a glob
//!   report/                         pages for people: one for each date, and an index
//!   calibrations/<as-of>-v<n>.json  immutable cut points
//!   quarantine/<source>/<run>.parquet  a sample of the rejected rows
//!   quarantine/unreported.json      what failed nights found in rows, until a publication reports it
//!   sources/<fingerprint>.json      the days of the sources as a run knew them, immutable
//!   rules/<rules fingerprint>.json  the rules that published rows come from, immutable
//!   tiles/<rollup>/<address>-<digest>.parquet  rollups by period; those of days whose raw files
//!                                              exist may be deleted at any time
//! ```

use object_store::path::Path;

use super::SnapshotDate;

/// What the names of objects begin with that are written to try a store.
const PROBE: &str = "probe-";

/// The paths below one output location.
#[derive(Debug, Clone)]
pub struct Layout {
    output: Path,
}

impl Layout {
    /// The layout below `output`, a path inside the output's store.
    pub fn below(output: Path) -> Self {
        Self { output }
    }

    /// The folder of the published tables.
    pub fn tables(&self) -> Path {
        self.output.clone().join("tables")
    }

    /// The folder of a published table.
    pub fn table(&self, table: &str) -> Path {
        self.tables().join(table)
    }

    /// The record of the last publication that is known to be in.
    pub fn last_publication(&self) -> Path {
        self.output.clone().join("last-publication.json")
    }

    /// The folder of files that open the tables.
    pub fn views(&self) -> Path {
        self.output.clone().join("views")
    }

    /// The folder of plain Parquet.
    pub fn plain(&self) -> Path {
        self.output.clone().join("plain")
    }

    /// The text for people who find the output.
    pub fn read_me(&self) -> Path {
        self.output.clone().join("_README.txt")
    }

    /// The folder of reports.
    pub fn reports(&self) -> Path {
        self.output.clone().join("report")
    }

    /// What is on record of the output itself.
    pub fn output_record(&self) -> Path {
        self.output.clone().join("output.json")
    }

    /// An object that is written to try the store.
    pub fn probe(&self, name: &str) -> Path {
        self.output.clone().join(format!("{PROBE}{name}"))
    }

    /// Whether an object below the output is such a one.
    pub fn is_probe(object: &Path) -> bool {
        object
            .filename()
            .is_some_and(|name| name.starts_with(PROBE))
    }

    /// The folder of all calibrations.
    pub fn calibrations(&self) -> Path {
        self.output.clone().join("calibrations")
    }

    /// The record of one calibration.
    pub fn calibration(&self, id: &str) -> Path {
        self.calibrations().join(format!("{id}.json"))
    }

    /// The id of version `version` of the calibration as of `as_of`.
    pub fn calibration_id(as_of: SnapshotDate, version: u32) -> String {
        format!("{as_of}-v{version}")
    }

    /// The folder of a rollup's tiles.
    pub fn tiles(&self, rollup: &str) -> Path {
        self.all_tiles().join(rollup)
    }

    /// The folder of the tiles of every rollup.
    pub fn all_tiles(&self) -> Path {
        self.output.clone().join("tiles")
    }

    /// What a run knew of the days of its sources.
    pub fn source_record(&self, name: &str) -> Path {
        self.source_records().join(format!("{name}.json"))
    }

    /// The folder of these records.
    pub fn source_records(&self) -> Path {
        self.output.clone().join("sources")
    }

    /// The rules that a run published by.
    pub fn rules(&self, rules_fingerprint: &str) -> Path {
        let folder = self.all_rules();
        folder.join(format!("{rules_fingerprint}.json"))
    }

    /// The folder of these rules.
    pub fn all_rules(&self) -> Path {
        self.output.clone().join("rules")
    }

    /// Every folder below the output that is tierline's own.
    pub fn folders(&self) -> [Path; 9] {
        [
            self.tables(),
            self.calibrations(),
            self.quarantines(),
            self.source_records(),
            self.all_rules(),
            self.all_tiles(),
            self.views(),
            self.plain(),
            self.reports(),
        ]
    }

    /// The folder of all samples of rejected rows.
    pub fn quarantines(&self) -> Path {
        self.output.clone().join("quarantine")
    }

    /// What failed nights found in rows, and no publication has reported yet.
    pub fn unreported(&self) -> Path {
        self.quarantines().join("unreported.json")
    }

    /// The sample of rows that a run left out of one source.
    pub fn quarantine(&self, source: &str, run_id: &str) -> Path {
        let folder = self.quarantines().join(source);
        folder.join(format!("{run_id}.parquet"))
    }
}
