//! A run that was cut short, at any moment, and the one that continues it: nothing is missed, and nothing that was done is done again.
//!
//! Random jobs, options and moments on virtual time, without clock skew.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use nomad_sim::cluster::Cluster;
use nomad_sim::model::Time;
use proptest::prelude::*;
use serde_json::json;

use crate::memory::jobs::{SECOND, running, settled, web_with};
use crate::memory::scene::{KILLED, Ran, Scene, allocations};
use crate::options::scene;

/// A run to cut short.
#[derive(Clone, Debug)]
struct Case {
    mode: &'static str,
    old: u32,
    /// Added to the job after ten minutes.
    young: u32,
    /// `-older-than=15m`, which leaves the young ones out.
    by_age: bool,
    batch: &'static str,
    wait: &'static str,
    kill_after: u64,
    start_for: u64,
    /// When it is cut short, in milliseconds from its start.
    moment: u64,
    /// The next run begins at once, with what the first has begun still under way.
    at_once: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let mode = prop_oneof![
        Just("-all-tasks=false"),
        Just("-all-tasks"),
        Just("-task=app"),
        Just("-reschedule")
    ];
    let batch = prop_oneof![
        Just("-batch-size=1"),
        Just("-batch-size=2"),
        Just("-batch-size=50%"),
        Just("-batch-size=100%")
    ];
    let wait = prop_oneof![Just("-batch-wait=0s"), Just("-batch-wait=3s")];
    (
        (mode, batch, wait),
        (1_u32..6, 0_u32..3, any::<bool>()),
        (0_u64..3_000, 0_u64..4_000),
        (0_u64..12_000, any::<bool>()),
    )
        .prop_map(
            |(
                (mode, batch, wait),
                (old, young, by_age),
                (kill_after, start_for),
                (moment, at_once),
            )| {
                Case {
                    mode,
                    old,
                    young,
                    by_age,
                    batch,
                    wait,
                    kill_after,
                    start_for,
                    moment,
                    at_once,
                }
            },
        )
}

impl Case {
    /// The cluster, the allocations that the run is about, and the others.
    async fn cluster(&self) -> (Cluster, Vec<String>, Vec<String>) {
        let slow = json!([{"kill_after": format!("{}ms", self.kill_after),
            "start_block_for": format!("{}ms", self.start_for)}]);
        let cluster = running(&web_with(self.old, &slow)).await;
        let old = allocations(&cluster, "web");
        tokio::time::sleep(Duration::from_secs(600)).await;
        if self.young > 0 {
            let more = web_with(self.old + self.young, &slow);
            cluster.register(&more).unwrap();
            settled(&cluster, "web").await;
        }
        let (young, old): (Vec<_>, Vec<_>) = allocations(&cluster, "web")
            .into_iter()
            .partition(|id| self.by_age && !old.contains(id));
        (cluster, old, young)
    }

    fn first(&self, cluster: &Cluster) -> Scene {
        let mut args = vec!["-yes", self.mode, self.batch, self.wait];
        if self.by_age {
            args.push("-older-than=15m");
        }
        let scene = scene(cluster, &args);
        if self.at_once { scene.cut_off() } else { scene }
    }
}

fn on_virtual_time<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// As a shell writes it down before the run.
fn shown(time: Time) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time.nanos()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How many writes reached this allocation and were taken.
fn taken(ran: &Ran, id: &str) -> usize {
    ran.truth
        .writes_on(id)
        .filter(|write| write.accepted)
        .count()
}

