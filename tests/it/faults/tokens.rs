//! A token that is deleted, or whose time is over, while a run is under way: the run stops and says so, and waits for nothing.

use std::time::Duration;

use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::Cluster;
use serde_json::json;

use super::{IN_PLACE, RESCHEDULE, SUCCESS, batch_by_batch, begun_in_turn, seconds, unhurried};
use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, Scene, Stage, allocations};

const SECRET: &str = "b1a2c3d4-0000-1111-2222-333344445555";

/// Loses the token at this moment of a run over four allocations.
async fn ran(
    cluster: &Cluster,
    mode: &str,
    moment: Duration,
    lose: impl Fn(&Stage) + Send + 'static,
) -> Ran {
    let scene = Scene::of(cluster)
        .args(["-yes", "-batch-size=2", mode, "-token", SECRET, "web"])
        .meanwhile(move |stage| async move {
            let token = Token::named("deployer")
                .allow("default", "read-job")
                .allow("default", "alloc-lifecycle");
            stage.agent.set_acl(Some(Acl::new().with(SECRET, token)));
            tokio::time::sleep(moment).await;
            lose(&stage);
        });
    scene.run().await
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_deleted_or_expires_at_any_moment() {
    let delete = |stage: &Stage| assert!(stage.agent.revoke(SECRET));
    let expire = |stage: &Stage| assert!(stage.agent.expire(SECRET));
    let losses: [fn(&Stage); 2] = [delete, expire];
    for mode in [IN_PLACE, RESCHEDULE] {
        for lose in losses {
            let mut cut = 0;
            for number in 1..30 {
                let moment = Duration::from_millis(number * 450);
                let cluster = running(&web_with(4, &unhurried())).await;
                let ids = allocations(&cluster, "web");
                let ran = ran(&cluster, mode, moment, lose).await;
                let lost = ran.started.nanos() + i64::try_from(moment.as_nanos()).unwrap();
                // What the query that was open at that moment still showed counts.
                if ran.code == 0 {
                    assert!(ran.stdout.ends_with(SUCCESS));
                    batch_by_batch(&ran, &ids, 2);
                    continue;
                }
                cut += 1;
                let ran = ran.ended_with(1);
                let named = [
                    "403 (Permission denied)",
                    "500 (rpc error: ACL token expired)",
                ];
                assert!(
                    named.iter().any(|text| ran.stderr.contains(text)),
                    "{}",
                    ran.stderr
                );
                assert!(!ran.stderr.contains(SECRET) && !ran.stdout.contains(SECRET));
                let late = ran
                    .writes()
                    .iter()
                    .any(|write| write.time.nanos() > lost && write.accepted);
                assert!(!late, "{}", ran.stdout);
                begun_in_turn(&ran, &ids, 2);
                // The query that was open when it happened may go on for as long as it was held.
                let after = ran.ended.nanos() - lost;
                assert!(
                    after < 35_000_000_000,
                    "{mode} {moment:?}: {after} later\n{}",
                    ran.stderr
                );
            }
            assert!(cut > 10, "{mode}: {cut}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_minutes_ends_when_the_token_does() {
    // The one allocation needs an hour to start: nothing else would end the wait that early.
    let slow = json!([{"start_from": 2, "start_block_for": "1h"}]);
    for mode in [IN_PLACE, RESCHEDULE] {
        let cluster = running(&web_with(2, &slow)).await;
        if mode == RESCHEDULE {
            let slow = nomad_sim::cluster::Behaviour::starts_after(3_600_000_000_000);
            cluster.behave(
                nomad_sim::cluster::Selector::job("web").replacements(),
                slow,
            );
        }
        let expire = |stage: &Stage| assert!(stage.agent.expire(SECRET));
        let ran = ran(&cluster, mode, seconds(100), expire)
            .await
            .ended_with(1)
            .explained("403 (Permission denied)")
            .explained("0 of 2 allocations");
        assert!(
            (100..140).contains(&ran.took().as_secs()),
            "{:?}",
            ran.took()
        );
    }
}
