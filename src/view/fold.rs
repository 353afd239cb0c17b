//! How news is folded into the view.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::health::same_tasks;
use super::merge::{complete, differs, keep_what_never_changes, tells_another_story};
use super::{Change, Changed, Gone, JobState, JobView, rests};
use crate::nomad::json::{AllocId, Allocation, Deployment, Job};

mod evaluations;

impl JobView {
    /// Folds one piece of news in and says what became different. `asked` is when its question was sent, `now` is now.
    pub(crate) fn apply(&mut self, change: Change, asked: Instant, now: Instant) -> Changed {
        let mut changed = Changed::default();
        match change {
            Change::Snapshot { index, allocations } => {
                self.snapshot(index, allocations, asked, now, &mut changed);
            }
            Change::Allocation(allocation) => {
                let id = allocation.id.clone();
                let index = allocation.modify_index;
                self.allocation(Arc::from(allocation), now, &mut changed);
                // An overtaken answer says nothing about how things are now.
                if self
                    .allocations
                    .get(&id)
                    .is_some_and(|known| known.modify_index <= index)
                {
                    raise(&mut self.read, id, asked);
                }
            }
            Change::Gone(id) => self.lose(id, now, &mut changed),
            Change::Checks(id, answer) => {
                if self.fold_checks(&id, answer, asked, now) {
                    changed.checks.push(id);
                }
            }
            Change::Job(job) => {
                self.job_read = self.job_read.max(Some(asked));
                self.job(job, now, &mut changed);
            }
            Change::JobPurged => {
                self.job_read = self.job_read.max(Some(asked));
                changed.job = self.job != JobState::Purged;
                self.job = JobState::Purged;
                self.end_incarnation(u64::MAX, now, &mut changed);
            }
            Change::Deployment(deployment) => self.deployment(deployment, &mut changed),
            Change::Blocked { index, evaluations } => {
                self.blocked(index, evaluations, &mut changed);
            }
            Change::Evaluation(evaluation) => self.evaluation(*evaluation, &mut changed),
            Change::Rewound => self.rewind(),
        }
        changed
    }

    fn snapshot(
        &mut self,
        index: u64,
        allocations: Vec<Arc<Allocation>>,
        asked: Instant,
        now: Instant,
        changed: &mut Changed,
    ) {
        if self.contradicts(index, &allocations) {
            self.rewind();
        }
        let listed: BTreeSet<AllocId> = allocations.iter().map(|a| a.id.clone()).collect();
        for allocation in allocations {
            self.allocation(allocation, now, changed);
        }
        let missing: Vec<AllocId> = self
            .allocations
            .values()
            .filter(|known| {
                !listed.contains(&known.id)
                    && (known.modify_index <= index || self.rewound.contains(&known.id))
            })
            .map(|known| known.id.clone())
            .collect();
        for id in missing {
            self.lose(id, now, changed);
        }
        self.index = self.index.max(index);
        // The list of a higher index knows more, whenever it was asked for.
        if self
            .listed
            .is_none_or(|(known, at)| index > at || index == at && asked > known)
        {
            self.listed = Some((asked, index));
        }
    }

    /// Whether the indexes have gone back and grown past what was known since: such a list is of a higher index than something that it
    /// shows as it was at a lower one.
    fn contradicts(&self, index: u64, allocations: &[Arc<Allocation>]) -> bool {
        allocations.iter().any(|news| {
            self.allocations.get(&news.id).is_some_and(|known| {
                news.modify_index < known.modify_index
                    && known.modify_index <= index
                    && !self.rewound.contains(&news.id)
            })
        })
    }

    fn allocation(&mut self, mut news: Arc<Allocation>, now: Instant, changed: &mut Changed) {
        self.index = self.index.max(news.modify_index);
        let id = news.id.clone();
        if self.gone.contains_key(&id) {
            self.remember(news);
            return;
        }
        let mut rewound = self.rewound.remove(&id);
        let Some(known) = self.allocations.get_mut(&id) else {
            self.enter(news, now);
            changed.allocations.push(id);
            return;
        };
        // The same index twice: restored servers have come as far again, on another way.
        rewound |= news.modify_index == known.modify_index && tells_another_story(known, &news);
        if news.modify_index <= known.modify_index && !rewound {
            if complete(known, &news) {
                changed.allocations.push(id);
            }
            return;
        }

        let fields = Arc::make_mut(&mut news);
        keep_what_never_changes(known, fields);
        let different = differs(known, fields);
        let settled = rests(&news)
            && (!rests(known)
                || known.client_status != news.client_status
                || known.desired_status != news.desired_status
                || known.next_allocation != news.next_allocation
                || known.followup_eval_id != news.followup_eval_id);
        if settled {
            self.at_rest.insert(id.clone(), now);
        } else if !rests(&news) {
            self.at_rest.remove(&id);
        }
        if news.next_allocation != known.next_allocation && !news.next_allocation.is_empty() {
            self.predecessors
                .insert(news.next_allocation.clone(), id.clone());
        }
        let same_tasks = same_tasks(known, &news);
        *known = news;
        if !same_tasks {
            self.unsettle(&id, now);
        }
        if different {
            changed.allocations.push(id);
        }
    }