async fn interrupted(case: &Case) {
    // D74
    let (cluster, old, young) = case.cluster().await;
    let moment = Duration::from_millis(case.moment);
    let ran = case.first(&cluster).signal_after(0, moment, 15).run().await;
    let mut last = ran;
    if last.stderr.contains("No allocations were restarted.") {
        // It came before anything was chosen: there is nothing to continue yet.
        last = case.first(&cluster).run().await;
    } else if last.stderr.contains("To continue, run:") {
        let command = last.resume().to_owned();
        assert!(!command.contains("-older-than"), "{command}");
        last = Scene::of(&cluster).command(&command).run().await;
        assert_eq!(last.code, 0, "{command}\n{}\n{}", last.stdout, last.stderr);
    }
    for id in &old {
        // Also what was in flight when the signal came: it is seen that it was told to restart.
        assert_eq!(
            taken(&last, id),
            1,
            "{id}\n{}\n{}",
            last.stdout,
            last.stderr
        );
    }
    for id in &young {
        assert_eq!(
            taken(&last, id),
            0,
            "{id}\n{}\n{}",
            last.stdout,
            last.stderr
        );
    }
}

async fn killed(case: &Case) {
    let (cluster, old, young) = case.cluster().await;
    let moment = Duration::from_millis(case.moment);
    let start = cluster.now();
    let first = case.first(&cluster).killed_at(moment).run().await;
    assert!(matches!(first.code, 0 | KILLED), "{}", first.stderr);
    let limit = if case.by_age {
        shown(start.plus(-15 * 60 * SECOND))
    } else {
        shown(start)
    };
    let age = format!("-started-before={limit}");
    let args = ["-yes", case.mode, case.batch, case.wait, &age];
    let last = scene(&cluster, &args).run().await;
    // A task that is down because of a write before the kill is known to its node only: it refuses, and nothing is missed.
    let errors: Vec<_> = last
        .stderr
        .lines()
        .filter(|line| line.starts_with("* Error restarting "))
        .collect();
    let down = "Failed to restart task \"app\": Unexpected response code: 500 (Task not running)";
    assert!(
        errors.iter().all(|line| line.ends_with(down)),
        "{}\n{}",
        last.stdout,
        last.stderr
    );
    let code = u8::from(!errors.is_empty());
    assert_eq!(last.code, code, "{}\n{}", last.stdout, last.stderr);
    let killed = start.plus(i64::try_from(moment.as_nanos()).unwrap());
    let mut twice = errors.len();
    for id in &old {
        match taken(&last, id) {
            0 => panic!("{id} was missed\n{}\n{}", first.stdout, last.stdout),
            1 => {}
            _ => {
                let was_seen = last.truth.processes(id, "app").iter().any(|process| {
                    process.started >= Some(start) && process.visible.is_some_and(|at| at <= killed)
                });
                assert!(
                    !was_seen,
                    "{id} was done\n{}\n{}",
                    first.stdout, last.stdout
                );
                twice += 1;
            }
        }
    }
    let batch = match case.batch {
        "-batch-size=1" => 1,
        "-batch-size=2" => 2,
        _ => old.len() + young.len(),
    };
    assert!(twice <= batch, "{twice} were touched twice");
    for id in &young {
        assert_eq!(taken(&last, id), 0, "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_interrupted_run_is_continued_by_the_command_that_it_prints(case in case()) {
        on_virtual_time(interrupted(&case));
    }

    #[test]
    fn a_killed_run_is_continued_from_its_start(case in case()) {
        on_virtual_time(killed(&case));
    }
}

#[test]
fn a_run_that_continues_keeps_its_batch_size() {
    // Half of eight, although four of them are done.
    on_virtual_time(async {
        let cluster = running(&web_with(8, &json!([{"start_block_for": "2s"}]))).await;
        let ran = scene(&cluster, &["-yes", "-batch-size=50%", "-batch-wait=1m"])
            .signal_after(4, Duration::from_secs(20), 15)
            .run()
            .await
            .ended_with(143)
            .explained("4 of 8 allocations restarted, 4 not touched.");
        let command = ran.resume().to_owned();
        let ran = Scene::of(&cluster).command(&command).run().await;
        let ran = ran.ended_with(0);
        assert!(
            ran.stdout.contains("Restarting 1st batch of 4 allocations"),
            "{}",
            ran.stdout
        );
    });
}
