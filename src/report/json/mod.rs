//! Events as lines for machines: one JSON object for each thing that happened, and a summary at the end.
//!
//! The [`Recorder`] is fed with the same events as the lines for people. It keeps what the summary needs, so that every run that has
//! begun to report has one, whatever kept it from its end. The shapes are in [`mod@line`].

mod line;
mod summary;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::human;
use super::text::clean;
use crate::event::{Event, EventKind, Finish, Planned, Preview, RunError, Target};
use crate::nomad::json::AllocId;
use line::{Body, Fate, LeftOut, Line, Outcome, PlannedAllocation, PlannedBatch, Severity, Time};

/// Which job, as it is asked for until it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) job: String,
    pub(crate) namespace: String,
    /// `None` while nothing names one.
    pub(crate) region: Option<String>,
}

/// Turns events into lines, and remembers what the summary tells.
pub(super) struct Recorder {
    subject: Subject,
    /// The number of lines so far.
    seq: u64,
    started: Time,
    action: Option<&'static str>,
    dry_run: bool,
    /// The selected allocations, in processing order.
    order: Vec<AllocId>,
    known: HashMap<AllocId, Known>,
    /// The allocation that each replacement stands for in the end.
    originals: HashMap<AllocId, AllocId>,
    batch: Option<Batch>,
    end: Option<End>,
}

/// What was heard of one allocation.
#[derive(Debug, Default)]
struct Known {
    group: Option<String>,
    batch: Option<usize>,
    begun: Option<Time>,
    ended: Option<Time>,
    /// As it was told in `alloc_done`.
    outcome: Option<Outcome>,
    replacement: Option<AllocId>,
}

/// The batch under way.
struct Batch {
    number: usize,
    of: usize,
    allocations: usize,
    begun: Time,
}

/// What the last event told.
enum End {
    CannotStart(line::Trouble, Option<&'static str>),
    Finished(Box<Finish>),
}

impl Recorder {
    /// A recorder, and its first line.
    pub(super) fn new(subject: Subject, now: &DateTime<FixedOffset>) -> (Self, String) {
        let started = Time::of(now);
        let mut recorder = Self {
            subject,
            seq: 0,
            started,
            action: None,
            dry_run: false,
            order: Vec::new(),
            known: HashMap::new(),
            originals: HashMap::new(),
            batch: None,
            end: None,
        };
        let version = Body::Version {
            nomad_restart: env!("CARGO_PKG_VERSION"),
            schema: line::SCHEMA,
        };
        let first = recorder.line(started, &version);
        (recorder, first)
    }

    /// The lines of one event, in order.
    pub(super) fn take(&mut self, event: &Event) -> Vec<String> {
        let now = Time::of(&event.at);
        let bodies = self.bodies(&event.kind, now);
        bodies.iter().map(|body| self.line(now, body)).collect()
    }

    /// The last line.
    pub(super) fn close(&mut self, exit_code: u8, now: &DateTime<FixedOffset>) -> String {
        let now = Time::of(now);
        let summary = self.summary(exit_code, now);
        self.line(now, &Body::Summary(Box::new(summary)))
    }

    fn line(&mut self, time: Time, body: &Body) -> String {
        self.seq += 1;
        let line = Line {
            kind: body.kind(),
            time,
            seq: self.seq,
            job: &self.subject.job,
            namespace: &self.subject.namespace,
            region: self.subject.region.as_deref(),
            body,
        };
        // Nothing in it has keys that are no texts, or fails to be written.
        serde_json::to_string(&line).unwrap_or_default()
    }

    fn bodies(&mut self, kind: &EventKind, now: Time) -> Vec<Body> {
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
                }];
            }
            EventKind::AllocationSkipped { allocation, reason } => {
                let mut fate = self.ended(allocation, Outcome::Skipped, now);
                fate.reason = Some(text(reason));
                return vec![Body::AllocDone(fate)];
            }
            EventKind::AllocationDone { allocation } => {
                return vec![Body::AllocDone(self.ended(allocation, Outcome::Done, now))];
            }
            EventKind::AllocationFailed { error } => return vec![self.failed(error, now)],
            EventKind::Replaced { replaced, by } => {
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
            EventKind::ReplacementRunning { allocation, status }
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
                    deployment: Some(line::Deployment {
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

    fn original<'a>(&'a self, allocation: &'a AllocId) -> &'a AllocId {
        self.originals.get(allocation).unwrap_or(allocation)
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

    /// Notes what became of an allocation.
    fn ended(&mut self, allocation: &AllocId, outcome: Outcome, now: Time) -> Fate {
        let known = self.known.entry(AllocId::clone(allocation)).or_default();
        known.outcome = Some(outcome);
        known.ended = Some(now);
        known.fate(allocation, outcome)
    }

    /// An allocation fails once; what else is wrong with it is told on its own.
    fn failed(&mut self, error: &RunError, now: Time) -> Body {
        let Some(allocation) = &error.allocation else {
            return error_of_run(error);
        };
        let before = self.known.get(allocation).and_then(|it| it.outcome);
        if before == Some(Outcome::Failed) {
            return Body::Diagnostic {
                severity: Severity::Error,
                message: text(&error.text),
                allocation: Some(AllocId::clone(allocation)),
                class: Some(summary::class(error.trouble)),
            };
        }
        let mut fate = self.ended(allocation, Outcome::Failed, now);
        fate.error = Some(summary::trouble(error));
        Body::AllocDone(fate)
    }

    fn batch_done(&mut self, number: usize, now: Time) -> Vec<Body> {
        let Some(batch) = self.batch.take().filter(|batch| batch.number == number) else {
            return Vec::new();
        };
        let size = batch.allocations;
        // Batches follow each other in processing order.
        let first = self
            .order
            .partition_point(|id| self.known.get(id).is_some_and(|it| it.batch < Some(number)));
        let members = self.order[first..].iter().take(size);
        let mut counts = line::BatchCounts {
            allocations: size,
            ..line::BatchCounts::default()
        };
        for outcome in members.map(|id| self.known.get(id).and_then(|it| it.outcome)) {
            match outcome {
                Some(Outcome::Done) => counts.done += 1,
                Some(Outcome::Skipped) => counts.skipped += 1,
                Some(Outcome::Failed) => counts.failed += 1,
                Some(Outcome::InFlight | Outcome::Untouched) | None => counts.untouched += 1,
            }
        }
        vec![Body::BatchDone {
            batch: number,
            batches: batch.of,
            counts,
            duration_ms: now.since(batch.begun),
        }]
    }
}

impl Known {
    fn fate(&self, allocation: &AllocId, outcome: Outcome) -> Fate {
        Fate {
            allocation: AllocId::clone(allocation),
            group: self.group.clone(),
            batch: self.batch,
            outcome,
            replacement: self.replacement.clone(),
            reason: None,
            error: None,
            duration_ms: self
                .begun
                .zip(self.ended)
                .map(|(begun, ended)| ended.since(begun)),
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

fn error_of_run(error: &RunError) -> Body {
    Body::Diagnostic {
        severity: Severity::Error,
        message: text(&error.text),
        allocation: None,
        class: Some(summary::class(error.trouble)),
    }
}

/// Foreign text: `jq -r` may print it on a terminal.
fn text(text: &str) -> String {
    clean(text.trim()).into_owned()
}

#[cfg(test)]
mod tests;
