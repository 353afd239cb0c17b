//! The wall clock while a run is under way: it stamps lines and decides nothing.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};

use crate::memory::jobs::{running, web};
use crate::memory::scene::{Scene, allocations};

/// The stamps of all lines that have one.
fn stamps(stdout: &str) -> Vec<DateTime<FixedOffset>> {
    let stamp = |line: &str| {
        let text = line
            .trim_start_matches(['=', '>', ' '])
            .split(": ")
            .next()?;
        DateTime::parse_from_rfc3339(text).ok()
    };
    stdout.lines().filter_map(stamp).collect()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_changes_no_pause() {
    // N66
    let winter = FixedOffset::west_opt(5 * 3600).unwrap();
    let summer = FixedOffset::west_opt(4 * 3600).unwrap();
    for (off, zone) in [
        // Daylight saving begins; the clock is set back; the clock is set forward.
        (TimeDelta::zero(), summer),
        (TimeDelta::hours(-1), winter),
        (TimeDelta::days(2), winter),
    ] {
        let cluster = running(&web(2)).await;
        let ids = allocations(&cluster, "web");
        let began = cluster.now();
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-wait=10m", "web"])
            .meanwhile(move |stage| async move {
                stage.set_wall_clock(TimeDelta::zero(), winter);
                stage.joint.writes(1).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
                stage.set_wall_clock(off, zone);
            })
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        assert_eq!(ran.touched(), ids);
        let pause = ran.writes()[1].time.since(ran.writes()[0].time);
        assert!((600..605).contains(&pause.as_secs()), "{off} {pause:?}");
        let stamps = stamps(&ran.stdout);
        let [.., before, after, _] = stamps[..] else {
            panic!("{}", ran.stdout);
        };
        assert_eq!(before.offset(), &winter, "{}", ran.stdout);
        assert_eq!(after.offset(), &zone, "{}", ran.stdout);
        // What was printed is the clock's time at that moment.
        let expected = (ran.writes()[1].time.since(began).as_secs()).cast_signed()
            + began.seconds()
            + off.num_seconds();
        assert!((after.timestamp() - expected).abs() <= 1, "{}", ran.stdout);
    }
}
