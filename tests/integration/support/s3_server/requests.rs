//! What was asked of the server, for tests that assert what a run costs.

use std::sync::Mutex;

/// The kinds of requests that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// An object or a range of it.
    Get,
    /// An object's size and e_tag.
    Head,
    /// One page of a listing.
    List,
    /// An object in one piece, conditional or not.
    Put,
    /// One object, or many at once.
    Delete,
    /// An object from another.
    Copy,
    /// Each step of a multipart upload: create, every part, complete, abort.
    Multipart,
}

/// How many requests of each kind came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestCounts {
    pub(crate) get: usize,
    pub(crate) head: usize,
    pub(crate) list: usize,
    pub(crate) put: usize,
    pub(crate) delete: usize,
    pub(crate) copy: usize,
    pub(crate) multipart: usize,
}

impl RequestCounts {
    fn count(&mut self, kind: RequestKind) {
        let counter = match kind {
            RequestKind::Get => &mut self.get,
            RequestKind::Head => &mut self.head,
            RequestKind::List => &mut self.list,
            RequestKind::Put => &mut self.put,
            RequestKind::Delete => &mut self.delete,
            RequestKind::Copy => &mut self.copy,
            RequestKind::Multipart => &mut self.multipart,
        };
        *counter += 1;
    }
}

struct Request {
    kind: RequestKind,
    keys: Vec<String>,
    /// Whether it asked for one version of an object and no other.
    is_pinned: bool,
}

/// Every request since the start or the last reset.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Vec<Request>>);

impl RequestLog {
    /// Notes one request for one key.
    pub(super) fn record(&self, kind: RequestKind, key: &str) {
        self.record_batch(kind, vec![key.to_owned()]);
    }

    /// Notes one request for many keys.
    pub(super) fn record_batch(&self, kind: RequestKind, keys: Vec<String>) {
        self.push(kind, keys, false);
    }

    /// Notes a GET, and whether it carried `If-Match`.
    pub(super) fn record_get(&self, key: &str, is_pinned: bool) {
        self.push(RequestKind::Get, vec![key.to_owned()], is_pinned);
    }

    fn push(&self, kind: RequestKind, keys: Vec<String>, is_pinned: bool) {
        self.0.lock().unwrap().push(Request {
            kind,
            keys,
            is_pinned,
        });
    }

    pub(super) fn unpinned_keys(&self) -> Vec<String> {
        let requests = self.0.lock().unwrap();
        let unpinned = requests
            .iter()
            .filter(|request| request.kind == RequestKind::Get && !request.is_pinned);
        unpinned.flat_map(|request| request.keys.clone()).collect()
    }

    pub(super) fn counts(&self) -> RequestCounts {
        let mut counts = RequestCounts::default();
        for request in self.0.lock().unwrap().iter() {
            counts.count(request.kind);
        }
        counts
    }

    pub(super) fn keys(&self, kind: RequestKind) -> Vec<String> {
        let requests = self.0.lock().unwrap();
        let of_kind = requests.iter().filter(|request| request.kind == kind);
        of_kind.flat_map(|request| request.keys.clone()).collect()
    }

    /// Every request for a single key, in order.
    pub(super) fn sequence(&self) -> Vec<(RequestKind, String)> {
        let requests = self.0.lock().unwrap();
        let single = requests
            .iter()
            .filter_map(|request| match &request.keys[..] {
                [key] => Some((request.kind, key.clone())),
                _ => None,
            });
        single.collect()
    }

    pub(super) fn reset(&self) {
        self.0.lock().unwrap().clear();
    }
}
