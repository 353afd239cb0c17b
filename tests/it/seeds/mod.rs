//! Seeded simulation: a number draws a whole scene (cluster, job, command, faults, other people, signals, answers), the program runs in
//! it on virtual time, and what it printed and wrote is held against what really happened in the cluster.
//!
//! A failing seed prints its scene and what was broken. `NOMAD_RESTART_SEED=n cargo test --test it seeds::` runs that one alone and
//! prints everything that happened, with the seconds since the start of the program; `NOMAD_RESTART_SEED=300..900` runs these;
//! `cargo test --test it seeds:: -- --ignored` runs
//! a hundred thousand.

mod checks;
mod dice;
mod draw;
mod facts;
mod killed;
mod made;
mod plot;
mod stage;
mod told;
mod trace;
mod tty;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use plot::Plot;
use stage::{Run, perform};

/// Seeds that each of the tests below runs.
const SEEDS: u64 = 1000;

/// Seeds whose runs are killed and continued.
const KILLED: u64 = 400;

/// The seeds to run, if they are named.
fn named() -> Option<Range<u64>> {
    let named = std::env::var("NOMAD_RESTART_SEED").ok()?;
    let number = |text: &str| {
        text.parse()
            .expect("NOMAD_RESTART_SEED is a number, or two with .. between")
    };
    Some(match named.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&named)..number(&named) + 1,
    })
}

/// Runs one seed; the error is the scene and what was broken.
fn run(seed: u64) -> Result<Run, String> {
    let plot = Plot::draw(seed);
    let scene = plot.to_string();
    match catch_unwind(AssertUnwindSafe(|| perform(plot))) {
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or_default();
            Err(format!("{scene}  ! panicked: {text}\n"))
        }
        Ok(run) => {
            let broken = checks::check(&run);
            if broken.is_empty() {
                return Ok(run);
            }
            let broken = broken.join("\n  ! ");
            Err(format!("{scene}  ! {broken}\n{}", trace::transcript(&run)))
        }
    }
}

/// Runs these seeds; tells the virtual time that they took.
fn run_all(seeds: Range<u64>) -> Duration {
    let mut took = Duration::ZERO;
    let mut failed = Vec::new();
    for seed in seeds {
        match run(seed) {
            Ok(run) => took += run.ended.since(run.started),
            Err(text) => failed.push(text),
        }
    }
    assert!(
        failed.is_empty(),
        "{} seeds failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
    took
}

fn share(number: u64) {
    if named().is_none() {
        run_all(number * SEEDS..(number + 1) * SEEDS);
    }
}

#[test]
fn first_share() {
    share(0);
}

#[test]
fn second_share() {
    share(1);
}

#[test]
fn third_share() {
    share(2);
}

#[test]
fn killed_at_any_moment_and_continued() {
    if named().is_some() {
        return;
    }
    let failed: Vec<_> = (0..KILLED)
        .filter_map(|seed| killed::run(seed).err())
        .collect();
    assert!(
        failed.is_empty(),
        "{} seeds failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn the_same_seed_gives_the_same_transcript() {
    if named().is_some() {
        return;
    }
    for seed in (0..SEEDS).step_by(25) {
        let transcript = || trace::transcript(&perform(Plot::draw(seed)));
        assert_eq!(transcript(), transcript(), "seed {seed}");
    }
}

#[test]
fn the_named_seed() {
    let Some(seeds) = named() else { return };
    if seeds.end > seeds.start + 1 {
        let number = seeds.end - seeds.start;
        let took = run_all(seeds);
        eprint(&format!("{number} seeds, {took:?} of virtual time"));
        return;
    }
    let seed = seeds.start;
    if let Ok(story) = catch_unwind(|| trace::full(&perform(Plot::draw(seed)))) {
        eprint(&format!("{}{story}", Plot::draw(seed)));
    }
    if let Err(text) = run(seed) {
        panic!("{text}");
    }
}

#[expect(clippy::print_stderr, reason = "it was asked for")]
fn eprint(text: &str) {
    eprintln!("{text}");
}

#[test]
#[ignore = "a hundred thousand seeds take hours"]
fn a_hundred_thousand() {
    run_all(0..100_000);
}
