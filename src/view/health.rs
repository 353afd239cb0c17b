//! How long what is known of an allocation has held: since when its tasks are as they are, and what its checks say.
//!
//! The checks of an allocation go on while its tasks are restarted, and an old success stays until the next run (recording e01). So a
//! result counts only if its check was run after the newest start of a task, by the node's clock and in whole seconds, which is all that
//! is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::JobView;
use crate::nomad::json::{AllocId, Allocation, CheckResult, CheckResults, CheckStatus};

/// What an allocation's checks say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checks {
    /// When the answer was asked for.
    pub(crate) asked: Instant,
    /// What tells of health, by the checks' ids.
    pub(crate) results: BTreeMap<Arc<str>, Check>,
    /// Why there is no answer.
    pub(crate) unread: Option<Unread>,
}

/// Why checks could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) error: Arc<str>,
    /// For want of permission: asking again does not help.
    pub(crate) denied: bool,
}

/// One check and its last result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) result: CheckResult,
    /// Since when it is known to be as it is: passing, failing, or without a result that counts.
    pub(crate) since: Instant,
    /// It was run after the newest start of a task of its allocation.
    pub(crate) counts: bool,
}

impl Check {
    pub(crate) fn passes(&self) -> bool {
        self.counts && self.result.status == CheckStatus::Success
    }
}

impl JobView {
    /// Since when the tasks of an allocation are known to be as they are: none has started, ended or changed its state since. `None` of
    /// those that are as the first list told.
    pub(crate) fn unchanged_since(&self, id: &str) -> Option<Instant> {
        self.unchanged.get(id).copied()
    }

    /// What the checks of an allocation said last. `None` before they were read.
    pub(crate) fn checks(&self, id: &str) -> Option<&Checks> {
        self.checks.get(id)
    }

    /// Folds an answer about the checks of an allocation in. Says whether anything became different.
    pub(super) fn fold_checks(
        &mut self,
        id: &AllocId,
        answer: Result<CheckResults, Unread>,
        asked: Instant,
        now: Instant,
    ) -> bool {
        let Some(allocation) = self.allocations.get(id) else {
            return false;
        };
        let start = newest_start(allocation);
        let known = self.checks.get(id);
        if known.is_some_and(|known| known.asked > asked) {
            return false;
        }
        let checks = match answer {
            Ok(results) => Checks {
                asked,
                results: results
                    .into_iter()
                    .filter(|(_, result)| &*result.mode != "readiness")
                    .map(|(check, result)| {
                        let before = known.and_then(|known| known.results.get(&check));
                        let check_now = Check {
                            counts: start.is_some_and(|start| result.timestamp > start),
                            result,
                            since: now,
                        };
                        let since = before
                            .filter(|before| {
                                before.counts == check_now.counts
                                    && before.result.status == check_now.result.status
                            })
                            .map_or(now, |before| before.since);
                        (check, Check { since, ..check_now })
                    })
                    .collect(),
                unread: None,
            },
            // What it said before is kept: the checks go on while nobody can read them.
            Err(unread) => Checks {
                asked,
                results: known.map(|it| it.results.clone()).unwrap_or_default(),
                unread: Some(unread),
            },
        };
        // Whoever waits for time to pass has to know how fresh this is, so that every answer is news.
        self.checks.insert(id.clone(), checks);
        true
    }

    /// Notes that the tasks of an allocation are not as they were: what its checks said was said of other processes.
    pub(super) fn unsettle(&mut self, id: &AllocId, now: Instant) {
        self.unchanged.insert(id.clone(), now);
        self.checks.remove(id);
    }
}

/// When a task of this allocation started last, in whole seconds by the node's clock.
fn newest_start(allocation: &Allocation) -> Option<i64> {
    let starts = allocation.task_states.values();
    let newest = starts.filter_map(|state| state.started_at).max()?;
    Some(newest.timestamp())
}

/// Whether the tasks of an allocation are as they were before.
pub(super) fn same_tasks(known: &Allocation, news: &Allocation) -> bool {
    let tasks = |of: &'_ Allocation| {
        let states = of.task_states.iter().map(|(name, it)| {
            let run = it.state.clone();
            (name.clone(), run, it.failed, it.started_at, it.restarts)
        });
        states.collect::<Vec<_>>()
    };
    known.client_status == news.client_status && tasks(known) == tasks(news)
}
