//! What is known of the job: its allocations, its newest deployment, its blocked evaluations.
//!
//! A pure reducer: [`JobView::apply`] folds one [`Change`] after the other, whatever their source (a list, one allocation read on
//! its own, later the event stream) and whatever their order. News is judged per object by its `ModifyIndex`, so that an answer that
//! was overtaken on its way changes nothing. Only `watch` writes it; `rules` reads it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use crate::nomad::json::{AllocId, Allocation, Deployment, DesiredStatus, Evaluation, Job};

/// All that is known of one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobView {
    job: JobState,
    allocations: BTreeMap<AllocId, Known>,
    /// Allocations that the server no longer has (garbage-collected or purged), as they were last seen, if they were.
    gone: BTreeMap<AllocId, Option<Arc<Allocation>>>,
    /// Replacements carry the name of what they replace.
    by_name: HashMap<Arc<str>, Vec<AllocId>>,
    /// Everything that some allocation names as its replacement.
    linked: HashSet<AllocId>,
    deployment: Option<Deployment>,
    blocked: BTreeMap<String, Evaluation>,
    /// The index of the last snapshot.
    index: u64,
}

/// An allocation, and when its present state was first seen.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) allocation: Arc<Allocation>,
    pub(crate) since: Instant,
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
    /// Everything the server has of the job's allocations at this index: what is not in it is gone.
    Snapshot {
        index: u64,
        allocations: Vec<Allocation>,
    },
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

/// What a change made different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    allocations: Vec<AllocId>,
    whole_job: bool,
}

impl Changed {
    /// The allocations that are different now.
    pub(crate) fn allocations(&self) -> &[AllocId] {
        &self.allocations
    }

    /// Whether it concerns every allocation: the job, its deployment, its evaluations.
    pub(crate) fn whole_job(&self) -> bool {
        self.whole_job
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.allocations.is_empty() && !self.whole_job
    }
}

impl JobView {
    /// Folds news in; `now` is when it came.
    pub(crate) fn apply(&mut self, change: Change, now: Instant) -> Changed {
        let mut changed = Changed::default();
        match change {
            Change::Snapshot { index, allocations } => {
                self.snapshot(index, allocations, now, &mut changed)
            }
            Change::Allocation(allocation) => {
                self.put(*allocation, now, false, &mut changed);
            }
            Change::Gone(id) => self.bury(&id, &mut changed),
            Change::Job(job) => changed.whole_job = self.put_job(job),
            Change::JobPurged => {
                changed.whole_job = self.job != JobState::Purged;
                self.job = JobState::Purged;
            }
            Change::Deployment(news) => changed.whole_job = self.put_deployment(news),
            Change::Blocked(evaluations) => {
                let blocked = evaluations
                    .into_iter()
                    .map(|it| (it.id.clone(), it))
                    .collect();
                changed.whole_job = self.blocked != blocked;
                self.blocked = blocked;
            }
        }
        changed
    }

