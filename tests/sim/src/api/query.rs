//! Blocking queries: answer at once, or when something newer is there, or when the wait is over.

use tokio::time::{Instant, sleep_until};

use super::Api;
use super::call::QueryOptions;
use super::reply::{Outcome, Reply, json};
use crate::cluster::{State, Watch};
use crate::model::ApiError;
use serde::Serialize;

/// What a query found, ready to be sent.
#[derive(Debug)]
pub(crate) enum Rendered {
    Json {
        body: Vec<u8>,
        next_token: Option<String>,
    },
    /// 404, which carries the query's headers as well.
    Missing(&'static str),
}

impl Rendered {
    /// A value on a single page.
    pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Self {
        Self::Json {
            body: json(value),
            next_token: None,
        }
    }
}

impl Api {
    /// Runs a query. `look` gathers what is there and the index of the answer, under the cluster's
    /// lock, again and again until that index is newer than the one asked with; `render` writes it.
    ///
    /// A query whose watched objects did not change answers with the index it found at first, even
    /// if the table's has grown meanwhile (recording h02).
    pub(crate) async fn query<T>(
        &self,
        options: &QueryOptions,
        watch: &[Watch],
        look: impl Fn(&State) -> (u64, T),
        render: impl FnOnce(T) -> Result<Rendered, ApiError>,
    ) -> Outcome {
        let (index, found) = self.wait(options, watch, look).await;
        Ok(match render(found)? {
            Rendered::Json { body, next_token } => {
                let mut reply = Reply::found(index, body);
                reply.meta.next_token = next_token;
                reply
            }
            Rendered::Missing(text) => Reply::error(ApiError::not_found(text)).at(index),
        })
    }

    async fn wait<T>(
        &self,
        options: &QueryOptions,
        watch: &[Watch],
        look: impl Fn(&State) -> (u64, T),
    ) -> (u64, T) {
        let watched = |state: &State| -> u64 {
            let indexes = watch.iter().map(|watch| state.watch_index(watch));
            indexes.max().unwrap_or(0)
        };
        let mut transactions = self.cluster.watch();
        transactions.borrow_and_update();
        let (mut seen, mut found) = self.cluster.read(|state| (watched(state), look(state)));
        if options.index == 0 || found.0 > options.index {
            return found;
        }
        let deadline = Instant::now() + options.wait + self.jitter(options.wait / 16);
        loop {
            tokio::select! {
                changed = transactions.changed() => {
                    if changed.is_err() {
                        return found;
                    }
                }
                () = sleep_until(deadline) => return found,
            }
            let news = self.cluster.read(|state| {
                let now = watched(state);
                (now != seen).then(|| (now, look(state)))
            });
            if let Some((now, newer)) = news {
                (seen, found) = (now, newer);
                if found.0 > options.index {
                    return found;
                }
            }
        }
    }
}
