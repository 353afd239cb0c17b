//! How many allocations are handled at once (behaviour 4).

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
