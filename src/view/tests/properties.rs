//! News may be lost, come twice and in any order: the next list makes up for it, and the order of news does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use tokio::time::Instant;

use crate::nomad::json::{AllocId, Allocation};
use crate::rules::samples::{AllocationSample, allocation, job};
use crate::view::{Change, JobView};

/// What one transaction of the server does.
#[derive(Clone, Debug)]
enum Step {
    Create {
        place: u8,
    },
    Status {
        which: Index,
        status: &'static str,
    },
    Stop {
        which: Index,
    },
    /// Stop, and place a linked replacement in the same transaction.
    Replace {
        which: Index,
    },
    Collect {
        which: Index,
    },
}

/// The server's allocations after each transaction; the number of the transaction is the index.
type History = Vec<BTreeMap<AllocId, Allocation>>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let status = prop_oneof![
        Just("pending"),
        Just("running"),
        Just("failed"),
        Just("complete"),
        Just("lost")
    ];
    let step = prop_oneof![
        3 => (0u8..3).prop_map(|place| Step::Create { place }),
        4 => (any::<Index>(), status).prop_map(|(which, status)| Step::Status { which, status }),
        1 => any::<Index>().prop_map(|which| Step::Stop { which }),
        2 => any::<Index>().prop_map(|which| Step::Replace { which }),
        1 => any::<Index>().prop_map(|which| Step::Collect { which }),
    ];
    prop::collection::vec(step, 1..30)
}

fn history(steps: &[Step]) -> History {
    let mut now: BTreeMap<AllocId, Allocation> = BTreeMap::new();
    let mut all = vec![now.clone()];
    for (index, step) in (1u64..).zip(steps) {
        let pick = |which: &Index, now: &BTreeMap<AllocId, Allocation>| {
            (!now.is_empty()).then(|| {
                now.values()
                    .nth(which.index(now.len()))
                    .cloned()
                    .unwrap_or_default()
            })
        };
        match step {
            Step::Create { place } => {
                let id = format!("{index:02}");
                let new = allocation(&id, index, index).named(&format!("web.web[{place}]"));
                now.insert(new.id.clone(), new);
            }
            Step::Status { which, status } => {
                if let Some(mut known) = pick(which, &now) {
                    known.modify_index = index;
                    now.insert(known.id.clone(), known.client(status));
                }
            }
            Step::Stop { which } => {
                if let Some(mut known) = pick(which, &now) {
                    known.modify_index = index;
                    let next = known.next_allocation.clone();
                    now.insert(known.id.clone(), known.stopped("", &next));
                }
            }
            Step::Replace { which } => {
                if let Some(mut known) = pick(which, &now).filter(|a| a.next_allocation.is_empty())
                {
                    let id = format!("{index:02}");
                    let mut new = allocation(&id, index, index).named(&known.name);
                    new.previous_allocation = known.id.clone();
                    now.insert(new.id.clone(), new);
                    known.modify_index = index;
                    now.insert(known.id.clone(), known.stopped("", &id));
                }
            }
            Step::Collect { which } => {
                if let Some(known) = pick(which, &now) {
                    now.remove(&known.id);
                }
            }
        }
        all.push(now.clone());
    }
    all
}

/// As a list has it, or as a read of it alone does.
fn form(allocation: &Allocation, full: bool) -> Allocation {
    let mut allocation = allocation.clone();
    if full {
        allocation.job_type = Arc::from("");
        allocation.job = Some(Arc::new(job(0, &[])));
    } else {
        allocation.previous_allocation = AllocId::default();
    }
    allocation
}

fn snapshot(history: &History, index: usize) -> Change {
    Change::Snapshot {
        index: index as u64,
        allocations: history[index]
            .values()
            .map(|a| Arc::new(form(a, false)))
            .collect(),
    }
}

/// What a read of one allocation at this moment answers.
fn single(history: &History, index: usize, which: Index, full: bool) -> Option<Change> {
    let ever: Vec<&AllocId> = history[..=index].iter().flat_map(BTreeMap::keys).collect();
    if ever.is_empty() {
        return None;
    }
    let id = ever[which.index(ever.len())];
    Some(match history[index].get(id) {
        Some(allocation) => Change::Allocation(Box::new(form(allocation, full))),
        None => Change::Gone(id.clone()),
    })
}

