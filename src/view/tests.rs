//! The reducer: news in any order, lists that are older than what is known, ends of jobs, and chains of replacements.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Change, Changed, JobView};
use crate::nomad::json::{AllocId, Allocation, Deployment};
use crate::rules::samples::{AllocationSample, allocation, job, list, news, task, view};

mod health;
mod links;
mod others;
mod properties;

fn ids(changed: &Changed) -> Vec<&str> {
    changed.allocations.iter().map(|id| &**id).collect()
}

fn one(view: &mut JobView, change: Change) -> Changed {
    let now = Instant::now();
    view.apply(change, now, now)
}

fn read(view: &mut JobView, allocation: Allocation) -> Changed {
    one(view, Change::Allocation(Box::new(allocation)))
}

fn snapshot(view: &mut JobView, index: u64, allocations: Vec<Allocation>) -> Changed {
    let allocations = allocations.into_iter().map(Arc::new).collect();
    one(view, Change::Snapshot { index, allocations })
}

fn client(view: &JobView, id: &str) -> String {
    view.allocations[id].client_status.as_str().to_owned()
}

#[test]
fn an_overtaken_answer_changes_nothing() {
    let mut view = view(vec![allocation("a", 5, 9)]);
    assert_eq!(
        read(&mut view, allocation("a", 5, 8).client("failed")),
        Changed::default()
    );
    assert_eq!(read(&mut view, allocation("a", 5, 9)), Changed::default());
    assert_eq!(client(&view, "a"), "running");
    assert_eq!(
        ids(&read(&mut view, allocation("a", 5, 10).client("failed"))),
        ["a"]
    );
    assert_eq!(client(&view, "a"), "failed");
    assert_eq!(view.index(), 10);
}

#[test]
fn a_list_says_what_is_new_different_or_gone() {
    let mut view = view(vec![
        allocation("a", 5, 5),
        allocation("b", 5, 5),
        allocation("c", 5, 5),
    ]);
    let changed = snapshot(
        &mut view,
        9,
        vec![
            allocation("a", 5, 5),
            allocation("b", 5, 8).client("failed"),
            allocation("d", 9, 9),
        ],
    );
    assert_eq!(ids(&changed), ["b", "d", "c"]);
    assert!(view.is_gone("c"));
    assert_eq!(view.last_known("c").map(|c| c.create_index), Some(5));
    let same = view.allocations.values().map(|a| (**a).clone()).collect();
    assert!(snapshot(&mut view, 9, same).is_empty());
}

#[test]
fn news_that_would_change_nothing_is_known_already() {
    let mut view = view(vec![allocation("a", 5, 5)]);
    let known = Arc::clone(&view.allocations["a"]);
    let same = view.same(&allocation("a", 5, 5)).unwrap();
    assert!(Arc::ptr_eq(&same, &known));
    for news in [
        allocation("a", 5, 6),
        allocation("a", 5, 5).client("failed"),
        allocation("a", 5, 5).stopped("", "b"),
        allocation("b", 5, 5),
        Allocation {
            previous_allocation: "z".into(),
            ..allocation("a", 5, 5)
        },
    ] {
        assert!(view.same(&news).is_none(), "{news:?}");
    }
    // Of restored servers any news counts.
    one(&mut view, Change::Rewound);
    assert!(view.same(&allocation("a", 5, 5)).is_none());
}

#[test]
fn a_list_that_is_older_than_a_single_read_removes_and_reverts_nothing() {
    let mut view = view(vec![allocation("a", 5, 5)]);
    read(&mut view, allocation("b", 8, 8));
    read(&mut view, allocation("a", 5, 9).client("failed"));
    let changed = snapshot(&mut view, 7, vec![allocation("a", 5, 5)]);
    assert!(changed.is_empty());
    assert_eq!(client(&view, "a"), "failed");
    assert!(view.allocations.contains_key("b"));
    // One made at its index or later knows.
    let changed = snapshot(&mut view, 9, vec![allocation("a", 5, 9).client("failed")]);
    assert_eq!(ids(&changed), ["b"]);
}

#[test]
fn a_list_without_an_index_removes_nothing() {
    // N10
    let mut view = view(vec![allocation("a", 5, 5)]);
    assert!(snapshot(&mut view, 0, vec![]).is_empty());
    assert!(view.allocations.contains_key("a"));
}

