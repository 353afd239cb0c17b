//! Two answers about one allocation: a list leaves some of it out, and some of it never changes.

use std::sync::Arc;

use crate::nomad::json::Allocation;

/// What other news tells of an allocation that is not known of it yet: its job, its predecessor, its type and its deployment.
fn missing(known: &Allocation, news: &Allocation) -> [bool; 4] {
    let same_index = known.modify_index == news.modify_index;
    [
        known.job.is_none() && news.job.is_some() && known.job_version == news.job_version,
        known.previous_allocation.is_empty() && !news.previous_allocation.is_empty(),
        known.job_type.is_empty() && !news.job_type.is_empty(),
        same_index && known.deployment_id.is_empty() && !news.deployment_id.is_empty(),
    ]
}

/// Whether news says nothing that is not known: another form of the same answer, or the same again.
pub(super) fn says_nothing_new(known: &Allocation, news: &Allocation) -> bool {
    let links = |it: &Allocation| {
        let texts = [&it.next_allocation, &it.followup_eval_id];
        let why = [&it.desired_description, &it.client_description];
        (it.create_index, texts.map(Arc::clone), why.map(Arc::clone))
    };
    known.modify_index == news.modify_index
        && missing(known, news) == [false; 4]
        && !tells_another_story(known, news)
        && links(known) == links(news)
}

/// Takes what never changes, and what a list leaves out, from older news or from another form of the same. Says whether anything
/// was new.
pub(super) fn complete(known: &mut Arc<Allocation>, news: &Allocation) -> bool {
    let [job, previous, kind, deployment] = missing(known, news);
    if !(job || previous || kind || deployment) {
        return false;
    }
    let known = Arc::make_mut(known);
    if job {
        known.job.clone_from(&news.job);
    }
    if previous {
        known.previous_allocation = news.previous_allocation.clone();
    }
    if kind {
        known.job_type = news.job_type.clone();
    }
    if deployment {
        known.deployment_id = news.deployment_id.clone();
    }
    true
}

/// Carries over what a list leaves out and what does not change: the predecessor, and the job as long as its version is the same.
pub(super) fn keep_what_never_changes(known: &Allocation, news: &mut Allocation) {
    if news.job.is_none() && news.job_version == known.job_version {
        news.job.clone_from(&known.job);
    }
    if news.previous_allocation.is_empty() {
        news.previous_allocation = known.previous_allocation.clone();
    }
    if news.job_type.is_empty() {
        news.job_type = known.job_type.clone();
    }
    // Events leave out what is false.
    news.desired_transition.knows_disable_placement |=
        known.desired_transition.knows_disable_placement;
}

/// Whether two answers cannot be from the same moment. Only what all forms of an allocation tell alike counts.
pub(super) fn tells_another_story(known: &Allocation, news: &Allocation) -> bool {
    let told = |it: &Allocation| -> Vec<_> {
        let tasks = it.task_states.iter();
        tasks
            .map(|(name, task)| {
                (
                    name.clone(),
                    task.state.clone(),
                    task.restarts,
                    task.started_at,
                )
            })
            .collect()
    };
    known.client_status != news.client_status
        || known.desired_status != news.desired_status
        || told(known) != told(news)
}

/// Whether anything but the indexes and times of the change itself differs: a plan gives neighbours a new index too.
pub(super) fn differs(known: &Allocation, news: &mut Allocation) -> bool {
    let stamp = (news.modify_index, news.modify_time);
    (news.modify_index, news.modify_time) = (known.modify_index, known.modify_time);
    let different = known != news;
    (news.modify_index, news.modify_time) = stamp;
    different
}
