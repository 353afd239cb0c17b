//! Whose turn it is, by table and for any order of ends.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::{Left, Window};

const W: Duration = Duration::from_secs(10);
const NONE: Duration = Duration::ZERO;

/// Starts whatever may start, and says what did.
fn start(window: &mut Window, now: Instant) -> Vec<usize> {
    let ready = window.ready(now);
    for place in &ready {
        window.start(*place);
    }
    ready
}

#[test]
fn each_one_that_is_done_makes_room_for_one() {
    let now = Instant::now();
    let mut window = Window::new(5, 2, NONE, now);
    assert_eq!(start(&mut window, now), [0, 1]);
    assert_eq!(start(&mut window, now), [0; 0]);
    assert_eq!(window.next_place(), None);
    window.end(1, Left::Ended, now);
    assert_eq!(window.next(), Some(2));
    assert_eq!(start(&mut window, now), [2]);
    window.end(2, Left::Ended, now);
    window.end(0, Left::Ended, now);
    assert_eq!(start(&mut window, now), [3, 4]);
    assert!(!window.has_waiting() && !window.is_over());
    for place in [4, 3] {
        window.end(place, Left::Ended, now);
    }
    assert!(window.is_over());
    assert_eq!((window.next(), window.next_place()), (None, None));
}

#[test]
fn the_wait_is_for_a_place_that_was_used() {
    let now = Instant::now();
    let mut window = Window::new(6, 2, W, now);
    // A window that is not full yet does not wait.
    assert_eq!(start(&mut window, now), [0, 1]);
    window.end(0, Left::Ended, now);
    assert_eq!(start(&mut window, now), [0; 0]);
    assert_eq!(window.next_place(), Some(now + W));
    let later = now + W / 2;
    window.end(1, Left::Ended, later);
    // Each place waits on its own.
    assert_eq!(start(&mut window, now + W), [2]);
    assert_eq!(window.next_place(), Some(later + W));
    assert_eq!(start(&mut window, later + W), [3]);
    // One that was left alone has taken nothing away: its place is not waited for again.
    window.end(2, Left::Skipped, later + W);
    assert_eq!(start(&mut window, later + W), [4]);
}

#[test]
fn what_was_not_touched_keeps_its_turn() {
    let now = Instant::now();
    let mut window = Window::new(5, 3, W, now);
    assert_eq!(start(&mut window, now), [0, 1, 2]);
    for (place, left) in [(2, Left::Untouched), (0, Left::Ended), (1, Left::Untouched)] {
        window.end(place, left, now);
    }
    assert!(window.has_waiting());
    assert_eq!(window.next(), Some(1));
    // Everything was brought in: the wait is due once, for all places.
    window.go_on(W, now + W / 2);
    assert_eq!(window.next_place(), Some(now + W / 2 + W));
    assert_eq!(window.ready(now + W), [0; 0]);
    assert_eq!(start(&mut window, now + W / 2 + W), [1, 2, 3]);
}

#[test]
fn any_numbers_make_a_window() {
    let now = Instant::now();
    for (count, size, first) in [
        (0, 0, 0),
        (0, 7, 0),
        (3, 0, 1),
        (3, 1, 1),
        (3, 3, 3),
        (3, usize::MAX, 3),
    ] {
        let mut window = Window::new(count, size, Duration::MAX, now);
        assert_eq!(start(&mut window, now).len(), first, "{count} {size}");
        // A wait that is longer than any clock goes is a long one.
        for place in 0..first {
            window.end(place, Left::Ended, now);
        }
        assert_eq!(window.ready(now + 1000 * W), [0; 0]);
        window.go_on(Duration::MAX, now);
        assert_eq!(window.ready(now + 1000 * W), [0; 0]);
    }
}

#[test]
fn what_is_unknown_changes_nothing() {
    let now = Instant::now();
    let mut window = Window::new(2, 1, NONE, now);
    window.end(0, Left::Ended, now);
    window.start(7);
    assert_eq!(start(&mut window, now), [0]);
    window.end(1, Left::Ended, now);
    window.start(0);
    assert_eq!(start(&mut window, now), [0; 0]);
}

/// What happens next in a run: which of those away ends, how, and how long after what was before.
fn ends() -> impl Strategy<Value = Vec<(prop::sample::Index, Left, u64)>> {
    let left = prop_oneof![
        6 => Just(Left::Ended),
        1 => Just(Left::Skipped),
        1 => Just(Left::Untouched),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), left, 0_u64..15), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_more_than_the_window_and_everybody_in_turn(
        count in 0_usize..60,
        size in 0_usize..20,
        wait in 0_u64..10,
        ends in ends(),
    ) {
        let wait = Duration::from_secs(wait);
        let most = size.max(1);
        let mut now = Instant::now();
        let mut window = Window::new(count, size, wait, now);
        let mut away: Vec<usize> = Vec::new();
        let mut turns = vec![0; count];
        let mut newest = None;
        // Until when each that has ended counts as settling.
        let mut settling: Vec<Instant> = Vec::new();
        let mut script = ends.into_iter();
        while !window.is_over() {
            let ready = window.ready(now);
            // In order, and those that never started after all that did or came back.
            prop_assert!(ready.is_sorted());
            for place in ready {
                window.start(place);
                prop_assert!(!away.contains(&place));
                away.push(place);
                if turns[place] == 0 {
                    prop_assert!(newest.is_none_or(|newest| newest < place));
                    newest = Some(place);
                    turns[place] = 1;
                }
                prop_assert!(turns[place] == 1, "{} had its turn twice", place);
            }
            settling.retain(|until| *until > now);
            prop_assert!(away.len() + settling.len() <= most);
            // No place is empty for nothing.
            let full = away.len() + settling.len() == most.min(count.max(1));
            prop_assert!(full || !window.has_waiting());
            if away.is_empty() {
                let Some(next) = window.next_place() else {
                    prop_assert!(!window.has_waiting());
                    break;
                };
                prop_assert!(next > now);
                now = next;
                continue;
            }
            let (which, left, seconds) = match script.next() {
                Some((index, left, seconds)) => (index.index(away.len()), left, seconds),
                None => (0, Left::Ended, 1),
            };
            now += Duration::from_secs(seconds);
            let place = away.remove(which);
            match left {
                Left::Ended => {
                    turns[place] = 2;
                    settling.push(now + wait);
                }
                Left::Skipped => turns[place] = 2,
                // It keeps its turn.
                Left::Untouched => {}
            }
            window.end(place, left, now);
        }
        prop_assert!(turns.iter().all(|turn| *turn == 2), "{turns:?}");
    }
}
