//! One invocation from the look-up to the exit code: wires the parts, and ends early where there is nothing to run.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::Invocation;
use crate::cli::quote::quote;
use crate::event::{Answer, Ending, EventKind, Finish, Question, Summary};
use crate::exit;
use crate::lookup::{self, Found, LookupError, Ways};
use crate::nomad::client::Client;
use crate::nomad::json::Job;
use crate::nomad::retry::Patience;
use crate::plan::{Action, RestartPlan};
use crate::report::{Clock, Operator, Reporter};
use crate::rules::selection::{Selection, newest_start, select};
use crate::rules::verdict::short_id;
use crate::rules::versions::Versions;
use crate::rules::warnings::warnings;
use crate::run::{Context, Desk, Gate, Given, Run, Signals, attend};
use crate::view::JobView;
use crate::watch::Feed;

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this code, once everything is said.
    WithCode(u8),
    /// By a second signal: nothing may be waited for any more.
    AtOnce(u8),
}

/// An end before anything was written.
enum Early {
    /// One error on stderr, exit 1.
    Error(String),
    /// Everything was said already.
    Done,
    Declined,
    Interrupted(i32),
}

impl From<LookupError> for Early {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Interrupted => Self::Interrupted(exit::SIGINT),
            LookupError::Declined => Self::Declined,
            error => Self::Error(error.to_string()),
        }
    }
}

/// What a run needs.
struct Prepared {
    job: Arc<Job>,
    client: Client,
    feed: Feed,
    versions: Arc<Versions>,
    selection: Selection,
    /// Everything eligible had started before this.
    cutoff: DateTime<Utc>,
}

/// Runs what was asked for.
pub(crate) async fn session(
    invocation: Invocation,
    client: Client,
    reporter: &Reporter,
    clock: &Clock,
    mut signals: Signals,
) -> Ended {
    for warning in &invocation.warnings {
        reporter.emit(EventKind::Warning(warning.clone()));
    }
    let prepared = tokio::select! {
        biased;
        Some(signal) = signals.recv() => Err(Early::Interrupted(signal)),
        () = reporter.stdout_closed() => Err(Early::Interrupted(exit::SIGPIPE)),
        prepared = prepare(&invocation.plan, &client, reporter, clock) => prepared,
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(early) => return Ended::WithCode(end_early(early, reporter)),
    };

    let Prepared {
        job,
        client,
        feed,
        versions,
        selection,
        cutoff,
    } = prepared;
    let plan = invocation.plan;
    let asks = reporter.interactive() && !plan.yes;
    let order = selection
        .candidates
        .iter()
        .map(|candidate| Arc::clone(&candidate.id))
        .collect();
    let gate = Arc::new(Gate::default());
    let desk = Desk::new(reporter.clone());
    let given = Given {
        plan,
        job,
        client,
        feed,
        versions,
        reporter: reporter.clone(),
        gate: Arc::clone(&gate),
    };
    let context = Arc::new(Context::new(given, order));
    let run = Run::new(context, desk.clone(), selection.candidates, selection.base);
    let finish = tokio::select! {
        biased;
        finish = run.restart(|pause| invocation.typed.resume(pause, cutoff)) => finish,
        signal = attend(signals, &gate, &desk, reporter, asks) => return Ended::AtOnce(exit::of_signal(signal)),
    };
    let code = exit::exit_code(&finish);
    reporter.emit(EventKind::Finished(finish));
    Ended::WithCode(code)
}

fn end_early(early: Early, reporter: &Reporter) -> u8 {
    let how = match early {
        Early::Error(text) => {
            reporter.emit(EventKind::CannotStart(text));
            return exit::ERROR;
        }
        Early::Done => return exit::DONE,
        Early::Declined => Ending::Declined,
        Early::Interrupted(signal) => Ending::Interrupted {
            signal,
            resume: String::new(),
        },
    };
    let finish = Finish {
        how,
        errors: Vec::new(),
        summary: Summary::default(),
    };
    let code = exit::exit_code(&finish);
    reporter.emit(EventKind::Finished(finish));
    code
}

/// Everything up to the first write: which job, which allocations, and whether the operator means it.
async fn prepare(
    plan: &RestartPlan,
    client: &Client,
    reporter: &Reporter,
    clock: &Clock,
) -> Result<Prepared, Early> {
    let ways = Ways {
        exact: plan.exact,
        yes: plan.yes,
        interactive: reporter.interactive(),
    };
    let Found { job, client } = lookup::find(client, &plan.job, ways, reporter).await?;
    check_type(plan, &job)?;
    check_parent(&job, &client, reporter).await?;
    confirm_region(plan, &job, reporter).await?;

    let started = clock().to_utc();
    let versions = client
        .patiently(
            Patience::Startup,
            |error| lookup::say_retry(reporter, error),
            || client.job_versions(&job.id),
        )
        .await
        .map_err(|error| {
            Early::Error(format!(
                "Error retrieving versions of job {}: {error}",
                quote(&job.id)
            ))
        })?;
    let versions = Arc::new(Versions::new(Arc::clone(&job), versions));
    let feed = Feed::start(client.clone(), Arc::clone(&job), reporter.clone())
        .await
        .map_err(|error| {
            Early::Error(format!(
                "Error retrieving {} for job {}: {}",
                error.what,
                quote(&job.id),
                error.source
            ))
        })?;
    let selection = feed
        .read(|view| select(view, &versions, plan))
        .map_err(|unknown| Early::Error(unknown.to_string()))?;
    for left_out in &selection.left_out {
        reporter.emit(EventKind::LeftOut {
            allocation: Arc::clone(&left_out.id),
            reason: left_out.reason.to_string(),
        });
    }
    for (allocation, task) in &selection.missing_tasks {
        reporter.emit(EventKind::TaskMissing {
            allocation: Arc::clone(allocation),
            task: task.clone(),
        });
    }
    check_batch_successors(plan, &job, &feed, reporter)?;
    if selection.candidates.is_empty() {
        reporter.emit(EventKind::NothingToDo {
            left_out: selection.counts(),
        });
        return Err(Early::Done);
    }
    warn_of_nodes(plan, &job, &client, &feed, &selection, reporter).await;
    for warning in feed.read(|view| warnings(view, &versions, plan, &selection)) {
        reporter.emit(EventKind::Warning(warning));
    }
    // A clock that is behind those of the nodes must not make a continued run miss one (the later moment may restart one again).
    let newest = feed.read(|view| newest_start(view, &selection.candidates, plan));
    let cutoff = newest.map_or(started, |newest| {
        started.max(newest + TimeDelta::milliseconds(1))
    });
    Ok(Prepared {
        job,
        client,
        feed,
        versions,
        selection,
        cutoff,
    })
}

