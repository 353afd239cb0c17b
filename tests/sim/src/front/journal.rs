//! The record of what reached the API, for tests that count requests.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Time;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it arrived, on the cluster's clock.
    pub time: Time,
    pub method: String,
    /// As sent, escapes and all.
    pub path: String,
    pub query: String,
    /// Carried a token of either form.
    pub with_token: bool,
    /// Status of the answer once there is one; `None` while it is open or if the connection broke.
    pub status: Option<u16>,
}

/// The requests so far, in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Journal {
    /// Writes a request down and returns its number.
    pub(crate) fn arrived(&self, entry: Entry) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        entries.len() - 1
    }

    pub(crate) fn answered(&self, number: usize, status: u16) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(number) {
            entry.status = Some(status);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clone()
    }
}
