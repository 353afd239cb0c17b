//! `nomad-restart`: restart or reschedule the allocations of a Nomad job in batches, and say only what is true.
//!
//! The crate is the command, not a library: its only public entry is [`run`], which the binary calls. This page is for those who read or
//! change the code. `cargo doc --document-private-items` shows the modules that it names.
//!
//! # The way of the data
//!
//! The data flows one way:
//!
//! ```text
//! argv ─▶ cli ─▶ plan ─▶ lookup ─▶ rules::selection ─▶ run (batch loop ─▶ one worker per allocation) ─▶ event ─▶ report
//!                           │                              ▲      │                                              │
//!                           ▼                              │      ▼                                        terminal, NDJSON,
//!                      nomad (HTTP) ◀────── watch ──▶ view (what we know)                                  summary, exit code
//! ```
//!
//! | part | knows | never |
//! |---|---|---|
//! | `cli` | what was typed; Go's flag grammar; the help text | the network, the environment beyond what is passed in |
//! | `plan` | typed, validated intent | I/O |
//! | `nomad` | addresses, TLS, tokens, requests, JSON, errors, the framing of the event stream | restarts, batches, printing |
//! | `lookup` | job argument → one job | allocations |
//! | `view` | what is known of the job's allocations, deployments, evaluations | I/O, deciding |
//! | `watch` | keeps the view true; its only writer | deciding anything |
//! | `rules` | pure functions: who is eligible, batches and the window, time limits, the verdict on one allocation, what follows a batch | I/O, clocks, printing |
//! | `run` | the loops of batches and of the window, and the workers | judging, printing |
//! | `event` | the one list of things that can happen, stamped when they happen | formatting |
//! | `report` | the only writer of stdout and stderr and the only reader of stdin | deciding anything |
//!
//! Around them, `start` turns `argv` into a plan, a report and a client, `session` goes with these from the look-up to the exit code,
//! `exit` holds the exit codes, and `env` the environment as it was at the start.
//!
//! News of the cluster comes from the event stream where the agent offers one, else from blocking queries and reads of single
//! allocations (`watch`). Nothing above `watch` knows which: correctness never depends on the stream.
//!
//! What happens reaches `report` as events. Only its live block, on a terminal, is drawn from something else: a snapshot of what is in
//! flight, for which it asks `run` (`run::live`) whenever it draws, a few times a second.
//!
//! # What holds everywhere
//!
//! - A write passes the gate (`run::gate`) and a last look at the allocation, or it is not sent.
//! - Nothing is concluded from silence alone: a verdict that time would decide asks for a fresh read first.
//! - A restart that may have been accepted is never sent again.
//! - No line is written but what the report was told by an event or asked by a question, in the order in which they were sent.
//!
//! One thread does everything but print (a tokio runtime of the current thread). The report has one of its own, so that a slow terminal
//! stops nothing, and one more that reads stdin while a question is open. What ends every wait is tabled in `rules::verdict`.
//!
//! # Where do I change …
//!
//! | … | look at | and also |
//! |---|---|---|
//! | an option | `src/cli/options.rs`, the only declaration; `src/plan.rs` and `src/plan/values.rs` give it a meaning | help, man page and completions follow; the README with `NOMAD_RESTART_WRITE_README=1 cargo test --lib cli::readme` |
//! | what may stand for a value, such as `ask\|fail` | the value name in `src/cli/options.rs` | a placeholder that is no word: `src/cli/table.rs` |
//! | what help and man page say beside options | `src/cli/manual.rs` | |
//! | which job an argument means | `src/lookup.rs` | |
//! | which allocations are taken, and why others are not | `src/rules/selection.rs`, `src/rules/selection/reasons.rs` | |
//! | what *restarted*, *rescheduled* or *healthy* means | `src/rules/verdict/in_place.rs`, `src/rules/verdict/reschedule.rs`, `src/rules/verdict/health.rs` | the tables in `src/rules/verdict.rs`; begin with the tests in `src/rules/verdict/tests.rs` |
//! | how long an allocation may take | `src/rules/limits.rs` | the table there, and `-timeout` in `src/cli/options.rs` |
//! | how long a silent cluster is waited for | `src/watch/mod.rs`, `src/nomad/retry.rs` | |
//! | what is still waited for after an interrupt | `src/run/mod.rs` | |
//! | the text of an allocation's error | `src/rules/verdict/cause/sentence.rs` | the troubleshooting table of the README |
//! | a warning before the first write | `src/rules/warnings.rs`; of a job's type, `src/session/job_types.rs` | |
//! | what follows a batch, or an answer | `src/rules/policy.rs` | the table in the README |
//! | the order of batches, the window | `src/rules/batches.rs`, `src/rules/window.rs`; the loops in `src/run/lockstep.rs`, `src/run/window.rs` | |
//! | a line for people | `src/report/human.rs`, `src/report/summary.rs` | `nomad job restart` has the wording of every line that it prints too |
//! | the live block | `src/report/live/rows.rs` says what it shows, `src/run/live.rs` tells it | |
//! | a question | `src/report/ask.rs` | |
//! | the live block | `src/report/live/rows.rs` says what is in it, `src/report/live/canvas.rs` how it comes and goes, `src/run/live.rs` what it is drawn from | a capture in the README |
//! | something new that can happen | `src/event.rs`: the compiler then leads to every place that has to say it | a line of `-json` as well |
//! | a line of `-json` | `src/report/json/line.rs`, `src/report/json/mod.rs` | `tests/schema/ndjson.schema.json`, the table in the README |
//! | an exit code | `src/exit.rs` | `src/cli/manual.rs`, the README |
//! | an HTTP call | `src/nomad/request.rs` builds it, `src/nomad/client.rs` gives it a type, `src/nomad/json/mod.rs` its answer | the simulator, `tests/sim/src/api/mod.rs`, from what a real agent answers |
//! | what an error of the API means | `src/nomad/error.rs` | |
//! | addresses, certificates, proxies | `src/nomad/config.rs`, `src/nomad/tls.rs`, `src/nomad/proxy.rs` | |
//! | a fault of the simulated cluster | of the HTTP side `tests/sim/src/front/faults.rs`, of tasks `tests/sim/src/cluster/behaviour.rs`, of nodes and servers `tests/sim/src/cluster/outages.rs` | |
//! | a job of the demo | `tests/sim/src/demo/jobs.rs` | `tests/demo/main.rs`, the README |
//! | what the random runs do | `tests/it/seeds/draw.rs` draws options, jobs, faults and signals | `tests/it/seeds/checks.rs` holds what must be true of them |
//! | a scenario that must have a test | `tests/it/scenarios/mod.rs` | |
//!
//! # Marks in comments
//!
//! *The peer* is `nomad job restart`. T12, N34 and D56 are situations of a run, listed in `tests/it/scenarios/mod.rs` with the tests of each: T
//! what the peer's own tests cover, N what they leave out, D where the peer errs. *Recording b07* is what a real agent answered:
//! `tests/fixtures/recordings`, where the file begins with that name; numbers behind it are lines.
//!
//! # The seam for tests
//!
//! There is one: `nomad::transport`. Everything above it is the same in production and over the simulated cluster (`tests/sim`), on virtual
//! time. The streams of the process are the other border, and anything can stand for them:
//!
//! ```
//! use std::ffi::OsString;
//! use nomad_restart::{Env, Io, Terminal};
//!
//! let (mut printed, stdout) = std::io::pipe()?;
//! let stdin = || -> Box<dyn std::io::BufRead + Send> { Box::new(std::io::empty()) };
//! let io = Io::new(stdout, std::io::sink(), stdin, Terminal::default());
//!
//! let args = ["nomad-restart", "-version"].map(OsString::from);
//! assert_eq!(nomad_restart::run(&args, &Env::default(), io), 0);
//! assert!(std::io::read_to_string(&mut printed)?.starts_with("nomad-restart v"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod cli;
mod env;
mod event;
mod exit;
mod lookup;
mod nomad;
mod plan;
mod report;
mod rules;
mod run;
mod session;
mod start;
mod view;
mod watch;

