//! The vocabulary every other module speaks: dates, exact numbers, table names, object paths,
//! fingerprints, the kinds of failure, the signals that end a process, and what may be shown of data and
//! of secrets. Nothing here reads or writes anything.

mod as_of;
#[cfg(feature = "cluster")]
mod certificate_files;
mod counted;
mod diagnostic;
mod exact_number;
mod execution;
mod failure;
mod fingerprint;
mod interruption;
#[cfg(test)]
#[path = "../../tests/integration/formats/fixtures.rs"]
pub(crate) mod fixtures;
#[cfg(feature = "cluster")]
mod hex;
mod layout;
mod redacted;
mod secrets;
mod shown;
mod sql_types;
mod table_name;

pub use as_of::{AsOfError, SnapshotDate};
#[cfg(feature = "cluster")]
pub use certificate_files::CertificateFiles;
pub use counted::{counted, grouped, noun_for, per_cent, verb_for};
pub use diagnostic::{Diagnostic, Problems, Severity, SourceFile, did_you_mean, nearest};
pub use exact_number::{ExactNumber, NotANumber};
pub use execution::{AirflowTask, Execution};
pub use failure::{Classified, FailureKind, Retry};
pub use fingerprint::{Fingerprint, FingerprintBuilder};
#[cfg(feature = "cluster")]
pub(crate) use hex::{of_hex, to_hex};
pub use interruption::{Ending, GivenUp, HeldOff, Interruption, interruption};
pub use layout::Layout;
pub use redacted::without_values;
pub use secrets::{has_secret, starred, without_secrets};
pub use shown::{escaped, escaped_lines, hidden_character, shown, shown_as_pattern};
pub use sql_types::{sql_type, with_sql_types};
pub use table_name::{SqlSchema, TableName, TableNameError, is_plain_name};