    /// Takes in an allocation that was not known.
    fn enter(&mut self, news: Arc<Allocation>, now: Instant) {
        self.link(&news);
        if rests(&news) {
            self.at_rest.insert(news.id.clone(), now);
        }
        // Of what the first list brings nothing can depend on that moment, and a job may be large.
        if self.listed.is_some() {
            self.unsettle(&news.id, now);
        }
        self.allocations.insert(news.id.clone(), news);
    }

    /// Takes news of an allocation that is gone: it does not come back, but chains may lead through it.
    fn remember(&mut self, mut news: Arc<Allocation>) {
        let Some(gone) = self.gone.get_mut(&news.id) else {
            return;
        };
        match &mut gone.last {
            Some(last) if news.modify_index <= last.modify_index => {
                complete(last, &news);
            }
            last => {
                if let Some(last) = last {
                    keep_what_never_changes(last, Arc::make_mut(&mut news));
                }
                *last = Some(news.clone());
                self.link(&news);
            }
        }
    }

    /// Notes what leads to and from this allocation.
    fn link(&mut self, allocation: &Allocation) {
        self.names.insert((
            allocation.name.clone(),
            allocation.create_index,
            allocation.id.clone(),
        ));
        if !allocation.next_allocation.is_empty() {
            self.predecessors
                .insert(allocation.next_allocation.clone(), allocation.id.clone());
        }
    }

    fn lose(&mut self, id: AllocId, now: Instant, changed: &mut Changed) {
        if self.gone.contains_key(&id) {
            return;
        }
        let last = self.allocations.remove(&id);
        self.at_rest.remove(&id);
        self.unchanged.remove(&id);
        self.checks.remove(&id);
        self.read.remove(&id);
        self.rewound.remove(&id);
        self.gone.insert(id.clone(), Gone { since: now, last });
        changed.allocations.push(id);
    }

    fn job(&mut self, news: Arc<Job>, now: Instant, changed: &mut Changed) {
        let index = (news.create_index, news.modify_index);
        // A purged job does not come back, only another one of the same id does.
        let newer = match self.job {
            JobState::Unread => true,
            JobState::Known(_) => index > self.job_index,
            JobState::Purged => index.0 > self.job_index.0,
        };
        if !newer {
            return;
        }
        let again = index.0 > self.job_index.0 && self.job != JobState::Unread;
        self.job_index = index;
        self.index = self.index.max(index.1);
        // The scheduler touches the job with each of its plans: that is no news.
        changed.job =
            !matches!(&self.job, JobState::Known(known) if same_but_for_index(known, &news));
        self.job = JobState::Known(news);
        if again {
            self.end_incarnation(index.0, now, changed);
        }
    }

    /// Forgets what belonged to a job of this id that was purged before `index`: the server deletes it at once and says nothing
    /// about the single allocations.
    fn end_incarnation(&mut self, index: u64, now: Instant, changed: &mut Changed) {
        let ended: Vec<AllocId> = self
            .allocations
            .values()
            .filter(|known| known.create_index < index)
            .map(|known| known.id.clone())
            .collect();
        for id in ended {
            self.lose(id, now, changed);
        }
        if self
            .deployment
            .take_if(|deployment| deployment.create_index < index)
            .is_some()
        {
            changed.deployment = true;
        }
        let blocked = self.blocked.len();
        self.blocked.retain(|_, known| known.create_index >= index);
        changed.evaluations |= self.blocked.len() != blocked;
    }

    fn deployment(&mut self, news: Option<Deployment>, changed: &mut Changed) {
        let known = self.deployment.as_ref();
        let newer = match (known, &news) {
            (Some(known), Some(news)) => {
                (news.create_index, news.modify_index) > (known.create_index, known.modify_index)
            }
            // Ended ones are garbage-collected; an active one only goes with its job, so that this answer is an old one.
            (Some(known), None) => !is_active(known),
            (None, Some(_)) => true,
            (None, None) => false,
        };
        if newer {
            if let Some(news) = &news {
                self.index = self.index.max(news.modify_index);
            }
            // Counts of allocations, which are not kept, change with each of them.
            changed.deployment = match (&self.deployment, &news) {
                (Some(known), Some(news)) => {
                    *known
                        != Deployment {
                            modify_index: known.modify_index,
                            ..news.clone()
                        }
                }
                _ => true,
            };
            self.deployment = news;
        }
    }

    fn rewind(&mut self) {
        self.rewound = self.allocations.keys().cloned().collect();
        self.gone.clear();
        self.index = 0;
        self.listed = None;
        self.read.clear();
        self.deployment = None;
        self.blocked.clear();
        self.unblocked.clear();
        self.job_index = (0, 0);
        self.job = JobState::Unread;
    }
}

fn same_but_for_index(known: &Job, news: &Job) -> bool {
    *known
        == Job {
            modify_index: known.modify_index,
            ..news.clone()
        }
}

/// Whether a deployment is not at its end.
pub(crate) fn is_active(deployment: &Deployment) -> bool {
    !matches!(
        deployment.status.as_str(),
        "failed" | "successful" | "cancelled"
    )
}

fn raise(moments: &mut std::collections::BTreeMap<AllocId, Instant>, id: AllocId, moment: Instant) {
    let known = moments.entry(id).or_insert(moment);
    *known = (*known).max(moment);
}
