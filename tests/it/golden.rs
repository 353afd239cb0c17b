//! The seven transcripts of the documentation page: its lines appear in this order, with ids in this order, and whatever else is
//! printed is on a short list.

use nomad_sim::model::Allocation;
use rexpect::process::WaitStatus;

use crate::jobs::{self, service, serving, serving_seeded, settle};
use crate::support::{Served, normalise, runtime};

/// `nomad job restart example`
const RUNNING_TASKS: &str = r#"==> 2023-02-28T17:36:31-05:00: Restarting 5 allocations
    2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "32e143f8" for group "proxy"
    2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "388129e0" for group "web"
    2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "4fd581ee" for group "proxy"
    2023-02-28T17:36:32-05:00: Restarting running tasks in allocation "77d5c4f6" for group "proxy"
    2023-02-28T17:36:32-05:00: Restarting running tasks in allocation "d4303a30" for group "web"
==> 2023-02-28T17:36:32-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -group=web example`
const ONE_GROUP: &str = r#"==> 2023-02-28T17:37:36-05:00: Restarting 2 allocations
    2023-02-28T17:37:36-05:00: Restarting running tasks in allocation "388129e0" for group "web"
    2023-02-28T17:37:37-05:00: Restarting running tasks in allocation "d4303a30" for group "web"
==> 2023-02-28T17:37:37-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -group=web -reschedule example`
const RESCHEDULE: &str = r#"==> 2023-02-28T17:39:14-05:00: Restarting 2 allocations
    2023-02-28T17:39:14-05:00: Rescheduling allocation "388129e0" for group "web"
    2023-02-28T17:39:45-05:00: Rescheduling allocation "d4303a30" for group "web"
==> 2023-02-28T17:40:16-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -batch-size=2 example`
const TWO_AT_A_TIME: &str = r#"==> 2023-02-28T17:40:58-05:00: Restarting 5 allocations
==> 2023-02-28T17:40:58-05:00: Restarting 1st batch of 2 allocations
    2023-02-28T17:40:58-05:00: Restarting running tasks in allocation "653f983e" for group "web"
    2023-02-28T17:40:58-05:00: Restarting running tasks in allocation "4d18e545" for group "web"
==> 2023-02-28T17:40:58-05:00: Restarting 2nd batch of 2 allocations
    2023-02-28T17:40:58-05:00: Restarting running tasks in allocation "32e143f8" for group "proxy"
    2023-02-28T17:40:58-05:00: Restarting running tasks in allocation "4fd581ee" for group "proxy"
==> 2023-02-28T17:40:59-05:00: Restarting 3rd batch of 1 allocations
    2023-02-28T17:40:59-05:00: Restarting running tasks in allocation "77d5c4f6" for group "proxy"
==> 2023-02-28T17:40:59-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -batch-size=50% example`
const PERCENTAGE: &str = r#"==> 2023-02-28T18:52:47-05:00: Restarting 5 allocations
==> 2023-02-28T18:52:47-05:00: Restarting 1st batch of 3 allocations
    2023-02-28T18:52:47-05:00: Restarting running tasks in allocation "d28f6f60" for group "proxy"
    2023-02-28T18:52:47-05:00: Restarting running tasks in allocation "b931b496" for group "proxy"
    2023-02-28T18:52:47-05:00: Restarting running tasks in allocation "18673b40" for group "proxy"
==> 2023-02-28T18:52:48-05:00: Restarting 2nd batch of 2 allocations
    2023-02-28T18:52:48-05:00: Restarting running tasks in allocation "439b1632" for group "web"
    2023-02-28T18:52:48-05:00: Restarting running tasks in allocation "8fae60f6" for group "web"
