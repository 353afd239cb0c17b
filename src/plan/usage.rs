//! What is wrong with a command line, in Nomad's form.

use crate::cli::quote::quote;

/// What is wrong with the command line, and what helps, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// `Invalid -batch-size value "x": why`.
    pub(crate) fn value(flag: &str, value: &str, why: impl std::fmt::Display) -> Self {
        Self::new(format!("Invalid -{flag} value {}: {why}", quote(value)))
    }

    pub(super) fn hint(mut self, hint: &str) -> Self {
        self.hints.push(hint.to_owned());
        self
    }
}