use std::ffi::OsString;
use std::sync::Arc;

pub use env::Env;
#[doc(hidden)]
pub use nomad::transport;
#[doc(hidden)]
pub use report::{Clock, Pace, Screen};
pub use report::{Io, Terminal};

/// Runs the program: `args` as the operating system hands them over, the program's name first. Gives the exit code.
pub fn run(args: &[OsString], env: &Env, io: Io) -> u8 {
    start::over_the_wire(args, env, io)
}

/// Runs the program over another transport, with another clock and with signals that a test sends: everything but reqwest, the
/// terminal and the operating system's signals is the real thing.
#[doc(hidden)]
pub async fn run_over(
    args: &[OsString],
    env: &Env,
    io: Io,
    transport: Arc<dyn transport::Transport>,
    clock: Clock,
    signals: tokio::sync::mpsc::UnboundedReceiver<i32>,
) -> u8 {
    start::over(args, env, io, transport, clock, signals).await
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The table of this page, and CONTRIBUTING.md, name files that are there.
    #[test]
    fn named_files_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for page in ["src/lib.rs", ".github/CONTRIBUTING.md"] {
            let text = std::fs::read_to_string(root.join(page)).unwrap();
            let named: Vec<_> = text
                .split('`')
                .filter(|word| {
                    (word.starts_with("src/") || word.starts_with("tests/"))
                        && !word.contains(char::is_whitespace)
                })
                .collect();
            for path in named {
                assert!(root.join(path).exists(), "{page} names {path}");
            }
        }
    }

    /// CONTRIBUTING.md says of each dependency why it is there.
    #[test]
    fn dependencies_have_reasons() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
        let reasons = read(".github/CONTRIBUTING.md");
        let (_, reasons) = reasons.split_once("\n## Dependencies\n").unwrap();
        let manifest = read("Cargo.toml");
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            } else if let Some((name, _)) = line.split_once(" = ")
                && section.ends_with("dependencies]")
            {
                assert!(reasons.contains(&format!("`{name}`")), "{section} {name}");
            }
        }
    }
}
