//! `-all-tasks` in an allocation with every kind of task (b02): Nomad starts them in the order of their lifecycles.

use nomad_sim::cluster::WriteKind;
use serde_json::{Value, json};

use crate::memory::jobs::{group, job, plain, prestart, running, with};
use crate::memory::scene::{Scene, allocations};

fn hooked(name: &str, hook: &str, sidecar: bool) -> Value {
    with(
        &plain(name),
        json!({"Lifecycle": {"Hook": hook, "Sidecar": sidecar}}),
    )
}

/// A task that ends by itself after a second.
fn short(name: &str, hook: &str) -> Value {
    with(
        &prestart(name),
        json!({"Lifecycle": {"Hook": hook, "Sidecar": false}}),
    )
}

#[tokio::test(start_paused = true)]
async fn all_tasks_are_restarted_in_the_order_of_their_lifecycles() {
    let tasks = [
        plain("app"),
        short("bye", "poststart"),
        short("clean", "poststop"),
        prestart("init"),
        hooked("proxy", "prestart", true),
    ];
    let cluster = running(&job(&[group("web", 2, &tasks)])).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-all-tasks", "web"])
        .run()
        .await
        .ended_with(0);
    let ran = ran.warned(&[]);
    assert_eq!(ran.touched(), ids);
    assert!(ran.writes().iter().all(|write| {
        matches!(&write.kind, WriteKind::Restart { task, all_tasks: true } if task.is_empty())
    }));
    for id in &ids {
        let started = |task: &str| {
            let new = ran.truth.processes(id, task).iter().rev();
            let mut new = new.filter_map(|process| process.started);
            new.find(|at| *at >= ran.started)
        };
        let order = ["init", "app", "bye"].map(|task| started(task).unwrap());
        assert!(order.is_sorted(), "{order:?}");
        assert!(started("proxy").unwrap() <= order[1]);
        // What cleans up has nothing to clean up yet.
        assert_eq!(started("clean"), None);
        for task in ["init", "proxy", "app", "bye"] {
            assert_eq!(ran.starts(id, task), 1, "{task}");
        }
    }
    // The next allocation is touched when the last task of the one before has started.
    let last = ran.runs_again(&ids[0], "bye");
    assert!(ran.writes()[1].time >= last);
}