fn check_type(plan: &RestartPlan, job: &Job) -> Result<(), Early> {
    let reschedules = matches!(plan.action, Action::Reschedule { .. });
    if !reschedules || matches!(job.kind.as_str(), "service" | "batch" | "system") {
        return Ok(());
    }
    Err(Early::Error(format!(
        "Jobs of type {} are not allowed to be rescheduled.",
        quote(&job.kind)
    )))
}

/// What a stopped batch allocation leaves behind differs between servers before 1.11.0, some of which replace it and call it failed.
fn check_batch_successors(
    plan: &RestartPlan,
    job: &Job,
    feed: &Feed,
    reporter: &Reporter,
) -> Result<(), Early> {
    let is_old = |view: &JobView| {
        let mut allocations = view.allocations.values().peekable();
        allocations.peek().is_some()
            && allocations.all(|it| !it.desired_transition.knows_disable_placement)
    };
    let reschedules = matches!(plan.action, Action::Reschedule { .. });
    if !reschedules || !job.is_batch() || !feed.read(is_old) {
        return Ok(());
    }
    let text = format!(
        "Batch job {} runs on a Nomad server older than 1.11.0, which does not replace stopped batch allocations reliably",
        quote(&job.id)
    );
    if !plan.yes {
        return Err(Early::Error(format!(
            "{text}. Use -yes to reschedule it all the same"
        )));
    }
    reporter.emit(EventKind::Warning(text));
    Ok(())
}

/// A system allocation that is stopped on a node that takes no new ones is not replaced.
async fn warn_of_nodes(
    plan: &RestartPlan,
    job: &Job,
    client: &Client,
    feed: &Feed,
    selection: &Selection,
    reporter: &Reporter,
) {
    if job.kind != "system" || !matches!(plan.action, Action::Reschedule { .. }) {
        return;
    }
    // Most tokens may not read nodes; without that there is nothing to warn of.
    let Ok(nodes) = client.nodes().await else {
        return;
    };
    for candidate in &selection.candidates {
        let node_id = feed.read(|view| {
            let allocation = view.allocations.get(&candidate.id)?;
            Some(Arc::clone(&allocation.node_id))
        });
        let closed = nodes
            .iter()
            .find(|node| Some(node.id.as_str()) == node_id.as_deref() && !node.takes_allocations());
        if let Some(node) = closed {
            reporter.emit(EventKind::Warning(format!(
                "Node {} takes no new allocations: allocation {} is stopped there and not replaced until the node is eligible again",
                quote(&node.name),
                quote(short_id(&candidate.id, plan.verbose))
            )));
        }
    }
}

/// A periodic or parameterized parent has no allocations of its own (N38).
async fn check_parent(job: &Job, client: &Client, reporter: &Reporter) -> Result<(), Early> {
    let kind = if job.periodic {
        "periodic"
    } else if job.parameterized_job && !job.dispatched {
        "parameterized"
    } else {
        return Ok(());
    };
    let children = match lookup::children(client, &job.id, reporter).await {
        Ok(children) if children.is_empty() => {
            "It has started no jobs that are still known".to_owned()
        }
        Ok(children) => format!(
            "Restart the jobs that it has started: {}",
            children.join(", ")
        ),
        Err(error) => format!("The jobs that it has started could not be listed: {error}"),
    };
    reporter.emit(EventKind::NothingToDo {
        left_out: format!(
            "Job {} is {kind} and has no allocations of its own. {children}.",
            quote(&job.id)
        ),
    });
    Err(Early::Done)
}

async fn confirm_region(plan: &RestartPlan, job: &Job, reporter: &Reporter) -> Result<(), Early> {
    if plan.yes
        || job
            .multiregion
            .as_ref()
            .is_none_or(|multiregion| multiregion.regions.is_empty())
    {
        return Ok(());
    }
    if !reporter.interactive() {
        return Err(Early::Error(format!(
            "Job {} runs in several regions and there is no terminal to ask on. Use -yes to restart it in this region only",
            quote(&job.id)
        )));
    }
    match reporter
        .ask(Question::MultiRegion {
            job: job.id.clone(),
        })
        .await
    {
        Answer::Yes => Ok(()),
        Answer::Interrupted => Err(Early::Interrupted(exit::SIGINT)),
        _ => Err(Early::Declined),
    }
}
