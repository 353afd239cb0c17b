//! Job summaries: how many allocations of each group are in which state.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts of one group's allocations by client state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupSummary {
    pub complete: u32,
    pub failed: u32,
    pub lost: u32,
    /// Wanted and not placed.
    pub queued: u32,
    pub running: u32,
    /// Placed and `pending`.
    pub starting: u32,
    pub unknown: u32,
}

/// Child jobs of a periodic or parameterized job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChildSummary {
    pub dead: u32,
    pub pending: u32,
    pub running: u32,
}

/// `GET /v1/job/:id/summary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobSummary {
    pub children: ChildSummary,
    pub create_index: u64,
    #[serde(rename = "JobID")]
    pub job_id: String,
    pub modify_index: u64,
    pub namespace: String,
    /// By group name.
    pub summary: BTreeMap<String, GroupSummary>,
}
