//! Rows at several widths, with few and with many in flight, and with text that would break a line.

use proptest::prelude::*;

use super::*;

/// So many in flight, `seconds` after the start.
fn snapshot(now: Instant, in_flight: usize) -> Snapshot {
    let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap();
    let row = |number: usize| InFlight {
        allocation: format!("a000000{number}-1111-2222-3333-444444444444").into(),
        group: if number.is_multiple_of(2) {
            "web"
        } else {
            "cache"
        }
        .to_owned(),
        replacement: (number == 1).then(|| "b0000001-1111-2222-3333-444444444444".into()),
        since: ago(72 - 9 * number as u64),
        state: if number == 1 { "pending" } else { "running" }.to_owned(),
        event: "server: Restart Signaled: User requested running tasks to restart".to_owned(),
    };
    Snapshot {
        started: ago(192),
        expected_end: now.checked_add(Duration::from_secs(220)),
        allocations: 24 + in_flight,
        settled: 7,
        failed: 0,
        turn: Some(Turn::Batch { number: 3, of: 8 }),
        in_flight,
        rows: (0..in_flight.min(SHOWN)).map(row).collect(),
    }
}

fn shown(snapshot: &Snapshot, now: Instant, lines: usize, columns: usize) -> String {
    let rows = rows(snapshot, now, (lines, columns), false);
    for (_, text) in &rows {
        assert!(measure_text_width(text) < columns, "{text:?}");
    }
    let texts: Vec<_> = rows.into_iter().map(|(_, text)| text).collect();
    texts.join("\n")
}

fn at_widths(in_flight: usize) -> String {
    let now = Instant::now();
    let snapshot = snapshot(now, in_flight);
    [40, 80, 200]
        .map(|columns| format!("{columns}:\n{}", shown(&snapshot, now, 30, columns)))
        .join("\n")
}

