//! Which allocations are eligible, and why each of the others is not (design section 5, behaviour 3).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::cli::quote::quote;
use crate::nomad::json::{AllocId, Allocation, ClientStatus, DesiredStatus, RunState};
use crate::plan::{Action, RestartPlan, Tasks};
use crate::rules::versions::Versions;
use crate::view::JobView;

/// What a run works on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Newest first.
    pub(crate) candidates: Vec<Candidate>,
    /// In the order in which they would have been handled.
    pub(crate) left_out: Vec<LeftOut>,
    /// Requested tasks that an eligible allocation does not have (D32).
    pub(crate) missing_tasks: Vec<(AllocId, String)>,
    /// What a percentage is taken of: eligible before the age filter, so that a resumed run keeps its batch size.
    pub(crate) base: usize,
    /// The newest start of a targeted task (node clock), or with a reschedule the newest creation (server clock).
    pub(crate) newest_start: Option<DateTime<Utc>>,
}

/// An eligible allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: AllocId,
    pub(crate) group: Arc<str>,
    /// The named tasks that run, in the order given; empty unless tasks were named.
    pub(crate) tasks: Vec<Arc<str>>,
    /// Named tasks that exist and do not run: errors without a call (T28).
    pub(crate) not_running: Vec<Arc<str>>,
}

/// An allocation that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) id: AllocId,
    pub(crate) reason: Reason,
}

/// Why an allocation is left out, or is not touched when its turn comes. `Display` is the clause that follows "because".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Desired and client status; `rescheduling`: Nomad has planned another attempt.
    Status {
        desired: String,
        client: String,
        rescheduling: bool,
    },
    Replaced {
        by: AllocId,
    },
    Gone,
    OtherGroup,
    NoRequestedTask,
    Migrating,
    Disconnected,
    NothingRuns,
    /// Restarted or created since the time of `-started-before`.
    Young,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status {
                desired,
                client,
                rescheduling,
            } => {
                write!(
                    f,
                    "desired status is {} and client status is {}",
                    quote(desired),
                    quote(client)
                )?;
                if *rescheduling {
                    f.write_str("; Nomad has planned to reschedule it")?;
                }
                Ok(())
            }
            Self::Replaced { by } => write!(f, "it has already been replaced by {}", quote(by)),
            Self::Gone => f.write_str("it no longer exists"),
            Self::OtherGroup => f.write_str("it doesn't have any of requested groups"),
            Self::NoRequestedTask => f.write_str("it doesn't have any of requested tasks"),
            Self::Migrating => f.write_str("it is already being stopped or migrated"),
            Self::Disconnected => {
                f.write_str("its node is disconnected (client status is \"unknown\")")
            }
            Self::NothingRuns => f.write_str("none of its tasks is running"),
            Self::Young => {
                f.write_str("it started at or after the time given with -started-before")
            }
        }
    }
}

/// A group or task that was asked for and that the job does not have (D6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownName {
    #[error("Job {} has no group {}. Its groups: {}", quote(.job), quote(.group), .known.join(", "))]
    Group {
        job: String,
        group: String,
        known: Vec<String>,
    },
    #[error("No task {} in {}. Known tasks: {}", quote(.task), .place, .known.join(", "))]
    Task {
        task: String,
        place: String,
        known: Vec<String>,
    },
}

/// Picks the allocations that the plan is about.
///
/// # Errors
/// When a group or a task that was asked for does not exist in any known version of the job.
pub(crate) fn select(
    view: &JobView,
    job_id: &str,
    versions: &Versions,
    plan: &RestartPlan,
) -> Result<Selection, UnknownName> {
    check_names(view, job_id, versions, plan)?;
    let mut all: Vec<&Arc<Allocation>> = view.allocations().collect();
    all.sort_by(|a, b| {
        b.create_index
            .cmp(&a.create_index)
            .then_with(|| a.id.cmp(&b.id))
    });
    let mut selection = Selection::default();
    for allocation in all {
        match consider(allocation, versions, plan) {
            Ok(candidate) => selection.admit(allocation, candidate, versions, plan),
            Err(reason) => selection.left_out.push(LeftOut {
                id: Arc::clone(&allocation.id),
                reason,
            }),
        }
    }
    Ok(selection)
}

