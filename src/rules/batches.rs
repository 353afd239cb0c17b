//! Batch arithmetic (behaviour 4).

use crate::plan::BatchSize;

/// How many allocations make a batch: a percentage is taken of `base` and rounded up. Never 0, so that it can divide.
pub(crate) fn batch_size(size: BatchSize, base: usize) -> usize {
    let size = match size {
        BatchSize::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
        BatchSize::Percent(percent) => {
            let percent = usize::try_from(percent.min(100)).unwrap_or(100);
            base.saturating_mul(percent).div_ceil(100)
        }
    };
    size.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // N49, behaviour 4.2.
    #[test]
    fn percentages_are_rounded_up_and_never_more_than_all() {
        for (eligible, percent, size) in [
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
        ] {
            assert_eq!(
                batch_size(BatchSize::Percent(percent), eligible),
                size,
                "{percent}% of {eligible}"
            );
        }
        assert_eq!(batch_size(BatchSize::Count(7), 3), 7);
        assert_eq!(batch_size(BatchSize::Count(u64::MAX), 3), usize::MAX);
    }

    proptest! {
        #[test]
        fn a_percentage_is_at_least_its_share_and_less_than_one_more(eligible in 1_usize..100_000, percent in 1_u64..=100) {
            let size = batch_size(BatchSize::Percent(percent), eligible) as u128;
            let share = eligible as u128 * u128::from(percent);
            prop_assert!(size * 100 >= share);
            prop_assert!((size - 1) * 100 < share);
        }
    }
}
