//! Which fields of the stored objects filter expressions can name.

use serde::Serialize;
use serde_json::Value;

use super::filter::Fields;
use crate::model::{Allocation, Deployment, Evaluation, Job, Node};

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

impl Fields for Allocation {
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "ID" => value(&self.id),
            "Namespace" => value(&self.namespace),
            "EvalID" => value(&self.eval_id),
            "Name" => value(&self.name),
            "NodeID" => value(&self.node_id),
            "NodeName" => value(&self.node_name),
            "JobID" => value(&self.job.id),
            "Job" => value(&*self.job),
            "TaskGroup" => value(&self.group),
            "DesiredStatus" => value(self.desired),
            "DesiredDescription" => value(self.desired_description),
            "DesiredTransition" => value(self.transition),
            "ClientStatus" => value(self.client),
            "ClientDescription" => value(self.client_description),
            "TaskStates" => value(&self.task_states),
            "NextAllocation" => value(&self.next),
            "PreviousAllocation" => value(&self.previous),
            "DeploymentID" => value(&self.deployment_id),
            "DeploymentStatus" => value(&self.health),
            "RescheduleTracker" => value(&self.tracker),
            "FollowupEvalID" => value(&self.followup_eval),
            "Metrics" => value(&*self.metrics),
            "AllocatedResources" => self.resources.allocated.clone(),
            "NetworkStatus" => value(&self.network),
            "PreemptedAllocations" => Value::Null,
            "PreemptedByAllocation" => value(""),
            "CreateIndex" => value(self.create_index),
            "ModifyIndex" => value(self.modify_index),
            "AllocModifyIndex" => value(self.alloc_modify_index),
            "CreateTime" => value(self.create_time.nanos()),
            "ModifyTime" => value(self.modify_time.nanos()),
            _ => return None,
        })
    }
}

impl Fields for Job {
    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "ID" => Some(value(&self.id)),
            "ParentID" => Some(value(&self.parent_id)),
            "Status" => Some(value(self.status)),
            _ => match value(self) {
                Value::Object(mut map) => map.remove(name),
                _ => None,
            },
        }
    }
}

impl Fields for Evaluation {
    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "JobID" => return Some(value(&self.job_id)),
            "Status" => return Some(value(self.status)),
            _ => {}
        }
        match value(self) {
            Value::Object(mut map) => map.remove(name).or_else(|| empty_field(name)),
            _ => None,
        }
    }
}

/// Fields that the JSON of an evaluation leaves out while they are empty, but that can be selected.
fn empty_field(name: &str) -> Option<Value> {
    match name {
        "BlockedEval" | "DeploymentID" | "LeaderACL" | "NextEval" | "NodeID" | "PreviousEval"
        | "QuotaLimitReached" | "StatusDescription" => Some(value("")),
        "JobModifyIndex" | "NodeModifyIndex" | "SnapshotIndex" | "Wait" => Some(value(0)),
        "AnnotatePlan" | "EscapedComputedClass" | "MissingNonNodeResources" => Some(value(false)),
        "ClassEligibility" | "FailedTGAllocs" | "PlanAnnotations" | "QueuedAllocations"
        | "RelatedEvals" | "WaitUntil" => Some(Value::Null),
        _ => None,
    }
}

impl Fields for Deployment {
    fn field(&self, name: &str) -> Option<Value> {
        value(self).get(name).cloned()
    }
}

impl Fields for Node {
    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "ID" => Some(value(&self.id)),
            "Name" => Some(value(&self.name)),
            "Status" => Some(value(self.status)),
            _ => value(self).get(name).cloned(),
        }
    }
}
