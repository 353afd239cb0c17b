//! Pure functions: who is eligible, batches and the sliding window, time limits, the verdict on one allocation, what follows a batch.
//!
//! No I/O, no clocks (time is an argument), no printing. Each module can be read on its own.

pub(crate) mod batches;
pub(crate) mod estimate;
pub(crate) mod guard;
pub(crate) mod limits;
pub(crate) mod policy;
pub(crate) mod preview;
pub(crate) mod selection;
pub(crate) mod verdict;
pub(crate) mod versions;
pub(crate) mod warnings;
pub(crate) mod window;

#[cfg(test)]
pub(crate) mod samples;
