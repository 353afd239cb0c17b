//! Events as lines for machines: one JSON object for each thing that happened, and a summary at the end.
//!
//! The [`Recorder`] is fed with the same events as the lines for people. It keeps what the summary needs, so that every run that has
//! begun to report has one, whatever kept it from its end. What each event says is in [`mod@bodies`], the shapes are in [`mod@line`].

mod bodies;
mod line;
mod summary;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset};

use super::text::clean;
use crate::event::{Event, Finish, RunError};
use crate::nomad::json::AllocId;
use line::{Body, Fate, Line, Outcome, Severity, Time};

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
    /// Those that were begun and are not judged yet.
    away: HashSet<AllocId>,
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
            away: HashSet::new(),
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

    fn original<'a>(&'a self, allocation: &'a AllocId) -> &'a AllocId {
        self.originals.get(allocation).unwrap_or(allocation)
    }

    /// Notes what became of an allocation.
    fn ended(&mut self, allocation: &AllocId, outcome: Outcome, now: Time) -> Fate {
        self.away.remove(allocation);
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
