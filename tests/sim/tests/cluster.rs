//! What the recordings that are replayed do not show: determinism, the extra key `simulate`, dropped
//! calls, recoverable start failures, capacity, rolling updates, and the record of what really happened.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, NodeConfig, Selector, State, WriteKind};
use nomad_sim::model::{Allocation, ClientStatus, TaskStateKind};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const S: u64 = 1_000_000_000;

fn job(id: &str, count: u32, config: &Value) -> Value {
    json!({"ID": id, "TaskGroups": [{
        "Name": "web", "Count": count,
        "Tasks": [{"Name": "app", "Driver": "docker", "Config": config,
                   "Resources": {"CPU": 100, "MemoryMB": 100}}],
        "RestartPolicy": {"Attempts": 1, "Interval": 60 * S, "Delay": S, "Mode": "fail"},
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": false},
        "Update": {"MinHealthyTime": S / 2, "MaxParallel": 1},
        "Migrate": {"MinHealthyTime": S},
    }]})
}

fn image() -> Value {
    json!({"image": "web:1"})
}

fn allocations(state: &State, job: &str) -> Vec<Allocation> {
    let allocs = state.job_allocations("default", job);
    allocs.map(|alloc| (**alloc).clone()).collect()
}

fn healthy(state: &State, job: &str) -> usize {
    let allocs = state.job_allocations("default", job);
    allocs
        .filter(|a| !a.terminal() && a.healthy() == Some(true))
        .count()
}

