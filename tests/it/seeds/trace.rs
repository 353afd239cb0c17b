//! A run as text: its transcript, and the full story for whoever looks for a cause.

use std::fmt::Write;

use nomad_sim::cluster::Object;
use nomad_sim::model::Time;

use super::stage::Run;
use super::tty::Entry;

/// What was printed, typed and signaled, with the seconds since the start of the program.
pub(super) fn transcript(run: &Run) -> String {
    let mut text = String::new();
    for (at, entry) in &run.log {
        text.push_str(&line(run, *at, &shown(entry)));
    }
    let _ = writeln!(
        text,
        "exit code {:?} after {:?}",
        run.code,
        run.ended.since(run.started)
    );
    text
}

/// The same among the requests and the changes in the cluster.
pub(super) fn full(run: &Run) -> String {
    let mut lines: Vec<(Time, String)> = Vec::new();
    for (at, entry) in &run.log {
        lines.push((*at, shown(entry)));
    }
    for request in &run.requests {
        let status = request
            .status
            .map_or("no answer".to_owned(), |it| it.to_string());
        let query = if request.query.is_empty() { "" } else { "?" };
        lines.push((
            request.time,
            format!(
                "  ▸ {} {}{query}{} ─ {status}",
                request.method, request.path, request.query
            ),
        ));
    }
    for change in run.changes.iter().filter(|it| it.time >= run.started) {
        let objects: Vec<String> = change.objects.iter().map(object).collect();
        lines.push((
            change.time,
            format!(
                "    · {} {}: {}",
                change.index,
                change.kind,
                objects.join("; ")
            ),
        ));
    }
    for (index, write) in run.truth.writes.iter().enumerate() {
        if write.time >= run.started {
            let who = if run.foreign.contains(&index) {
                "another's"
            } else {
                "our"
            };
            lines.push((write.time, format!("    ! {who} {write:?}")));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text: String = lines
        .into_iter()
        .map(|(at, it)| line(run, at, &it))
        .collect();
    let _ = writeln!(
        text,
        "exit code {:?} after {:?}",
        run.code,
        run.ended.since(run.started)
    );
    text
}

fn line(run: &Run, at: Time, text: &str) -> String {
    format!("{:>10.3} {text}\n", at.since(run.started).as_secs_f64())
}

fn shown(entry: &Entry) -> String {
    match entry {
        Entry::Out(text) => format!("1> {text}"),
        Entry::Err(text) => format!("2> {text}"),
        Entry::Prompt(text) => format!("?> {text}"),
        Entry::Typed(text) => format!("<< {text:?}"),
        Entry::Signal(number) => format!("signal {number}"),
        Entry::Actor(text) => format!("somebody else: {text}"),
    }
}

fn object(object: &Object) -> String {
    match object {
        Object::Job { job, deleted } => {
            format!(
                "job v{} {} stop {} deleted {deleted}",
                job.version, job.status, job.stop
            )
        }
        Object::Allocation(it) => {
            let states = it.task_states.iter().flatten().map(|(name, state)| {
                let last = state.events.last().map_or("", |event| event.kind.name());
                format!("{name} {:?} {last}", state.state)
            });
            let states: Vec<String> = states.collect();
            let short = |id: &str| id.chars().take(8).collect::<String>();
            format!(
                "alloc {} {} {:?} {:?} next {:?} migrate {:?} [{}]",
                short(&it.id),
                it.name,
                it.desired,
                it.client,
                short(&it.next),
                it.transition.migrate,
                states.join(", ")
            )
        }
        Object::Evaluation(it) => format!("eval {} {} {}", &it.id[..8], it.triggered_by, it.status),
        Object::Deployment(it) => format!("deployment {} {}", &it.id[..8], it.status),
        Object::Node(it) => format!("node {} {}", it.name, it.status),
    }
}