fn fold(view: &mut JobView, changes: impl IntoIterator<Item = Change>) {
    let now = Instant::now();
    for change in changes {
        view.apply(change, now, now);
    }
}

/// What does not depend on the form in which it was read.
fn plain(view: &JobView) -> BTreeMap<AllocId, (u64, String, String, AllocId)> {
    view.allocations
        .values()
        .map(|a| {
            (
                a.id.clone(),
                (
                    a.modify_index,
                    a.client_status.as_str().to_owned(),
                    a.desired_status.as_str().to_owned(),
                    a.next_allocation.clone(),
                ),
            )
        })
        .collect()
}

fn truth(history: &History) -> JobView {
    let mut view = JobView::default();
    fold(&mut view, [snapshot(history, history.len() - 1)]);
    view
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_list_makes_up_for_whatever_was_lost(
        steps in steps(),
        first: Index,
        reads in prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>(), any::<bool>()), 0..40),
    ) {
        let history = history(&steps);
        let last = history.len() - 1;
        let mut view = JobView::default();
        fold(&mut view, [snapshot(&history, first.index(history.len()))]);
        // Reads and lists of any moment, in any order.
        for (moment, which, full, whole) in reads {
            let moment = moment.index(history.len());
            if whole {
                fold(&mut view, [snapshot(&history, moment)]);
            } else {
                fold(&mut view, single(&history, moment, which, full));
            }
            // Never anything that the server has not said of it, and nothing that it had not yet created.
            for known in view.allocations.values() {
                let said = history.iter().any(|now| {
                    now.get(&known.id).is_some_and(|a| {
                        a.modify_index == known.modify_index && a.client_status == known.client_status
                    })
                });
                prop_assert!(said);
            }
        }
        fold(&mut view, [snapshot(&history, last)]);
        prop_assert_eq!(plain(&view), plain(&truth(&history)));
    }

    #[test]
    fn the_order_of_single_news_does_not_matter(
        steps in steps(),
        reads in prop::collection::vec((any::<Index>(), any::<Index>(), any::<bool>()), 0..40),
        seed in prop::collection::vec(any::<u64>(), 40),
    ) {
        let history = history(&steps);
        let changes: Vec<Change> = reads
            .iter()
            .filter_map(|(moment, which, full)| {
                single(&history, moment.index(history.len()), *which, *full)
            })
            .collect();
        let mut shuffled: Vec<(u64, Change)> = seed.into_iter().zip(changes.clone()).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let mut a = JobView::default();
        fold(&mut a, changes);
        let mut b = JobView::default();
        fold(&mut b, shuffled.into_iter().map(|(_, change)| change));
        prop_assert_eq!(&a.allocations, &b.allocations);
        for id in a.allocations.keys() {
            prop_assert_eq!(a.successors(id, 0), b.successors(id, 0));
            prop_assert_eq!(a.is_gone(id), b.is_gone(id));
        }
    }

    #[test]
    fn what_became_different_is_named(
        steps in steps(),
        moments in prop::collection::vec(any::<Index>(), 1..10),
    ) {
        let history = history(&steps);
        let mut view = JobView::default();
        for moment in moments {
            let before = view.allocations.clone();
            let now = Instant::now();
            let changed = view.apply(snapshot(&history, moment.index(history.len())), now, now);
            let mut named = changed.allocations.clone();
            named.sort();
            named.dedup();
            prop_assert_eq!(named.len(), changed.allocations.len(), "each once");
            for id in before.keys().chain(view.allocations.keys()) {
                let (old, new) = (before.get(id), view.allocations.get(id));
                if old.map(|a| &a.client_status) != new.map(|a| &a.client_status)
                    || old.map(|a| &a.next_allocation) != new.map(|a| &a.next_allocation)
                {
                    prop_assert!(named.binary_search(id).is_ok());
                }
            }
        }
    }
}
