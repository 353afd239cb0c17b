//! Pure functions: who is eligible, batches, time limits, the verdict on one allocation, what follows a batch.
