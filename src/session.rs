//! One invocation from the look-up to the exit code: wires the parts, and ends early where there is nothing to run.

mod checks;
mod job_types;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::Invocation;
use crate::cli::quote::quote;
use crate::event::{Ending, EventKind, Finish, Summary, Trouble};
use crate::exit;
use crate::lookup::{self, Found, LookupError, Ways};
use crate::nomad::client::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::Job;
use crate::nomad::retry::Patience;
use crate::plan::{OnDeployment, RestartPlan};
use crate::report::{Clock, Operator, Reporter};
use crate::rules::policy::allowed_failures;
use crate::rules::preview::preview;
use crate::rules::selection::{Selection, newest_start, select};
use crate::rules::versions::Versions;
use crate::rules::warnings::{deployment_warning, reads_checks, warnings};
use crate::run::{Context, Desk, Gate, Given, Run, Signals, attend};
use crate::watch::Feed;
use checks::{await_deployments, check_parent, check_rights, confirm_region};
use job_types::{check_batch_successors, check_type, warn_of_nodes};

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
    /// One error on stderr.
    Error(String, Trouble),
    /// Everything was said already.
    Done,
    /// It was a dry run, and there is something to do.
    WorkToDo,
    Declined,
    /// Of several jobs none was chosen.
    NoneChosen(String),
    Interrupted(i32),
}

