//! The vocabulary every other module speaks: dates, exact numbers, table names, object paths,
//! fingerprints and the kinds of failure. Nothing here reads or writes anything.

mod as_of;
mod diagnostic;
mod exact_number;
mod failure;
mod fingerprint;
mod layout;
mod table_name;

pub use as_of::{AsOfError, SnapshotDate};
pub use diagnostic::{Diagnostic, Problems, Severity, SourceFile, did_you_mean, nearest};
pub use exact_number::{ExactNumber, NotANumber};
pub use failure::{Classified, FailureKind};
pub use fingerprint::{Fingerprint, FingerprintBuilder};
pub use layout::Layout;
pub use table_name::{Folder, TableName, TableNameError};
