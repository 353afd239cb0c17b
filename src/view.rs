//! What is known of the job: its allocations, its newest deployment, its blocked evaluations.
//!
//! A pure reducer: [`JobView::apply`] folds one [`Change`] after the other, whatever their source (a list, one allocation read on
//! its own, the event stream) and whatever their order. News is judged per object by its `ModifyIndex`, so that an answer that
//! was overtaken on its way changes nothing. Only `watch` writes it; `rules` reads it.
//!
//! Two moments go with each piece of news. `asked` is when its question was sent (of the event stream: when the feed began): the
//! news was true then or later. `now` is when it is folded in. The first tells how fresh knowledge is ([`JobView::confirmed`]), the
//! second since when a state is known ([`JobView::at_rest_since`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use crate::nomad::json::{
    AllocId, Allocation, CheckResults, Deployment, DesiredStatus, Evaluation, Job,
};

mod fold;
mod health;
mod links;
mod merge;

pub(crate) use fold::is_active;
pub(crate) use health::{Check, Checks, Unread};
use merge::says_nothing_new;

#[cfg(test)]
mod tests;

/// All that is known of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobView {
    pub(crate) job: JobState,
    pub(crate) allocations: BTreeMap<AllocId, Arc<Allocation>>,
    /// The newest deployment of the job.
    pub(crate) deployment: Option<Deployment>,
    /// Evaluations that wait because they could not place everything, by id.
    pub(crate) blocked: BTreeMap<String, Evaluation>,
    /// Allocations that were known and that the server no longer has (garbage-collected or purged): ids are never used again.
    gone: BTreeMap<AllocId, Gone>,
    /// Allocations by name, in the order of their creation (its index); gone ones too, since chains lead through them.
    names: BTreeSet<(Arc<str>, u64, AllocId)>,
    /// Replacement to the allocation that names it.
    predecessors: BTreeMap<AllocId, AllocId>,
    /// Since when an allocation that will not run (again) is known to be as it is.
    at_rest: BTreeMap<AllocId, Instant>,
    /// Since when the tasks of an allocation are known to be as they are; of those that the first list told of, only if that changed.
    unchanged: BTreeMap<AllocId, Instant>,
    /// What the checks of allocations said last, since the newest start of one of their tasks.
    checks: BTreeMap<AllocId, Checks>,
    /// When the last answer about one allocation alone was asked for.
    read: BTreeMap<AllocId, Instant>,
    /// The newest list: when it was asked for, and its index.
    listed: Option<(Instant, u64)>,
    /// The highest index heard of.
    index: u64,
    /// Creation and modification of the newest job heard of, also of one that was purged since.
    job_index: (u64, u64),
    /// When the newest answer about the job itself was asked for.
    job_read: Option<Instant>,
    /// Evaluations that were blocked once, and the index at which they no longer were.
    unblocked: BTreeMap<String, u64>,
    /// Allocations known from before the server's indexes went back: any news is newer.
    rewound: BTreeSet<AllocId>,
}

/// What is left of an allocation that the server no longer has.
#[derive(Clone, Debug)]
struct Gone {
    since: Instant,
    /// `None` if it was never seen.
    last: Option<Arc<Allocation>>,
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
    /// Everything the server has of the job's allocations at `index` (the list's `X-Nomad-Index`). What is not in it and was last
    /// changed at or before `index` is gone; what is known from a later index was created after this list was made, and stays.
    /// `index` 0 (no header) removes nothing.
    Snapshot {
        index: u64,
        allocations: Vec<Arc<Allocation>>,
    },
    /// One allocation.
    Allocation(Box<Allocation>),
    /// The server does not know this allocation any more.
    Gone(AllocId),
    /// What the checks of an allocation say now, or why that could not be read.
    Checks(AllocId, Result<CheckResults, Unread>),
    Job(Arc<Job>),
    /// The server has no such job: it, its allocations and its deployments are gone.
    JobPurged,
    /// The newest deployment, or that there is none.
    Deployment(Option<Deployment>),
    /// All evaluations of the job that are blocked at `index` (the list's `X-Nomad-Index`): what is not in it and was last changed
    /// at or before `index` is no longer blocked. `index` 0 (no header) counts as the newest.
    Blocked {
        index: u64,
        evaluations: Vec<Evaluation>,
    },
    /// One evaluation, in any status.
    Evaluation(Box<Evaluation>),
    /// The server's indexes went back (its state was restored): whatever comes next is newer than what is known.
    Rewound,
}

