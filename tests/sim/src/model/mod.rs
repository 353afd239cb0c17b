//! The objects of Nomad's HTTP API as a real 2.0.5 agent prints them.
//!
//! Everything here is data with a `Serialize` whose JSON has the keys, the nulls and the omissions of
//! the recordings: [`Allocation`] and [`Evaluation`] leave out fields with a zero value; stubs,
//! [`Job`], [`TaskState`], [`TaskEvent`], [`Deployment`] and [`Node`] always carry all their keys.
//! Fields are declared in the order of their JSON names, because the agent sorts keys.

mod alloc;
mod alloc_stub;
mod canonical;
mod deployment;
mod error;
mod eval;
mod job;
mod node;
mod resources;
mod spec;
mod summary;
mod task;
mod time;
mod version;

pub use alloc::{
    AllocState, Allocation, ClientStatus, DeploymentStatus, DesiredStatus, DesiredTransition,
    NetworkStatus, RescheduleEvent, RescheduleTracker,
};
pub use alloc_stub::AllocationStub;
pub use deployment::{Deployment, DeploymentState, DeploymentStatusText};
pub use error::ApiError;
pub use eval::{
    AllocMetric, DesiredUpdates, Evaluation, EvaluationStub, PlanAnnotations, ScoreMeta,
};
pub use job::{Job, JobStub};
pub use node::{Node, NodeStub};
pub use resources::TaskResources;
pub use spec::{
    Constraint, DelayFunction, Disconnect, Lifecycle, MigrateStrategy, Network, Port,
    ReschedulePolicy, RestartMode, RestartPolicy, Service, ServiceCheck, Task, TaskGroup,
    UpdateStrategy,
};
pub use summary::{GroupSummary, JobSummary};
pub use task::{EventKind, TaskEvent, TaskState, TaskStateKind};
pub use time::{Clock, Time, go_duration};
pub use version::Version;

/// For serde: is this value what Go calls zero?
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