#[test]
fn what_is_gone_does_not_come_back() {
    let mut view = view(vec![allocation("a", 5, 5)]);
    assert_eq!(ids(&one(&mut view, Change::Gone("a".into()))), ["a"]);
    assert!(one(&mut view, Change::Gone("a".into())).is_empty());
    assert!(snapshot(&mut view, 9, vec![allocation("a", 5, 5)]).is_empty());
    assert!(read(&mut view, allocation("a", 5, 8)).is_empty());
    assert!(view.allocations.is_empty());
    // Also one that was never seen.
    assert_eq!(ids(&one(&mut view, Change::Gone("x".into()))), ["x"]);
    assert!(view.last_known("x").is_none());
    assert!(read(&mut view, allocation("x", 5, 8)).is_empty());
    assert!(view.last_known("x").is_some());
}

#[test]
fn a_list_and_a_single_read_complete_each_other() {
    let mut full = allocation("a", 5, 5).of_type("");
    full.previous_allocation = Arc::from("z");
    full.deployment_id = Arc::from("d");
    full.job = Some(Arc::new(job(0, &[])));
    let stub = allocation("a", 5, 5);
    for order in [[full.clone(), stub.clone()], [stub, full.clone()]] {
        let mut view = JobView::default();
        news(&mut view, order.to_vec(), Instant::now());
        let known = &view.allocations["a"];
        assert_eq!(&*known.job_type, "service");
        assert_eq!(&*known.previous_allocation, "z");
        assert_eq!(&*known.deployment_id, "d");
        assert!(known.job.is_some());
    }

    // The job stays known as long as its version is the same.
    let mut view = view(vec![full]);
    read(&mut view, allocation("a", 5, 6));
    assert!(view.allocations["a"].job.is_some());
    assert_eq!(&*view.allocations["a"].previous_allocation, "z");
    let mut updated = allocation("a", 5, 7);
    updated.job_version = 1;
    read(&mut view, updated);
    assert!(view.allocations["a"].job.is_none());
    let mut older = allocation("a", 5, 6);
    older.job = Some(Arc::new(job(0, &[])));
    assert!(read(&mut view, older).is_empty());
    assert!(view.allocations["a"].job.is_none());
}

#[test]
fn a_new_index_alone_is_no_difference() {
    // Recording c02: a plan touches the predecessor of what it stops.
    let mut view = view(vec![allocation("a", 5, 5)]);
    let mut touched = allocation("a", 5, 9);
    touched.modify_time = 99;
    assert!(read(&mut view, touched).is_empty());
    assert_eq!(view.allocations["a"].modify_index, 9);
}

#[test]
fn rest_begins_when_it_is_seen_and_again_when_it_changes() {
    let begin = Instant::now();
    let at = |seconds| begin + Duration::from_secs(seconds);
    let mut view = JobView::default();
    let step = |view: &mut JobView, seconds, allocation: Allocation| {
        news(view, vec![allocation], at(seconds));
        view.at_rest_since("a")
    };
    let running = || allocation("a", 5, 5);
    assert_eq!(step(&mut view, 0, running()), None);
    let stopped = |index| allocation("a", 5, index).stopped("", "");
    assert_eq!(step(&mut view, 1, stopped(6)), Some(at(1)));
    let with_task = stopped(7).with("app", task("dead", 1.0));
    assert_eq!(step(&mut view, 2, with_task), Some(at(1)));
    assert_eq!(
        step(&mut view, 3, stopped(8).client("complete")),
        Some(at(3))
    );
    assert_eq!(
        step(
            &mut view,
            4,
            allocation("a", 5, 9).stopped("", "b").client("complete")
        ),
        Some(at(4))
    );
    let mut planned = allocation("a", 5, 10).stopped("", "b").client("complete");
    planned.followup_eval_id = Arc::from("e");
    assert_eq!(step(&mut view, 5, planned), Some(at(5)));
    // Recording k02: a lost one may run again, to be stopped.
    assert_eq!(step(&mut view, 6, allocation("a", 5, 11)), None);
    view.apply(Change::Gone("a".into()), at(7), at(8));
    assert_eq!(view.at_rest_since("a"), Some(at(8)));
}