/// What became different through a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Allocations that are new, different or gone. Each once.
    pub(crate) allocations: Vec<AllocId>,
    /// Allocations of whose checks there is an answer.
    pub(crate) checks: Vec<AllocId>,
    pub(crate) job: bool,
    pub(crate) deployment: bool,
    pub(crate) evaluations: bool,
}

impl Changed {
    /// Whether nothing became different.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl JobView {
    /// Whether the server no longer has this allocation.
    pub(crate) fn is_gone(&self, id: &str) -> bool {
        self.gone.contains_key(id)
    }

    /// What is known of an allocation, if this news of it would change nothing: it can take the place of the news.
    pub(crate) fn same(&self, news: &Allocation) -> Option<Arc<Allocation>> {
        let known = self.allocations.get(&news.id)?;
        let is_old = self.rewound.contains(&news.id);
        (!is_old && says_nothing_new(known, news)).then(|| Arc::clone(known))
    }

    /// The allocation, as it is or, if it is gone, as it was seen last.
    pub(crate) fn last_known(&self, id: &str) -> Option<&Arc<Allocation>> {
        self.allocations
            .get(id)
            .or_else(|| self.gone.get(id).and_then(|gone| gone.last.as_ref()))
    }

    /// Since when an allocation that will not run (again) is known to be as it is: stopped, ended on its node, or gone. `None` for
    /// one that runs or may still do so.
    pub(crate) fn at_rest_since(&self, id: &str) -> Option<Instant> {
        match self.gone.get(id) {
            Some(gone) => Some(gone.since),
            None => self.at_rest.get(id).copied(),
        }
    }

    /// The moment at which what is known of this allocation was surely still true. `None` if it is not known.
    pub(crate) fn confirmed(&self, id: &str) -> Option<Instant> {
        let allocation = self.allocations.get(id)?;
        let listed = self
            .listed
            .filter(|(_, index)| *index >= allocation.modify_index)
            .map(|(asked, _)| asked);
        listed.max(self.read.get(id).copied())
    }

    /// When the newest list was asked for: all allocations that existed then are known.
    pub(crate) fn listed(&self) -> Option<Instant> {
        self.listed.map(|(asked, _)| asked)
    }

    /// The highest index that anything known carries: what is created later has a higher one.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// The highest index among the allocations. A list of them that is asked for now has at least this one.
    pub(crate) fn newest_allocation(&self) -> Option<u64> {
        self.allocations.values().map(|it| it.modify_index).max()
    }

    /// Whether somebody stopped the job, or purged it.
    pub(crate) fn job_ended(&self) -> bool {
        match &self.job {
            JobState::Unread => false,
            JobState::Known(job) => job.stop,
            JobState::Purged => true,
        }
    }
}

/// Whether this allocation will not run again as far as the server and its node say: only a successor can.
fn rests(allocation: &Allocation) -> bool {
    matches!(
        allocation.desired_status,
        DesiredStatus::Stop | DesiredStatus::Evict
    ) || allocation.client_status.is_terminal()
}

/// The type of the job that an allocation belongs to; empty if nothing tells it.
pub(crate) fn job_type<'a>(view: &'a JobView, allocation: &'a Allocation) -> &'a str {
    if !allocation.job_type.is_empty() {
        return &allocation.job_type;
    }
    match (&allocation.job, &view.job) {
        (Some(job), _) | (None, JobState::Known(job)) => &job.kind,
        (None, JobState::Unread | JobState::Purged) => "",
    }
}
