//! `GET /v1/event/stream`: who may read it, and what it starts with. What goes over the connection after
//! that is the front's business.

mod subscription;
mod topics;

use std::collections::BTreeSet;
use std::num::IntErrorKind;
use std::time::Duration;

pub(crate) use subscription::{Dropped, Subscription};

use super::acl::{Identity, Style};
use super::call::Call;
use super::reply::{Outcome, Reply};
use super::{Api, lock, only_get};
use crate::model::{ApiError, Version};
use topics::{ALL, Filter, Topics};

/// What the server's event broker is set to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broker {
    pub(super) enabled: bool,
    /// Number of the first change that this server has in its buffer.
    pub(super) floor: u64,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            enabled: true,
            floor: 0,
        }
    }
}

/// What becomes of a request for the stream.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Lines until something ends it.
    Lines(Subscription),
    /// The head of an answer and nothing else: the reason was found out after the head was gone.
    Silence,
    /// An ordinary answer.
    Refused(ApiError),
}

impl Api {
    /// `enable_event_broker` of the server's configuration.
    pub(crate) fn enable_event_broker(&self, enabled: bool) {
        lock(&self.broker).enabled = enabled;
    }

    /// Empties the event buffer, as a restored snapshot does.
    pub(crate) fn empty_event_buffer(&self) {
        let end = self.cluster.read(|state| state.changes().end());
        lock(&self.broker).floor = end;
    }

    pub(super) fn event_stream(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let index = index(call)?;
        let topics = Topics::parse(call.all("topic"))?;
        let broker = *lock(&self.broker);
        let opened = match self.filter(call, topics) {
            Ok(filter) => Opened::Lines(Subscription::new(
                &self.cluster,
                filter,
                broker.floor,
                index,
                self.slow_start(),
            )),
            Err(_) if self.cluster.version().takes_streams_over() => Opened::Silence,
            Err(error) => Opened::Refused(error),
        };
        Ok(Reply::stream(opened))
    }

    /// One reader in sixty is a millisecond late, which is all that tokio's clock can tell: with 100
    /// writes a second it loses one of 600 that start at the oldest item (recording h05).
    fn slow_start(&self) -> Duration {
        let late = self.jitter(Duration::from_secs(60)) < Duration::from_secs(1);
        Duration::from_millis(u64::from(late))
    }

    /// May the caller (still) read what it asks for?
    pub(crate) fn may_stream(&self, call: &Call) -> bool {
        let topics = Topics::parse(call.all("topic"));
        topics.is_ok_and(|topics| self.filter(call, topics).is_ok())
    }

    /// What the caller gets to see.
    fn filter(&self, call: &Call, topics: Topics) -> Result<Filter, ApiError> {
        let broker = *lock(&self.broker);
        let who = self.enter(call, Style::Ordinary)?;
        let in_one_is_enough = self.cluster.version() <= Version::V1_8;
        let namespaces = match call.namespace() {
            ALL if in_one_is_enough => {
                topics.allow(&who, std::iter::once(ALL)).map_err(missing)?;
                None
            }
            // The list is made once: namespaces that come later are not in it.
            ALL => {
                let names = lock(&self.namespaces).names();
                topics.allow(&who, names.iter().map(String::as_str))?;
                matches!(who, Identity::Token(_)).then_some(names)
            }
            one => {
                let allowed = topics.allow(&who, std::iter::once(one));
                if in_one_is_enough {
                    allowed.map_err(missing)?;
                } else {
                    allowed?;
                }
                Some(BTreeSet::from([one.to_owned()]))
            }
        };
        if !broker.enabled {
            return Err(ApiError::internal("EventBroker not configured"));
        }
        Ok(Filter { topics, namespaces })
    }
}

/// Old servers tell of a missing right as of a failure; the text is the same.
fn missing(error: ApiError) -> ApiError {
    ApiError::internal(error.text)
}

/// Where to start; negative is nothing special.
fn index(call: &Call) -> Result<u64, ApiError> {
    let text = match call.param("index") {
        None | Some("") => return Ok(0),
        Some(text) => text,
    };
    match text.parse::<i64>() {
        Ok(index) => Ok(u64::try_from(index).unwrap_or(0)),
        Err(error) => {
            let reason = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(ApiError::new(
                400,
                format!("Unable to parse index: strconv.Atoi: parsing {text:?}: {reason}"),
            ))
        }
    }
}
