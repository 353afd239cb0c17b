//! The job, its deployments and its evaluations.

use std::sync::Arc;

use super::{deployed, deployment, ids, one, snapshot};
use crate::rules::samples::{allocation, blocked, job, view};
use crate::view::{Change, JobState, JobView};

#[test]
fn the_newest_deployment_counts() {
    let mut view = JobView::default();
    assert!(!deployed(&mut view, None));
    assert!(deployed(&mut view, Some(deployment(5, 6, "running"))));
    assert!(!deployed(&mut view, Some(deployment(5, 5, "running"))));
    assert!(!deployed(&mut view, Some(deployment(3, 9, "successful"))));
    // An active one does not vanish while its job exists.
    assert!(!deployed(&mut view, None));
    assert!(deployed(&mut view, Some(deployment(5, 7, "successful"))));
    assert!(deployed(&mut view, Some(deployment(8, 8, "running"))));
    assert!(deployed(&mut view, Some(deployment(8, 9, "failed"))));
    assert!(deployed(&mut view, None), "collected");
    assert_eq!(view.deployment, None);
}

#[test]
fn evaluations_are_blocked_until_newer_news_says_otherwise() {
    let mut view = JobView::default();
    let listed = |index, evaluations| Change::Blocked { index, evaluations };
    assert!(one(&mut view, listed(8, vec![blocked("e1", 8, &["web"])])).evaluations);
    assert!(!one(&mut view, listed(8, vec![blocked("e1", 8, &["web"])])).evaluations);
    // Known from a later moment than this list.
    let e2 = || Change::Evaluation(Box::new(blocked("e2", 12, &["web"])));
    assert!(one(&mut view, e2()).evaluations);
    assert!(!one(&mut view, listed(11, vec![blocked("e1", 8, &["web"])])).evaluations);
    assert_eq!(view.blocked.len(), 2);
    // c06 29: canceled, and news from before it comes late.
    let mut canceled = blocked("e2", 12, &["web"]);
    canceled.status = "canceled".to_owned();
    canceled.modify_index = 15;
    assert!(one(&mut view, Change::Evaluation(Box::new(canceled))).evaluations);
    assert!(one(&mut view, e2()).is_empty());
    assert!(one(&mut view, listed(16, vec![])).evaluations);
    assert!(view.blocked.is_empty());
    // Blocked again, of which an even later list tells.
    let mut again = blocked("e1", 8, &["web"]);
    again.modify_index = 17;
    assert!(one(&mut view, listed(17, vec![again])).evaluations);
}

#[test]
fn a_purge_takes_everything_with_it() {
    // f05: no event for any allocation.
    let mut view = view(vec![allocation("a", 5, 5), allocation("b", 5, 5)]);
    one(&mut view, Change::Job(Arc::new(job(0, &[]))));
    deployed(&mut view, Some(deployment(5, 6, "running")));
    one(
        &mut view,
        Change::Evaluation(Box::new(blocked("e1", 8, &["web"]))),
    );
    let changed = one(&mut view, Change::JobPurged);
    assert_eq!(ids(&changed), ["a", "b"]);
    assert!(changed.job && changed.deployment && changed.evaluations);
    assert!(view.job_ended());
    assert!(one(&mut view, Change::JobPurged).is_empty());
    // Overtaken answers do not revive it.
    assert!(one(&mut view, Change::Job(Arc::new(job(0, &[])))).is_empty());
    assert!(snapshot(&mut view, 9, vec![allocation("a", 5, 5)]).is_empty());
}

#[test]
fn another_job_of_the_same_id_ends_the_one_before() {
    // N39
    let mut view = view(vec![allocation("a", 5, 5), allocation("b", 21, 21)]);
    one(&mut view, Change::Job(Arc::new(job(3, &[]))));
    deployed(&mut view, Some(deployment(5, 6, "running")));
    let mut other = job(0, &[]);
    other.create_index = 20;
    other.modify_index = 20;
    let changed = one(&mut view, Change::Job(Arc::new(other)));
    assert!(changed.job && changed.deployment);
    assert_eq!(ids(&changed), ["a"]);
    assert!(one(&mut view, Change::Job(Arc::new(job(9, &[])))).is_empty());
    assert!(matches!(&view.job, JobState::Known(job) if job.create_index == 20));
}

#[test]
fn a_job_is_updated_and_stopped() {
    let mut view = JobView::default();
    assert!(!view.job_ended());
    assert!(one(&mut view, Change::Job(Arc::new(job(0, &[])))).job);
    assert!(!one(&mut view, Change::Job(Arc::new(job(0, &[])))).job);
    let mut stopped = job(0, &[]);
    stopped.stop = true;
    stopped.modify_index = 9;
    assert!(one(&mut view, Change::Job(Arc::new(stopped))).job);
    assert!(view.job_ended());
}
