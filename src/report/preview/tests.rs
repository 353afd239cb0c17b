//! The tables of a dry run.

use chrono::TimeDelta;

use super::*;

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-08-12T17:36:31-05:00").unwrap()
}

fn planned(batch: usize, id: &str, group: &str, age: Option<i64>) -> Planned {
    Planned {
        batch,
        allocation: format!("{id}-1111-2222-3333-444444444444").into(),
        group: group.to_owned(),
        node: "client-1".to_owned(),
        version: 12,
        since: age.map(|seconds| now().to_utc() - TimeDelta::seconds(seconds)),
        healthy: Some(batch == 1),
        not_running: Vec::new(),
    }
}

fn shown(preview: &Preview, verbose: bool) -> String {
    let lines = lines(&now(), preview, verbose);
    assert!(lines.iter().all(|line| line.to == human::Stream::Stdout));
    let texts: Vec<_> = lines.into_iter().map(|line| line.text).collect();
    texts.join("\n")
}

fn sample() -> Preview {
    Preview {
        dry_run: true,
        reschedules: false,
        batches: 2,
        window: None,
        allocations: vec![
            planned(1, "a0000001", "web", Some(5)),
            planned(1, "a0000002", "web\tx\u{1b}[31m", Some(200_000)),
            Planned {
                healthy: None,
                ..planned(2, "a0000003", "cache", None)
            },
        ],
        left_out: vec![NotPlanned {
            allocation: "b0000001-1111".into(),
            group: "web".to_owned(),
            reason: "it is already being migrated".to_owned(),
        }],
    }
}

#[test]
fn tables() {
    insta::assert_snapshot!(shown(&sample(), false), @r#"
    ==> 2026-08-12T17:36:31-05:00: Dry run: 3 allocations would be restarted in 2 batches

    Batch  Allocation  Group  Node      Version  Started   Health
    1      a0000001    web    client-1  12       5s ago    healthy
    1      a0000002    web x  client-1  12       2d7h ago  healthy
    2      a0000003    cache  client-1  12       -         -

    Left out  Group  Because
    b0000001  web    it is already being migrated
    "#);
    let verbose = shown(&sample(), true);
    assert!(
        verbose.contains("a0000001-1111-2222-3333-444444444444"),
        "{verbose}"
    );
    assert!(
        verbose.contains("  2026-08-12T17:36:26-05:00  "),
        "{verbose}"
    );
}

#[test]
fn what_would_be_rescheduled_shows_when_it_was_created() {
    let preview = Preview {
        dry_run: true,
        reschedules: true,
        batches: 1,
        window: None,
        allocations: vec![planned(1, "a0000001", "web", Some(90))],
        left_out: Vec::new(),
    };
    insta::assert_snapshot!(shown(&preview, false), @r#"
    ==> 2026-08-12T17:36:31-05:00: Dry run: 1 allocation would be rescheduled in 1 batch

    Batch  Allocation  Group  Node      Version  Created    Health
    1      a0000001    web    client-1  12       1m30s ago  healthy
    "#);
}

#[test]
fn a_window_has_an_order_and_no_batches() {
    let preview = Preview {
        batches: 1,
        window: Some(2),
        left_out: Vec::new(),
        ..sample()
    };
    insta::assert_snapshot!(shown(&preview, false), @r#"
    ==> 2026-08-12T17:36:31-05:00: Dry run: 3 allocations would be restarted, at most 2 at once

    Order  Allocation  Group  Node      Version  Started   Health
    1      a0000001    web    client-1  12       5s ago    healthy
    2      a0000002    web x  client-1  12       2d7h ago  healthy
    3      a0000003    cache  client-1  12       -         -
    "#);
}

#[test]
fn named_tasks_that_do_not_run_are_errors_to_come() {
    let mut preview = sample();
    preview.left_out.clear();
    preview.allocations[1].not_running = vec!["init".to_owned()];
    insta::assert_snapshot!(shown(&preview, false), @r#"
    ==> 2026-08-12T17:36:31-05:00: Dry run: 3 allocations would be restarted in 2 batches, 1 of them with an error

    Batch  Allocation  Group  Node      Version  Started   Health   Error
    1      a0000001    web    client-1  12       5s ago    healthy
    1      a0000002    web x  client-1  12       2d7h ago  healthy  task "init" is not running
    2      a0000003    cache  client-1  12       -         -
    "#);
    preview.allocations[2].not_running = vec!["init".to_owned(), "seed".to_owned()];
    let text = shown(&preview, false);
    assert!(
        text.contains("2 batches, 2 of them with errors\n"),
        "{text}"
    );
    assert!(
        text.ends_with("  tasks \"init\", \"seed\" are not running"),
        "{text}"
    );
}

#[test]
fn without_anything_to_do_only_what_is_left_out_is_shown() {
    let mut preview = Preview {
        allocations: Vec::new(),
        ..sample()
    };
    assert!(shown(&preview, false).starts_with("\nLeft out  Group  Because\nb0000001"));
    preview.left_out.clear();
    assert_eq!(shown(&preview, false), "");
}

#[test]
fn ages_have_two_units() {
    for (seconds, expected) in [
        (-5, "just now"),
        (0, "just now"),
        (1, "1s ago"),
        (59, "59s ago"),
        (60, "1m ago"),
        (61, "1m1s ago"),
        (3_599, "59m59s ago"),
        (3_600, "1h ago"),
        (5_430, "1h30m ago"),
        (86_399, "23h59m ago"),
        (86_400, "1d ago"),
        (100_000, "1d3h ago"),
        (86_400 * 400, "400d ago"),
    ] {
        let then = now().to_utc() - TimeDelta::seconds(seconds);
        assert_eq!(moment(&now(), then, false), expected);
    }
}
