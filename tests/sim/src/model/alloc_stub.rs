//! Allocations as lists show them: all keys, whatever their values.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::alloc::Allocation;

/// Element of `GET /v1/job/:id/allocations` and `GET /v1/allocations`.
#[derive(Clone, Copy, Debug)]
pub struct AllocationStub<'a> {
    allocation: &'a Allocation,
    resources: bool,
    task_states: bool,
}

impl<'a> AllocationStub<'a> {
    pub(super) fn of(allocation: &'a Allocation) -> Self {
        Self {
            allocation,
            resources: false,
            task_states: true,
        }
    }

    /// With `AllocatedResources` (`resources=true`).
    #[must_use]
    pub fn with_resources(mut self, yes: bool) -> Self {
        self.resources = yes;
        self
    }

    /// With `TaskStates`, the default; `null` without (`task_states=false`).
    #[must_use]
    pub fn with_task_states(mut self, yes: bool) -> Self {
        self.task_states = yes;
        self
    }
}

impl Serialize for AllocationStub<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let a = self.allocation;
        let mut map = serializer.serialize_map(None)?;
        if self.resources {
            map.serialize_entry("AllocatedResources", &a.resources.allocated)?;
        }
        map.serialize_entry("ClientDescription", a.client_description)?;
        map.serialize_entry("ClientStatus", &a.client)?;
        map.serialize_entry("CreateIndex", &a.create_index)?;
        map.serialize_entry("CreateTime", &a.create_time.nanos())?;
        map.serialize_entry("DeploymentStatus", &a.health)?;
        map.serialize_entry("DesiredDescription", a.desired_description)?;
        map.serialize_entry("DesiredStatus", &a.desired)?;
        map.serialize_entry("DesiredTransition", &a.transition)?;
        map.serialize_entry("EvalID", &a.eval_id)?;
        map.serialize_entry("FollowupEvalID", &a.followup_eval)?;
        map.serialize_entry("ID", &a.id)?;
        map.serialize_entry("JobID", &a.job.id)?;
        map.serialize_entry("JobType", &a.job.kind)?;
        map.serialize_entry("JobVersion", &a.job.version)?;
        map.serialize_entry("ModifyIndex", &a.modify_index)?;
        map.serialize_entry("ModifyTime", &a.modify_time.nanos())?;
        map.serialize_entry("Name", &a.name)?;
        map.serialize_entry("Namespace", &a.namespace)?;
        map.serialize_entry("NextAllocation", &a.next)?;
        map.serialize_entry("NodeID", &a.node_id)?;
        map.serialize_entry("NodeName", &a.node_name)?;
        map.serialize_entry("PreemptedAllocations", &())?;
        map.serialize_entry("PreemptedByAllocation", "")?;
        map.serialize_entry("RescheduleTracker", &a.tracker)?;
        map.serialize_entry("TaskGroup", &a.group)?;
        let states = a.task_states.as_ref().filter(|_| self.task_states);
        map.serialize_entry("TaskStates", &states)?;
        map.end()
    }
}
