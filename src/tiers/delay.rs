//! How long another value of a dimension waits before it shows.

/// What a dimension waits for, in days.
///
/// | | shows at once | the snapshot has besides |
/// |---|---|---|
/// | `None` | every value | |
/// | `Grace` | a value that is not below the shown one | `_raw`, `_pending_since` |
/// | `Hold` | nothing else than the shown value | `_raw`, `_pending`, `_pending_since` |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delay {
    /// Nothing.
    #[default]
    None,
    /// A lower value shows once lower ones have held for so many days. Of 0 days it delays nothing,
    /// and is published all the same.
    Grace(u32),
    /// Another value shows once that very value has held for so many days; of 0 days likewise.
    Hold(u32),
}

impl Delay {
    /// The days; 0 delays nothing.
    pub fn days(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Grace(days) | Self::Hold(days) => days,
        }
    }

    /// Whether today's value and what waits are published next to the shown value.
    pub fn has_raw(self) -> bool {
        self != Self::None
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold(_) => "hold",
            Self::None | Self::Grace(_) => "grace",
        }
    }
}
