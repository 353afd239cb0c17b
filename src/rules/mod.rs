//! Pure functions: who is eligible, batches, time limits, the verdict on one allocation, what follows a batch.

pub(crate) mod batches;
pub(crate) mod guard;
pub(crate) mod limits;
pub(crate) mod policy;
pub(crate) mod selection;
pub(crate) mod verdict;
pub(crate) mod versions;
