//! How far back each model sees: tiles hold days whose raw files have expired, and nothing else
//! does.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::ground::TableName;

use super::days_had::{DaysBySource, all_of};
use super::facts::StoredHistory;
use super::out_of_reach::OutOfReach;
use super::rollups::RollupTiles;
use super::rules::HistoryStarts;
use super::{Facts, PlannedAction, scans};

/// What a night sees of expired days.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// From which day on models see them, where earlier ones were given up.
    pub history_starts: HistoryStarts,
    /// From which day on features that read staging directly see them by now.
    pub scan_starts: HistoryStarts,
    /// The tiles of every rollup.
    pub tiles: Vec<RollupTiles>,
    /// What the night needs, and nothing gives.
    pub out_of_reach: Vec<OutOfReach>,
}

impl Reach {
    /// Plans the tiles, and finds out what expired days keep from being had.
    pub(super) fn of(facts: &Facts, stored: StoredHistory, action: &PlannedAction) -> Self {
        let mut reach = Self {
            history_starts: facts.history_starts.clone(),
            ..Self::default()
        };
        for (inputs, tiles) in stored.rollups {
            let name = inputs.definition.rollup.clone();
            let given_up = reach.history_starts.remove(&name);
            // Today's rules see what there are tiles of, whatever had to be given up before.
            let start = given_up.filter(|_| facts.is_by_earlier_rules);
            let date = facts.snapshot_date;
            let tiles = RollupTiles::plan(inputs, &facts.visible, start, tiles, date);
            reach.plan_tiles(facts, &name, (tiles, start), given_up);
        }
        for (model, expired) in &stored.scans {
            reach.plan_scan(facts, model, expired, action);
        }
        reach
    }

    /// Has a rollup start later until stored tiles and raw files give its rows, as far as that may
    /// be.
    fn plan_tiles(
        &mut self,
        facts: &Facts,
        rollup: &TableName,
        (mut tiles, mut start): (RollupTiles, Option<NaiveDate>),
        given_up: Option<NaiveDate>,
    ) {
        while let Some(missing) = tiles.out_of_reach() {
            let needed = missing.start_after().filter(|needed| {
                facts.accepted.shorter_history || given_up.is_some_and(|start| *needed <= start)
            });
            let Some(needed) = needed else {
                self.out_of_reach.push(missing);
                break;
            };
            start = Some(needed);
            tiles = tiles.starting(&facts.visible, needed);
        }
        self.history_starts
            .extend(start.map(|start| (rollup.clone(), start)));
        self.tiles.push(tiles);
    }

    /// Decides on a feature that would read expired days of staging if they were there.
    fn plan_scan(
        &mut self,
        facts: &Facts,
        model: &TableName,
        expired: &DaysBySource,
        action: &PlannedAction,
    ) {
        let Some(start) = scans::start_after(expired) else {
            return;
        };
        // A date that is published already, and stays as it is, loses nothing.
        let lost = match action {
            PlannedAction::Replace { .. } => facts.had.lost(expired),
            PlannedAction::Publish | PlannedAction::Nothing { .. } => BTreeSet::new(),
        };
        let was_accepted = self.history_starts.contains_key(model);
        if !facts.accepted.shorter_history && (!was_accepted || !lost.is_empty()) {
            let days = match lost.is_empty() {
                true => all_of(expired),
                false => lost,
            };
            self.out_of_reach.push(scans::reading_staging(model, days));
            return;
        }
        // What was accepted stays accepted as more days expire: how far is decided again each night.
        self.history_starts.entry(model.clone()).or_insert(start);
        self.scan_starts.insert(model.clone(), start);
    }
}
