//! Panics of the engine, and of whatever else a command rests on, as errors: the stage that met one is
//! named, and the result is written. One on the way of a query fails as any other query does, so that
//! drafts go; after others they are left.

use std::any::Any;
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, set_hook};
use std::pin::pin;
use std::task::Poll;

use crate::ground::without_values;

/// How much of what a panic says is passed on, in characters.
const SAID: usize = 200;

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a bug ended it{place}: {said}; run it again, and if it ends so again, please report this line"
)]
pub struct Panicked {
    /// ``, at parquet-59.3.2/src/file/reader.rs:12``, where that is known.
    place: String,
    said: String,
}

impl Panicked {
    fn of(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        let said = without_values(said.unwrap_or("it does not say what"));
        let place = PLACE.with_borrow_mut(Option::take);
        Self {
            place: place.map_or_else(String::new, |place| format!(", at {place}")),
            said: said.escape_debug().take(SAID).collect(),
        }
    }
}

/// Does what may panic.
///
/// # Errors
/// [`Panicked`]. What it worked on may be half done, and is not to be used again.
pub(super) fn or_panicked<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked::of(panic.as_ref()))
}

/// Waits for what may panic.
///
/// # Errors
/// As [`or_panicked`].
pub async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut work = pin!(work);
    poll_fn(
        |context| match or_panicked(|| work.as_mut().poll(context)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        },
    )
    .await
}

/// From here on panics are not printed, since they may quote rows: where each was is remembered for the
/// [error](Panicked) that it becomes, and logged for whoever asks.
pub fn note_panics() {
    set_hook(Box::new(|panic| {
        let place = panic.location().map(shown);
        tracing::debug!(place, "a panic");
        PLACE.set(place);
    }));
}

/// A place without the folders of the machine that built it.
fn shown(location: &Location<'_>) -> String {
    let file = location.file();
    let in_registry = file.split("registry/src/").nth(1);
    let file = in_registry.and_then(|file| Some(file.split_once('/')?.1));
    let file = file.unwrap_or(location.file());
    format!("{file}:{}", location.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let panicked = caught(async { [1, 2, 3][std::hint::black_box(7)] }).await;
        let told = panicked.unwrap_err().to_string();
        assert!(told.starts_with("a bug ended it"), "{told}");
        assert!(told.contains("index out of bounds"), "{told}");
        assert!(!told.contains("/registry/"), "{told}");
    }
}
