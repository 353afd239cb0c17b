//! What happened, in words that do not depend on ids, times and the order within a line.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::recording::Names;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn optional(out: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        write!(out, " {label}={value}").unwrap();
    }
}

/// The name of an id; one from before the recording has none.
fn known<'a>(names: &'a Names, id: &'a str) -> &'a str {
    let name = names.name(id);
    if name == id && !id.is_empty() {
        "earlier"
    } else {
        name
    }
}

fn allocation(alloc: &Value, index: u64, names: &Names) -> String {
    let mut out = format!(
        "allocation {} {}",
        names.name(text(&alloc["ID"])),
        text(&alloc["DesiredStatus"])
    );
    optional(&mut out, "because", text(&alloc["DesiredDescription"]));
    optional(&mut out, "next", names.name(text(&alloc["NextAllocation"])));
    let previous = names.name(text(&alloc["PreviousAllocation"]));
    optional(&mut out, "previous", previous);
    optional(&mut out, "in", known(names, text(&alloc["DeploymentID"])));
    optional(&mut out, "of", known(names, text(&alloc["EvalID"])));
    optional(
        &mut out,
        "follow-up",
        names.name(text(&alloc["FollowupEvalID"])),
    );
    let transition = &alloc["DesiredTransition"];
    for flag in ["Migrate", "ForceReschedule"] {
        if transition[flag] == true {
            write!(out, " {flag}").unwrap();
        }
    }
    let attempts = alloc["RescheduleTracker"]["Events"].as_array();
    if let Some(attempts) = attempts {
        write!(out, " attempts={}", attempts.len()).unwrap();
    }
    if alloc["CreateIndex"] == index {
        out.push_str(" new");
    }
    if alloc["AllocModifyIndex"] == index {
        out.push_str(" written");
    }
    out
}

fn evaluation(eval: &Value, names: &Names) -> String {
    let mut out = format!(
        "evaluation {} {} {}",
        names.name(text(&eval["ID"])),
        text(&eval["TriggeredBy"]),
        text(&eval["Status"])
    );
    optional(&mut out, "because", text(&eval["StatusDescription"]));
    for (label, key) in [
        ("previous", "PreviousEval"),
        ("next", "NextEval"),
        ("blocked", "BlockedEval"),
    ] {
        optional(&mut out, label, names.name(text(&eval[key])));
    }
    let deployment = known(names, text(&eval["DeploymentID"]));
    optional(&mut out, "deployment", deployment);
    if let Some(groups) = eval["FailedTGAllocs"].as_object() {
        for (group, metric) in groups {
            let coalesced = &metric["CoalescedFailures"];
            let evaluated = &metric["NodesEvaluated"];
            write!(out, " failed {group} (+{coalesced}, {evaluated} nodes)").unwrap();
        }
    }
    if let Some(groups) = eval["QueuedAllocations"].as_object() {
        for (group, count) in groups {
            write!(out, " queued {group}:{count}").unwrap();
        }
    }
    if let Some(groups) = eval["PlanAnnotations"]["DesiredTGUpdates"].as_object() {
        for (group, updates) in groups {
            for (what, count) in updates.as_object().unwrap() {
                if *count != 0 {
                    write!(out, " {group}.{what}:{count}").unwrap();
                }
            }
        }
    }
    if !eval["WaitUntil"].is_null() {
        out.push_str(" waits");
    }
    if !eval["JobModifyIndex"].is_null() {
        out.push_str(" of-job");
    }
    out
}

fn deployment(deployment: &Value, names: &Names) -> String {
    let mut out = format!(
        "deployment {} {} ({}) v{}",
        names.name(text(&deployment["ID"])),
        text(&deployment["Status"]),
        text(&deployment["StatusDescription"]),
        deployment["JobVersion"]
    );
    for (group, state) in deployment["TaskGroups"].as_object().unwrap() {
        write!(
            out,
            " {group}: {} wanted {} placed {} healthy {} unhealthy{}",
            state["DesiredTotal"],
            state["PlacedAllocs"],
            state["HealthyAllocs"],
            state["UnhealthyAllocs"],
            if state["RequireProgressBy"].is_null() {
                ""
            } else {
                " in time"
            }
        )
        .unwrap();
    }
    out
}

fn job(payload: &Value) -> String {
    let job = &payload["Job"];
    let gone = if payload["Deleted"] == true {
        " deleted"
    } else {
        ""
    };
    let stop = if job["Stop"] == true { " stopped" } else { "" };
    let stable = if job["Stable"] == true { " stable" } else { "" };
    format!(
        "job {} v{}{stop}{stable}{gone}",
        text(&job["Status"]),
        job["Version"]
    )
}

