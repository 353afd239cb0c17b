//! Those who wait for news of an allocation.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::shared::Shared;
use crate::nomad::json::AllocId;

/// Those who wait for news, by a number of their own.
#[derive(Debug, Default)]
pub(super) struct Followers {
    next: u64,
    pub(super) by_number: BTreeMap<u64, FollowerEntry>,
    /// News of one allocation must not cost a look at all who wait.
    by_name: BTreeMap<Arc<str>, Vec<u64>>,
}

#[derive(Debug)]
pub(super) struct FollowerEntry {
    pub(super) id: AllocId,
    /// Replacements carry the name of what they replace, so news of them wakes the same follower.
    pub(super) name: Arc<str>,
    pub(super) notify: Arc<Notify>,
    /// When there was news last, or when it was asked for.
    pub(super) heard: Instant,
}

/// Woken by news of one allocation, of its replacements, and of everything that concerns the whole job; when the cluster falls silent or
/// answers again; and by [`super::Feed::wake`].
#[derive(Debug)]
pub(crate) struct Follower {
    pub(super) number: u64,
    pub(super) notify: Arc<Notify>,
    pub(super) shared: Arc<Shared>,
}

impl Follower {
    /// Waits for the next news. News that came since the last call counts.
    pub(crate) async fn changed(&self) {
        self.notify.notified().await;
    }
}

impl Followers {
    pub(super) fn add(&mut self, entry: FollowerEntry) -> u64 {
        let number = self.next;
        self.next += 1;
        let of_name = self.by_name.entry(Arc::clone(&entry.name)).or_default();
        of_name.push(number);
        self.by_number.insert(number, entry);
        number
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.by_number.remove(&number) else {
            return;
        };
        if let Some(of_name) = self.by_name.get_mut(&entry.name) {
            of_name.retain(|other| *other != number);
            if of_name.is_empty() {
                self.by_name.remove(&entry.name);
            }
        }
    }

    /// Wakes those who follow an allocation of this name.
    pub(super) fn wake(&mut self, name: &str, now: Instant) {
        for number in self.by_name.get(name).into_iter().flatten() {
            if let Some(entry) = self.by_number.get_mut(number) {
                entry.heard = now;
                entry.notify.notify_one();
            }
        }
    }

    /// The same for news that says nothing of the allocation itself: that has been quiet for as long as before.
    pub(super) fn tell(&self, name: &str) {
        for number in self.by_name.get(name).into_iter().flatten() {
            if let Some(entry) = self.by_number.get(number) {
                entry.notify.notify_one();
            }
        }
    }

    /// Whether anybody follows an allocation of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn wake_all(&self) {
        for entry in self.by_number.values() {
            entry.notify.notify_one();
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.followers().remove(self.number);
    }
}
