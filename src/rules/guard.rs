//! The guard: no restart beside a deployment (behaviour 5.1.2, design section 5).

use crate::cli::quote::quote;
use crate::nomad::json::Deployment;
use crate::view::{JobState, JobView};

/// What the newest deployment, and the job itself, say to going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    Clear,
    /// A consequence of this run: wait for its end. The text says so.
    Await(String),
    /// The run must not go on, and why.
    Blocked(String),
}

/// What the run has done so far, as far as the guard is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OurWrites {
    /// The job version at the start of the run.
    pub(crate) job_version: u64,
    /// The index of the first stop; `None` before it and with restarts in place, which cause no deployment.
    pub(crate) first_stop: Option<u64>,
}

/// Judges the newest deployment. `short` cuts ids to eight characters.
pub(crate) fn guard(view: &JobView, job_id: &str, ours: OurWrites, short: bool) -> Guard {
    match view.job() {
        JobState::Purged => return Guard::Blocked(format!("Job {} was purged", quote(job_id))),
        JobState::Known(job) if job.stop => {
            return Guard::Blocked(format!(
                "Job {} was stopped. Start it again before restarting it",
                quote(job_id)
            ));
        }
        JobState::Known(_) | JobState::Unread => {}
    }
    let Some(deployment) = view
        .deployment()
        .filter(|deployment| deployment.is_active())
    else {
        return Guard::Clear;
    };
    let id: String = deployment
        .id
        .chars()
        .take(if short { 8 } else { usize::MAX })
        .collect();
    let text = format!("Deployment {} is {}", quote(&id), quote(&deployment.status));
    let is_consequence = ours
        .first_stop
        .is_some_and(|index| deployment.create_index > index)
        && deployment.job_version == ours.job_version;
    if is_consequence {
        // A replacement that was placed late runs in a deployment of its own (CLAIMS 6).
        return Guard::Await(format!(
            "{text}: replacements of this run are being deployed, waiting for its end"
        ));
    }
    Guard::Blocked(format!(
        "{text}\n    * Job {} is being deployed. Wait for its end (nomad deployment status {id}), then run the command again",
        quote(job_id)
    ))
}

impl Deployment {
    /// Whether it is still under way.
    pub(crate) fn is_active(&self) -> bool {
        !matches!(self.status.as_str(), "failed" | "successful" | "cancelled")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;
    use crate::nomad::json::Job;
    use crate::view::Change;

    const NOTHING: OurWrites = OurWrites {
        job_version: 3,
        first_stop: None,
    };

    fn view(status: &str, job_version: u64, create_index: u64) -> JobView {
        let mut view = JobView::default();
        let deployment = Deployment {
            id: "0123456789ab".into(),
            status: status.into(),
            job_version,
            create_index,
            modify_index: create_index,
            ..Deployment::default()
        };
        view.apply(Change::Deployment(Some(deployment)), Instant::now());
        view
    }

    // N34, T52.
    #[test]
    fn only_an_ended_deployment_lets_pass() {
        for status in ["failed", "successful", "cancelled"] {
            assert_eq!(
                guard(&view(status, 3, 50), "web", NOTHING, true),
                Guard::Clear
            );
        }
        for status in [
            "running",
            "paused",
            "pending",
            "blocked",
            "unblocking",
            "initializing",
            "new in some version",
        ] {
            let Guard::Blocked(text) = guard(&view(status, 3, 50), "web", NOTHING, true) else {
                panic!("{status} let pass");
            };
            assert!(
                text.starts_with(&format!("Deployment \"01234567\" is \"{status}\"")),
                "{text}"
            );
            assert!(text.contains("\"web\""), "{text}");
        }
        assert_eq!(
            guard(&JobView::default(), "web", NOTHING, true),
            Guard::Clear
        );
    }

    #[test]
    fn ids_are_whole_when_asked_for() {
        let Guard::Blocked(text) = guard(&view("running", 3, 50), "web", NOTHING, false) else {
            panic!()
        };
        assert!(text.starts_with("Deployment \"0123456789ab\" is"), "{text}");
    }

    // CLAIMS 6.
    #[test]
    fn a_deployment_of_the_same_version_after_our_first_stop_is_awaited() {
        let ours = OurWrites {
            job_version: 3,
            first_stop: Some(40),
        };
        assert!(matches!(
            guard(&view("running", 3, 50), "web", ours, true),
            Guard::Await(_)
        ));
        assert!(matches!(
            guard(&view("running", 4, 50), "web", ours, true),
            Guard::Blocked(_)
        ));
        assert!(matches!(
            guard(&view("running", 3, 30), "web", ours, true),
            Guard::Blocked(_)
        ));
    }

    // N22, N35.
    #[test]
    fn a_job_that_was_stopped_or_purged_blocks() {
        let mut view = JobView::default();
        view.apply(
            Change::Job(Arc::new(Job {
                stop: true,
                modify_index: 1,
                ..Job::default()
            })),
            Instant::now(),
        );
        assert!(
            matches!(guard(&view, "web", NOTHING, true), Guard::Blocked(text) if text.contains("stopped"))
        );
        view.apply(Change::JobPurged, Instant::now());
        assert!(
            matches!(guard(&view, "web", NOTHING, true), Guard::Blocked(text) if text.contains("purged"))
        );
    }
}