#[test]
fn knowledge_is_as_fresh_as_its_question() {
    let begin = Instant::now();
    let at = |seconds| begin + Duration::from_secs(seconds);
    let mut view = JobView::default();
    assert_eq!(view.confirmed("a"), None);
    let single = |index| Change::Allocation(Box::new(allocation("a", 5, index)));
    view.apply(single(8), at(1), at(9));
    assert_eq!(view.confirmed("a"), Some(at(1)));
    // An older answer says nothing about now, and neither does an older list.
    view.apply(single(7), at(2), at(9));
    assert_eq!(view.confirmed("a"), Some(at(1)));
    let listed = |index| Change::Snapshot {
        index,
        allocations: vec![Arc::new(allocation("a", 5, 5))],
    };
    view.apply(listed(7), at(3), at(9));
    assert_eq!(view.confirmed("a"), Some(at(1)));
    view.apply(single(8), at(4), at(9));
    assert_eq!(view.confirmed("a"), Some(at(4)));
    view.apply(listed(8), at(5), at(9));
    assert_eq!(view.confirmed("a"), Some(at(5)));
    assert_eq!(view.listed(), Some(at(5)));
    // Answers that come in the wrong order do not make it older.
    view.apply(listed(8), at(2), at(9));
    view.apply(single(8), at(3), at(9));
    assert_eq!(view.confirmed("a"), Some(at(5)));
    // A list of a lower index comes from a server that lags behind.
    view.apply(listed(6), at(8), at(9));
    assert_eq!(view.listed(), Some(at(5)));
}

fn deployment(create_index: u64, modify_index: u64, status: &str) -> Deployment {
    Deployment {
        id: format!("d{create_index}"),
        status: status.to_owned(),
        create_index,
        modify_index,
        ..Deployment::default()
    }
}

fn deployed(view: &mut JobView, news: Option<Deployment>) -> bool {
    one(view, Change::Deployment(news)).deployment
}

#[test]
fn after_a_restored_state_any_news_is_newer() {
    // N9
    let mut view = view(vec![allocation("a", 50, 60), allocation("b", 50, 60)]);
    one(&mut view, Change::Gone("b".into()));
    deployed(&mut view, Some(deployment(50, 60, "running")));
    one(&mut view, Change::Rewound);
    assert_eq!(view.index(), 0);
    assert_eq!(view.deployment, None);
    assert_eq!(client(&view, "a"), "running", "still what is known");
    read(&mut view, allocation("a", 50, 55).client("pending"));
    assert_eq!(client(&view, "a"), "pending");
    assert!(read(&mut view, allocation("a", 50, 54)).is_empty());
    read(&mut view, allocation("b", 50, 51));
    assert!(view.allocations.contains_key("b"));
    // A list tells of all that is not there any more.
    one(&mut view, Change::Rewound);
    let changed = snapshot(&mut view, 40, vec![]);
    assert_eq!(ids(&changed), ["a", "b"]);
}

#[test]
fn a_list_that_contradicts_itself_tells_of_a_restored_state() {
    // Indexes went back between two lists, and have grown past what was known since.
    let mut view = view(vec![allocation("a", 50, 60), allocation("b", 50, 51)]);
    let told = |index| {
        let ended = allocation("a", 50, 55).client("complete");
        (index, vec![ended, allocation("b", 50, 51)])
    };
    let (index, older) = told(59);
    snapshot(&mut view, index, older);
    assert_eq!(client(&view, "a"), "running", "a list from before");
    let (index, restored) = told(60);
    snapshot(&mut view, index, restored);
    assert_eq!(client(&view, "a"), "complete");
    assert_eq!(view.index(), 60);
}

#[test]
fn ten_thousand_allocations_are_not_copied_for_one() {
    let all: Vec<Allocation> = (0..10_000)
        .map(|i| allocation(&format!("{i:05}"), 5, 5).named(&format!("web.web[{i}]")))
        .collect();
    let mut view = JobView::default();
    list(&mut view, all, Instant::now());
    let before: Vec<Arc<Allocation>> = view.allocations.values().cloned().collect();
    read(&mut view, allocation("00007", 5, 6).named("web.web[7]"));
    let shared = view
        .allocations
        .values()
        .zip(&before)
        .filter(|(now, before)| Arc::ptr_eq(now, before))
        .count();
    assert_eq!(shared, 9_999);
    let id: AllocId = "00007".into();
    assert_eq!(view.allocations[&id].modify_index, 6);
}

#[test]
fn another_story_of_the_same_index_comes_from_restored_servers() {
    let mut view = view(vec![allocation("a", 5, 8)]);
    let changed = read(&mut view, allocation("a", 5, 8).client("failed"));
    assert_eq!(ids(&changed), ["a"]);
    assert_eq!(client(&view, "a"), "failed");
}
