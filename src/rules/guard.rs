//! The deployment guard: no restart begins while the job is being updated (design section 5, D35–D39).

use crate::cli::quote::quote;
use crate::nomad::json::Deployment;
use crate::rules::verdict::short_id;
use crate::view::{JobView, is_active};

/// Whether the next write may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Clear,
    /// A consequence of this run: a replacement that was placed late starts a deployment of the same version (CLAIMS 6). It is
    /// waited for; the text is for a line that says so.
    Await {
        deployment: String,
        text: String,
    },
    /// Somebody else changes the job: the error that ends the run.
    Blocked {
        text: String,
    },
}

/// What this run has done so far, as far as it can start a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnStops {
    /// The version of the job when the run began.
    pub(crate) job_version: u64,
    /// The highest index known before the first stop: what it brought about has a higher one.
    pub(crate) index: u64,
}

/// Judges by the newest deployment. `stops` is `None` before the first stop and in place.
pub(crate) fn guard(view: &JobView, stops: Option<OwnStops>, verbose: bool) -> Guard {
    let Some(deployment) = view.deployment.as_ref().filter(|d| is_active(d)) else {
        return Guard::Clear;
    };
    let ours = stops.is_some_and(|stops| {
        deployment.job_version == stops.job_version && deployment.create_index > stops.index
    });
    if ours {
        Guard::Await {
            deployment: deployment.id.clone(),
            text: format!(
                "Waiting for deployment {} of the replacements that were placed late: it is {}",
                quote(short_id(&deployment.id, verbose)),
                quote(&deployment.status)
            ),
        }
    } else {
        Guard::Blocked {
            text: blocked(deployment, verbose),
        }
    }
}

fn blocked(deployment: &Deployment, verbose: bool) -> String {
    let id = short_id(&deployment.id, verbose);
    let job = &deployment.job_id;
    let what = if deployment.status_description.is_empty() {
        String::new()
    } else {
        format!(" ({})", deployment.status_description)
    };
    let end = if deployment.status_description.contains("promotion") {
        format!("promote it with \"nomad deployment promote {id}\"")
    } else {
        format!("end it with \"nomad deployment fail {id}\"")
    };
    format!(
        "Deployment {} is {}\n    Job {} is being deployed in version {}{what}. Wait for its end, or {end}, then run this again",
        quote(id),
        quote(&deployment.status),
        quote(job),
        deployment.job_version
    )
}