impl Early {
    /// No job came out of the look-up in this namespace.
    fn of_lookup(error: &LookupError, namespace: Option<&str>) -> Self {
        match error {
            LookupError::Interrupted => Self::Interrupted(exit::SIGINT),
            LookupError::Declined => Self::Declined,
            LookupError::NoneChosen(_) => Self::NoneChosen(error.to_string()),
            _ => Self::Error(
                format!("{error}{}", error.right(namespace)),
                error.trouble(),
            ),
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
    mut invocation: Invocation,
    client: Client,
    reporter: &Reporter,
    clock: &Clock,
    mut signals: Signals,
) -> Ended {
    for warning in &invocation.warnings {
        reporter.emit(EventKind::Warning(warning.clone()));
    }
    invocation.plan.count_back_from(clock().to_utc());
    let detailed = invocation.plan.detailed_exitcode;
    let prepared = tokio::select! {
        biased;
        Some(signal) = signals.recv() => Err(Early::Interrupted(signal)),
        () = reporter.stdout_closed() => Err(Early::Interrupted(exit::SIGPIPE)),
        prepared = prepare(&invocation.plan, &client, reporter, clock) => prepared,
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(early) => return Ended::WithCode(end_early(early, reporter, detailed)),
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
    let allowed_failures = allowed_failures(plan.max_failures, selection.base);
    let limit = plan.started_before;
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
        allowed_failures,
    };
    let context = Arc::new(Context::new(given, order));
    let run = Run::new(context, desk.clone(), selection.candidates, selection.base);
    let finish = tokio::select! {
        biased;
        finish = run.restart(|pause| invocation.typed.resume(pause, cutoff, limit)) => finish,
        signal = attend(signals, &gate, &desk, reporter, asks) => return Ended::AtOnce(exit::of_signal(signal)),
    };
    let code = exit::exit_code(&finish, detailed);
    reporter.emit(EventKind::Finished(finish));
    Ended::WithCode(code)
}

fn end_early(early: Early, reporter: &Reporter, detailed: bool) -> u8 {
    let how = match early {
        Early::Error(text, trouble) => {
            reporter.emit(EventKind::CannotStart {
                text,
                trouble: Some(trouble),
            });
            return exit::of_trouble(trouble, detailed);
        }
        Early::NoneChosen(text) => {
            reporter.emit(EventKind::CannotStart {
                text,
                trouble: None,
            });
            return exit::of_no_choice(detailed);
        }
        Early::Done => return exit::DONE,
        Early::WorkToDo => return exit::of_dry_run(detailed),
        Early::Declined => Ending::Declined,
        Early::Interrupted(signal) => Ending::Interrupted { signal },
    };
    let finish = Finish {
        how,
        cause: None,
        errors: Vec::new(),
        summary: Summary::default(),
        resume: None,
    };
    let code = exit::exit_code(&finish, detailed);
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
        yes: plan.yes || plan.dry_run,
        interactive: reporter.interactive(),
    };
    let Found { job, client } = lookup::find(client, &plan.job, ways, reporter)
        .await
        .map_err(|error| Early::of_lookup(&error, client.namespace().or(Some("default"))))?;
    reporter.emit(EventKind::JobFound {
        job: job.id.clone(),
        namespace: job.namespace.clone(),
        region: job.region.clone(),
    });
    check_type(plan, &job)?;
    check_parent(&job, &client, reporter).await?;
    confirm_region(plan, &job, reporter).await?;

    let mut started = clock().to_utc();
    let mut versions = read_versions(&client, &job, reporter).await?;
    let feed = Feed::start(client.clone(), Arc::clone(&job), reporter.clone())
        .await
        .map_err(|error| {
            read_error(
                &format!("retrieving {} for", error.what),
                &job,
                &error.source,
            )
        })?;
    let mut job = job;
    if plan.on_deployment == OnDeployment::Wait
        && !plan.dry_run
        && let Some(deployed) = await_deployments(&job, &feed, reporter).await?
    {
        started = clock().to_utc();
        versions = read_versions(&client, &deployed, reporter).await?;
        job = deployed;
    }
    let selection = feed
        .read(|view| select(view, &versions, plan))
        .map_err(|unknown| Early::Error(unknown.to_string(), Trouble::Usage))?;
    let show_plan = || {
        let preview = feed.read(|view| preview(view, plan, &selection));
        reporter.emit(EventKind::Planned(Box::new(preview)));
    };
    // A dry run shows them in a table.
    let told = selection.left_out.iter().filter(|_| !plan.dry_run);
    for left_out in told {
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
    let is_shown = plan.dry_run || plan.json || plan.report.is_some();
    // People are told first that there is nothing.
    let comes_first = plan.json || !selection.candidates.is_empty();
    if is_shown && comes_first {
        show_plan();
    }
    check_batch_successors(plan, &job, &feed, reporter)?;
    if selection.candidates.is_empty() {
        reporter.emit(EventKind::NothingToDo {
            left_out: selection.counts(),
        });
        if is_shown && !comes_first {
            show_plan();
        }
        return Err(Early::Done);
    }
    warn_of_nodes(plan, &job, &client, &feed, &selection, reporter).await;
    for warning in feed.read(|view| warnings(view, &versions, plan, &selection)) {
        reporter.emit(EventKind::Warning(warning));
    }
    if let Some(id) = feed.read(|view| reads_checks(view, &versions, plan, &selection)) {
        check_rights(plan, &job, &client, &id, reporter).await?;
    }
    if plan.dry_run {
        if let Some(warning) = feed.read(|view| deployment_warning(view, plan)) {
            reporter.emit(EventKind::Warning(warning));
        }
        return Err(Early::WorkToDo);
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

async fn read_versions(
    client: &Client,
    job: &Arc<Job>,
    reporter: &Reporter,
) -> Result<Arc<Versions>, Early> {
    let versions = client
        .patiently(
            Patience::Startup,
            |error| lookup::say_retry(reporter, error),
            || client.job_versions(&job.id),
        )
        .await
        .map_err(|error| read_error("retrieving versions of", job, &error))?;
    Ok(Arc::new(Versions::new(Arc::clone(job), versions)))
}

fn read_error(what: &str, job: &Job, error: &ReadError) -> Early {
    let right = error.right("read-job", Some(&job.namespace));
    let text = format!("Error {what} job {}: {error}{right}", quote(&job.id));
    Early::Error(text, Trouble::of_read(error))
}
