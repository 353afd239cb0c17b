//! A scene as text, for whoever looks at a seed that failed.

use std::fmt;

use serde_json::Value;

use super::{Plot, SECRET, When};

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.words(|seconds| format!("<start {seconds:+}s>"));
        let mood = if self.calm { ", calm" } else { "" };
        writeln!(
            f,
            "seed {}{mood}: {}",
            self.seed,
            command.join(" ").replace(SECRET, "…")
        )?;
        writeln!(
            f,
            "  Nomad {}, {} nodes, event stream {}, chunks of {} bytes after {:?}, namespace {}; {} job, up for {:?}, {} stopped before",
            self.version.text(),
            self.nodes,
            if self.stream { "on" } else { "off" },
            self.chunk,
            self.latency,
            self.namespace,
            self.kind,
            self.age,
            self.stopped_before
        )?;
        for group in &self.groups {
            writeln!(
                f,
                "  group {} × {}: shutdown delay {:?}, {} restarts then {}, reschedules {:?}",
                group.name,
                group.count,
                group.shutdown_delay,
                group.restarts,
                group.mode,
                group.reschedules
            )?;
            for task in &group.tasks {
                writeln!(
                    f,
                    "    task {} ({:?}): kill timeout {:?}, shutdown delay {:?}, {}",
                    task.name,
                    task.part,
                    task.kill_timeout,
                    task.shutdown_delay,
                    Value::from(task.rules.clone())
                )?;
                for check in &task.checks {
                    writeln!(f, "      {check:?}")?;
                }
            }
        }
        if let Some(since) = self.deploying {
            writeln!(f, "  a deployment since {since:?} before the start")?;
        }
        if self.terminal {
            writeln!(f, "  terminal, answers {:?}", self.answers)?;
        }
        for trouble in &self.faults {
            writeln!(
                f,
                "  fault: {} …{}… calls {:?}: {:?}",
                if trouble.write { "PUT" } else { "GET" },
                trouble.path,
                trouble.calls,
                trouble.fault
            )?;
        }
        for (when, outage, length) in &self.outages {
            writeln!(f, "  outage {when}: {outage:?} for {length:?}")?;
        }
        if let Some((when, by)) = &self.rewind {
            writeln!(f, "  indexes go back {when}, by {by}")?;
        }
        for (when, actor) in &self.actors {
            writeln!(f, "  somebody else {when}: {actor:?}")?;
        }
        for (when, signal) in &self.signals {
            writeln!(f, "  signal {when}: {signal}")?;
        }
        if let Some(lines) = self.stdout_lines {
            writeln!(f, "  stdout is closed after {lines} lines")?;
        }
        Ok(())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after write {}", self.then, self.writes)
    }
}
