//! What each event says: the lines that it makes, without the fields that all lines have, and what is remembered of it.

use std::time::Duration;

use super::line::{
    self, Body, Deployment, LeftOut, Outcome, PlannedAllocation, PlannedBatch, Severity, Time,
};
use super::{Batch, End, Known, Recorder, Subject, error_of_run, summary, text};
use crate::event::{EventKind, Planned, Preview, Target};
use crate::nomad::json::AllocId;
use crate::report::human;

impl Recorder {
    /// The lines of one event, in order.
    pub(super) fn bodies(&mut self, kind: &EventKind, now: Time) -> Vec<Body> {
        match kind {
            EventKind::JobFound {
                job,
                namespace,
                region,
            } => {
                let region = Some(region).filter(|region| !region.is_empty());
                self.subject = Subject {
                    job: job.clone(),
                    namespace: namespace.clone(),
                    region: region.cloned().or(self.subject.region.take()),
                };
            }
            EventKind::Planned(preview) => return vec![self.plan(preview)],
            EventKind::BatchStarted {
                number,
                of,
                allocations,
                size,
            } => {
                self.batch = Some(Batch {
                    number: *number,
                    of: *of,
                    allocations: *allocations,
                    begun: now,
                });
                return vec![Body::BatchStart {
                    batch: *number,
                    batches: *of,
                    batch_size: *size,
                    allocations: *allocations,
                }];
            }
            EventKind::BatchEnded { number } => return self.batch_done(*number, now),
            EventKind::AllocationStarted {
                allocation,
                group,
                what,
            } => {
                let known = self.known.entry(AllocId::clone(allocation)).or_default();
                known.group.get_or_insert_with(|| group.clone());
                known.begun.get_or_insert(now);
                self.away.insert(AllocId::clone(allocation));
                let task = match what {
                    Target::Task(task) => Some(task.clone()),
                    Target::RunningTasks | Target::AllTasks | Target::Reschedule => None,
                };
                return vec![Body::AllocStart {
                    allocation: AllocId::clone(allocation),
                    group: group.clone(),
                    action: match what {
                        Target::RunningTasks => "restart_running_tasks",
                        Target::AllTasks => "restart_all_tasks",
                        Target::Task(_) => "restart_task",
                        Target::Reschedule => "reschedule",
                    },
                    task,
                    away: self.away.len(),
                }];
            }
            EventKind::AllocationSkipped { allocation, reason } => {
                let known = self.known.get(allocation);
                // It is one of its tasks only: the allocation has failed.
                if known.and_then(|it| it.outcome) == Some(Outcome::Failed) {
                    return vec![Body::Diagnostic {
                        severity: Severity::Info,
                        message: format!(
                            "Not all its tasks were told to restart because {}",
                            text(reason)
                        ),
                        allocation: Some(AllocId::clone(allocation)),
                        class: None,
                    }];
                }
                let mut fate = self.ended(allocation, Outcome::Skipped, now);
                fate.reason = Some(text(reason));
                return vec![Body::AllocDone(fate)];
            }
            EventKind::AllocationDone { allocation } => {
                return vec![Body::AllocDone(self.ended(allocation, Outcome::Done, now))];
            }
            EventKind::AllocationFailed { error } => return vec![self.failed(error, now)],
            EventKind::Replaced { replaced, by, .. } => {
                let original = AllocId::clone(self.original(replaced));
                self.originals
                    .insert(AllocId::clone(by), AllocId::clone(&original));
                let known = self.known.entry(AllocId::clone(&original)).or_default();
                known.replacement = Some(AllocId::clone(by));
                return vec![Body::AllocReplaced {
                    allocation: original,
                    replaced: AllocId::clone(replaced),
                    replacement: AllocId::clone(by),
                }];
            }
            EventKind::ReplacementRunning {
                allocation, status, ..
            }
            | EventKind::StatusChanged { allocation, status } => {
                return vec![Body::AllocProgress {
                    allocation: AllocId::clone(self.original(allocation)),
                    current: AllocId::clone(allocation),
                    status: Some(text(status)),
                    state: None,
                }];
            }
            EventKind::StillWaiting {
                allocation, state, ..
            } => {
                let replacement = self
                    .known
                    .get(allocation)
                    .and_then(|it| it.replacement.clone());
                return vec![Body::AllocProgress {
                    allocation: AllocId::clone(allocation),
                    current: replacement.unwrap_or_else(|| AllocId::clone(allocation)),
                    status: None,
                    state: Some(text(state)),
                }];
            }
            EventKind::DeploymentAwaited { deployment, .. } => {
                return vec![Body::Waiting {
                    what: "deployment",
                    wait_ms: None,
                    deployment: Some(Deployment {
                        id: deployment.id.clone(),
                        status: text(&deployment.status),
                        description: text(&deployment.description),
                    }),
                }];
            }
            EventKind::Pausing { pause } => return vec![pausing("next_batch", *pause)],
            EventKind::PausingEach { pause } => return vec![pausing("next_allocation", *pause)],
            EventKind::Warning(message) => return vec![diagnostic(Severity::Warning, message)],
            EventKind::Notice(message) => return vec![diagnostic(Severity::Info, message)],
            EventKind::NothingToDo { left_out } => {
                let message = format!("No allocations to restart\n{left_out}");
                return vec![diagnostic(Severity::Info, &message)];
            }
            EventKind::TaskMissing { allocation, task } => {
                let message = format!("The allocation does not have task {task:?}");
                return vec![Body::Diagnostic {
                    severity: Severity::Info,
                    message,
                    allocation: Some(AllocId::clone(allocation)),
                    class: None,
                }];
            }
            EventKind::Stopping {
                unrecoverable,
                exceeded,
            } => {
                let message = human::stopping(*unrecoverable, *exceeded);
                return vec![diagnostic(Severity::Error, &message)];
            }
            EventKind::CannotStart {
                text: message,
                trouble,
            } => {
                let class = trouble.map(summary::class);
                self.end = Some(End::CannotStart(
                    line::Trouble {
                        class: class.unwrap_or("declined"),
                        message: text(message),
                        recoverable: false,
                    },
                    class,
                ));
                return vec![Body::Diagnostic {
                    severity: Severity::Error,
                    message: text(message),
                    allocation: None,
                    class,
                }];
            }
            EventKind::Finished(finish) => {
                self.end = Some(End::Finished(Box::new(finish.clone())));
                // Those of allocations have been told.
                let of_run = finish.errors.iter().filter(|it| it.allocation.is_none());
                return of_run.map(error_of_run).collect();
            }
            // `plan` holds them, the errors have been told, and nobody is asked.
            EventKind::LeftOut { .. }
            | EventKind::Selected { .. }
            | EventKind::SelectedForWindow { .. }
            | EventKind::BatchErrors { .. }
            | EventKind::NewPause { .. } => {}
        }
        Vec::new()
    }

