//! Nodes that die, come back and drain, in the order and with the texts of recordings k02, i and f03.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, Selector, State};
use nomad_sim::model::{Allocation, ClientStatus, DesiredStatus, TaskStateKind};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const S: u64 = 1_000_000_000;

fn job(id: &str, count: u32) -> Value {
    json!({"ID": id, "Type": "service", "Datacenters": ["dc1"], "TaskGroups": [{
        "Name": "web", "Count": count,
        "Tasks": [{"Name": "app", "Driver": "raw_exec", "Config": {"command": "/bin/web"},
                   "KillTimeout": 3 * S, "Resources": {"CPU": 10, "MemoryMB": 10}}],
        "RestartPolicy": {"Attempts": 2, "Interval": 60 * S, "Delay": 15 * S, "Mode": "fail"},
        "Update": {"MinHealthyTime": S / 2, "MaxParallel": 10},
        "Migrate": {"MaxParallel": 1, "MinHealthyTime": S, "HealthyDeadline": 20 * S},
    }]})
}

fn allocations(state: &State, job: &str) -> Vec<Allocation> {
    let allocs = state.job_allocations("default", job);
    allocs.map(|alloc| (**alloc).clone()).collect()
}

async fn running(cluster: &Cluster, job: &str, count: usize) -> Vec<Allocation> {
    let steady = cluster.until(|state| {
        let all = allocations(state, job);
        let healthy = all
            .iter()
            .filter(|a| a.client == ClientStatus::Running && a.healthy() == Some(true))
            .count();
        (healthy == count).then_some(all)
    });
    timeout(Duration::from_secs(60), steady).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_dead_nodes_allocations_are_lost_and_end_when_it_is_back() {
    let cluster = Cluster::new(Config::seeded(3).with_nodes(2));
    let mut spec = job("web", 1);
    spec["Constraints"] =
        json!([{"LTarget": "${node.unique.name}", "Operand": "=", "RTarget": "node-2"}]);
    cluster.behave(Selector::job("web"), Behaviour::dies_after(1_500_000_000));
    cluster.register(&spec).unwrap();
    let old = running(&cluster, "web", 1).await.remove(0);
    sleep(Duration::from_secs(5)).await;

    cluster.kill_agent("node-2");
    let first = cluster.restart_allocation(&old.id, "", false).await;
    assert_eq!(first.unwrap_err().to_string(), "500 (EOF)");
    let second = cluster.restart_allocation(&old.id, "", false).await;
    assert_eq!(second.unwrap_err().to_string(), "404 (No path to node)");

    sleep(Duration::from_secs(24)).await;
    let before = cluster.read(|state| allocations(state, "web"));
    assert_eq!(before[0].client, ClientStatus::Running, "not yet missed");
    sleep(Duration::from_secs(2)).await;
    let lost = cluster.read(|state| allocations(state, "web"));
    assert_eq!(lost.len(), 1, "nowhere to go");
    assert_eq!(lost[0].client, ClientStatus::Lost);
    assert_eq!(lost[0].desired, DesiredStatus::Stop);
    assert_eq!(
        lost[0].desired_description,
        "alloc is lost since its node is down"
    );
    assert_eq!(lost[0].client_description, "Tasks are running");
    let blocked = cluster.read(|state| {
        let mut evals = state.job_evaluations("default", "web");
        evals.any(|eval| eval.status == "blocked")
    });
    assert!(blocked);

    cluster.start_agent("node-2");
    sleep(Duration::from_secs(15)).await;
    let states: Vec<ClientStatus> = cluster.read(|state| {
        let changes = state.changes().iter();
        let objects = changes.flat_map(|change| &change.objects);
        let mut states: Vec<ClientStatus> = objects
            .filter_map(|object| match object {
                nomad_sim::cluster::Object::Allocation(a) if a.id == old.id => Some(a.client),
                _ => None,
            })
            .collect();
        states.dedup();
        states
    });
    assert_eq!(
        states[states.len() - 3..],
        [
            ClientStatus::Lost,
            ClientStatus::Running,
            ClientStatus::Complete
        ]
    );
    let after = cluster.read(|state| allocations(state, "web"));
    let new = after.iter().find(|a| a.id != old.id).unwrap();
    assert_eq!(new.client, ClientStatus::Running);
    assert_eq!(
        (new.previous.as_str(), new.name.as_str()),
        ("", old.name.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_the_agents_death_interrupts_ends_in_the_restart_policy() {
    let cluster = Cluster::new(Config::seeded(4));
    cluster.behave(Selector::job("web"), Behaviour::ignores_signal());
    cluster.register(&job("web", 1)).unwrap();
    let alloc = running(&cluster, "web", 1).await.remove(0);
    let call = {
        let (cluster, id) = (cluster.clone(), alloc.id.clone());
        tokio::spawn(async move { cluster.restart_allocation(&id, "", false).await })
    };
    sleep(Duration::from_secs(1)).await;
    cluster.kill_agent("node-1");
    assert_eq!(call.await.unwrap().unwrap_err().text, "EOF");
    sleep(Duration::from_secs(4)).await;
    cluster.start_agent("node-1");
    sleep(Duration::from_secs(3)).await;
    // The old process is gone, and the task waits for the policy's delay.
    let waiting = cluster.read(|state| state.allocation(&alloc.id).unwrap().clone());
    let state = &waiting.task_states.as_ref().unwrap()["app"];
    assert_eq!(state.state, TaskStateKind::Pending);
    assert_eq!(state.restarts, 1);
    let again = cluster.restart_allocation(&alloc.id, "", false).await;
    assert_eq!(again, Ok(()), "answered without effect");
    sleep(Duration::from_secs(20)).await;
    let back = cluster.read(|state| state.allocation(&alloc.id).unwrap().clone());
    let state = &back.task_states.as_ref().unwrap()["app"];
    assert_eq!((state.state, state.restarts), (TaskStateKind::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn a_drain_moves_no_more_than_migrate_allows_at_once() {
    let cluster = Cluster::new(Config::seeded(5).with_nodes(2));
    cluster.register(&job("web", 4)).unwrap();
    let before = running(&cluster, "web", 4).await;
    let node = before[0].node_id.clone();
    let moving = before.iter().filter(|a| a.node_id == node).count();
    assert!(moving > 1, "the scheduler spreads a group");
    cluster.drain(&node, true);
    let watch = cluster.until(|state| {
        let all = allocations(state, "web");
        let away = all
            .iter()
            .filter(|a| !a.server_terminal() && a.healthy() != Some(true))
            .count();
        assert!(away <= 1, "{away} away at once");
        let left = all
            .iter()
            .filter(|a| a.node_id == node && !a.terminal())
            .count();
        (left == 0 && away == 0).then_some(all)
    });
    let after = timeout(Duration::from_secs(120), watch).await.unwrap();
    let moved = after.iter().filter(|a| a.node_id == node);
    for alloc in moved {
        assert_eq!(alloc.desired_description, "alloc is being migrated");
        assert!(!alloc.next.is_empty());
        assert_eq!(alloc.transition.migrate, Some(true));
        assert_eq!(alloc.transition.no_shutdown_delay, None);
    }
}

/// Recording k03: sat out with a `disconnect` block.
#[tokio::test(start_paused = true)]
async fn a_disconnected_nodes_allocations_are_unknown_until_it_is_back() {
    let cluster = Cluster::new(Config::seeded(6).with_nodes(2));
    let mut spec = job("web", 2);
    spec["TaskGroups"][0]["Disconnect"] =
        json!({"LostAfter": 3600 * S, "Replace": false, "Reconcile": "keep_original"});
    cluster.register(&spec).unwrap();
    let before = running(&cluster, "web", 2).await;
    sleep(Duration::from_secs(5)).await;
    let away = before.iter().find(|a| a.node_name == "node-2").unwrap();
    let started = |alloc: &Allocation| alloc.task_states.as_ref().unwrap()["app"].started_at;
    let of = |id: &str| cluster.read(|state| state.allocation(id).unwrap().clone());
    let evals = |cluster: &Cluster| {
        cluster.read(|state| {
            let evals = state.job_evaluations("default", "web");
            evals
                .filter(|eval| matches!(eval.triggered_by, "max-disconnect-timeout" | "reconnect"))
                .map(|eval| (eval.status, eval.status_description.clone()))
                .collect::<Vec<_>>()
        })
    };

    cluster.kill_agent("node-2");
    sleep(Duration::from_secs(26)).await;
    let status =
        |name: &str| cluster.read(|state| state.nodes().find(|n| n.name == name).unwrap().status);
    assert_eq!(
        (status("node-1"), status("node-2")),
        ("ready", "disconnected")
    );
    let unknown = of(&away.id);
    assert_eq!(unknown.client, ClientStatus::Unknown);
    assert_eq!(unknown.desired, DesiredStatus::Run);
    assert_eq!(
        unknown.client_description,
        "alloc is unknown since its node is disconnected"
    );
    assert!(!unknown.followup_eval.is_empty());
    let states: Vec<_> = unknown.states.iter().map(|state| state.value).collect();
    assert_eq!(states, ["unknown"]);
    let waiting = "created for delayed disconnect timeout".to_owned();
    assert_eq!(evals(&cluster), [("pending", waiting)]);
    let call = cluster.restart_allocation(&away.id, "", false).await;
    assert_eq!(call.unwrap_err().to_string(), "404 (No path to node)");

    cluster.start_agent("node-2");
    sleep(Duration::from_secs(10)).await;
    let back = of(&away.id);
    assert_eq!(back.client, ClientStatus::Running);
    assert_eq!(back.followup_eval, "");
    assert_eq!(
        started(&back),
        started(away),
        "the task has run all the time"
    );
    let states: Vec<_> = back.states.iter().map(|state| state.value).collect();
    assert_eq!(states, ["unknown", "running"]);
    let events = &back.task_states.as_ref().unwrap()["app"].events;
    assert_eq!(events.last().unwrap().kind.name(), "Reconnected");
    let mut evals = evals(&cluster);
    evals.sort();
    let cancelled = ("canceled", "allocs reconnected".to_owned());
    assert_eq!(evals, [cancelled, ("complete", String::new())]);
    assert_eq!(cluster.read(|state| allocations(state, "web").len()), 2);
}