/// Checks an allocation once more, right before it is touched (D28).
///
/// # Errors
/// The reason why it must not be touched any more.
pub(crate) fn recheck(
    view: &JobView,
    candidate: &Candidate,
    plan: &RestartPlan,
) -> Result<Arc<Allocation>, Reason> {
    let allocation = view.get(&candidate.id).ok_or(Reason::Gone)?;
    check_state(allocation, plan)?;
    Ok(Arc::clone(allocation))
}

impl Selection {
    fn admit(
        &mut self,
        allocation: &Allocation,
        candidate: Candidate,
        versions: &Versions,
        plan: &RestartPlan,
    ) {
        self.base += 1;
        let newest = newest_start(allocation, &candidate, plan);
        if let Some(before) = plan.started_before
            && newest_of_oldest(allocation, &candidate, plan)
                .is_some_and(|started| started >= before)
        {
            self.left_out.push(LeftOut {
                id: candidate.id,
                reason: Reason::Young,
            });
            return;
        }
        self.newest_start = self.newest_start.max(newest);
        if let Action::InPlace(Tasks::Named(names)) = &plan.action {
            for name in names
                .iter()
                .filter(|name| !has_task(allocation, name, versions))
            {
                self.missing_tasks
                    .push((Arc::clone(&candidate.id), name.clone()));
            }
        }
        self.candidates.push(candidate);
    }

    /// One line that counts what was left out for its state, or empty.
    pub(crate) fn counts(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for left_out in &self.left_out {
            let reason = match &left_out.reason {
                Reason::OtherGroup | Reason::NoRequestedTask => continue,
                Reason::Replaced { .. } => "already replaced".to_owned(),
                Reason::Status { rescheduling: true, .. } => {
                    "failed and waiting to be rescheduled (nomad job eval -force-reschedule does it now)".to_owned()
                }
                Reason::Status { desired, client, .. } if desired == "run" => client.clone(),
                Reason::Status { .. } => "stopped".to_owned(),
                Reason::Migrating => "being stopped or migrated".to_owned(),
                Reason::Disconnected => "on a disconnected node".to_owned(),
                Reason::NothingRuns => "without a running task".to_owned(),
                Reason::Young => "started since -started-before".to_owned(),
                Reason::Gone => "gone".to_owned(),
            };
            *counts.entry(reason).or_default() += 1;
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        if counts.is_empty() {
            String::new()
        } else {
            format!("Left out: {}.", counts.join(", "))
        }
    }
}

/// The tests of behaviour 3.2 in their order, with the states of design section 5.
fn consider(
    allocation: &Allocation,
    versions: &Versions,
    plan: &RestartPlan,
) -> Result<Candidate, Reason> {
    let state = check_state(allocation, plan);
    // What an operator asked for comes first in the order of reasons only where the state says nothing.
    state?;
    if !plan.groups.is_empty()
        && !plan
            .groups
            .iter()
            .any(|group| **group == *allocation.task_group)
    {
        return Err(Reason::OtherGroup);
    }
    let mut candidate = Candidate {
        id: Arc::clone(&allocation.id),
        group: Arc::clone(&allocation.task_group),
        tasks: Vec::new(),
        not_running: Vec::new(),
    };
    if let Action::InPlace(Tasks::Named(names)) = &plan.action {
        for name in names
            .iter()
            .filter(|name| has_task(allocation, name, versions))
        {
            if runs(allocation, name) {
                candidate.tasks.push(Arc::from(name.as_str()));
            } else {
                candidate.not_running.push(Arc::from(name.as_str()));
            }
        }
        if candidate.tasks.is_empty() && candidate.not_running.is_empty() {
            return Err(Reason::NoRequestedTask);
        }
    }
    Ok(candidate)
}

/// Whether an allocation may be touched as it is now.
fn check_state(allocation: &Allocation, plan: &RestartPlan) -> Result<(), Reason> {
    if !allocation.next_allocation.is_empty() {
        return Err(Reason::Replaced {
            by: Arc::clone(&allocation.next_allocation),
        });
    }
    if allocation.desired_status != DesiredStatus::Run || allocation.client_status.is_terminal() {
        return Err(Reason::Status {
            desired: allocation.desired_status.as_str().to_owned(),
            client: allocation.client_status.as_str().to_owned(),
            rescheduling: allocation.client_status == ClientStatus::Failed
                && !allocation.followup_eval_id.is_empty(),
        });
    }
    if allocation.desired_transition.migrate {
        return Err(Reason::Migrating);
    }
    let Action::InPlace(tasks) = &plan.action else {
        return Ok(());
    };
    if allocation.client_status == ClientStatus::Unknown {
        return Err(Reason::Disconnected);
    }
    let any = |wanted: &[RunState]| {
        allocation
            .task_states
            .values()
            .any(|task| wanted.contains(&task.state))
    };
    let something = match tasks {
        Tasks::All => any(&[RunState::Running, RunState::Dead]),
        Tasks::Running | Tasks::Named(_) => any(&[RunState::Running]),
    };
    if something {
        Ok(())
    } else {
        Err(Reason::NothingRuns)
    }
}

fn runs(allocation: &Allocation, task: &str) -> bool {
    allocation
        .task_states
        .get(task)
        .is_some_and(|state| state.state == RunState::Running)
}

/// Behaviour 3.3: its task states know the task, or the group of its job version does.
fn has_task(allocation: &Allocation, task: &str, versions: &Versions) -> bool {
    allocation.task_states.contains_key(task)
        || versions
            .of(allocation)
            .and_then(|job| job.group(&allocation.task_group))
            .is_some_and(|group| group.task(task).is_some())
}

/// When each targeted task started.
fn starts<'a>(
    allocation: &'a Allocation,
    candidate: &'a Candidate,
    plan: &'a RestartPlan,
) -> Box<dyn Iterator<Item = DateTime<Utc>> + 'a> {
    match &plan.action {
        Action::Reschedule { .. } => Box::new(std::iter::once(DateTime::from_timestamp_nanos(
            allocation.create_time,
        ))),
        Action::InPlace(tasks) => Box::new(
            allocation
                .task_states
                .iter()
                .filter(move |(name, state)| match tasks {
                    Tasks::Running => state.state == RunState::Running,
                    Tasks::All => true,
                    Tasks::Named(_) => candidate.tasks.contains(name),
                })
                .filter_map(|(_, state)| state.started_at),
        ),
    }
}

