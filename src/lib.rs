//! `nomad-restart`: restart or reschedule the allocations of a Nomad job in batches, and say only what is true.
//!
//! This page is for those who read or change the code. The data flows one way:
//!
//! ```text
//! argv ─▶ cli ─▶ plan ─▶ lookup ─▶ rules::selection ─▶ run (batch loop ─▶ one worker per allocation) ─▶ event ─▶ report
//!                           │                              ▲      │                                              │
//!                           ▼                              │      ▼                                        terminal,
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
//! News of the cluster comes from the event stream where the agent offers one, else from blocking queries and reads of single
//! allocations (`watch`). Nothing above `watch` knows which: correctness never depends on the stream.
//!
//! What happens reaches `report` as events. Only its live block, on a terminal, is drawn from something else: a snapshot of what is in
//! flight, for which it asks `run` (`run::live`) whenever it draws, a few times a second.
//!
//! `session` wires these parts from the look-up to the exit code; `exit` holds the exit codes, `env` the environment as it was at the
//! start. What ends every wait is tabled in `rules::verdict`.
//!
//! Three things hold everywhere. A write passes the gate (`run::gate`) and a last look at the allocation, or it is not sent. Nothing is
//! concluded from silence alone: a verdict that time would decide asks for a fresh read first. And a restart that may have been accepted
//! is never sent again.
//!
//! The one seam for tests is `nomad::transport`: everything above it is the same in production and over the simulated cluster.

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
mod view;
mod watch;

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use cli::{Invocation, Request};
use event::{EventKind, Trouble};
use nomad::client::Client;
use nomad::config::ClientConfig;
use nomad::limiter::Split;
use nomad::transport::Transport;
use report::{Machine, ReportFile, ReportTask, Reporter, Settings, Subject};
use session::Ended;

pub use env::Env;
#[doc(hidden)]
pub use nomad::transport;
#[doc(hidden)]
pub use report::{Clock, Io, Pace, Screen, Terminal};

/// Runs the program: `args` as the operating system hands them over, the program's name first. Gives the exit code.
pub fn run(args: &[OsString], env: &Env, mut io: Io) -> u8 {
    let invocation = match parse(args, env, &mut io) {
        Ok(invocation) => invocation,
        Err(code) => return code,
    };
    let clock = report::local_clock();
    let (reporter, task) = match begin(&invocation, env, io, &clock) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let (client, runtime) = match start(&invocation, env) {
        Ok(started) => started,
        // The alternate form holds all causes on one line, and never a backtrace.
        Err(error) => return cannot_start(&reporter, task, format!("{error:#}")),
    };
    let code = runtime.block_on(async {
        match run::listen() {
            Ok(signals) => perform(invocation, client, (reporter, task), clock, signals).await,
            Err(error) => {
                let text = format!("Error listening for signals: {error}");
                cannot_start(&reporter, task, text)
            }
        }
    });
    // A restart call that nobody waits for any more must not hold the exit.
    runtime.shutdown_background();
    code
}

/// Runs the program over another transport, with another clock and with signals that a test sends: everything but reqwest, the
/// terminal and the operating system's signals is the real thing.
#[doc(hidden)]
pub async fn run_over(
    args: &[OsString],
    env: &Env,
    mut io: Io,
    transport: Arc<dyn Transport>,
    clock: Clock,
    signals: tokio::sync::mpsc::UnboundedReceiver<i32>,
) -> u8 {
    let invocation = match parse(args, env, &mut io) {
        Ok(invocation) => invocation,
        Err(code) => return code,
    };
    let (reporter, task) = match begin(&invocation, env, io, &clock) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let client = ClientConfig::resolve(&invocation.connection, env)
        .map_err(|error| error.to_string())
        .and_then(|config| {
            Client::new(&config, transport, invocation.plan.max_connections)
                .map_err(|error| error.to_string())
        });
    match client {
        Ok(client) => {
            let client = client.with_jitter_seed(0);
            perform(invocation, client, (reporter, task), clock, signals).await
        }
        Err(error) => {
            let text = format!("Error initializing client: {error}");
            cannot_start(&reporter, task, text)
        }
    }
}

/// From here on the report says everything. Gives the exit code if its file cannot be written.
fn begin(
    invocation: &Invocation,
    env: &Env,
    io: Io,
    clock: &Clock,
) -> Result<(Reporter, ReportTask), u8> {
    let plan = &invocation.plan;
    let settings = Settings {
        color: invocation.color,
        env,
        verbose: plan.verbose,
        yes: plan.yes,
        tolerant: plan.max_failures.is_some(),
        progress: plan.progress,
        clock: Clock::clone(clock),
    };
    let prepared = plan.report.as_deref().map(ReportFile::prepare).transpose();
    let (file, error) = match prepared {
        Ok(file) => (file, None),
        Err(error) => (None, Some(error)),
    };
    let machine = (plan.json || file.is_some()).then(|| {
        let (namespace, region) = invocation.connection.scope(env);
        Machine {
            subject: Subject {
                job: plan.job.clone(),
                namespace: namespace.unwrap_or_else(|| "default".to_owned()),
                region,
            },
            json: plan.json,
            report: file,
        }
    });
    let (reporter, task) = report::open(io, &settings, machine);
    match error {
        None => Ok((reporter, task)),
        Some(error) => Err(cannot_start(&reporter, task, error)),
    }
}

/// Says why there is no run.
fn cannot_start(reporter: &Reporter, task: ReportTask, text: String) -> u8 {
    reporter.emit(EventKind::CannotStart {
        text,
        trouble: Some(Trouble::Usage),
    });
    task.conclude(exit::ERROR)
}

/// The client and the runtime that everything runs on.
fn start(invocation: &Invocation, env: &Env) -> anyhow::Result<(Client, Runtime)> {
    let client = connect(invocation, env).context("Error initializing client")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("Error starting")?;
    Ok((client, runtime))
}

fn connect(invocation: &Invocation, env: &Env) -> anyhow::Result<Client> {
    let config = ClientConfig::resolve(&invocation.connection, env)?;
    let max_connections = invocation.plan.max_connections;
    let transport = nomad::wire::Wire::new(&config, Split::of(max_connections).reads)?;
    Ok(Client::new(&config, Arc::new(transport), max_connections)?)
}

/// Reads the command line; says what is to be said when there is nothing to run, and gives the exit code.
fn parse(args: &[OsString], env: &Env, io: &mut Io) -> Result<Invocation, u8> {
    match cli::parse(args, env, io.terminal().interactive()) {
        Request::Run(invocation) => Ok(*invocation),
        Request::Help { text, exit } => Err(exit::with_output(exit, report::print_text(io, &text))),
        Request::Text(text) => Err(exit::with_output(exit::DONE, report::print_text(io, &text))),
        Request::Usage { message, hints } => {
            report::print_usage_error(io, &message, &hints);
            Err(exit::ERROR)
        }
    }
}

async fn perform(
    invocation: Invocation,
    client: Client,
    (reporter, task): (Reporter, ReportTask),
    clock: Clock,
    signals: run::Signals,
) -> u8 {
    match session::session(invocation, client, &reporter, &clock, signals).await {
        Ended::WithCode(code) => task.conclude(code),
        Ended::AtOnce(code) => {
            reporter.restore_terminal();
            // Finishing would wait for a reader that may never come back.
            std::mem::forget(task);
            code
        }
    }
}
