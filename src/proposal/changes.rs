//! What new cut points change: the cut points of each metric, and the users of each value.

use serde::Serialize;

use crate::calibration::CutPoints;

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricChange {
    /// The old cut points with the users of today.
    pub old: Option<CutPoints>,
    /// The new cut points, with the users of today.
    pub new: CutPoints,
}

/// A column whose values depend on cut points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The column.
    pub name: String,
    /// How many users have another value under the new cut points.
    pub changed: u64,
    /// Its values, the unknown ones last.
    pub values: Vec<String>,
    /// Users by their values under the old and the new cut points.
    pub flows: Vec<ValueFlow>,
}

/// Users with one value under the old cut points and one under the new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueFlow {
    /// The value under the old cut points; none for users without one.
    pub from: Option<String>,
    /// The value under the new ones.
    pub to: Option<String>,
    /// How many users.
    pub users: u64,
}

impl ValueChange {
    /// How many users there are.
    pub fn users(&self) -> u64 {
        self.flows.iter().map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the old cut points.
    pub fn old_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let from = flows.filter(|flow| flow.from.as_deref() == value);
        from.map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the new cut points.
    pub fn new_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let to = flows.filter(|flow| flow.to.as_deref() == value);
        to.map(|flow| flow.users).sum()
    }
}