fn newest_start(
    allocation: &Allocation,
    candidate: &Candidate,
    plan: &RestartPlan,
) -> Option<DateTime<Utc>> {
    starts(allocation, candidate, plan).max()
}

/// The oldest start among the targeted tasks: one task that has not been restarted since is enough to be eligible.
fn newest_of_oldest(
    allocation: &Allocation,
    candidate: &Candidate,
    plan: &RestartPlan,
) -> Option<DateTime<Utc>> {
    starts(allocation, candidate, plan).min()
}

fn check_names(
    view: &JobView,
    job_id: &str,
    versions: &Versions,
    plan: &RestartPlan,
) -> Result<(), UnknownName> {
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for group in versions.all().flat_map(|job| &job.task_groups) {
        groups
            .entry(&group.name)
            .or_default()
            .extend(group.tasks.iter().map(|task| task.name.as_str()));
    }
    for allocation in view.allocations() {
        groups
            .entry(&allocation.task_group)
            .or_default()
            .extend(allocation.task_states.keys().map(|name| &**name));
    }
    if let Some(unknown) = plan
        .groups
        .iter()
        .find(|name| !groups.contains_key(name.as_str()))
    {
        return Err(UnknownName::Group {
            job: job_id.to_owned(),
            group: unknown.clone(),
            known: groups.keys().map(|name| (*name).to_owned()).collect(),
        });
    }
    let Action::InPlace(Tasks::Named(names)) = &plan.action else {
        return Ok(());
    };
    let chosen =
        |group: &str| plan.groups.is_empty() || plan.groups.iter().any(|name| name == group);
    let tasks: BTreeSet<&str> = groups
        .iter()
        .filter(|(group, _)| chosen(group))
        .flat_map(|(_, tasks)| tasks.iter().copied())
        .collect();
    match names.iter().find(|name| !tasks.contains(name.as_str())) {
        Some(unknown) => Err(UnknownName::Task {
            task: unknown.clone(),
            place: if plan.groups.is_empty() {
                format!("job {}", quote(job_id))
            } else {
                format!("any of the groups {}", plan.groups.join(", "))
            },
            known: tasks.into_iter().map(str::to_owned).collect(),
        }),
        None => Ok(()),
    }
}
