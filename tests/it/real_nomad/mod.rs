//! The real binary against a real agent: `NOMAD_RESTART_E2E_ADDR=http://127.0.0.1:4646 cargo test --test it real_nomad`.
//!
//! The cases register jobs of their own under a name that no other run has, look at start times and restart counts over the API,
//! and take their jobs away again, also when they fail. The agent has to run commands (driver `raw_exec`) on the machine of the
//! test, since clocks are compared. Without the variable each case says on stderr that it was skipped, and passes; with
//! `NOMAD_RESTART_E2E_REQUIRED=1` it fails instead. `NOMAD_TOKEN` is passed on.
//!
//! The same cases run against the simulated cluster, whatever the variable says: it reads what a task's command does from the
//! key `simulate` of its `Meta`, of which a real agent makes nothing.

mod failures;
mod in_place;
mod jobs;
mod reschedule;
mod runs;
mod world;

use std::io::Write;

use world::World;

const ADDRESS: &str = "NOMAD_RESTART_E2E_ADDR";
const REQUIRED: &str = "NOMAD_RESTART_E2E_REQUIRED";

/// Runs a case against the agent that the environment names, or says that it does not.
fn against_the_named_agent(case: &str, run: fn(&mut World)) {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(address) = variable(ADDRESS) {
        let token = variable("NOMAD_TOKEN");
        run(&mut World::real(case, &address, token.as_deref()));
        return;
    }
    assert!(
        variable(REQUIRED).is_none(),
        "{REQUIRED} is set, and {ADDRESS} names no agent"
    );
    // Past the harness, which keeps the output of tests that pass to itself.
    let text = format!("SKIPPED: real_nomad {case}: {ADDRESS} names no agent\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Each case as a test against the named agent and as one against the simulated cluster.
macro_rules! cases {
    ($($topic:ident: $($case:ident),+;)+) => {
        mod named_agent {
            $($(#[test]
            fn $case() {
                super::against_the_named_agent(stringify!($case), super::$topic::$case);
            })+)+
        }

        mod simulated {
            $($(#[test]
            fn $case() {
                super::$topic::$case(&mut super::World::simulated(stringify!($case)));
            })+)+
        }
    };
}

cases! {
    in_place: all_in_place, in_batches, one_task, all_tasks_with_a_prestart, one_group;
    reschedule: service_job, system_job, batch_job;
    failures: crash_loop_after_a_restart, start_that_fails_after_a_restart, nowhere_to_be_placed_again;
    runs: older_ones_only, interrupted_and_continued, names_and_prefixes;
}