==> 2023-02-28T18:52:48-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -batch-size=2 -batch-wait=ask example`
const ASK: &str = r#"==> 2023-02-28T18:04:19-05:00: Restarting 5 allocations
==> 2023-02-28T18:04:19-05:00: Restarting 1st batch of 2 allocations
    2023-02-28T18:04:19-05:00: Restarting running tasks in allocation "4d18e545" for group "web"
    2023-02-28T18:04:19-05:00: Restarting running tasks in allocation "653f983e" for group "web"
==> 2023-02-28T18:04:19-05:00: Proceed with next batch? [Y/n/<duration>] y
==> 2023-02-28T18:04:20-05:00: Restarting 2nd batch of 2 allocations
    2023-02-28T18:04:20-05:00: Restarting running tasks in allocation "4fd581ee" for group "proxy"
    2023-02-28T18:04:20-05:00: Restarting running tasks in allocation "32e143f8" for group "proxy"
==> 2023-02-28T18:04:20-05:00: Proceed with next batch? [Y/n/<duration>] 10s
==> 2023-02-28T18:04:22-05:00: Proceeding restarts with new wait time of 10s
==> 2023-02-28T18:04:22-05:00: Waiting 10s before restarting the next batch
==> 2023-02-28T18:04:32-05:00: Restarting 3rd batch of 1 allocations
    2023-02-28T18:04:32-05:00: Restarting running tasks in allocation "77d5c4f6" for group "proxy"
==> 2023-02-28T18:04:32-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// `nomad job restart -batch-size=2 -batch-wait=10s example`
const WAIT: &str = r#"==> 2023-02-28T18:03:43-05:00: Restarting 5 allocations
==> 2023-02-28T18:03:43-05:00: Restarting 1st batch of 2 allocations
    2023-02-28T18:03:43-05:00: Restarting running tasks in allocation "653f983e" for group "web"
    2023-02-28T18:03:43-05:00: Restarting running tasks in allocation "4d18e545" for group "web"
==> 2023-02-28T18:03:43-05:00: Waiting 10s before restarting the next batch
==> 2023-02-28T18:03:53-05:00: Restarting 2nd batch of 2 allocations
    2023-02-28T18:03:53-05:00: Restarting running tasks in allocation "4fd581ee" for group "proxy"
    2023-02-28T18:03:53-05:00: Restarting running tasks in allocation "32e143f8" for group "proxy"
==> 2023-02-28T18:03:53-05:00: Waiting 10s before restarting the next batch
==> 2023-02-28T18:04:03-05:00: Restarting 3rd batch of 1 allocations
    2023-02-28T18:04:03-05:00: Restarting running tasks in allocation "77d5c4f6" for group "proxy"
==> 2023-02-28T18:04:03-05:00: Finished job restart

All allocations restarted successfully!
"#;

/// Whether the program may print this line although the page does not show it.
fn is_allowed(normalised: &str) -> bool {
    let detail = normalised.strip_prefix("    <TS>: Allocation ");
    detail.is_some_and(|rest| rest.contains(" replaced by ") || rest.ends_with(" is \"running\""))
        || is_warning(normalised)
}

/// The page's batches of two and three take a whole group away, and the program says so.
fn is_warning(normalised: &str) -> bool {
    normalised.starts_with("    <TS>: Warning: A batch holds every running allocation of group ")
}

/// Checks that the page's lines and nothing but allowed ones were printed. Ids are numbered in the order in which they appear.
#[track_caller]
fn assert_page(printed: &str, page: &str) {
    let without_more: Vec<&str> = printed
        .lines()
        .filter(|line| !is_allowed(&normalise(line)))
        .collect();
    assert_eq!(
        normalise(&without_more.join("\n")),
        normalise(page),
        "{printed}"
    );
}

/// The groups of the job's allocations in the order of their turns: newest first, then by id.
fn order(served: &Served) -> Vec<String> {
    served.cluster().read(|state| {
        let mut all: Vec<&Allocation> = state
            .job_allocations("default", "example")
            .map(|allocation| &**allocation)
            .collect();
        all.sort_by_key(|it| (std::cmp::Reverse(it.create_index), it.id.clone()));
        all.iter().map(|it| it.group.clone()).collect()
    })
}

/// All five placed at once, with ids that put the groups into the page's order.
fn placed_at_once() -> Served {
    let found = (0..500).find(|seed| {
        let runtime = runtime();
        let _inside = runtime.enter();
        let cluster = jobs::cluster(*seed);
        cluster.register(&example(2, 3)).unwrap();
        runtime.block_on(cluster.until(|state| {
            let mut all: Vec<_> = state.job_allocations("default", "example").collect();
            all.sort_by_key(|it| it.id.clone());
            let groups: Vec<&str> = all.iter().map(|it| it.group.as_str()).collect();
            (!all.is_empty()).then_some(groups == ["proxy", "web", "proxy", "proxy", "web"])
        }))
    });
    let served = serving_seeded(found.unwrap(), [example(2, 3)]);
    assert_eq!(order(&served), ["proxy", "web", "proxy", "proxy", "web"]);
    served
}

/// The three of `proxy` first, the two of `web` after them, or the other way round.
fn placed_later(group: &'static str, count: u32) -> Served {
    let first = match group {
        "web" => example(0, 3),
        _ => example(2, 0),
    };
    let served = serving([first]);
    let scaled = served.cluster().scale("default", "example", group, count);
    scaled.unwrap();
    settle(&served);
    served
}

fn example(web: u32, proxy: u32) -> serde_json::Value {
    let job = service("example", &[("web", web), ("proxy", proxy)]);
    jobs::simulated(job, &serde_json::json!({"start_block_for": "100ms"}))
}

/// The page's command with what it needs without a terminal; it must not print anything but warnings on stderr.
#[track_caller]
fn run(served: &Served, args: &[&str]) -> String {
    let args = [&["-on-error=fail"], args].concat();
    let ran = served.program(args).run().succeeded();
    assert!(
        normalise(&ran.stderr).lines().all(is_warning),
        "{}",
        ran.stderr
    );
    ran.stdout
}

#[test]
fn restart_running_tasks_of_all_allocations() {
    // D73
    assert_page(&run(&placed_at_once(), &["example"]), RUNNING_TASKS);
}

#[test]
fn target_allocations_of_a_specific_group() {
    assert_page(
        &run(&placed_at_once(), &["-group=web", "example"]),
        ONE_GROUP,
    );
}

#[test]
fn reschedule_allocations_instead_of_restarting_them_in_place() {
    let served = placed_at_once();
    let printed = run(&served, &["-group=web", "-reschedule", "example"]);
    assert_page(&printed, RESCHEDULE);
    // What the binary prints beyond the page.
    assert_eq!(printed.matches(" replaced by ").count(), 2, "{printed}");
    assert_eq!(printed.matches(" is \"running\"").count(), 2, "{printed}");
}

#[test]
fn batch_allocations_two_at_a_time() {
    let served = placed_later("web", 2);
    assert_page(&run(&served, &["-batch-size=2", "example"]), TWO_AT_A_TIME);
}

#[test]
fn batch_allocations_as_a_percentage() {
    let served = placed_later("proxy", 3);
    assert_page(&run(&served, &["-batch-size=50%", "example"]), PERCENTAGE);
}

/// At a terminal, as on the page, without any further option.
#[test]
fn pause_between_batches_and_wait_for_input() {
    let served = placed_later("web", 2);
    let program = served.program(["-batch-size=2", "-batch-wait=ask", "example"]);
    let mut terminal = program.at_a_terminal();
    let mut printed = String::new();
    for answer in ["y", "10s"] {
        let question = "Proceed with next batch? [Y/n/<duration>] ";
        printed += &terminal.exp_string(question).unwrap();
        printed += question;
        terminal.send_line(answer).unwrap();
        // This terminal does not show what is typed; the page's does.
        printed.extend([answer, "\n"]);
    }
    printed += &terminal.exp_eof().unwrap();
    assert_page(&printed.replace("\r\n", "\n"), ASK);
    let status = terminal.process().wait().unwrap();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
}

#[test]
fn wait_ten_seconds_before_each_batch() {
    let served = placed_later("web", 2);
    let printed = run(&served, &["-batch-size=2", "-batch-wait=10s", "example"]);
    assert_page(&printed, WAIT);
}
