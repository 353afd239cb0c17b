//! The deployment guard: no restart begins while the job is being updated (D35–D39).

use crate::cli::quote::quote;
use crate::event::Awaited;
use crate::nomad::json::Deployment;
use crate::plan::OnDeployment;
use crate::rules::verdict::short_id;
use crate::view::{JobView, is_active};

/// Whether the next write may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Clear,
    /// A consequence of this run: a replacement that was placed late starts a deployment of the same version (recording c06). It is
    /// waited for; the text is for a line that says so.
    Await {
        deployment: String,
        text: String,
    },
    /// Somebody else changes the job, and the run waits for the end of that.
    Theirs(Awaited),
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

/// The deployment that is in the way, if one is.
pub(crate) fn active(view: &JobView) -> Option<&Deployment> {
    view.deployment.as_ref().filter(|it| is_active(it))
}

/// What is told of a deployment while it is waited for.
pub(crate) fn awaited(deployment: &Deployment) -> Awaited {
    Awaited {
        id: deployment.id.clone(),
        job: deployment.job_id.clone(),
        status: deployment.status.clone(),
        description: deployment.status_description.clone(),
    }
}

/// Judges by the newest deployment. `stops` is `None` before the first stop and in place.
pub(crate) fn guard(
    view: &JobView,
    stops: Option<OwnStops>,
    on_deployment: OnDeployment,
    verbose: bool,
) -> Guard {
    let Some(deployment) = active(view) else {
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
    } else if on_deployment == OnDeployment::Wait {
        Guard::Theirs(awaited(deployment))
    } else {
        Guard::Blocked {
            text: blocked(deployment, verbose),
        }
    }
}

/// Why an active deployment ends a run, and what to do about it.
pub(crate) fn blocked(deployment: &Deployment, verbose: bool) -> String {
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

#[cfg(test)]
mod tests {
    use super::{Guard, OwnStops};
    use crate::nomad::json::Deployment;
    use crate::plan::OnDeployment;
    use crate::rules::samples::view;
    use crate::view::JobView;

    fn guard(view: &JobView, stops: Option<OwnStops>, verbose: bool) -> Guard {
        super::guard(view, stops, OnDeployment::Fail, verbose)
    }

    fn deployed(status: &str, description: &str) -> JobView {
        let mut view = view(Vec::new());
        view.deployment = Some(Deployment {
            id: "d1234567-89ab".to_owned(),
            job_id: "web".to_owned(),
            job_version: 3,
            status: status.to_owned(),
            status_description: description.to_owned(),
            create_index: 50,
            modify_index: 51,
        });
        view
    }

    #[test]
    fn only_a_deployment_that_has_not_ended_is_in_the_way() {
        // N34
        for status in ["failed", "successful", "cancelled"] {
            assert_eq!(guard(&deployed(status, ""), None, false), Guard::Clear);
        }
        assert_eq!(guard(&JobView::default(), None, false), Guard::Clear);
        for status in [
            "running",
            "paused",
            "pending",
            "blocked",
            "unblocking",
            "initializing",
        ] {
            let Guard::Blocked { text } = guard(&deployed(status, ""), None, false) else {
                panic!("{status} is not in the way");
            };
            assert_eq!(
                text.lines().next(),
                Some(&*format!("Deployment \"d1234567\" is \"{status}\""))
            );
        }
    }

    #[test]
    fn the_text_names_the_job_and_what_to_do() {
        // D39, T52
        let canary = "Deployment is running but requires manual promotion";
        assert_eq!(
            guard(&deployed("running", canary), None, false),
            Guard::Blocked {
                text: "Deployment \"d1234567\" is \"running\"\n    Job \"web\" is being deployed in version 3 (Deployment is running but requires manual promotion). Wait for its end, or promote it with \"nomad deployment promote d1234567\", then run this again".to_owned()
            }
        );
        assert_eq!(
            guard(&deployed("paused", ""), None, true),
            Guard::Blocked {
                text: "Deployment \"d1234567-89ab\" is \"paused\"\n    Job \"web\" is being deployed in version 3. Wait for its end, or end it with \"nomad deployment fail d1234567-89ab\", then run this again".to_owned()
            }
        );
    }

    #[test]
    fn a_deployment_of_our_own_stops_is_awaited() {
        // Recording c06
        let stops = |job_version, index| Some(OwnStops { job_version, index });
        let view = deployed("running", "");
        assert_eq!(
            guard(&view, stops(3, 49), false),
            Guard::Await {
                deployment: "d1234567-89ab".to_owned(),
                text: "Waiting for deployment \"d1234567\" of the replacements that were placed late: it is \"running\"".to_owned()
            }
        );
        // f06: another version is somebody else's. Before our first stop, so is the same one.
        for others in [stops(2, 49), stops(3, 50), None] {
            assert!(matches!(guard(&view, others, false), Guard::Blocked { .. }));
        }
    }

    #[test]
    fn with_wait_only_the_deployments_of_others_change() {
        let wait = |view: &JobView, stops| super::guard(view, stops, OnDeployment::Wait, false);
        let running = deployed("running", "Deployment is running");
        assert_eq!(
            wait(&running, None),
            Guard::Theirs(crate::event::Awaited {
                id: "d1234567-89ab".to_owned(),
                job: "web".to_owned(),
                status: "running".to_owned(),
                description: "Deployment is running".to_owned(),
            })
        );
        let ours = Some(OwnStops {
            job_version: 3,
            index: 49,
        });
        assert_eq!(wait(&running, ours), guard(&running, ours, false));
        assert_eq!(wait(&deployed("successful", ""), None), Guard::Clear);
    }
}
