//! How fast a window is beside whole batches, on virtual time: 100 allocations, 10 away at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{away, longest_gap, most_away, starts};
use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, allocations};

const COUNT: usize = 100;
const SIZE: usize = 10;
/// The median of the times to start, in milliseconds.
const MEDIAN: f64 = 4_000.0;

/// Times to start in milliseconds, log-normal with this σ, the same in every run.
fn lognormal(sigma: f64) -> Vec<u64> {
    let mut state = 11_u64;
    let mut even = || {
        // Knuth's MMIX generator; its upper half.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
    };
    (0..COUNT)
        .map(|_| {
            // Twelve of them come close to a normal one.
            let normal = (0..12).map(|_| even()).sum::<f64>() - 6.0;
            let start = Duration::from_secs_f64(MEDIAN * (sigma * normal).exp() / 1_000.0);
            u64::try_from(start.as_millis()).unwrap()
        })
        .collect()
}

/// How long each was away, in the order of the writes.
fn times(ran: &Ran) -> Vec<Duration> {
    let times = away(ran).into_iter();
    times.map(|it| it.until.unwrap().since(it.from)).collect()
}

/// The least time for these, in this order, with so many places.
fn bound(times: &[Duration]) -> Duration {
    let mut places: BinaryHeap<Reverse<Duration>> =
        std::iter::repeat_n(Reverse(Duration::ZERO), SIZE).collect();
    let mut last = Duration::ZERO;
    for time in times {
        let Reverse(start) = places.pop().unwrap();
        places.push(Reverse(start + *time));
        last = last.max(start + *time);
    }
    last
}

#[tokio::test(start_paused = true)]
async fn a_window_does_not_wait_for_the_slowest() {
    for (sigma, mode, least) in [
        (0.0, "-reschedule=false", 0.95),
        (0.5, "-reschedule=false", 1.6),
        (0.5, "-reschedule", 1.6),
        (1.0, "-reschedule=false", 2.2),
    ] {
        let rules = starts(&lognormal(sigma));
        let run = async |how: &str| {
            let cluster = running(&web_with(100, &rules)).await;
            let ids = allocations(&cluster, "web");
            let ran = super::super::scene(&cluster, &["-yes", "-batch-size=10%", mode, how]);
            let ran = ran.run().await.ended_with(0);
            // Each once, in the same order in both modes.
            assert_eq!(ran.touched(), ids, "{how}");
            assert_eq!(most_away(&ran), SIZE, "{sigma} {mode} {how}");
            ran
        };
        let window = run("-batch-mode=window").await;
        let lockstep = run("-batch-mode=lockstep").await;

        let bound = bound(&times(&window));
        assert!(
            window.took() <= bound.mul_f64(1.05),
            "{sigma} {mode}: {:?} instead of {bound:?}",
            window.took()
        );
        let gap = longest_gap(&window, SIZE);
        assert!(gap < Duration::from_millis(300), "{sigma} {mode}: {gap:?}");
        let gain = lockstep.took().as_secs_f64() / window.took().as_secs_f64();
        assert!(gain >= least, "{sigma} {mode}: {gain}");
    }
}
