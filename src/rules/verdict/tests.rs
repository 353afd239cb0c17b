//! Verdicts on recorded situations: each row of the tables in the module's documentation.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Baseline, CallState, Cause, Verdict, Want, judge, next_check};
use crate::event::Target;
use crate::nomad::json::Allocation;
use crate::rules::samples;
use crate::rules::versions::Versions;
use crate::view::JobView;

mod causes;
mod health;
mod in_place;
mod properties;
mod reschedule;
mod silence;

pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// One write on allocation `a`, and what is known afterwards.
pub(super) struct Case {
    pub(super) view: JobView,
    pub(super) base: Baseline,
    pub(super) want: Want,
    pub(super) begin: Instant,
}

impl Case {
    /// Before the write the list had these allocations, `a` among them.
    pub(super) fn new(target: &Target, versions: Versions, before: Vec<Allocation>) -> Self {
        let begin = Instant::now();
        let mut view = JobView::default();
        samples::list(&mut view, before, begin);
        let base = Baseline::take(&view, &versions, "a", target).expect("a is in the list");
        Self {
            view,
            base,
            want: Want::new(Arc::new(versions), None, Some(LIMIT), begin),
            begin,
        }
    }

    pub(super) fn running(before: Allocation) -> Self {
        Self::new(&Target::RunningTasks, Versions::default(), vec![before])
    }

    pub(super) fn reschedule(versions: Versions, before: Vec<Allocation>) -> Self {
        Self::new(&Target::Reschedule, versions, before)
    }

    pub(super) fn at(&self, seconds: u64) -> Instant {
        self.begin + Duration::from_secs(seconds)
    }

    /// News that came `seconds` after the write.
    pub(super) fn news(&mut self, seconds: u64, allocations: Vec<Allocation>) -> &mut Self {
        let now = self.at(seconds);
        samples::news(&mut self.view, allocations, now);
        self
    }

    /// A whole list that came `seconds` after the write.
    pub(super) fn list(&mut self, seconds: u64, allocations: Vec<Allocation>) -> &mut Self {
        let now = self.at(seconds);
        samples::list(&mut self.view, allocations, now);
        self
    }

    pub(super) fn judge(&self, call: CallState, seconds: u64) -> Verdict {
        judge(&self.base, call, &self.view, &self.want, self.at(seconds))
    }

    /// The verdict 1 s after the write, which was accepted at once.
    pub(super) fn accepted(&self) -> Verdict {
        self.judge(CallState::Accepted(self.begin), 1)
    }

    pub(super) fn next_check(&self, call: CallState, seconds: u64) -> Option<u64> {
        next_check(&self.base, call, &self.view, &self.want, self.at(seconds))
            .map(|at| at.duration_since(self.begin).as_secs())
    }
}

#[track_caller]
pub(super) fn pending(verdict: &Verdict) -> super::Reason {
    match verdict {
        Verdict::Pending(reason) => reason.clone(),
        other => panic!("not pending: {other:?}"),
    }
}

#[track_caller]
pub(super) fn failed(verdict: &Verdict) -> Cause {
    match verdict {
        Verdict::Failed(cause) => cause.clone(),
        other => panic!("not failed: {other:?}"),
    }
}

pub(super) fn done() -> Verdict {
    Verdict::Done { by: None }
}

pub(super) fn replaced_by(id: &str) -> Verdict {
    Verdict::Done {
        by: Some(Arc::from(id)),
    }
}
