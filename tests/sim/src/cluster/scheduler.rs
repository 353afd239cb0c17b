//! The scheduler: compares what a job asks for with what there is, and plans the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::placement::{Failure, Placer, exhausted};
use super::plan::{Place, Plan, Stop};
use super::state::State;
use super::tables::{AllocRef, EvalRef, JobRef};
use crate::model::{
    AllocMetric, Allocation, ClientStatus, Deployment, DeploymentState, DeploymentStatusText,
    DesiredUpdates, Evaluation, Job, PlanAnnotations, RescheduleEvent, RescheduleTracker,
    TaskGroup, Time,
};

const NOT_NEEDED: &str = "alloc not needed due to job update";
const MIGRATED: &str = "alloc is being migrated";
const UPDATED: &str = "alloc is being updated due to job update";
const LOST: &str = "alloc is lost since its node is down";

/// What an evaluation came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `None` if there is nothing to write.
    pub(crate) plan: Option<Plan>,
    pub(crate) follow_ups: Vec<Evaluation>,
    /// Failed allocations that are placed again later, before they have an evaluation for it.
    later: Vec<(AllocRef, Time)>,
    pub(crate) failed: BTreeMap<String, Arc<AllocMetric>>,
    pub(crate) queued: BTreeMap<String, u32>,
    pub(crate) annotations: PlanAnnotations,
    pub(crate) class_eligibility: BTreeMap<String, bool>,
    pub(crate) escaped: bool,
}

/// What is to become of the allocations of one group.
#[derive(Debug, Default)]
struct Sorted {
    /// Stay, whatever their version.
    keep: Vec<AllocRef>,
    migrate: Vec<AllocRef>,
    lost: Vec<AllocRef>,
    reschedule: Vec<AllocRef>,
    later: Vec<(AllocRef, Time)>,
    stop: Vec<AllocRef>,
    /// Batch: done, and needing no successor.
    complete: Vec<AllocRef>,
    /// There is an allocation of the job's present version.
    had_running: bool,
}

/// A placement that is wanted.
struct Want {
    name: String,
    previous: Option<AllocRef>,
    tracker: Option<RescheduleTracker>,
    avoid: Option<String>,
    /// The old allocation is only stopped if the new one finds a place.
    stops: Option<(AllocRef, &'static str)>,
}

impl State {
    /// Evaluates a job against the state as it is now.
    pub(crate) fn schedule(&mut self, slot: JobRef, reference: EvalRef) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(job) = self.tables.job(slot).cloned() else {
            return outcome;
        };
        if job.is_parent() {
            return outcome;
        }
        let mut plan = Plan::default();
        let mut groups = self.sort_allocations(slot, &job, reference);
        let gone: Vec<String> = groups
            .keys()
            .filter(|name| job.stop || job.group(name).is_none())
            .cloned()
            .collect();
        for name in gone {
            if let Some(sorted) = groups.remove(&name) {
                let all = [
                    sorted.keep,
                    sorted.migrate,
                    sorted.lost,
                    sorted.reschedule,
                    sorted.later.into_iter().map(|(alloc, _)| alloc).collect(),
                ]
                .concat();
                let updates = DesiredUpdates {
                    stop: u32::try_from(all.len()).unwrap_or(u32::MAX),
                    ..DesiredUpdates::default()
                };
                outcome.annotations.desired_tg_updates.insert(name, updates);
                plan.stops.extend(all.into_iter().map(|alloc| Stop {
                    alloc,
                    description: NOT_NEEDED,
                    client: None,
                }));
            }
        }
        // What is to stop and can no longer tell that it has, is lost.
        for alloc in self.stopping_on_down_nodes(slot) {
            plan.stops.push(Stop {
                alloc,
                description: LOST,
                client: Some(ClientStatus::Lost),
            });
        }
        if job.stop {
            for group in job.groups.iter() {
                let updates = &mut outcome.annotations.desired_tg_updates;
                updates.entry(group.name.clone()).or_default();
                outcome.queued.insert(group.name.clone(), 0);
            }
            if self.deploying(slot) {
                plan.deployment_status = Some(DeploymentStatusText::CancelledByStop);
            }
        } else {
            self.plan_groups(slot, &job, reference, groups, &mut plan, &mut outcome);
        }
        if !plan.is_empty() {
            outcome.plan = Some(plan);
        }
        outcome
    }

    /// Does the latest deployment still run?
    fn deploying(&self, slot: JobRef) -> bool {
        self.tables
            .latest_deployment(slot)
            .is_some_and(|deployment| deployment.is_active())
    }

