//! One request as the agent reads it: decoded path, query parameters, token, body.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::model::ApiError;

/// How long a blocking query may wait, and does unless `wait` says otherwise.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// A request, ready for a handler.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Decoded: what the agent cuts job ids out of.
    pub(crate) path: String,
    query: Vec<(String, String)>,
    token: String,
    pub(crate) body: Bytes,
}

/// The parameters that every query understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryOptions {
    pub(crate) namespace: String,
    pub(crate) prefix: String,
    pub(crate) filter: String,
    pub(crate) next_token: String,
    /// Zero is no limit; a negative one gives an empty page.
    pub(crate) per_page: i32,
    pub(crate) reverse: bool,
    /// Answer only when something newer is there; zero answers at once.
    pub(crate) index: u64,
    pub(crate) wait: Duration,
}

impl QueryOptions {
    /// `namespace=*`.
    pub(crate) fn all_namespaces(&self) -> bool {
        self.namespace == "*"
    }

    /// Does this namespace belong to what was asked for?
    pub(crate) fn covers(&self, namespace: &str) -> bool {
        self.all_namespaces() || self.namespace == namespace
    }
}

impl Call {
    pub(crate) fn new(method: Method, path: &str, query: &str, headers: &HeaderMap) -> Self {
        Self {
            method,
            path: decode(path, false),
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key, true), decode(value, true))
                })
                .collect(),
            token: token(headers),
            body: Bytes::new(),
        }
    }

    /// The token, trimmed; empty for none.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The first value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same call, asking with another index.
    #[must_use]
    pub(crate) fn with_index(&self, index: u64) -> Self {
        let mut call = self.clone();
        for (key, value) in &mut call.query {
            if key == "index" {
                *value = index.to_string();
            }
        }
        call
    }

    /// All values of a query parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.query.iter().filter(move |(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The namespace asked for.
    pub(crate) fn namespace(&self) -> &str {
        match self.param("namespace") {
            None | Some("") => "default",
            Some(namespace) => namespace,
        }
    }

    /// A parameter that is true only if it says so; anything else is false, without complaint.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.param(name).and_then(go_bool).unwrap_or(false)
    }

    /// A parameter that must be a boolean if it is there.
    pub(crate) fn bool(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.param(name) {
            None | Some("") => Ok(None),
            Some(value) => go_bool(value).map(Some).ok_or_else(|| {
                ApiError::internal(format!(
                    "Failed to parse value of {name:?} ({value}) as a bool: strconv.ParseBool: \
                     parsing {value:?}: invalid syntax"
                ))
            }),
        }
    }

    /// The parameters of a query.
    pub(crate) fn options(&self) -> Result<QueryOptions, ApiError> {
        let bad = |text: &str| ApiError::new(400, text);
        let wait = match self.param("wait") {
            None | Some("") => MAX_WAIT,
            Some(text) => go_duration(text).ok_or_else(|| bad("Invalid wait time"))?,
        };
        let number = |name: &str, text| match self.param(name) {
            None | Some("") => Ok(None),
            Some(value) => u64::from_str(value).map(Some).map_err(|_| bad(text)),
        };
        let index = number("index", "Invalid index")?.unwrap_or(0);
        match self.param("stale") {
            None | Some("") => {}
            Some(value) if go_bool(value).is_some() => {}
            Some(_) => {
                return Err(bad(
                    "Expect `true` or `false` for `stale` query string parameter",
                ));
            }
        }
        let per_page = match self.param("per_page") {
            None | Some("") => 0,
            Some(value) => i32::from_str(value)
                .map_err(|_| bad("Expect a number for `per_page` query string parameter"))?,
        };
        let text = |name: &str| self.param(name).unwrap_or_default().to_owned();
        Ok(QueryOptions {
            namespace: self.namespace().to_owned(),
            prefix: text("prefix"),
            filter: text("filter"),
            next_token: text("next_token"),
            per_page,
            reverse: self.flag("reverse"),
            index,
            wait: if wait.is_zero() {
                MAX_WAIT
            } else {
                wait.min(MAX_WAIT)
            },
        })
    }
}

/// `X-Nomad-Token` wins over a bearer token; both are trimmed.
fn token(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(token) = text("x-nomad-token").map(str::trim)
        && !token.is_empty()
    {
        return token.to_owned();
    }
    let (scheme, token) = text("authorization")
        .and_then(|value| value.trim().split_once(' '))
        .unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        token.trim().to_owned()
    } else {
        String::new()
    }
}

/// Decodes `%xx`, and `+` as a blank in queries. What is no valid escape stays as it is.
fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes
            .get(at + 1..at + 3)
            .filter(|hex| bytes[at] == b'%' && hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = escape {
            decoded.push(byte);
            at += 3;
            continue;
        }
        decoded.push(if plus && bytes[at] == b'+' {
            b' '
        } else {
            bytes[at]
        });
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// What Go's `strconv.ParseBool` accepts.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A Go duration that is not negative.
fn go_duration(text: &str) -> Option<Duration> {
    let nanos = crate::cluster::parse_duration(text)?;
    u64::try_from(nanos).ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn call(path: &str, query: &str) -> Call {
        Call::new(Method::GET, path, query, &HeaderMap::new())
    }

    #[test]
    fn paths_and_queries_are_decoded() {
        let call = call(
            "/v1/job/team%2Fapi%3Av1",
            "filter=ID+%3D%3D+%22a%2Bb%22&stale",
        );
        assert_eq!(call.path, "/v1/job/team/api:v1");
        assert_eq!(call.param("filter"), Some("ID == \"a+b\""));
        assert_eq!(call.param("stale"), Some(""));
    }

    #[test]
    fn options_that_do_not_parse_have_nomads_texts() {
        for (query, text) in [
            ("index=abc", "Invalid index"),
            ("index=-1", "Invalid index"),
            ("wait=abc", "Invalid wait time"),
            ("index=1&wait=10", "Invalid wait time"),
            (
                "stale=abc",
                "Expect `true` or `false` for `stale` query string parameter",
            ),
            (
                "per_page=abc",
                "Expect a number for `per_page` query string parameter",
            ),
        ] {
            let error = call("/v1/jobs", query).options().expect_err(query);
            assert_eq!((error.status, error.text.as_str()), (400, text), "{query}");
        }
    }

    #[test]
    fn waits_are_300_seconds_unless_shorter() {
        for (query, seconds) in [
            ("", 300),
            ("wait=0s", 300),
            ("wait=10m", 300),
            ("wait=30s", 30),
        ] {
            let options = call("/v1/jobs", query).options().expect(query);
            assert_eq!(options.wait, Duration::from_secs(seconds), "{query}");
        }
    }

    #[test]
    fn the_nomad_header_wins_over_a_bearer_token() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("bEaReR  abc "));
        assert_eq!(token(&headers), "abc");
        headers.insert("x-nomad-token", HeaderValue::from_static(" def "));
        assert_eq!(token(&headers), "def");
        headers.clear();
        headers.insert("authorization", HeaderValue::from_static("Basic abc"));
        assert_eq!(token(&headers), "");
    }
}
