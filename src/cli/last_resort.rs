//! Ends a command that goes on although it is given up. What waits for stores or rows heeds the [end that is
//! asked for](crate::ground::interruption); what computes without a pause, such as the planning of a
//! statement that grows with each of its steps, does not.

use std::mem;
use std::process::exit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ground::{Ending, interruption};
use crate::night::NightError;

/// How long a command may take to clear up.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What is still to be said then: the result of the command, by what ended it.
type LastWords = Box<dyn FnOnce(&NightError) + Send>;

/// Who says how the command ended.
enum Speaker {
    /// Nobody: it has no result that somebody looks for.
    Nobody,
    /// This, should it be ended.
    Words(LastWords),
    /// The command, just now: it is about to end.
    Command,
}

static SPEAKER: Mutex<Speaker> = Mutex::new(Speaker::Nobody);

/// What writes the result of the command, should it be ended from outside.
pub(super) fn set_last_words(write: impl FnOnce(&NightError) + Send + 'static) {
    *speaker() = Speaker::Words(Box::new(write));
}

/// The command writes its result by itself, from now on.
pub(super) fn forget_last_words() {
    *speaker() = Speaker::Command;
}

fn speaker() -> MutexGuard<'static, Speaker> {
    SPEAKER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program, unless tables are being committed or were so just now, or it is about to end.
pub(super) fn end_if_stuck(ending: Ending, patience: Duration) {
    interruption().unless_held_off(patience, |has_committed| {
        let mut speaker = speaker();
        if matches!(*speaker, Speaker::Command) {
            return;
        }
        tracing::warn!(
            "the command does not end by itself and is ended; the next run clears up after it"
        );
        speak(&mut speaker, ending, has_committed);
        // Nobody else speaks or commits until then.
        exit(i32::from(ending.exit_code()));
    });
}

/// Ends the program at once.
pub(super) fn end(ending: Ending) -> ! {
    interruption().unless_held_off(Duration::ZERO, |has_committed| {
        let mut speaker = speaker();
        speak(&mut speaker, ending, has_committed);
        exit(i32::from(ending.exit_code()));
    });
    // What is being committed just now has no result yet that would be true.
    exit(i32::from(ending.exit_code()));
}

fn speak(speaker: &mut Speaker, ending: Ending, has_committed: bool) {
    if let Speaker::Words(write) = mem::replace(speaker, Speaker::Nobody) {
        let ended = match has_committed {
            true => NightError::EndedLate(ending),
            false => NightError::Ended { ending, work: None },
        };
        write(&ended);
    }
}