    fn plan(&mut self, preview: &Preview) -> Body {
        let action = if preview.reschedules {
            "reschedule"
        } else {
            "restart"
        };
        self.action = Some(action);
        self.dry_run = preview.dry_run;
        let mut batches: Vec<PlannedBatch> = Vec::with_capacity(preview.batches);
        for planned in &preview.allocations {
            self.order.push(AllocId::clone(&planned.allocation));
            let known = Known {
                group: Some(planned.group.clone()),
                batch: preview.window.is_none().then_some(planned.batch),
                ..Known::default()
            };
            self.known
                .insert(AllocId::clone(&planned.allocation), known);
            let allocation = planned_allocation(planned);
            match batches.last_mut() {
                Some(last) if last.batch == planned.batch => last.allocations.push(allocation),
                _ => batches.push(PlannedBatch {
                    batch: planned.batch,
                    allocations: vec![allocation],
                }),
            }
        }
        Body::Plan {
            dry_run: preview.dry_run,
            action,
            total: preview.allocations.len(),
            window: preview.window,
            batches,
            left_out: preview
                .left_out
                .iter()
                .map(|it| LeftOut {
                    allocation: AllocId::clone(&it.allocation),
                    group: it.group.clone(),
                    reason: text(&it.reason),
                })
                .collect(),
        }
    }
}

fn planned_allocation(planned: &Planned) -> PlannedAllocation {
    PlannedAllocation {
        allocation: AllocId::clone(&planned.allocation),
        group: planned.group.clone(),
        node: planned.node.clone(),
        job_version: planned.version,
        since: planned.since.as_ref().map(Time::of),
        healthy: planned.healthy,
        not_running: planned.not_running.clone(),
    }
}

fn pausing(what: &'static str, pause: Duration) -> Body {
    Body::Waiting {
        what,
        wait_ms: Some(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
        deployment: None,
    }
}

fn diagnostic(severity: Severity, message: &str) -> Body {
    Body::Diagnostic {
        severity,
        message: text(message),
        allocation: None,
        class: None,
    }
}