/// One entry for each line, its objects sorted. Of the nodes' reports only what the servers made of
/// them is told: how reports are bundled is a matter of milliseconds.
pub(crate) fn servers(lines: &[Value], names: &Names) -> Vec<String> {
    let mut out = Vec::new();
    for line in lines {
        let index = line["Index"].as_u64().unwrap();
        let events = line["Events"].as_array().unwrap();
        let kind = text(&events[0]["Type"]);
        let report = kind == "AllocationUpdated";
        let mut told = Vec::new();
        for event in events {
            let payload = &event["Payload"];
            match text(&event["Topic"]) {
                "Allocation" | "Deployment" if report => {}
                "Allocation" => told.push(allocation(&payload["Allocation"], index, names)),
                "Evaluation" => told.push(evaluation(&payload["Evaluation"], names)),
                "Deployment" => told.push(deployment(&payload["Deployment"], names)),
                "Job" => told.push(job(payload)),
                _ => {}
            }
        }
        told.sort();
        if !told.is_empty() {
            out.push(format!("{kind}: {}", told.join("; ")));
        }
    }
    // An older blocked evaluation is cancelled by a task of its own, some time after the new one.
    for number in 1..out.len() {
        if out[number].contains("canceled because=existing") {
            let cancelled = out.remove(number);
            let newer = out[..number]
                .iter()
                .rposition(|told| told.contains(" blocked "));
            out.insert(newer.map_or(number, |newer| newer + 1), cancelled);
        }
    }
    out
}

/// What the nodes told of one allocation.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Client states in order; `pending` only where nothing followed, since a node can skip it.
    pub(crate) states: Vec<String>,
    /// Each task's events, type and text, over all reports.
    pub(crate) tasks: BTreeMap<String, Vec<String>>,
    /// Each task's last state: state, failed, restarts, and which times are set.
    pub(crate) last: BTreeMap<String, String>,
    /// Health at the end.
    pub(crate) healthy: Option<bool>,
    pub(crate) description: String,
}

impl History {
    /// The same but for states that one of the two skipped because its node did not look in time.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.went_through(other)
            && self.tasks == other.tasks
            && self.last == other.last
            && self.healthy == other.healthy
            && self.description == other.description
    }

    /// The same states, but for those that one of the two skipped.
    pub(crate) fn went_through(&self, other: &Self) -> bool {
        let within = |short: &[String], long: &[String]| {
            let mut rest = long.iter();
            short.iter().all(|state| rest.any(|other| other == state))
        };
        let states = within(&self.states, &other.states) || within(&other.states, &self.states);
        states && self.states.last() == other.states.last()
    }
}

/// By allocation name.
pub(crate) fn nodes(lines: &[Value], names: &Names) -> BTreeMap<String, History> {
    let mut out: BTreeMap<String, History> = BTreeMap::new();
    let mut events: BTreeMap<(String, String), BTreeMap<i64, Vec<String>>> = BTreeMap::new();
    for line in lines {
        for event in line["Events"].as_array().unwrap() {
            let alloc = &event["Payload"]["Allocation"];
            if alloc.is_null() {
                continue;
            }
            let name = names.name(text(&alloc["ID"])).to_owned();
            let history = out.entry(name.clone()).or_default();
            let state = text(&alloc["ClientStatus"]).to_owned();
            if history.states.last() != Some(&state) {
                history.states.push(state);
            }
            history.healthy = alloc["DeploymentStatus"]["Healthy"].as_bool();
            text(&alloc["ClientDescription"]).clone_into(&mut history.description);
            let Some(tasks) = alloc["TaskStates"].as_object() else {
                continue;
            };
            for (task, state) in tasks {
                let key = (name.clone(), task.clone());
                let seen = events.entry(key).or_default();
                for event in state["Events"].as_array().into_iter().flatten() {
                    let told = format!(
                        "{}: {}",
                        text(&event["Type"]),
                        plain(text(&event["DisplayMessage"]))
                    );
                    // Two events of a task can have the same time; a report repeats what was told.
                    let same = seen.entry(event["Time"].as_i64().unwrap()).or_default();
                    if !same.contains(&told) {
                        same.push(told);
                    }
                }
                let set = |key: &'static str| if state[key].is_null() { "" } else { key };
                history.last.insert(
                    task.clone(),
                    format!(
                        "{} failed={} restarts={} {} {} {}",
                        text(&state["State"]),
                        state["Failed"],
                        state["Restarts"],
                        set("StartedAt"),
                        set("LastRestart"),
                        set("FinishedAt")
                    ),
                );
            }
        }
    }
    for ((alloc, task), seen) in events {
        let told: Vec<String> = seen.into_values().flatten().collect();
        if let Some(history) = out.get_mut(&alloc) {
            history.tasks.insert(task, told);
        }
    }
    for history in out.values_mut() {
        let last = history.states.last().cloned();
        history.states.retain(|state| state != "pending");
        history.states.dedup();
        if history.states.is_empty() {
            history.states.extend(last);
        }
    }
    out
}

/// A text without what differs from run to run: random delays and allocation ids in paths.
fn plain(message: &str) -> String {
    let restarting = "Task restarting in ";
    if let Some(delay) = message.strip_prefix(restarting)
        && delay != "0s"
    {
        return format!("{restarting}a while");
    }
    message
        .split('/')
        .map(|part| {
            let id = part.len() == 36 && part.bytes().filter(|b| *b == b'-').count() == 4;
            if id { "<id>" } else { part }
        })
        .collect::<Vec<_>>()
        .join("/")
}
