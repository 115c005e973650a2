//! Deterministic sample data.
