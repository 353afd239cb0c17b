//! `-dry-run`: what it shows, that nothing but reads leaves the program, and that a run warns of the same.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::Entry;
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::scene;
use crate::jobs::{service, serving};
use crate::memory::jobs::{SECOND, group, job, plain, prestart, running, task, web, with};
use crate::memory::scene::{Ran, allocations};
use crate::system::{older, system};

async fn steady(version: Version, spec: &Value) -> Cluster {
    let cluster = older(version, 5);
    cluster.register(spec).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    cluster
}

/// Two groups, of which one waits before it stops.
async fn mixed() -> Cluster {
    let slow = with(
        &group("api", 2, &[plain("app")]),
        json!({"ShutdownDelay": 5 * SECOND}),
    );
    running(&job(&[group("web", 2, &[plain("app")]), slow])).await
}

#[track_caller]
fn only_reads(ran: &Ran) {
    let reads = |entry: &Entry| entry.method == "GET";
    assert_eq!(ran.count(reads), ran.requests.len(), "{:?}", ran.requests);
    assert!(ran.writes().is_empty());
}

fn warnings(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines
        .filter_map(|line| Some(line.split_once("Warning: ")?.1))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_table_of_batches_and_what_is_left_out() {
    // D74
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    cluster.stop_allocation(&ids[2], false).unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    let now = allocations(&cluster, "web");
    let nodes = |id: &str| cluster.read(|state| state.allocation(id).unwrap().node_name.clone());
    let row = |batch: usize, id: &str, age: &str| {
        format!(
            "{batch}      {}    web    {}  0        {age}  healthy",
            &id[..8],
            nodes(id)
        )
    };
    for detailed in [false, true] {
        let args = ["-dry-run", "-batch-size=2", "-batch-wait=ask"];
        let args: Vec<_> = args
            .into_iter()
            .chain(detailed.then_some("-detailed-exitcode"))
            .collect();
        let ran = scene(&cluster, &args).cut_off().run().await;
        let ran = ran.ended_with(if detailed { 7 } else { 0 });
        only_reads(&ran);
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert!(
            lines[0].ends_with(": Dry run: 3 allocations would be restarted in 2 batches"),
            "{}",
            lines[0]
        );
        assert_eq!(
            lines[1..],
            [
                "",
                "Batch  Allocation  Group  Node    Version  Started     Health",
                &row(1, &now[0], "1m28s ago "),
                &row(1, &now[1], "11m32s ago"),
                &row(2, &now[2], "11m32s ago"),
                "",
                "Left out  Group  Because",
                &format!(
                    "{}  web    it has already been replaced by \"{}\"",
                    &ids[2][..8],
                    &now[0][..8]
                ),
            ],
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do() {
    let cluster = running(&web(1)).await;
    let ids = allocations(&cluster, "web");
    for args in [
        &["-dry-run", "-older-than=1w"][..],
        &[
            "-dry-run",
            "-detailed-exitcode",
            "-started-before=2020-01-01T00:00:00Z",
        ],
    ] {
        let ran = scene(&cluster, args).run().await.ended_with(0);
        only_reads(&ran);
        let left_out = format!("{}  web    it was not started before 20", &ids[0][..8]);
        assert!(
            ran.stdout
                .starts_with("No allocations to restart\nLeft out: 1 ")
                && ran.stdout.contains(&left_out),
            "{}",
            ran.stdout
        );
    }
}

/// A new version of the job is being rolled out, one by one, and the first one does not start: two are of the old version.
async fn rollout() -> Cluster {
    let cluster = running(&web(3)).await;
    let slow = task("app", &json!([{"start_block_for": "1h"}]));
    let slow = with(&slow, json!({"Env": {"VERSION": "2"}}));
    let mut changed = job(&[group("web", 3, &[slow])]);
    changed["TaskGroups"][0]["Update"]["MaxParallel"] = json!(1);
    cluster.register(&changed).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn a_run_warns_of_the_same() {
    for (deployed, args, count) in [
        (false, &["-batch-size=100%"][..], 3),
        (false, &["-batch-size=2"], 1),
        (false, &["-group=web"], 0),
        (false, &["-group=api", "-reschedule"], 0),
        (true, &["-reschedule"], 1),
        (true, &["-batch-size=3"], 1),
    ] {
        let cluster = if deployed {
            rollout().await
        } else {
            mixed().await
        };
        let dry: Vec<&str> = args.iter().copied().chain(["-dry-run"]).collect();
        let dry = scene(&cluster, &dry).run().await.ended_with(0);
        only_reads(&dry);
        let real: Vec<&str> = args.iter().copied().chain(["-yes"]).collect();
        let real = scene(&cluster, &real).run().await;
        let mut told = warnings(&dry);
        // A run does not only warn of it.
        told.retain(|warning| !warning.starts_with("Deployment "));
        assert_eq!(told, warnings(&real), "{args:?}");
        assert_eq!(told.len(), count, "{args:?}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_task_that_does_not_run_is_the_error_that_a_run_makes_of_it() {
    // T28
    let with_init = group("web", 2, &[prestart("init"), plain("app")]);
    let plain_one = group("api", 1, &[plain("app")]);
    let cluster = running(&job(&[with_init, plain_one])).await;
    let args = ["-task=init", "-task=app", "-batch-size=3"];
    let dry: Vec<&str> = args.iter().copied().chain(["-dry-run"]).collect();
    let ran = scene(&cluster, &dry).run().await.ended_with(0);
    only_reads(&ran);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(
        lines[0].ends_with(
            ": Dry run: 3 allocations would be restarted in 1 batch, 2 of them with errors"
        ),
        "{}",
        ran.stdout
    );
    assert!(lines[2].ends_with("  Health   Error"), "{}", ran.stdout);
    for line in &lines[3..] {
        let error = line.contains("  web ");
        let text = "  healthy  task \"init\" is not running";
        assert_eq!(line.ends_with(text), error, "{}", ran.stdout);
    }
    let real: Vec<&str> = args.iter().copied().chain(["-yes"]).collect();
    let ran = scene(&cluster, &real).run().await.ended_with(1);
    ran.explained("2 errors occurred while restarting job:")
        .explained("Failed to restart task \"init\": Task not running");
}

#[tokio::test(start_paused = true)]
async fn no_evaluation_is_asked_for_and_nodes_are_warned_of() {
    let cluster = steady(Version::default(), &system(&["web"])).await;
    cluster.set_eligible("node-2", false);
    let ran = scene(&cluster, &["-dry-run", "-reschedule"])
        .run()
        .await
        .ended_with(0);
    only_reads(&ran);
    let [warning] = warnings(&ran)[..] else {
        panic!("{}", ran.stderr);
    };
    assert!(
        warning.starts_with("Node \"node-2\" takes no new allocations: "),
        "{warning}"
    );
}

#[tokio::test(start_paused = true)]
async fn old_servers_and_batch_jobs() {
    let spec = with(&job(&[batch_group()]), json!({"Type": "batch"}));
    let text = "Batch job \"web\" runs on a Nomad server older than 1.11.0, which does not replace stopped batch allocations reliably";
    for (version, args, expected) in [
        (
            Version::V1_10,
            &["-dry-run", "-reschedule"][..],
            vec![format!("{text}. Use -yes to reschedule it all the same")],
        ),
        (
            Version::V1_10,
            &["-dry-run", "-reschedule", "-yes"],
            vec![text.to_owned()],
        ),
        (Version::V1_10, &["-dry-run"], vec![]),
        (Version::V2_0, &["-dry-run", "-reschedule"], vec![]),
    ] {
        let cluster = steady(version, &spec).await;
        let ran = scene(&cluster, args).run().await.ended_with(0);
        only_reads(&ran);
        assert_eq!(warnings(&ran), expected, "{args:?}");
        assert!(
            ran.stdout.contains("Dry run: 2 allocations would be re"),
            "{}",
            ran.stdout
        );
    }
}

fn batch_group() -> Value {
    json!({"Name": "web", "Count": 2, "Tasks": [plain("app")], "EphemeralDisk": {"SizeMB": 10},
        "ReschedulePolicy": {"Attempts": 0, "Unlimited": false}})
}

#[tokio::test(start_paused = true)]
async fn an_active_deployment_is_told_and_not_waited_for() {
    let cluster = rollout().await;
    for (option, then) in [
        (
            "-on-deployment=fail",
            "a run would stop at once; with -on-deployment=wait it would wait for its end and choose the allocations then",
        ),
        (
            "-on-deployment=wait",
            "a run would wait for its end and choose the allocations then",
        ),
    ] {
        let ran = scene(&cluster, &["-dry-run", option])
            .run()
            .await
            .ended_with(0);
        only_reads(&ran);
        let told = warnings(&ran).join("\n");
        assert!(
            told.starts_with("Deployment \"")
                && told.ends_with(&format!("\" is \"running\": {then}")),
            "{told}"
        );
        assert!(ran.took() < Duration::from_secs(1));
    }
}

#[test]
fn the_real_program_needs_no_terminal() {
    // A prefix, several regions, and questions between batches: a run would ask about each of them.
    let mut global = service("shop-global", &[("web", 2)]);
    global["Multiregion"] =
        json!({"Strategy": null, "Regions": [{"Name": "global"}, {"Name": "west"}]});
    let served = serving([global, service("web", &[("web", 1)])]);
    let args = ["-dry-run", "-batch-wait=ask", "-detailed-exitcode", "shop"];
    let ran = served.program(args).run().ended_with(7);
    assert!(
        ran.stdout
            .contains("Dry run: 2 allocations would be restarted in 2 batches\n"),
        "{}",
        ran.stdout
    );
    for text in [
        "Warning: Job \"shop\" not found; going on with \"shop-global\", the only job with this prefix.\n",
        "Warning: Job \"shop-global\" runs in several regions: a run restarts it in this one only, and asks before that unless -yes is given\n",
    ] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    // Which of several it cannot ask.
    let ran = served
        .program(["-dry-run", "-detailed-exitcode", "-namespace=*", ""])
        .run();
    assert_eq!(ran.code(), Some(1));
    assert_eq!(served.written(), [""; 0]);
    assert!(served.requests().iter().all(|entry| entry.method == "GET"));
}
