//! What the integration tests share.
//!
//! | module | gives |
//! |---|---|
//! | `command` | the real binary as a child process |
//! | `complete_journey` | a year of real orders and engagement, one Parquet file per day |
//! | `s3_server` | an S3 server that keeps S3's promises and counts its requests |

pub(crate) mod command;
pub(crate) mod complete_journey;
pub(crate) mod s3_server;
