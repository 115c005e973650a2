//! The vocabulary every other module speaks: dates, table names, object paths, fingerprints and
//! the kinds of failure. Nothing here reads or writes anything.

mod as_of;
mod diagnostic;
mod failure;
mod fingerprint;
mod layout;
mod table_name;

pub use as_of::{AsOfError, SnapshotDate};
pub use diagnostic::{Diagnostic, Problems, Severity, SourceFile, did_you_mean, nearest};
pub use failure::{Classified, FailureKind};
pub use fingerprint::{Fingerprint, FingerprintBuilder};
pub use layout::Layout;
pub use table_name::{Folder, TableName, TableNameError};