    fn sort_allocations(&self, slot: JobRef, job: &Job, eval: EvalRef) -> BTreeMap<String, Sorted> {
        let mut groups: BTreeMap<String, Sorted> = BTreeMap::new();
        for reference in &self.tables.jobs[slot].wanted {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            let sorted = groups.entry(alloc.group.clone()).or_default();
            sorted.had_running |=
                alloc.job.version == job.version && alloc.job.create_index == job.create_index;
            let node = self.tables.node_ids.get(&alloc.node_id);
            let node = node.map(|node| &self.tables.nodes[*node]);
            match alloc.client {
                ClientStatus::Complete if job.kind == "batch" => sorted.complete.push(*reference),
                ClientStatus::Complete | ClientStatus::Lost => {}
                ClientStatus::Failed => self.sort_failed(sorted, *reference, alloc, job, eval),
                ClientStatus::Unknown => sorted.keep.push(*reference),
                ClientStatus::Pending | ClientStatus::Running => {
                    if node.is_none_or(|node| node.status == "down") {
                        sorted.lost.push(*reference);
                    } else if alloc.transition.migrate == Some(true) {
                        sorted.migrate.push(*reference);
                    } else {
                        sorted.keep.push(*reference);
                    }
                }
            }
        }
        groups
    }

    /// A failed allocation is rescheduled now, later or never.
    fn sort_failed(
        &self,
        sorted: &mut Sorted,
        reference: AllocRef,
        alloc: &Allocation,
        job: &Job,
        eval: EvalRef,
    ) {
        if alloc.transition.force_reschedule == Some(true) {
            sorted.reschedule.push(reference);
            return;
        }
        match reschedule_at(alloc, job) {
            None => sorted.keep.push(reference),
            Some(due) => {
                let awaited = !alloc.followup_eval.is_empty();
                let its_turn = alloc.followup_eval == self.tables.evals[eval].id;
                if its_turn || due <= self.now {
                    sorted.reschedule.push(reference);
                } else if awaited {
                    sorted.keep.push(reference);
                } else {
                    sorted.later.push((reference, due));
                }
            }
        }
    }

    fn plan_groups(
        &mut self,
        slot: JobRef,
        job: &Arc<Job>,
        reference: EvalRef,
        mut groups: BTreeMap<String, Sorted>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let mut wants: Vec<(usize, Vec<Want>)> = Vec::new();
        let mut new_deployment: BTreeMap<String, DeploymentState> = BTreeMap::new();
        let mut settled = true;
        let current = self.current_deployment(slot, job);
        for (number, group) in job.groups.iter().enumerate() {
            let sorted = groups.remove(&group.name).unwrap_or_default();
            let had_running = sorted.had_running;
            let (group_wants, updates) =
                self.plan_group(job, group, sorted, current.as_ref(), plan, outcome);
            settled &= updates.place + updates.destructive_update + updates.migrate == 0;
            let updating = updates.destructive_update + updates.in_place_update > 0;
            if let Some(update) = &group.update
                && job.kind == "service"
                && current.is_none()
                && group.count > 0
                && update.max_parallel > 0
                && (!had_running || updating)
            {
                new_deployment.insert(
                    group.name.clone(),
                    DeploymentState {
                        auto_promote: update.auto_promote,
                        auto_revert: update.auto_revert,
                        desired_total: group.count,
                        progress_deadline: update.progress_deadline,
                        ..DeploymentState::default()
                    },
                );
            }
            let name = group.name.clone();
            outcome.annotations.desired_tg_updates.insert(name, updates);
            wants.push((number, group_wants));
        }
        self.plan_deployment(slot, job, reference, new_deployment, settled, plan);
        self.follow_up_evals(job, reference, plan, outcome);
        self.place_all(slot, job, wants, plan, outcome);
    }

    /// The deployment of the job's present version, unless it ended well.
    fn current_deployment(&self, slot: JobRef, job: &Job) -> Option<Arc<Deployment>> {
        let latest = self.tables.latest_deployment(slot)?;
        let same = (latest.job_version, latest.job_create_index) == (job.version, job.create_index);
        (same && latest.status != "successful").then(|| Arc::clone(latest))
    }

