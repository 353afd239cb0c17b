//! What is known of the job: its allocations, its newest deployment, its blocked evaluations.
//!
//! A pure reducer: [`JobView::apply`] folds one [`Change`] after the other, whatever their source (a list, one allocation read on
//! its own, later the event stream) and whatever their order. News is judged per object by its `ModifyIndex`, so that an answer that
//! was overtaken on its way changes nothing. Only `watch` writes it; `rules` reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::nomad::json::{AllocId, Allocation, Deployment, Evaluation, Job};

/// All that is known of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobView {
    pub(crate) job: JobState,
    pub(crate) allocations: BTreeMap<AllocId, Arc<Allocation>>,
    /// Allocations that were known and that the server no longer has (garbage-collected or purged).
    pub(crate) gone: BTreeSet<AllocId>,
    /// The newest deployment of the job.
    pub(crate) deployment: Option<Deployment>,
    /// Evaluations that could not place everything, by id, newest state.
    pub(crate) blocked: BTreeMap<String, Evaluation>,
}

/// What is known of the job itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum JobState {
    /// Not read yet.
    #[default]
    Unread,
    Known(Arc<Job>),
    /// The server has no such job any more.
    Purged,
}

/// One piece of news.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Everything the server has of the job's allocations: what is not in it is gone.
    Snapshot(Vec<Allocation>),
    /// One allocation.
    Allocation(Box<Allocation>),
    /// The server does not know this allocation any more.
    Gone(AllocId),
    Job(Arc<Job>),
    JobPurged,
    /// The newest deployment, or that there is none.
    Deployment(Option<Deployment>),
    /// All evaluations of the job that are blocked now: what is not in it is no longer blocked.
    Blocked(Vec<Evaluation>),
}
