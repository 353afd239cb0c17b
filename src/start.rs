//! From the command line to the first event: what `argv` asks for, the report that says everything from then on, and the client and
//! runtime that a run needs. [`session`](crate::session) does the rest.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::cli::{self, Invocation, Request};
use crate::env::Env;
use crate::event::{EventKind, Trouble};
use crate::exit;
use crate::nomad::client::Client;
use crate::nomad::config::ClientConfig;
use crate::nomad::limiter::Split;
use crate::nomad::transport::Transport;
use crate::nomad::wire::Wire;
use crate::report::{
    self, Clock, Io, Machine, ReportFile, ReportTask, Reporter, Settings, Subject,
};
use crate::run;
use crate::session::{Ended, session};

/// [`crate::run`].
pub(crate) fn over_the_wire(args: &[OsString], env: &Env, mut io: Io) -> u8 {
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

/// [`crate::run_over`].
pub(crate) async fn over(
    args: &[OsString],
    env: &Env,
    mut io: Io,
    transport: Arc<dyn Transport>,
    clock: Clock,
    signals: run::Signals,
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
    let transport = Wire::new(&config, Split::of(max_connections).reads)?;
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
    match session(invocation, client, &reporter, &clock, signals).await {
        Ended::WithCode(code) => task.conclude(code),
        Ended::AtOnce(code) => {
            reporter.restore_terminal();
            // Finishing would wait for a reader that may never come back.
            std::mem::forget(task);
            code
        }
    }
}
