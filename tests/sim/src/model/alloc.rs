//! Allocations: the full object, which leaves out zero fields, and the list stub, which does not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::alloc_stub::AllocationStub;
use super::eval::AllocMetric;
use super::is_zero;
use super::job::Job;
use super::resources::TaskResources;
use super::spec::TaskGroup;
use super::task::TaskState;
use super::time::{Time, as_nanos};

/// What the servers want of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DesiredStatus {
    Run,
    Stop,
    Evict,
}

/// What the node says about an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientStatus {
    Pending,
    Running,
    Complete,
    Failed,
    Lost,
    Unknown,
}

impl ClientStatus {
    /// Complete, failed or lost.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Lost)
    }
}

/// What an operator or a drain asked of the scheduler for one allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesiredTransition {
    pub force_reschedule: Option<bool>,
    pub migrate: Option<bool>,
    pub migrate_disable_placement: Option<bool>,
    pub no_shutdown_delay: Option<bool>,
    pub reschedule: Option<bool>,
}

/// Health of an allocation as its node judged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeploymentStatus {
    pub canary: bool,
    pub healthy: Option<bool>,
    pub modify_index: u64,
    pub timestamp: Option<Time>,
}

/// One change of an allocation's client status that the servers made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AllocState {
    /// 0 is the client status.
    pub field: u8,
    pub time: Time,
    pub value: &'static str,
}

impl AllocState {
    /// A client status from this moment on.
    pub fn new(value: &'static str, time: Time) -> Self {
        Self {
            field: 0,
            time,
            value,
        }
    }
}

/// One reschedule in the history of an allocation's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RescheduleEvent {
    /// Nanoseconds.
    pub delay: i64,
    #[serde(rename = "PrevAllocID")]
    pub prev_alloc_id: String,
    #[serde(rename = "PrevNodeID")]
    pub prev_node_id: String,
    #[serde(serialize_with = "as_nanos")]
    pub reschedule_time: Time,
}

/// The reschedules that led to an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RescheduleTracker {
    pub events: Vec<RescheduleEvent>,
    pub last_reschedule: &'static str,
}

/// Address of an allocation in bridge networking; empty in host networking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NetworkStatus {
    #[serde(rename = "Address")]
    pub address: &'static str,
    #[serde(rename = "AddressIPv6")]
    pub address_ipv6: &'static str,
    #[serde(rename = "DNS")]
    pub dns: Option<()>,
    #[serde(rename = "InterfaceName")]
    pub interface_name: &'static str,
}

/// An allocation. Serializes as in the event stream: without its job and without zero fields;
/// [`Allocation::with_job`] is the answer of `GET /v1/allocation/:id`.
#[derive(Clone, Debug)]
pub struct Allocation {
    pub id: String,
    pub namespace: String,
    pub eval_id: String,
    /// `job.group[index]`.
    pub name: String,
    pub node_id: String,
    pub node_name: String,
    /// The job as it was when this was placed.
    pub job: Arc<Job>,
    pub group: String,
    pub resources: Arc<TaskResources>,
    pub metrics: Arc<AllocMetric>,
    pub desired: DesiredStatus,
    pub desired_description: &'static str,
    pub transition: DesiredTransition,
    pub client: ClientStatus,
    pub client_description: &'static str,
    /// Filled by the loss of a node that is sat out.
    pub states: Vec<AllocState>,
    /// `None` until the node reports for the first time.
    pub task_states: Option<BTreeMap<String, Arc<TaskState>>>,
    pub network: Option<NetworkStatus>,
    pub previous: String,
    pub next: String,
    pub deployment_id: String,
    pub health: Option<DeploymentStatus>,
    pub tracker: Option<RescheduleTracker>,
    pub followup_eval: String,
    pub signing_key: Arc<str>,
    pub create_index: u64,
    pub modify_index: u64,
    /// Last change made by the servers, not by the node.
    pub alloc_modify_index: u64,
    pub create_time: Time,
    pub modify_time: Time,
}

impl Allocation {
    /// Desired status stop or evict.
    pub fn server_terminal(&self) -> bool {
        self.desired != DesiredStatus::Run
    }

    /// Ended, or wanted to end.
    pub fn terminal(&self) -> bool {
        self.server_terminal() || self.client.is_terminal()
    }

    /// The group as it was when this was placed.
    pub fn spec(&self) -> Option<&TaskGroup> {
        self.job.group(&self.group)
    }