    /// Sorts out one group: what stops, what moves, what is missing.
    fn plan_group(
        &self,
        job: &Job,
        group: &TaskGroup,
        mut sorted: Sorted,
        deployment: Option<&Arc<Deployment>>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) -> (Vec<Want>, DesiredUpdates) {
        let mut updates = DesiredUpdates::default();
        let mut wants = Vec::new();
        let name_of = |alloc: &AllocRef| self.tables.alloc(*alloc).and_then(|a| a.name_index());
        let count = usize::try_from(group.count).unwrap_or(usize::MAX);
        // Beyond the count: those that move first, then the highest names.
        let total = |sorted: &Sorted| {
            sorted.keep.len()
                + sorted.migrate.len()
                + sorted.lost.len()
                + sorted.reschedule.len()
                + sorted.later.len()
                + sorted.complete.len()
        };
        let mut surplus = total(&sorted).saturating_sub(count);
        for list in [
            &mut sorted.lost,
            &mut sorted.migrate,
            &mut sorted.reschedule,
            &mut sorted.keep,
        ] {
            list.sort_by_key(|alloc| (name_of(alloc), *alloc));
            while surplus > 0
                && let Some(last) = list.pop()
            {
                sorted.stop.push(last);
                surplus -= 1;
            }
        }
        updates.stop += size(sorted.stop.len());
        for alloc in &sorted.stop {
            plan.stops.push(Stop {
                alloc: *alloc,
                description: NOT_NEEDED,
                client: None,
            });
        }
        let mut names: BTreeSet<u32> = BTreeSet::new();
        let staying = [
            &sorted.keep,
            &sorted.migrate,
            &sorted.lost,
            &sorted.reschedule,
        ];
        names.extend(staying.into_iter().flatten().filter_map(name_of));
        names.extend(sorted.complete.iter().filter_map(name_of));
        names.extend(sorted.later.iter().filter_map(|(alloc, _)| name_of(alloc)));
        for (alloc, due) in &sorted.later {
            outcome.later.push((*alloc, *due));
        }
        updates.reschedule_later += size(sorted.later.len());
        updates.ignore += size(sorted.later.len() + sorted.complete.len());
        self.plan_versions(
            job,
            group,
            &sorted.keep,
            deployment,
            plan,
            &mut wants,
            &mut updates,
        );
        for alloc in &sorted.migrate {
            plan.stops.push(Stop {
                alloc: *alloc,
                description: MIGRATED,
                client: None,
            });
            wants.extend(self.want(*alloc, None, None));
        }
        updates.migrate += size(sorted.migrate.len());
        for alloc in &sorted.lost {
            plan.stops.push(Stop {
                alloc: *alloc,
                description: LOST,
                client: Some(ClientStatus::Lost),
            });
            wants.extend(self.want(*alloc, None, None));
        }
        updates.place += size(sorted.lost.len());
        updates.stop += size(sorted.lost.len());
        for alloc in &sorted.reschedule {
            let tracker = self.next_tracker(*alloc, job);
            wants.extend(self.want(*alloc, tracker, Some("")));
        }
        updates.place += size(sorted.reschedule.len());
        updates.stop += size(sorted.reschedule.len());
        let missing = count.saturating_sub(total(&sorted));
        let free = (0..group.count).filter(|index| !names.contains(index));
        for index in free.take(missing) {
            wants.push(Want {
                name: format!("{}.{}[{index}]", job.id, group.name),
                previous: None,
                tracker: None,
                avoid: None,
                stops: None,
            });
        }
        updates.place += size(missing);
        (wants, updates)
    }

