//! Servers without a leader, or out of reach of the agent, for a while or for good.

use std::time::Duration;

use nomad_sim::front::Outage;

use super::{IN_PLACE, RESCHEDULE, SUCCESS, batch_by_batch, begun_in_turn, seconds, unhurried};
use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, Scene, allocations};

const OUTAGES: [(Outage, &str); 2] = [
    (Outage::NoLeader, "500 (No cluster leader)"),
    (
        Outage::NoServers,
        "500 (rpc error: failed to get conn: dial tcp 10.0.0.1:4647: connect: connection refused)",
    ),
];

/// Four allocations, and an outage from `begins` after the start of the run on.
async fn ran(
    (mode, size): (&str, usize),
    outage: Outage,
    begins: Duration,
    lasts: Option<Duration>,
) -> (Vec<String>, Ran) {
    let cluster = running(&web_with(4, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", &format!("-batch-size={size}"), mode, "web"])
        .meanwhile(move |stage| async move {
            tokio::time::sleep(begins).await;
            stage.agent.set_outage(Some(outage));
            if let Some(lasts) = lasts {
                tokio::time::sleep(lasts).await;
                stage.agent.set_outage(None);
            }
        })
        .run()
        .await;
    (ids, ran)
}

/// Moments that fall into every phase of a run.
fn moments() -> impl Iterator<Item = Duration> {
    (0..24).map(|number| Duration::from_millis(number * 850))
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_without_servers_at_any_moment() {
    // N2, N3, N8
    for (outage, _) in OUTAGES {
        for run in [
            (IN_PLACE, 1),
            (IN_PLACE, 2),
            (RESCHEDULE, 1),
            (RESCHEDULE, 2),
        ] {
            for begins in moments() {
                let (ids, ran) = ran(run, outage, begins, Some(seconds(10))).await;
                let ran = ran.ended_with(0);
                assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
                batch_by_batch(&ran, &ids, run.1);
                // One line tells of it, whoever finds it out.
                assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_do_not_come_back() {
    for (outage, text) in OUTAGES {
        for run in [(IN_PLACE, 2), (RESCHEDULE, 2)] {
            for begins in moments() {
                let (ids, ran) = ran(run, outage, begins, None).await;
                if ran.took() < begins {
                    // It was over before.
                    continue;
                }
                let ran = ran.ended_with(1).explained(text);
                begun_in_turn(&ran, &ids, run.1);
                let more = ran.took().checked_sub(begins);
                assert!(
                    more < Some(seconds(100)),
                    "{outage:?} {run:?} {begins:?} {more:?}"
                );
                let told = ran.stderr.contains(" of 4 allocations ");
                assert!(told || ran.writes().is_empty(), "{}", ran.stderr);
            }
        }
    }
}
