//! What goes wrong with GETs of some objects, and with conditional writes, as real stores and lakes do it.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::{StreamExt, stream};
use s3s::dto::StreamingBlob;

/// What happens to an object, or to an answer.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Somebody overwrites the object once it has been read.
    Overwritten(Bytes),
    /// Somebody removes the object once it has been read.
    Removed,
    /// The connection ends in the middle of every answer from here on.
    Cut,
    /// The middle of every answer from here on is followed by silence.
    Stalled,
    /// The store gives up waiting, with a 400, from here on.
    TimedOut,
}

impl Trouble {
    /// Whether it is over once it has happened.
    fn is_once(&self) -> bool {
        matches!(self, Self::Overwritten(_) | Self::Removed)
    }
}

struct Plan {
    /// What the keys contain.
    keys: String,
    /// GETs of such keys that go well before.
    after: usize,
    trouble: Trouble,
}

/// The trouble that tests ask for.
#[derive(Default)]
pub(super) struct Troubles {
    plans: Mutex<Vec<Plan>>,
    ignores_conditions: AtomicBool,
    hides_e_tags: AtomicBool,
}

impl Troubles {
    /// From the GET number `nth` of keys that contain `keys` on.
    pub(super) fn plan(&self, keys: &str, nth: usize, trouble: Trouble) {
        self.plans.lock().unwrap().push(Plan {
            keys: keys.to_owned(),
            after: nth - 1,
            trouble,
        });
    }

    /// Conditions of writes are passed over from here on, as some gateways do.
    pub(super) fn ignore_conditions(&self) {
        self.ignores_conditions.store(true, Ordering::Relaxed);
    }

    /// Whether they are.
    pub(super) fn ignores_conditions(&self) -> bool {
        self.ignores_conditions.load(Ordering::Relaxed)
    }

    /// No listing and no read has an e_tag from here on, as with some gateways. Writes have one: clients
    /// take no other answer.
    pub(super) fn hide_e_tags(&self) {
        self.hides_e_tags.store(true, Ordering::Relaxed);
    }

    /// Whether none has.
    pub(super) fn hides_e_tags(&self) -> bool {
        self.hides_e_tags.load(Ordering::Relaxed)
    }

    /// All goes well from here on.
    pub(super) fn end(&self) {
        self.plans.lock().unwrap().clear();
    }

    /// What happens to a GET of `key`.
    pub(super) fn meet(&self, key: &str) -> Option<Trouble> {
        let mut plans = self.plans.lock().unwrap();
        let index = plans.iter().position(|plan| key.contains(&plan.keys))?;
        let plan = &mut plans[index];
        if plan.after > 0 {
            plan.after -= 1;
            return None;
        }
        let trouble = plan.trouble.clone();
        if trouble.is_once() {
            plans.remove(index);
        }
        Some(trouble)
    }
}

/// The first half of an answer of `length` bytes, and then what `trouble` makes of it.
pub(super) fn first_half(body: StreamingBlob, length: usize, trouble: &Trouble) -> StreamingBlob {
    let mut left = length / 2;
    let half = body.map(move |chunk| {
        let chunk: Bytes = chunk.map_err(io::Error::other)?;
        let kept = chunk.len().min(left);
        left -= kept;
        Ok::<_, io::Error>(chunk.slice(..kept))
    });
    let half = half.take_while(|chunk| {
        let is_more = chunk.as_ref().is_ok_and(|chunk| !chunk.is_empty());
        async move { is_more }
    });
    match trouble {
        Trouble::Stalled => StreamingBlob::wrap(half.chain(stream::pending())),
        _ => {
            let end = stream::iter([Err::<Bytes, io::Error>(io::Error::other(
                "the connection is cut",
            ))]);
            StreamingBlob::wrap(half.chain(end))
        }
    }
}
