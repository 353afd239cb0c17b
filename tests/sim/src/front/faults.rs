//! A plan of faults: what goes wrong with which call. Both fronts follow it.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Method;

/// What goes wrong. "Before the effect" means that the request never reaches the API.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Before the effect: this status with this plain-text body.
    Status(u16, String),
    /// Before the effect: this status with an HTML page, as proxies answer.
    Html(u16, String),
    /// The effect, then this status with a plain-text body: the answer got lost in a proxy.
    StatusAfter(u16, String),
    /// Nobody listens. Over TCP, where somebody must listen to say so, the connection is reset
    /// without an answer instead.
    Refused,
    /// Before the effect: 429 as an agent answers a connection beyond its limit, which it closes.
    Busy,
    /// The connection is closed before the effect, without an answer: as [`Fault::Busy`] when the agent
    /// has told enough others already.
    Closed,
    /// The connection is reset before the effect.
    ResetBefore,
    /// The connection is reset after the effect, without an answer.
    ResetAfter,
    /// The effect and the answer's head; the body ends after so many bytes, although not complete.
    Cut(usize),
    /// The effect; status and headers are right, the body is this.
    Garbage(Bytes),
    /// The effect; the head of the answer and so many bytes of the body, then nothing more for good.
    StallAfter(usize),
    /// Before the effect: no answer, for good.
    Stall,
    /// The request is kept for so long before it reaches the API.
    Delay(Duration),
    /// The answer is kept for so long after the effect.
    DelayAnswer(Duration),
    /// The body comes in pieces of at most so many bytes, with this pause between them.
    Drip(usize, Duration),
    /// The answer has no `X-Nomad-Index`.
    NoIndex,
    /// What happens to an event stream; other calls are answered as ever. [`Fault::Cut`],
    /// [`Fault::StallAfter`] and [`Fault::Drip`] work on streams too.
    Stream(StreamFault),
}

/// What goes wrong with an event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// It ends before its time.
    End(After, StreamEnd),
    /// Everything arrives so much later than it was sent.
    Late(Duration),
}

/// How long an event stream lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// So many whole lines, heartbeats included; the first line is a heartbeat.
    Lines(u64),
    /// So long since it was opened.
    Time(Duration),
}

/// How an event stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Nothing more comes, and the connection stays open for good.
    Silent,
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
    /// The connection is closed in the middle of the next event's line.
    HalfLine,
}

/// A predicate over method, path (as sent) and query.
type Test = dyn Fn(&Method, &str, &str) -> bool + Send + Sync;

/// A fault for some calls.
#[derive(Clone)]
pub struct Rule {
    method: Option<Method>,
    path: String,
    test: Option<Arc<Test>>,
    /// Which of the matching calls, counted from 1.
    calls: RangeInclusive<u64>,
    fault: Fault,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("calls", &self.calls)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl Rule {
    /// This fault for every call whose path contains `path`; the empty text is in every path.
    pub fn on(path: &str, fault: Fault) -> Self {
        Self {
            method: None,
            path: path.to_owned(),
            test: None,
            calls: 1..=u64::MAX,
            fault,
        }
    }

    /// Only calls with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only calls that pass this test of method, path and query.
    #[must_use]
    pub fn when(
        mut self,
        test: impl Fn(&Method, &str, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.test = Some(Arc::new(test));
        self
    }

    /// Only the nth matching call; the first is 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.calls = n..=n;
        self
    }

    /// Only these of the matching calls; the first is 1.
    #[must_use]
    pub fn calls(mut self, calls: RangeInclusive<u64>) -> Self {
        self.calls = calls;
        self
    }

    fn matches(&self, method: &Method, path: &str, query: &str) -> bool {
        self.method.as_ref().is_none_or(|m| m == method)
            && path.contains(&self.path)
            && self.test.as_ref().is_none_or(|t| t(method, path, query))
    }
}

/// The plan. Clones are the same plan; rules can be added while calls are on their way.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Counted>>>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    seen: u64,
}

impl Faults {
    /// Adds a rule. It counts calls from now on.
    pub fn add(&self, rule: Rule) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.push(Counted { rule, seen: 0 });
    }

    /// Takes all rules back.
    pub fn clear(&self) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules.clear();
    }

    /// What happens to this call: the first rule that names it. Every matching rule counts it.
    pub(crate) fn hit(&self, method: &Method, path: &str, query: &str) -> Option<Fault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fault = None;
        for counted in rules.iter_mut() {
            if counted.rule.matches(method, path, query) {
                counted.seen += 1;
                if fault.is_none() && counted.rule.calls.contains(&counted.seen) {
                    fault = Some(counted.rule.fault.clone());
                }
            }
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_the_calls_they_match_and_the_first_one_wins() {
        let faults = Faults::default();
        faults.add(
            Rule::on("/restart", Fault::ResetAfter)
                .method(Method::PUT)
                .nth(2),
        );
        faults.add(Rule::on("/restart", Fault::Stall).calls(3..=4));
        faults.add(Rule::on("", Fault::Refused).when(|_, _, query| query == "all=true"));
        let hit = |method: Method, path: &str, query: &str| faults.hit(&method, path, query);
        assert_eq!(
            hit(Method::PUT, "/v1/client/allocation/a/restart", ""),
            None
        );
        assert_eq!(
            hit(Method::GET, "/v1/client/allocation/a/restart", ""),
            None
        );
        assert_eq!(
            hit(Method::PUT, "/v1/client/allocation/a/restart", ""),
            Some(Fault::ResetAfter)
        );
        assert_eq!(
            hit(Method::PUT, "/v1/client/allocation/a/restart", ""),
            Some(Fault::Stall)
        );
        assert_eq!(
            hit(Method::PUT, "/v1/client/allocation/a/restart", ""),
            None
        );
        assert_eq!(
            hit(Method::GET, "/v1/jobs", "all=true"),
            Some(Fault::Refused)
        );
        faults.clear();
        assert_eq!(hit(Method::GET, "/v1/jobs", "all=true"), None);
    }
}
