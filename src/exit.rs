//! The exit codes, in one place (design section 9).

/// Done, nothing to do, or declined at a question before anything failed.
pub(crate) const DONE: u8 = 0;
/// Any error.
pub(crate) const ERROR: u8 = 1;
