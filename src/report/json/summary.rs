//! The summary: how the run ended and what became of each allocation, from what was heard until then.

use std::collections::HashMap;

use super::line::{Counts, Fate, Outcome, RunError, Summary, Time, Trouble};
use super::{End, Known, Recorder, text};
use crate::event::{self, Ending, Finish};
use crate::nomad::json::AllocId;

/// The word for a kind of trouble.
pub(super) fn class(trouble: event::Trouble) -> &'static str {
    match trouble {
        event::Trouble::Usage => "usage",
        event::Trouble::Connection => "connection",
        event::Trouble::Permission => "permission",
        event::Trouble::Placement => "placement",
        event::Trouble::Refused => "refused",
        event::Trouble::NotRestarted => "not_restarted",
        event::Trouble::Failure => "failure",
        event::Trouble::Unhealthy => "unhealthy",
        event::Trouble::Timeout => "timeout",
        event::Trouble::OutcomeUnknown => "outcome_unknown",
        event::Trouble::Lost => "lost",
        event::Trouble::Precondition => "precondition",
    }
}

pub(super) fn trouble(error: &event::RunError) -> Trouble {
    Trouble {
        class: class(error.trouble),
        message: text(&error.text),
        recoverable: !error.unrecoverable,
    }
}

impl Recorder {
    pub(super) fn summary(&self, exit_code: u8, now: Time) -> Summary {
        let allocations = self.fates();
        let mut counts = Counts {
            eligible: allocations.len(),
            ..Counts::default()
        };
        for fate in &allocations {
            *match fate.outcome {
                Outcome::Done => &mut counts.done,
                Outcome::Skipped => &mut counts.skipped,
                Outcome::Failed => &mut counts.failed,
                Outcome::InFlight => &mut counts.in_flight,
                Outcome::Untouched => &mut counts.untouched,
            } += 1;
        }
        let (errors, cause) = match &self.end {
            None => (Vec::new(), None),
            Some(End::CannotStart(trouble, cause)) => {
                let error = RunError {
                    allocation: None,
                    trouble: trouble.clone(),
                };
                (vec![error], *cause)
            }
            Some(End::Finished(finish)) => {
                let errors = finish.errors.iter().map(|error| RunError {
                    allocation: error.allocation.clone(),
                    trouble: trouble(error),
                });
                (errors.collect(), finish.cause.map(class))
            }
        };
        let finish = self.finish();
        let signal = finish.and_then(|finish| match finish.how {
            Ending::Interrupted { signal } => Some(signal),
            Ending::Completed | Ending::Stopped | Ending::Declined => None,
        });
        let rest = finish.filter(|finish| finish.summary.something_left());
        Summary {
            outcome: self.outcome(),
            exit_code,
            cause,
            signal,
            action: self.action,
            counts,
            allocations,
            errors,
            resume: rest.and_then(|finish| finish.resume.clone()),
            started: self.started,
            ended: now,
            duration_ms: now.since(self.started),
        }
    }

    fn finish(&self) -> Option<&Finish> {
        match &self.end {
            Some(End::Finished(finish)) => Some(finish),
            Some(End::CannotStart(..)) | None => None,
        }
    }

    fn outcome(&self) -> &'static str {
        match &self.end {
            Some(End::CannotStart(_, Some(_))) => "cannot_start",
            Some(End::CannotStart(_, None)) => "declined",
            None if self.dry_run && !self.order.is_empty() => "dry_run",
            None => "nothing_to_do",
            Some(End::Finished(finish)) => match finish.how {
                Ending::Completed
                    if finish.errors.is_empty() && finish.summary.failed.is_empty() =>
                {
                    "done"
                }
                Ending::Completed => "done_with_errors",
                Ending::Stopped => "stopped",
                Ending::Declined => "declined",
                Ending::Interrupted { .. } => "interrupted",
            },
        }
    }

    /// What became of everything that was selected.
    fn fates(&self) -> Vec<Fate> {
        let mut outcomes: HashMap<&AllocId, (Outcome, Option<&str>)> = HashMap::new();
        let mut errors: HashMap<&AllocId, &event::RunError> = HashMap::new();
        if let Some(finish) = self.finish() {
            let summary = &finish.summary;
            for (ids, outcome) in [
                (&summary.done, Outcome::Done),
                (&summary.failed, Outcome::Failed),
                (&summary.in_flight, Outcome::InFlight),
            ] {
                outcomes.extend(ids.iter().map(|id| (id, (outcome, None))));
            }
            for (id, reason) in &summary.skipped {
                outcomes.insert(id, (Outcome::Skipped, Some(reason)));
            }
            for error in &finish.errors {
                if let Some(id) = &error.allocation {
                    errors.entry(id).or_insert(error);
                }
            }
        }
        let unknown = Known::default();
        let fates = self.order.iter().map(|id| {
            let known = self.known.get(id).unwrap_or(&unknown);
            let (outcome, reason) = outcomes
                .get(id)
                .copied()
                .unwrap_or((Outcome::Untouched, None));
            Fate {
                reason: reason.map(text),
                error: errors.get(id).map(|error| trouble(error)),
                ..known.fate(id, outcome)
            }
        });
        fates.collect()
    }
}