    /// An allocation that the server has.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Allocation>> {
        self.known(id).map(|known| &known.allocation)
    }

    /// An allocation that the server has, and since when it is as it is.
    pub(crate) fn known(&self, id: &str) -> Option<&Known> {
        self.allocations.get(id)
    }

    /// Every allocation that the server has, in the order of their ids.
    pub(crate) fn allocations(&self) -> impl Iterator<Item = &Arc<Allocation>> {
        self.allocations.values().map(|known| &known.allocation)
    }

    /// Whether the server had this allocation and has it no longer.
    pub(crate) fn is_gone(&self, id: &str) -> bool {
        self.gone.contains_key(id)
    }

    /// The index of the last list.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    pub(crate) fn job(&self) -> &JobState {
        &self.job
    }

    /// The newest deployment of the job.
    pub(crate) fn deployment(&self) -> Option<&Deployment> {
        self.deployment.as_ref()
    }

    /// Evaluations that could not place everything and wait for room.
    pub(crate) fn blocked(&self) -> impl Iterator<Item = &Evaluation> {
        self.blocked.values()
    }

    /// What took an allocation's place: the link, or, where a blocked evaluation placed it later and Nomad sets no link, a newer
    /// allocation of the same name that is nobody else's replacement.
    pub(crate) fn successor(&self, id: &str) -> Option<AllocId> {
        let own = match self.get(id) {
            Some(allocation) => allocation,
            None => self.gone.get(id)?.as_ref()?,
        };
        if !own.next_allocation.is_empty() {
            return Some(Arc::clone(&own.next_allocation));
        }
        if own.desired_status == DesiredStatus::Run && self.get(id).is_some() {
            return None;
        }
        self.by_name
            .get(&own.name)?
            .iter()
            .filter_map(|other| self.get(other))
            .filter(|other| {
                other.create_index > own.create_index
                    && other.task_group == own.task_group
                    // The allocations of a system job all have one name.
                    && (&*own.job_type != "system" || other.node_id == own.node_id)
                    && other.previous_allocation.is_empty()
                    && !self.linked.contains(&other.id)
            })
            .min_by_key(|other| other.create_index)
            .map(|other| Arc::clone(&other.id))
    }

    /// The end of an allocation's chain of replacements; the allocation itself when nothing took its place.
    pub(crate) fn last_successor(&self, id: &AllocId) -> AllocId {
        let mut last = Arc::clone(id);
        let mut seen = HashSet::from([Arc::clone(id)]);
        while let Some(next) = self.successor(&last) {
            if !seen.insert(Arc::clone(&next)) {
                break;
            }
            last = next;
        }
        last
    }

    fn snapshot(
        &mut self,
        index: u64,
        allocations: Vec<Allocation>,
        now: Instant,
        changed: &mut Changed,
    ) {
        // Lists are read one after the other, so an index that goes back means that the server's state did (a restored snapshot).
        let rewound = index != 0 && index < self.index;
        let present: HashSet<AllocId> = allocations.iter().map(|it| Arc::clone(&it.id)).collect();
        for allocation in allocations {
            self.put(allocation, now, rewound, changed);
        }
        let missing: Vec<AllocId> = self
            .allocations
            .iter()
            // What was read on its own after this list was made is not in it yet.
            .filter(|(id, known)| {
                !present.contains(*id)
                    && (rewound || index == 0 || known.allocation.modify_index <= index)
            })
            .map(|(id, _)| Arc::clone(id))
            .collect();
        for id in missing {
            self.bury(&id, changed);
        }
        self.index = index;
    }

    fn put(&mut self, mut news: Allocation, now: Instant, force: bool, changed: &mut Changed) {
        let id = Arc::clone(&news.id);
        let known = self.allocations.get(&id);
        if let Some(known) = known {
            let old = &known.allocation;
            if !force && news.modify_index <= old.modify_index {
                return;
            }
            keep_what_only_some_answers_have(&mut news, old);
            if **old == news {
                return;
            }
        } else {
            if self.gone.contains_key(&id) && !force {
                return;
            }
            self.gone.remove(&id);
            self.by_name
                .entry(Arc::clone(&news.name))
                .or_default()
                .push(Arc::clone(&id));
        }
        if !news.next_allocation.is_empty() {
            self.linked.insert(Arc::clone(&news.next_allocation));
        }
        self.allocations.insert(
            Arc::clone(&id),
            Known {
                allocation: Arc::new(news),
                since: now,
            },
        );
        changed.allocations.push(id);
    }

    fn bury(&mut self, id: &AllocId, changed: &mut Changed) {
        let last_seen = self.allocations.remove(id).map(|known| known.allocation);
        if let Some(allocation) = &last_seen
            && let Some(same_name) = self.by_name.get_mut(&allocation.name)
        {
            same_name.retain(|other| other != id);
        }
        if last_seen.is_some() || !self.gone.contains_key(id) {
            self.gone.insert(Arc::clone(id), last_seen);
            changed.allocations.push(Arc::clone(id));
        }
    }

    fn put_job(&mut self, news: Arc<Job>) -> bool {
        if let JobState::Known(old) = &self.job
            && news.create_index == old.create_index
            && news.modify_index <= old.modify_index
        {
            return false;
        }
        self.job = JobState::Known(news);
        true
    }

    fn put_deployment(&mut self, news: Option<Deployment>) -> bool {
        // That there is none any more changes nothing: only ended ones are collected.
        let Some(news) = news else { return false };
        if let Some(old) = &self.deployment
            && (news.create_index, news.modify_index) <= (old.create_index, old.modify_index)
        {
            return false;
        }
        self.deployment = Some(news);
        true
    }
}

/// List stubs and single allocations each have fields that the other lacks; none of these ever changes.
fn keep_what_only_some_answers_have(news: &mut Allocation, old: &Allocation) {
    for (field, known) in [
        (&mut news.job_type, &old.job_type),
        (&mut news.previous_allocation, &old.previous_allocation),
        (&mut news.deployment_id, &old.deployment_id),
    ] {
        if field.is_empty() {
            *field = Arc::clone(known);
        }
    }
    if news.job.is_none() {
        news.job.clone_from(&old.job);
    }
}