#[test]
fn one_in_flight() {
    insta::assert_snapshot!(at_widths(1), @"
    40:
    7/25  batch 3/8  3m12s  ~3m40s left
    a0000000  1m12s  running  server: Rest…
    80:
        ━━━━━━━━━━────────────────────────────  7/25  batch 3/8  3m12s  ~3m40s left
        a0000000  1m12s  running  server: Restart Signaled: User requested running…
    200:
        ━━━━━━━━━━━─────────────────────────────  7/25  batch 3/8  3m12s  ~3m40s left
        a0000000  1m12s  web  running  server: Restart Signaled: User requested running tasks to restart
    ");
}

#[test]
fn eight_in_flight() {
    insta::assert_snapshot!(at_widths(8), @"
    40:
    7/32  batch 3/8  3m12s  ~3m40s left
    a0000000  1m12s  running  server: Rest…
    a0000001  1m03s  pending  server: Rest…
    a0000002    54s  running  server: Rest…
    a0000003    45s  running  server: Rest…
    a0000004    36s  running  server: Rest…
    a0000005    27s  running  server: Rest…
    a0000006    18s  running  server: Rest…
    a0000007     9s  running  server: Rest…
    80:
        ━━━━━━━━──────────────────────────────  7/32  batch 3/8  3m12s  ~3m40s left
        a0000000              1m12s  web    running  server: Restart Signaled: Use…
        a0000001  → b0000001  1m03s  cache  pending  server: Restart Signaled: Use…
        a0000002                54s  web    running  server: Restart Signaled: Use…
        a0000003                45s  cache  running  server: Restart Signaled: Use…
        a0000004                36s  web    running  server: Restart Signaled: Use…
        a0000005                27s  cache  running  server: Restart Signaled: Use…
        a0000006                18s  web    running  server: Restart Signaled: Use…
        a0000007                 9s  cache  running  server: Restart Signaled: Use…
    200:
        ━━━━━━━━────────────────────────────────  7/32  batch 3/8  3m12s  ~3m40s left
        a0000000              1m12s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000001  → b0000001  1m03s  cache  pending  server: Restart Signaled: User requested running tasks to restart
        a0000002                54s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000003                45s  cache  running  server: Restart Signaled: User requested running tasks to restart
        a0000004                36s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000005                27s  cache  running  server: Restart Signaled: User requested running tasks to restart
        a0000006                18s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000007                 9s  cache  running  server: Restart Signaled: User requested running tasks to restart
    ");
}

#[test]
fn five_hundred_in_flight() {
    insta::assert_snapshot!(at_widths(500), @"
    40:
    7/524  batch 3/8  3m12s  ~3m40s left
    a0000000  1m12s  running  server: Rest…
    a0000001  1m03s  pending  server: Rest…
    a0000002    54s  running  server: Rest…
    a0000003    45s  running  server: Rest…
    a0000004    36s  running  server: Rest…
    a0000005    27s  running  server: Rest…
    a0000006    18s  running  server: Rest…
    a0000007     9s  running  server: Rest…
    … 492 more
    80:
        ─────────────────────────────────────  7/524  batch 3/8  3m12s  ~3m40s left
        a0000000              1m12s  web    running  server: Restart Signaled: Use…
        a0000001  → b0000001  1m03s  cache  pending  server: Restart Signaled: Use…
        a0000002                54s  web    running  server: Restart Signaled: Use…
        a0000003                45s  cache  running  server: Restart Signaled: Use…
        a0000004                36s  web    running  server: Restart Signaled: Use…
        a0000005                27s  cache  running  server: Restart Signaled: Use…
        a0000006                18s  web    running  server: Restart Signaled: Use…
        a0000007                 9s  cache  running  server: Restart Signaled: Use…
        … 492 more
    200:
        ────────────────────────────────────────  7/524  batch 3/8  3m12s  ~3m40s left
        a0000000              1m12s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000001  → b0000001  1m03s  cache  pending  server: Restart Signaled: User requested running tasks to restart
        a0000002                54s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000003                45s  cache  running  server: Restart Signaled: User requested running tasks to restart
        a0000004                36s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000005                27s  cache  running  server: Restart Signaled: User requested running tasks to restart
        a0000006                18s  web    running  server: Restart Signaled: User requested running tasks to restart
        a0000007                 9s  cache  running  server: Restart Signaled: User requested running tasks to restart
        … 492 more
    ");
}

#[test]
fn what_a_narrow_header_cannot_hold_goes_and_failures_stay() {
    let now = Instant::now();
    let mut snapshot = snapshot(now, 0);
    snapshot.failed = 2;
    let headers = [20, 30, 40, 50, 60, 100].map(|columns| shown(&snapshot, now, 1, columns));
    insta::assert_snapshot!(headers.join("\n"), @"
    7/24  2 failed
    7/24  batch 3/8  2 failed
    7/24  batch 3/8  2 failed  3m12s
    7/24  batch 3/8  2 failed  3m12s  ~3m40s left
        ━━──────  7/24  batch 3/8  2 failed  3m12s  ~3m40s left
        ━━━━━━━━━━━─────────────────────────────  7/24  batch 3/8  2 failed  3m12s  ~3m40s left
    ");
}

#[test]
fn a_window_is_named_by_its_size() {
    let now = Instant::now();
    let mut snapshot = snapshot(now, 0);
    snapshot.turn = Some(Turn::Window { at_once: 5 });
    let header = shown(&snapshot, now, 1, 80);
    assert!(
        header.ends_with("─  7/24  at most 5 at once  3m12s  ~3m40s left"),
        "{header:?}"
    );
    let header = shown(&snapshot, now, 1, 30);
    assert_eq!(header, "7/24  at most 5 at once");
}

#[test]
fn an_estimate_that_is_overdue_or_unknown_is_left_out() {
    let now = Instant::now();
    let mut snapshot = snapshot(now, 0);
    for end in [None, Some(now), now.checked_sub(Duration::from_secs(5))] {
        snapshot.expected_end = end;
        let header = shown(&snapshot, now, 1, 80);
        assert!(header.ends_with("  3m12s"), "{header:?}");
    }
}

#[test]
fn a_low_terminal_shows_fewer() {
    let now = Instant::now();
    for (in_flight, lines, expected) in [
        (8, 30, 9),
        (8, 9, 9),
        (8, 8, 8),
        (8, 2, 2),
        (8, 1, 1),
        (500, 30, 10),
        (500, 9, 9),
        (0, 9, 1),
        (3, 9, 4),
    ] {
        let snapshot = snapshot(now, in_flight);
        let text = shown(&snapshot, now, lines, 80);
        assert_eq!(
            text.lines().count(),
            expected,
            "{in_flight} {lines}\n{text}"
        );
        // Nobody is left out in silence, where there is a second line.
        let rows = text.matches("Restart").count();
        let more = in_flight - rows;
        if more > 0 && lines > 1 {
            assert!(text.ends_with(&format!("… {more} more")), "{text}");
        }
    }
}

#[test]
fn wide_characters_take_their_columns() {
    let now = Instant::now();
    let mut snapshot = snapshot(now, 2);
    snapshot.rows[0].group = "網站前端伺服器群組甲乙丙".to_owned();
    snapshot.rows[0].event =
        "任務: 重新啟動 🚀 使用者要求重新啟動正在執行的任務使用者要求重新啟動".to_owned();
    insta::assert_snapshot!(shown(&snapshot, now, 9, 80), @"
    ━━━━━━━━━━────────────────────────────  7/26  batch 3/8  3m12s  ~3m40s left
    a0000000              1m12s  網站前端伺服器群組…  running  任務: 重新啟動 …
    a0000001  → b0000001  1m03s  cache                pending  server: Restart…
    ");
}

#[test]
fn times() {
    for (seconds, expected) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (90_061, "25h01m"),
    ] {
        assert_eq!(span(Duration::from_secs(seconds)), expected);
    }
}

proptest! {
    /// Whatever a server sends, on any terminal: each row is one line, narrower than the terminal, without anything to obey.
    #[test]
    fn no_text_breaks_a_row(
        text in "(\\PC|[\\x00-\\x1f\\x7f]|\\[|;|\u{9b}|\u{202e}|\u{200d}|界|🚀){0,80}",
        columns in 20_usize..220,
        lines in 1_usize..12,
    ) {
        let now = Instant::now();
        let mut snapshot = snapshot(now, 2);
        let row = &mut snapshot.rows[0];
        (row.event, row.state, row.group) = (text.clone(), text.clone(), text.clone());
        row.allocation = text.into();
        for (_, row) in rows(&snapshot, now, (lines, columns), true) {
            prop_assert!(measure_text_width(&row) < columns, "{row:?}");
            prop_assert!(!row.chars().any(char::is_control), "{row:?}");
        }
    }
}
