//! Checks of services of the provider `nomad`: the node runs them at their interval, whatever the tasks do, and keeps the last
//! result of each.

use serde_json::{Map, Value, json};

use super::alloc::Runner;
use crate::cluster::state::{Due, State};
use crate::cluster::tables::AllocRef;
use crate::model::{ApiError, Service, Task, TaskStateKind, Time, Version};

/// From the begin of an allocation to the first run of its checks, in nanoseconds (recordings e01, e03 and e04).
const FIRST_RUN: (i64, i64) = (450_000_000, 500_000_000);
/// Answers below this are good ones.
const BAD_REQUEST: u16 = 400;
/// An interval of nothing would never let time pass.
const SHORTEST: i64 = 1_000_000_000;

/// A check of an allocation with its last result.
#[derive(Debug)]
pub(crate) struct Check {
    id: String,
    name: String,
    service: String,
    /// Empty for a group's service.
    task: String,
    /// The task that is asked.
    asked: usize,
    http: bool,
    path: String,
    port: u64,
    interval: i64,
    /// Deployments and migrations go by it.
    counts: bool,
    status: &'static str,
    code: Option<u16>,
    output: String,
    /// Of the last run.
    at: Time,
    /// Good since then.
    good_since: Option<Time>,
}

impl Check {
    fn json(&self, alloc_name: &str) -> Value {
        let mode = if self.counts {
            "healthiness"
        } else {
            "readiness"
        };
        let mut shown = json!({"Check": self.name, "Group": alloc_name, "ID": self.id, "Mode": mode,
            "Output": self.output, "Service": self.service, "Status": self.status,
            "Timestamp": self.at.seconds()});
        if let Some(code) = self.code {
            shown["StatusCode"] = code.into();
        }
        if !self.task.is_empty() {
            shown["Task"] = self.task.as_str().into();
        }
        shown
    }
}

impl Runner {
    /// Since when all the checks that count have been good: `None` while one is not.
    pub(super) fn checks_good_since(&self) -> Option<Time> {
        let mut counting = self.checks.iter().filter(|check| check.counts);
        counting.try_fold(Time(i64::MIN), |since, check| {
            Some(since.max(check.good_since?))
        })
    }
}

impl State {
    /// An allocation begins: its checks wait to be run.
    pub(super) fn begin_checks(&mut self, run: &mut Runner) {
        let Some(stored) = self.tables.alloc(run.alloc).cloned() else {
            return;
        };
        let group = run.group().clone();
        let main = group.tasks.iter().position(Task::is_main);
        let of_tasks = group.tasks.iter().enumerate().flat_map(|(number, task)| {
            let services = task.services.iter().flatten();
            services.map(move |service| (task.name.as_str(), number, service))
        });
        // A group's service is one of its main tasks; which one is not told.
        let of_group = group.services.iter().flatten();
        let of_group = of_group.map(|service| ("", main.unwrap_or(0), service));
        let native = |service: &Service| service.provider == "nomad";
        for (task, asked, service) in of_tasks.chain(of_group).filter(|(.., s)| native(s)) {
            for check in service.checks.iter().flatten() {
                let label = match check.port_label.as_str() {
                    "" => &service.port_label,
                    label => label,
                };
                let digits = if self.version == Version::V2_0 { 4 } else { 2 };
                let id = (0..digits).map(|_| format!("{:016x}", self.rng.next()));
                run.checks.push(Check {
                    id: id.collect(),
                    name: check.name.clone(),
                    service: service.name.clone(),
                    task: task.to_owned(),
                    asked,
                    http: check.r#type == "http",
                    path: check.path.clone(),
                    port: stored.resources.port(label).unwrap_or(0),
                    interval: check.interval.max(SHORTEST),
                    counts: check.on_update != "ignore",
                    status: "pending",
                    code: None,
                    output: "nomad: waiting to run".to_owned(),
                    at: self.now,
                    good_since: None,
                });
            }
        }
        let alloc = run.alloc;
        for check in 0..run.checks.len() {
            let delay = self.draw(FIRST_RUN);
            self.plan_in(delay, Due::Check { alloc, check });
        }
    }