    /// Allocations that stay: as they are, moved to the new version where they run, or replaced.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of plan_group, split off for its length"
    )]
    fn plan_versions(
        &self,
        job: &Job,
        group: &TaskGroup,
        keep: &[AllocRef],
        deployment: Option<&Arc<Deployment>>,
        plan: &mut Plan,
        wants: &mut Vec<Want>,
        updates: &mut DesiredUpdates,
    ) {
        let mut replaced = Vec::new();
        let mut away = 0;
        let mut same: BTreeMap<(u64, u64), bool> = BTreeMap::new();
        for reference in keep {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            let version = (alloc.job.create_index, alloc.job.version);
            if version == (job.create_index, job.version) || alloc.client.is_terminal() {
                updates.ignore += 1;
                // Unhealthy members of a running deployment count against its parallelism.
                if deployment.is_some_and(|d| d.id == alloc.deployment_id)
                    && alloc.healthy() != Some(true)
                {
                    away += 1;
                }
                continue;
            }
            let in_place = *same
                .entry(version)
                .or_insert_with(|| job.same_group(&alloc.job, &group.name));
            if in_place {
                plan.updates.push(*reference);
                updates.in_place_update += 1;
            } else {
                replaced.push(*reference);
            }
        }
        let parallel = group
            .update
            .as_ref()
            .map_or(0, |update| update.max_parallel);
        let limit = if parallel == 0 {
            replaced.len()
        } else {
            usize::try_from(parallel.saturating_sub(away)).unwrap_or(usize::MAX)
        };
        let now = replaced.len().min(limit);
        updates.ignore += size(replaced.len() - now);
        updates.destructive_update += size(now);
        for alloc in replaced.into_iter().take(now) {
            let mut want = self.want(alloc, None, None);
            if let Some(want) = &mut want {
                want.stops = Some((alloc, UPDATED));
            }
            wants.extend(want);
        }
    }

    /// A successor of an allocation. With `stop` the old one is stopped, with this description, once
    /// the successor has a place.
    fn want(
        &self,
        alloc: AllocRef,
        tracker: Option<RescheduleTracker>,
        stop: Option<&'static str>,
    ) -> Option<Want> {
        let old = self.tables.alloc(alloc)?;
        Some(Want {
            name: old.name.clone(),
            previous: Some(alloc),
            avoid: tracker.as_ref().map(|_| old.node_id.clone()),
            tracker,
            stops: stop.map(|description| (alloc, description)),
        })
    }

    /// The history of a rescheduled allocation's successor.
    fn next_tracker(&self, reference: AllocRef, job: &Job) -> Option<RescheduleTracker> {
        let alloc = self.tables.alloc(reference)?;
        let policy = job.group(&alloc.group)?.reschedule_policy.as_ref()?;
        let mut events = alloc
            .tracker
            .as_ref()
            .map_or(Vec::new(), |t| t.events.clone());
        let delay = next_delay(policy, &events);
        events.push(RescheduleEvent {
            delay,
            prev_alloc_id: alloc.id.clone(),
            prev_node_id: alloc.node_id.clone(),
            reschedule_time: self.now,
        });
        // Nomad keeps the attempts of the interval, or the last five where there is no limit.
        if policy.unlimited && events.len() > 5 {
            events.drain(..events.len() - 5);
        }
        Some(RescheduleTracker {
            events,
            last_reschedule: "ok",
        })
    }

    fn plan_deployment(
        &mut self,
        slot: JobRef,
        job: &Job,
        reference: EvalRef,
        groups: BTreeMap<String, DeploymentState>,
        settled: bool,
        plan: &mut Plan,
    ) {
        let latest = self.tables.latest_deployment(slot).cloned();
        if let Some(latest) = latest.filter(|latest| latest.is_active()) {
            let same =
                (latest.job_version, latest.job_create_index) == (job.version, job.create_index);
            let healthy = latest
                .task_groups
                .values()
                .all(|group| group.healthy_allocs >= group.desired_total);
            if !same {
                plan.deployment_status = Some(DeploymentStatusText::CancelledByNewVersion);
            } else if settled && healthy {
                plan.deployment_status = Some(DeploymentStatusText::Successful);
            }
        }
        if groups.is_empty() {
            return;
        }
        let mut deployment = Deployment {
            create_index: 0,
            create_time: self.now,
            eval_priority: self.tables.evals[reference].priority,
            id: self.rng.uuid(),
            is_multiregion: false,
            job_create_index: job.create_index,
            job_id: job.id.clone(),
            job_modify_index: job.modify_index,
            job_spec_modify_index: job.job_modify_index,
            job_version: job.version,
            modify_index: 0,
            modify_time: self.now,
            namespace: job.namespace.clone(),
            status: "",
            status_description: "",
            task_groups: groups,
        };
        deployment.set_status(DeploymentStatusText::Running);
        plan.deployment = Some(Box::new(deployment));
    }

    /// One delayed evaluation for all allocations that become due at about the same time.
    fn follow_up_evals(
        &mut self,
        job: &Job,
        reference: EvalRef,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let mut later = std::mem::take(&mut outcome.later);
        later.sort_by_key(|(_, due)| *due);
        let mut current: Option<(Time, String)> = None;
        for (alloc, due) in later {
            let joins = current
                .as_ref()
                .is_some_and(|(first, _)| due.nanos() - first.nanos() <= 5_000_000_000);
            if !joins {
                let mut eval = self.new_eval(job, "alloc-reschedule");
                "created for delayed rescheduling".clone_into(&mut eval.status_description);
                eval.job_modify_index = job.modify_index;
                eval.previous_eval
                    .clone_from(&self.tables.evals[reference].id);
                eval.snapshot_index = self.tables.index;
                eval.wait_until = Some(due);
                current = Some((due, eval.id.clone()));
                outcome.follow_ups.push(eval);
            }
            if let Some((_, id)) = &current {
                plan.follow_ups.push((alloc, id.clone()));
            }
        }
    }

    fn place_all(
        &mut self,
        slot: JobRef,
        job: &Arc<Job>,
        wants: Vec<(usize, Vec<Want>)>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let stopped: BTreeSet<AllocRef> = plan.stops.iter().map(|stop| stop.alloc).collect();
        let mut placer = Placer::new(&self.tables, job);
        for reference in &self.tables.jobs[slot].wanted {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            let Some(group) = job.group(&alloc.group) else {
                continue;
            };
            if stopped.contains(reference) {
                if !alloc.client.is_terminal() {
                    placer.frees(alloc.spec().unwrap_or(group), &alloc.node_id);
                }
            } else if !alloc.client.is_terminal() {
                placer.keeps(&group.name, &alloc.node_id);
            }
        }
        let rng = &mut self.rng;
        for (number, wants) in wants {
            let group = &job.groups[number];
            if wants.is_empty() {
                continue;
            }
            let mut failure: Option<Box<Failure>> = None;
            let mut failures = 0;
            for want in wants {
                // One failure speaks for the whole group.
                if let Some(failure) = &mut failure {
                    failures += 1;
                    failure.metric.coalesced_failures += 1;
                    if let Some(dimensions) = failure.metric.dimension_exhausted.clone() {
                        for dimension in dimensions.keys() {
                            exhausted(&mut failure.metric, group, dimension);
                        }
                    }
                    continue;
                }
                match placer.place(group, want.avoid.as_deref(), rng) {
                    Ok((node, metric)) => {
                        if let Some((alloc, description)) = want.stops {
                            plan.stops.push(Stop {
                                alloc,
                                description,
                                client: None,
                            });
                        }
                        plan.places.push(Place {
                            job: Arc::clone(job),
                            group: group.name.clone(),
                            name: want.name,
                            node,
                            previous: want.previous,
                            tracker: want.tracker,
                            metrics: Arc::new(metric),
                            canary: false,
                        });
                    }
                    Err(reason) => {
                        failures += 1;
                        failure = Some(reason);
                    }
                }
            }
            outcome.queued.insert(group.name.clone(), failures);
            if let Some(failure) = failure {
                outcome.class_eligibility.extend(failure.classes);
                outcome.escaped |= failure.escaped;
                let metric = Arc::new(failure.metric);
                outcome.failed.insert(group.name.clone(), metric);
            }
        }
        if outcome.queued.is_empty() {
            let groups = job.groups.iter().map(|group| (group.name.clone(), 0));
            outcome.queued.extend(groups);
        }
    }
}