async fn steady(cluster: &Cluster, job: &str, count: usize) -> Vec<Allocation> {
    let all_healthy =
        cluster.until(|state| (healthy(state, job) == count).then(|| allocations(state, job)));
    timeout(Duration::from_secs(300), all_healthy)
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_the_same_history_again() {
    let mut histories = Vec::new();
    for seed in [5, 5, 6] {
        let mut config = Config::seeded(seed).with_nodes(3);
        config.start = Some(nomad_sim::model::Time(1_795_507_411_456_658_585));
        let cluster = Cluster::new(config);
        cluster.register(&job("web", 5, &image())).unwrap();
        let old = steady(&cluster, "web", 5).await;
        cluster
            .restart_allocation(&old[0].id, "", false)
            .await
            .unwrap();
        cluster.stop_allocation(&old[1].id, false).unwrap();
        sleep(Duration::from_secs(30)).await;
        histories.push(cluster.read(|state| {
            let lines = state.changes().iter().map(|change| change.line());
            lines.collect::<Vec<Value>>()
        }));
    }
    assert!(histories[0] == histories[1]);
    assert!(histories[0] != histories[2]);
}

#[tokio::test(start_paused = true)]
async fn a_job_can_say_that_its_replacements_fail() {
    let config = json!({"image": "web:1",
        "simulate": [{"replacement": true, "start_error": "image not found"}]});
    let cluster = Cluster::new(Config::seeded(1));
    cluster.register(&job("web", 1, &config)).unwrap();
    let old = steady(&cluster, "web", 1).await.remove(0);
    cluster.stop_allocation(&old.id, false).unwrap();
    sleep(Duration::from_secs(5)).await;
    let new = cluster.read(|state| {
        let next = &state.allocation(&old.id).unwrap().next;
        state.allocation(next).unwrap().clone()
    });
    assert_eq!(new.client, ClientStatus::Failed);
    let state = &new.task_states.as_ref().unwrap()["app"];
    let told: Vec<String> = state.events.iter().map(|e| e.display_message()).collect();
    assert!(told.contains(&"image not found".to_owned()), "{told:?}");
    let truth = cluster.truth();
    assert_eq!(truth.processes(&new.id, "app")[0].started, None);
    assert_eq!(truth.allocations[&old.id].replaced_by, Some(new.id.clone()));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_carried_out_once() {
    let cluster = Cluster::new(Config::seeded(2));
    cluster.behave(Selector::job("web"), Behaviour::dies_after(2_000_000_000));
    cluster.register(&job("web", 1, &image())).unwrap();
    let alloc = steady(&cluster, "web", 1).await.remove(0);
    let call = cluster.restart_allocation(&alloc.id, "", false);
    assert!(timeout(Duration::from_millis(100), call).await.is_err());
    sleep(Duration::from_secs(10)).await;
    let truth = cluster.truth();
    let restarts: Vec<_> = truth.restarts(&alloc.id).collect();
    assert_eq!(restarts.len(), 1);
    let processes = truth.processes(&alloc.id, "app");
    assert_eq!(processes.len(), 2);
    // The call would have been answered when the old process was gone, before the new one ran.
    assert!(restarts[0].done >= processes[0].ended);
    assert!(restarts[0].done < processes[1].started);
    assert!(processes[1].visible > processes[1].started);
    assert!(!truth.runs_at(&alloc.id, "app", restarts[0].done.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_restart_without_a_running_task_is_answered_and_does_nothing() {
    let cluster = Cluster::new(Config::seeded(3));
    cluster.behave(
        Selector::job("web"),
        Behaviour::starts_after(60_000_000_000),
    );
    cluster.register(&job("web", 1, &image())).unwrap();
    sleep(Duration::from_secs(5)).await;
    let alloc = cluster.read(|state| allocations(state, "web").remove(0));
    cluster
        .restart_allocation(&alloc.id, "", false)
        .await
        .unwrap();
    let truth = cluster.truth();
    let writes: Vec<_> = truth.writes_on(&alloc.id).collect();
    assert_eq!(writes.len(), 1);
    assert!(matches!(writes[0].kind, WriteKind::Restart { .. }));
    assert!(!writes[0].accepted);
    assert_eq!(truth.restarts(&alloc.id).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_recoverable_start_failure_follows_the_restart_policy() {
    let cluster = Cluster::new(Config::seeded(4));
    cluster.register(&job("web", 1, &image())).unwrap();
    let alloc = steady(&cluster, "web", 1).await.remove(0);
    cluster.behave(
        Selector::job("web").start(2),
        Behaviour::start_fails_recoverably("registry does not answer"),
    );
    cluster
        .restart_allocation(&alloc.id, "", false)
        .await
        .unwrap();
    sleep(Duration::from_secs(10)).await;
    let alloc = cluster.read(|state| state.allocation(&alloc.id).unwrap().clone());
    let state = &alloc.task_states.as_ref().unwrap()["app"];
    let names: Vec<&str> = state.events.iter().map(|e| e.kind.name()).collect();
    assert_eq!(
        names[names.len() - 6..],
        [
            "Restart Signaled",
            "Terminated",
            "Restarting",
            "Driver Failure",
            "Restarting",
            "Started"
        ]
    );
    assert_eq!((state.state, state.restarts), (TaskStateKind::Running, 2));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_waits_for_capacity() {
    let small = NodeConfig {
        cpu: 250,
        ..NodeConfig::named("small")
    };
    let cluster = Cluster::new(Config {
        nodes: vec![small],
        ..Config::seeded(5)
    });
    cluster.register(&job("web", 2, &image())).unwrap();
    steady(&cluster, "web", 2).await;
    cluster.register(&job("api", 1, &image())).unwrap();
    sleep(Duration::from_secs(5)).await;
    let blocked = cluster.read(|state| {
        let mut evals = state.job_evaluations("default", "api");
        evals.find(|eval| eval.status == "blocked").cloned()
    });
    let metric = blocked.unwrap().failed_tg_allocs["web"].clone();
    let exhausted = metric.dimension_exhausted.clone().unwrap();
    assert_eq!(
        exhausted.into_iter().collect::<Vec<_>>(),
        [("cpu".to_owned(), 1)]
    );
    assert_eq!(
        cluster.read(|state| state.job("default", "api").unwrap().status),
        "running"
    );

    cluster.scale("default", "web", "web", 1).unwrap();
    steady(&cluster, "api", 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_rolls_on_as_fast_as_the_new_allocations_are_healthy() {
    let cluster = Cluster::new(Config::seeded(6).with_nodes(3));
    cluster.register(&job("web", 4, &image())).unwrap();
    let old = steady(&cluster, "web", 4).await;
    sleep(Duration::from_secs(5)).await;
    cluster
        .register(&job("web", 4, &json!({"image": "web:2"})))
        .unwrap();
    let rolled_out = cluster.until(|state| {
        let all = allocations(state, "web");
        let unhealthy = all
            .iter()
            .filter(|a| !a.server_terminal() && a.healthy() != Some(true))
            .count();
        assert!(unhealthy <= 1, "max_parallel is 1");
        let deployment = state.job_deployments("default", "web").last().unwrap();
        (deployment.job_version == 1 && deployment.status == "successful").then_some(all)
    });
    let after = timeout(Duration::from_secs(120), rolled_out).await.unwrap();
    for alloc in &old {
        let old = after.iter().find(|a| a.id == alloc.id).unwrap();
        assert_eq!(
            old.desired_description,
            "alloc is being updated due to job update"
        );
        let new = after.iter().find(|a| a.id == old.next).unwrap();
        assert_eq!((new.job.version, new.name.as_str()), (1, old.name.as_str()));
    }
    let stable = cluster.read(|state| state.job("default", "web").unwrap().stable);
    assert!(stable);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_become_healthy_fails_its_deployment() {
    let cluster = Cluster::new(Config::seeded(7));
    cluster.register(&job("web", 2, &image())).unwrap();
    steady(&cluster, "web", 2).await;
    sleep(Duration::from_secs(5)).await;
    let broken = json!({"image": "web:2", "simulate": {"run_for": "100ms", "exit_code": 1}});
    cluster.register(&job("web", 2, &broken)).unwrap();
    sleep(Duration::from_secs(60)).await;
    cluster.read(|state| {
        let deployment = state.job_deployments("default", "web").last().unwrap();
        assert_eq!(deployment.status, "failed");
        assert_eq!(
            deployment.status_description,
            "Failed due to unhealthy allocations"
        );
        // The other allocation of the old version runs on.
        assert_eq!(healthy(state, "web"), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn a_batch_job_ends_with_its_tasks_and_a_stop_replaces_at_once() {
    let cluster = Cluster::new(Config::seeded(8));
    let mut spec = job("import", 2, &json!({"run_for": "20s"}));
    spec["Type"] = "batch".into();
    spec["TaskGroups"][0]["Tasks"][0]["Driver"] = "mock_driver".into();
    cluster.register(&spec).unwrap();
    sleep(Duration::from_secs(5)).await;
    let old = cluster.read(|state| allocations(state, "import"));
    cluster.stop_allocation(&old[0].id, false).unwrap();
    sleep(Duration::from_secs(60)).await;
    cluster.read(|state| {
        let all = allocations(state, "import");
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|a| a.client == ClientStatus::Complete));
        assert!(all.iter().all(|a| a.health.is_none()));
        let next = &state.allocation(&old[0].id).unwrap().next;
        assert_eq!(state.allocation(next).unwrap().previous, old[0].id);
        assert_eq!(state.job("default", "import").unwrap().status, "dead");
        let summary = state.job_summary("default", "import").unwrap();
        assert_eq!(summary.summary["web"].complete, 3);
    });
}