    /// A check is run.
    pub(crate) fn run_check(&mut self, alloc: AllocRef, check: usize) {
        self.with_runner(alloc, |state, run| {
            let Some(asked) = run.checks.get(check).map(|check| check.asked) else {
                // The allocation is being stopped: nothing is checked any more.
                return;
            };
            let behaviour = state.behaviour_of(run, asked);
            let task = &run.tasks[asked];
            let now = state.now;
            let mut is_ill = false;
            let listens = task.state.started_at.is_some_and(|started| {
                let since = started.plus(behaviour.listens_after.unwrap_or(0));
                is_ill = behaviour.ill_after.is_some_and(|after| {
                    let from = started.plus(after);
                    let to = behaviour.ill_for.map(|length| from.plus(length));
                    from <= now && to.is_none_or(|to| now < to)
                });
                task.state.state == TaskStateKind::Running && task.has_process() && since <= now
            });
            let entry = &mut run.checks[check];
            let port = entry.port;
            let refused = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
            let code = if is_ill {
                503
            } else {
                behaviour.check_code.unwrap_or(200)
            };
            let answers = listens && (entry.http || !is_ill);
            (entry.status, entry.code, entry.output) = match (answers, entry.http) {
                (false, true) => {
                    let url = format!("http://127.0.0.1:{port}{}", entry.path);
                    ("failure", None, format!("nomad: Get {url:?}: {refused}"))
                }
                (false, false) => ("failure", None, refused),
                (true, false) => ("success", None, "nomad: tcp ok".to_owned()),
                (true, true) if code < BAD_REQUEST => {
                    ("success", Some(code), "nomad: http ok".to_owned())
                }
                (true, true) => {
                    let body = behaviour.check_output.unwrap_or_default();
                    ("failure", Some(code), body)
                }
            };
            entry.at = now;
            let good = entry.status == "success";
            let changed = good != entry.good_since.is_some();
            if changed {
                entry.good_since = good.then_some(now);
            }
            let interval = entry.interval;
            state.plan_in(interval, Due::Check { alloc, check });
            if changed {
                state.check_health(run);
                state.note_health(run);
            }
        });
    }

    /// Keeps the truth about the checks of an allocation, each time it changes.
    fn note_health(&mut self, run: &Runner) {
        let good = run.checks_good_since().is_some();
        if let Some(record) = self.truth.allocations.get_mut(&run.id) {
            let before = record.health.last().is_some_and(|(_, good)| *good);
            if before != good {
                record.health.push((self.now, good));
            }
        }
    }

    /// The results of an allocation's checks by their ids; `null` where there is none.
    pub(crate) fn checks(&mut self, id: &str) -> Result<Value, ApiError> {
        let (alloc, name) = self.known_to_node(id)?;
        let shown = self.with_runner(alloc, |_, run| {
            let checks = run.checks.iter();
            let shown = checks.map(|check| (check.id.clone(), check.json(&name)));
            shown.collect::<Map<String, Value>>()
        });
        Ok(shown
            .filter(|shown| !shown.is_empty())
            .map_or(Value::Null, Value::Object))
    }

    /// An allocation that its node can be asked about, and its name.
    ///
    /// # Errors
    /// Those of a call to an agent that is not there; 404 while the node has not heard of it.
    pub(super) fn known_to_node(&mut self, id: &str) -> Result<(AllocRef, String), ApiError> {
        let unknown = || ApiError::not_found(format!("Unknown allocation {id:?}"));
        let alloc = self.tables.alloc_ids.get(id).copied().ok_or_else(unknown)?;
        self.reach(alloc)?;
        let runner = self.runners.get(alloc).and_then(Option::as_ref);
        let stored = self.tables.alloc(alloc);
        match (runner, stored) {
            (Some(_), Some(stored)) => Ok((alloc, stored.name.clone())),
            _ => Err(unknown()),
        }
    }
}