    /// The number in the name.
    pub fn name_index(&self) -> Option<u32> {
        let (_, number) = self.name.strip_suffix(']')?.rsplit_once('[')?;
        number.parse().ok()
    }

    /// Health set to true.
    pub fn healthy(&self) -> Option<bool> {
        self.health.as_ref().and_then(|health| health.healthy)
    }

    /// Part of a canary.
    pub fn is_canary(&self) -> bool {
        self.health.as_ref().is_some_and(|health| health.canary)
    }

    /// The full object with its `Job`.
    pub fn with_job(&self) -> AllocationWithJob<'_> {
        AllocationWithJob(self)
    }

    /// The element of the lists, all keys but `AllocatedResources`.
    pub fn stub(&self) -> AllocationStub<'_> {
        AllocationStub::of(self)
    }

    fn serialize_fields<S: Serializer>(
        &self,
        serializer: S,
        with_job: bool,
    ) -> Result<S::Ok, S::Error> {
        let job = with_job.then(|| Arc::clone(&self.job));
        Wire {
            alloc_modify_index: self.alloc_modify_index,
            alloc_states: &self.states,
            allocated_resources: &self.resources.allocated,
            client_description: self.client_description,
            client_status: self.client,
            create_index: self.create_index,
            create_time: self.create_time,
            deployment_id: &self.deployment_id,
            deployment_status: self.health.as_ref(),
            desired_description: self.desired_description,
            desired_status: self.desired,
            desired_transition: self.transition,
            eval_id: &self.eval_id,
            followup_eval_id: &self.followup_eval,
            id: &self.id,
            job: job.as_deref(),
            job_id: &self.job.id,
            metrics: &self.metrics,
            modify_index: self.modify_index,
            modify_time: self.modify_time,
            name: &self.name,
            namespace: &self.namespace,
            network_status: self.network.as_ref(),
            next_allocation: &self.next,
            node_id: &self.node_id,
            node_name: &self.node_name,
            previous_allocation: &self.previous,
            reschedule_tracker: self.tracker.as_ref(),
            resources: &self.resources.total,
            shared_resources: &self.resources.shared,
            signing_key_id: &self.signing_key,
            task_group: &self.group,
            task_resources: &self.resources.tasks,
            task_states: self.task_states.as_ref(),
        }
        .serialize(serializer)
    }
}

impl Serialize for Allocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_fields(serializer, false)
    }
}

/// [`Allocation::with_job`].
#[derive(Clone, Copy, Debug)]
pub struct AllocationWithJob<'a>(&'a Allocation);

impl Serialize for AllocationWithJob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_fields(serializer, true)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Wire<'a> {
    alloc_modify_index: u64,
    #[serde(skip_serializing_if = "<[AllocState]>::is_empty")]
    alloc_states: &'a [AllocState],
    allocated_resources: &'a Value,
    #[serde(skip_serializing_if = "is_zero")]
    client_description: &'a str,
    client_status: ClientStatus,
    create_index: u64,
    #[serde(serialize_with = "as_nanos")]
    create_time: Time,
    #[serde(rename = "DeploymentID", skip_serializing_if = "is_zero")]
    deployment_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_status: Option<&'a DeploymentStatus>,
    #[serde(skip_serializing_if = "is_zero")]
    desired_description: &'a str,
    desired_status: DesiredStatus,
    #[serde(skip_serializing_if = "is_zero")]
    desired_transition: DesiredTransition,
    #[serde(rename = "EvalID")]
    eval_id: &'a str,
    #[serde(rename = "FollowupEvalID", skip_serializing_if = "is_zero")]
    followup_eval_id: &'a str,
    #[serde(rename = "ID")]
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a Job>,
    #[serde(rename = "JobID")]
    job_id: &'a str,
    metrics: &'a AllocMetric,
    modify_index: u64,
    #[serde(serialize_with = "as_nanos")]
    modify_time: Time,
    name: &'a str,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network_status: Option<&'a NetworkStatus>,
    #[serde(skip_serializing_if = "is_zero")]
    next_allocation: &'a str,
    #[serde(rename = "NodeID")]
    node_id: &'a str,
    node_name: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    previous_allocation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reschedule_tracker: Option<&'a RescheduleTracker>,
    resources: &'a Value,
    shared_resources: &'a Value,
    #[serde(rename = "SigningKeyID")]
    signing_key_id: &'a str,
    task_group: &'a str,
    task_resources: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_states: Option<&'a BTreeMap<String, Arc<TaskState>>>,
}
