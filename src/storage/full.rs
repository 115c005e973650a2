//! Whether a failure is a disk without space or a store that is out of order.

use std::error::Error;
use std::io::{self, ErrorKind};

/// Whether the cause of an error is a disk that is full, or a quota that is used up.
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if matches!(
                error.kind(),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded
            ) {
                return true;
            }
            // What it wraps is not what it names as its source, but that one's.
            if let Some(wrapped) = error.get_ref() {
                return is_full(wrapped);
            }
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_found_below_whatever_wraps_it() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let in_store = |source: io::Error| object_store::Error::Generic {
            store: "disk",
            source: source.into(),
        };
        assert!(is_full(&full()));
        assert!(is_full(&in_store(full())));
        assert!(is_full(&io::Error::other(in_store(full()))));
        assert!(!is_full(&in_store(ErrorKind::PermissionDenied.into())));
        assert!(!is_full(&io::Error::other("full")));
    }
}
