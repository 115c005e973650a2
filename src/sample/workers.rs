//! The days of a sample, shared among threads.
//!
//! In: a spec and a root folder. Out: every partition below it, and the totals. Workers take the
//! next day from a [`DayQueue`] until it is empty, or one of them fails.

use std::ops::AddAssign;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chrono::NaiveDate;

use super::calendar::Day;
use super::lives::{self, Life};
use super::spec::SampleSpec;
use super::{SampleError, days, files, tables};

/// How much a sample holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleTotals {
    /// Users who registered.
    pub users: u64,
    /// Orders, counting or not.
    pub orders: u64,
    /// Engagement events, active and passive.
    pub events: u64,
}

impl AddAssign for SampleTotals {
    fn add_assign(&mut self, other: Self) {
        self.users += other.users;
        self.orders += other.orders;
        self.events += other.events;
    }
}

/// Planned lives and where their days are written.
pub(super) struct Sample<'a> {
    spec: &'a SampleSpec,
    root: &'a Path,
    lives: Vec<Life>,
}

impl<'a> Sample<'a> {
    pub(super) fn plan(spec: &'a SampleSpec, root: &'a Path) -> Self {
        Self {
            spec,
            root,
            lives: lives::plan(spec),
        }
    }

    pub(super) fn write(
        &self,
        worker_count: usize,
        progress: &(dyn Fn(NaiveDate) + Sync),
    ) -> Result<SampleTotals, SampleError> {
        self.write_users()?;
        let mut totals = SampleTotals {
            users: self.lives.len() as u64,
            ..SampleTotals::default()
        };
        let queue = DayQueue::new(self.spec.days().collect());
        thread::scope(|scope| {
            let spawn = |_| scope.spawn(|| self.work_off(&queue, progress));
            let workers: Vec<_> = (0..worker_count).map(spawn).collect();
            for worker in workers {
                totals += worker.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            }
            Ok(totals)
        })
    }

    /// The partitions of `users`; a day on which nobody registered has none.
    fn write_users(&self) -> Result<(), SampleError> {
        let by_day = self
            .lives
            .chunk_by(|one, next| one.registered_on == next.registered_on);
        for newcomers in by_day {
            let date = newcomers[0].registered_on;
            let users = tables::users(date, newcomers, self.spec.user_ids)?;
            files::write(&users, self.root)?;
        }
        Ok(())
    }

    fn work_off(
        &self,
        queue: &DayQueue,
        progress: &(dyn Fn(NaiveDate) + Sync),
    ) -> Result<SampleTotals, SampleError> {
        let mut totals = SampleTotals::default();
        while let Some(date) = queue.take() {
            totals += self.write_day(date).inspect_err(|_| queue.close())?;
            progress(date);
        }
        Ok(totals)
    }

    /// The partitions of `orders` and `engagement` for one day.
    pub(super) fn write_day(&self, date: NaiveDate) -> Result<SampleTotals, SampleError> {
        let day = Day::on(date);
        let rows = days::live(&day, &self.lives, self.spec.seed);
        let orders = tables::orders(date, &rows.orders, self.spec.user_ids)?;
        let engagement = tables::engagement(date, &rows.events, self.spec.user_ids)?;
        files::write(&orders, self.root)?;
        files::write(&engagement, self.root)?;
        Ok(SampleTotals {
            users: 0,
            orders: rows.orders.len() as u64,
            events: rows.events.len() as u64,
        })
    }
}

/// Days, and how many of them are taken.
struct DayQueue {
    days: Vec<NaiveDate>,
    taken: AtomicUsize,
}

impl DayQueue {
    fn new(days: Vec<NaiveDate>) -> Self {
        Self {
            days,
            taken: AtomicUsize::new(0),
        }
    }

    fn take(&self) -> Option<NaiveDate> {
        let next = self.taken.fetch_add(1, Ordering::Relaxed);
        self.days.get(next).copied()
    }

    /// Lets nobody take another day.
    fn close(&self) {
        self.taken.store(self.days.len(), Ordering::Relaxed);
    }
}
