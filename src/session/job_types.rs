//! What the type of a job means for `-reschedule`: which are refused, and what an operator is warned of.

use std::sync::Arc;

use super::Early;
use crate::cli::quote::quote;
use crate::event::{EventKind, Trouble};
use crate::nomad::client::Client;
use crate::nomad::json::Job;
use crate::plan::{Action, BatchMode, RestartPlan};
use crate::report::Reporter;
use crate::rules::selection::Selection;
use crate::rules::verdict::short_id;
use crate::view::JobView;
use crate::watch::Feed;

pub(super) fn check_type(plan: &RestartPlan, job: &Job) -> Result<(), Early> {
    let reschedules = matches!(plan.action, Action::Reschedule { .. });
    if reschedules && job.kind == "system" && plan.mode == BatchMode::Window {
        let text = format!(
            "System job {} cannot be rescheduled with -batch-mode=window: its replacements need an evaluation that is asked for once for a whole batch of stops. Leave -batch-mode=window out",
            quote(&job.id)
        );
        return Err(Early::Error(text, Trouble::Usage));
    }
    if !reschedules || matches!(job.kind.as_str(), "service" | "batch" | "system") {
        return Ok(());
    }
    let text = format!(
        "Jobs of type {} are not allowed to be rescheduled.",
        quote(&job.kind)
    );
    Err(Early::Error(text, Trouble::Usage))
}

/// What a stopped batch allocation leaves behind differs between servers before 1.11.0, some of which replace it and call it failed.
pub(super) fn check_batch_successors(
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
    if plan.yes {
        reporter.emit(EventKind::Warning(text));
        return Ok(());
    }
    let text = format!("{text}. Use -yes to reschedule it all the same");
    if !plan.dry_run {
        return Err(Early::Error(text, Trouble::Precondition));
    }
    reporter.emit(EventKind::Warning(text));
    Ok(())
}

/// A system allocation that is stopped on a node that takes no new ones is not replaced.
pub(super) async fn warn_of_nodes(
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
