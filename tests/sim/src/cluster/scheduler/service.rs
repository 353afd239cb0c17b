//! Service and batch jobs: as many allocations of each group as it counts, wherever they fit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{LOST, MIGRATED, NOT_NEEDED, Outcome, Sorted, Want, size};
use crate::cluster::plan::{Plan, Stop};
use crate::cluster::state::State;
use crate::cluster::tables::{AllocRef, EvalRef, JobRef};
use crate::model::{
    ClientStatus, Deployment, DeploymentState, DesiredUpdates, Job, RescheduleTracker, TaskGroup,
};

impl State {
    pub(super) fn plan_groups(
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
            let had_running = sorted.had_running
                || (!self.version.deploys_late_placements()
                    && self.had_allocation(slot, job, group));
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
        let name_of = |alloc: &AllocRef| self.tables.number(*alloc);
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
            let stored = self.tables.alloc(*alloc);
            let rescheduled = stored.is_some_and(|a| a.transition.reschedule == Some(true));
            plan.stops.push(Stop {
                alloc: *alloc,
                description: if rescheduled { "" } else { MIGRATED },
                client: None,
            });
            let tracker = rescheduled
                .then(|| self.next_tracker(*alloc, job))
                .flatten();
            updates.place += u32::from(rescheduled);
            wants.extend(self.want(*alloc, tracker, None));
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
        let mut names: BTreeSet<u32> = BTreeSet::new();
        if missing > 0 {
            let staying = [
                &sorted.keep,
                &sorted.migrate,
                &sorted.lost,
                &sorted.reschedule,
                &sorted.complete,
            ];
            names.extend(staying.into_iter().flatten().filter_map(name_of));
            names.extend(sorted.later.iter().filter_map(|(alloc, _)| name_of(alloc)));
        }
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

    /// A successor of an allocation. With `stop` the old one is stopped, with this description, once
    /// the successor has a place.
    pub(super) fn want(
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
}
