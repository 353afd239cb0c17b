//! How many allocations are handled at once.

use crate::plan::BatchSize;

/// The size of a batch, at least 1: as asked for, or this part of `base` eligible allocations, rounded up. More than 100 % is all
/// of them (D13).
pub(crate) fn size(batch: BatchSize, base: usize) -> usize {
    let size = match batch {
        BatchSize::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        BatchSize::Percent(percent) => {
            let part = (base as u128 * u128::from(percent.min(100))).div_ceil(100);
            // At most `base`, which came from a `usize`.
            usize::try_from(part).unwrap_or(base)
        }
    };
    size.max(1)
}

/// The batches in their order, each of `size` but the last; `size` 0 counts as 1.
pub(crate) fn split<T>(candidates: &[T], size: usize) -> impl ExactSizeIterator<Item = &[T]> {
    candidates.chunks(size.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{size, split};
    use crate::plan::BatchSize;

    #[test]
    fn sizes_are_rounded_up_and_never_zero() {
        // D13, N49, T6, T7
        let table = [
            (5, 50, 3),
            (1, 1, 1),
            (1, 100, 1),
            (3, 34, 2),
            (3, 33, 1),
            (100, 1, 1),
            (10, 25, 3),
            (29, 100, 29),
            (2, 200, 2),
            (3, 1000, 3),
            (2, u64::MAX, 2),
            (0, 50, 1),
        ];
        for (base, percent, expected) in table {
            assert_eq!(
                size(BatchSize::Percent(percent), base),
                expected,
                "{percent} % of {base}"
            );
        }
        assert_eq!(size(BatchSize::Count(7), 3), 7);
        assert_eq!(size(BatchSize::Count(0), 3), 1);
        assert_eq!(
            size(BatchSize::Percent(99), usize::MAX),
            usize::MAX / 100 * 99 + 15
        );
    }

    #[test]
    fn batches_are_cut_by_position() {
        let batches: Vec<&[u8]> = split(&[1, 2, 3, 4, 5], 2).collect();
        assert_eq!(batches, [&[1, 2][..], &[3, 4], &[5]]);
        assert_eq!(split::<u8>(&[], 2).len(), 0);
        assert_eq!(split(&[1, 2], usize::MAX).len(), 1);
        assert_eq!(split(&[1, 2], 0).len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_percentage_is_the_smallest_size_that_reaches_it(base in 1usize..100_000, percent in 1u64..=100) {
            let size = size(BatchSize::Percent(percent), base) as u128;
            let wanted = base as u128 * u128::from(percent);
            prop_assert!(size * 100 >= wanted);
            prop_assert!((size - 1) * 100 < wanted);
        }

        #[test]
        fn batches_hold_everyone_once_in_order(all in prop::collection::vec(any::<u16>(), 0..200), size in 0usize..300) {
            let batches: Vec<&[u16]> = split(&all, size).collect();
            prop_assert_eq!(batches.concat(), all.clone());
            if let Some((last, full)) = batches.split_last() {
                prop_assert!(full.iter().all(|batch| batch.len() == size.max(1)));
                prop_assert!(!last.is_empty() && last.len() <= size.max(1));
            }
        }

        #[test]
        fn any_size_is_at_least_one(base: usize, number: u64) {
            for batch in [BatchSize::Count(number), BatchSize::Percent(number)] {
                prop_assert!(size(batch, base) >= 1);
            }
            prop_assert!(size(BatchSize::Percent(number), base) <= base.max(1));
        }
    }
}