/// When the policy lets a failed allocation be placed again; `None` if it does not.
pub(crate) fn reschedule_at(alloc: &Allocation, job: &Job) -> Option<Time> {
    let policy = job.group(&alloc.group)?.reschedule_policy.as_ref()?;
    if !policy.enabled() {
        return None;
    }
    let failed_at = failed_at(alloc);
    let history = alloc.tracker.as_ref().map_or(&[][..], |t| &t.events);
    if !policy.unlimited {
        let since = failed_at.plus(-policy.interval);
        let attempted = history
            .iter()
            .filter(|event| event.reschedule_time > since)
            .count();
        if attempted >= usize::try_from(policy.attempts).unwrap_or(usize::MAX) {
            return None;
        }
    }
    Some(failed_at.plus(next_delay(policy, history)))
}

/// When the last task of a failed allocation ended.
fn failed_at(alloc: &Allocation) -> Time {
    alloc
        .task_states
        .iter()
        .flat_map(BTreeMap::values)
        .filter_map(|state| state.finished_at)
        .max()
        .unwrap_or(alloc.modify_time)
}

/// The delay before the next reschedule, in nanoseconds.
fn next_delay(policy: &crate::model::ReschedulePolicy, history: &[RescheduleEvent]) -> i64 {
    use crate::model::DelayFunction;
    let delay = match policy.delay_function {
        DelayFunction::Constant => return policy.delay,
        DelayFunction::Exponential => history
            .last()
            .map_or(policy.delay, |event| event.delay.saturating_mul(2)),
        DelayFunction::Fibonacci => match history {
            [] | [_] => policy.delay,
            [.., before, last] => before.delay.saturating_add(last.delay),
        },
    };
    if policy.max_delay > 0 {
        delay.min(policy.max_delay)
    } else {
        delay
    }
}

fn size(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
