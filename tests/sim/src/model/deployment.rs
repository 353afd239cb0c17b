//! Deployments: the watched roll-out of one job version.

use std::collections::BTreeMap;

use serde::Serialize;

use super::time::{Time, as_nanos};

/// Status of a deployment with the description that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentStatusText {
    Running,
    Successful,
    FailedByUnhealthy,
    FailedByProgress,
    CancelledByNewVersion,
    CancelledByStop,
}

impl DeploymentStatusText {
    /// `Status`.
    pub fn status(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Successful => "successful",
            Self::FailedByUnhealthy | Self::FailedByProgress => "failed",
            Self::CancelledByNewVersion | Self::CancelledByStop => "cancelled",
        }
    }

    /// `StatusDescription`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Running => "Deployment is running",
            Self::Successful => "Deployment completed successfully",
            Self::FailedByUnhealthy => "Failed due to unhealthy allocations",
            Self::FailedByProgress => "Failed due to progress deadline",
            Self::CancelledByNewVersion => "Cancelled due to newer version of job",
            Self::CancelledByStop => "Cancelled because job is stopped",
        }
    }
}

/// One group of a deployment; all keys are always present. Durations in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeploymentState {
    pub auto_promote: bool,
    pub auto_revert: bool,
    pub desired_canaries: u32,
    pub desired_total: u32,
    pub healthy_allocs: u32,
    pub placed_allocs: u32,
    pub placed_canaries: Option<Vec<String>>,
    pub progress_deadline: i64,
    pub promoted: bool,
    pub require_progress_by: Option<Time>,
    pub unhealthy_allocs: u32,
}

/// A deployment; all keys are always present.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deployment {
    pub create_index: u64,
    #[serde(serialize_with = "as_nanos")]
    pub create_time: Time,
    pub eval_priority: i64,
    #[serde(rename = "ID")]
    pub id: String,
    pub is_multiregion: bool,
    pub job_create_index: u64,
    #[serde(rename = "JobID")]
    pub job_id: String,
    pub job_modify_index: u64,
    pub job_spec_modify_index: u64,
    pub job_version: u64,
    pub modify_index: u64,
    #[serde(serialize_with = "as_nanos")]
    pub modify_time: Time,
    pub namespace: String,
    pub status: &'static str,
    pub status_description: &'static str,
    /// By group name.
    pub task_groups: BTreeMap<String, DeploymentState>,
}

impl Deployment {
    /// Neither successful nor failed nor cancelled.
    pub fn is_active(&self) -> bool {
        !matches!(self.status, "successful" | "failed" | "cancelled")
    }

    /// Sets status and description together.
    pub fn set_status(&mut self, text: DeploymentStatusText) {
        self.status = text.status();
        self.status_description = text.description();
    }
}
