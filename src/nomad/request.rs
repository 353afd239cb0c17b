//! Building requests: paths, parameters, headers and bodies, without any I/O.
//!
//! Every request carries the namespace and the region that were asked for, its parameters in alphabetical order, and the token as a
//! header that `Debug` does not show.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Uri};
use serde::Serialize;

use super::secret::Secret;
use super::transport::FreshConnection;

const TOKEN: HeaderName = HeaderName::from_static("x-nomad-token");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("nomad-restart/", env!("CARGO_PKG_VERSION")));

/// What every request to the agent has in common.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    /// Scheme and authority, without user info and without a final slash.
    base: String,
    namespace: Option<String>,
    region: Option<String>,
    headers: HeaderMap,
}

/// A request that cannot be put into words that an agent would understand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// Servers clean paths before they look at them, and `.` and `..` have no other spelling.
    #[error("{0:?} cannot be asked for over HTTP: it has a meaning of its own in a path")]
    PathSegment(String),
    #[error("{0:?} is too long or not usable in a URL")]
    Url(String),
    #[error("the {0} holds characters that an HTTP header cannot carry")]
    Header(&'static str),
}

/// One call: what is specific to an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    segments: Vec<String>,
    /// Most have one value.
    params: BTreeMap<&'static str, Vec<String>>,
    body: Bytes,
    fresh: bool,
    plain: bool,
}

/// Body of a restart. Nomad reads both fields; an empty task name means every running task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RestartBody {
    pub(crate) task_name: String,
    pub(crate) all_tasks: bool,
}

/// Body of an evaluation. Without the job in it the agent answers 400 before it looks at the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EvaluateBody {
    #[serde(rename = "JobID")]
    pub(crate) job_id: String,
    pub(crate) eval_options: EvalOptions,
}

/// How an evaluation is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EvalOptions {
    /// Also replaces failed allocations, which is not what a restart was asked for.
    pub(crate) force_reschedule: bool,
}

impl Call {
    /// A read of `/v1/<segment>/<segment>…`.
    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    /// A write; it never travels on a connection that was used before.
    pub(crate) fn put(segments: &[&str]) -> Self {
        Self {
            fresh: true,
            ..Self::new(Method::PUT, segments)
        }
    }

    fn new(method: Method, segments: &[&str]) -> Self {
        Self {
            method,
            segments: segments
                .iter()
                .map(|segment| (*segment).to_owned())
                .collect(),
            params: BTreeMap::new(),
            body: Bytes::new(),
            fresh: false,
            plain: false,
        }
    }

    /// Adds a parameter; one that is there already gets one more value.
    pub(crate) fn param(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params.entry(name).or_default().push(value.into());
        self
    }

    /// Asks for an answer that is not compressed.
    pub(crate) fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Makes it a blocking query: answered when the index exceeds `index`, at the latest after `wait` and a sixteenth of it. Index 0
    /// would not block at all, so 1 is the least.
    pub(crate) fn blocking(self, index: u64, wait: Duration) -> Self {
        let millis = wait.as_millis();
        let wait = if millis.is_multiple_of(1000) {
            format!("{}s", millis / 1000)
        } else {
            format!("{millis}ms")
        };
        self.param("index", index.max(1).to_string())
            .param("wait", wait)
    }

    /// Sets the body: one JSON document and a newline, as Nomad's own client writes it.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // Plain fields always serialise.
        let mut text = serde_json::to_vec(body).unwrap_or_default();
        text.push(b'\n');
        self.body = text.into();
        self
    }
}

impl Requests {
    /// Requests to the agent at `base` (`http://127.0.0.1:4646`).
    pub(crate) fn new(base: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, AGENT);
        Self {
            base: base.into(),
            namespace: None,
            region: None,
            headers,
        }
    }

    pub(crate) fn namespace(mut self, namespace: Option<String>) -> Self {
        self.namespace = namespace;
        self
    }

    pub(crate) fn region(mut self, region: Option<String>) -> Self {
        self.region = region;
        self
    }

    /// Sends this token with every request.
    pub(crate) fn token(mut self, token: &Secret) -> Result<Self, RequestError> {
        self.headers
            .insert(TOKEN, secret_header(token.expose(), "token")?);
        Ok(self)
    }

    /// Sends this user name and password with every request, for a proxy in front of the agent.
    pub(crate) fn basic_auth(
        mut self,
        user: &str,
        password: &Secret,
    ) -> Result<Self, RequestError> {
        let both = base64(format!("{user}:{}", password.expose()).as_bytes());
        let header = secret_header(&format!("Basic {both}"), "password")?;
        self.headers.insert(AUTHORIZATION, header);
        Ok(self)
    }

    /// The namespace that requests name, if any.
    pub(crate) fn current_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Builds the request.
    pub(crate) fn build(&self, call: Call) -> Result<Request<Bytes>, RequestError> {
        let mut url = format!("{}/v1", self.base);
        for segment in &call.segments {
            url.push('/');
            push_segment(&mut url, segment)?;
        }
        let mut params = call.params;
        if let Some(namespace) = &self.namespace {
            params.insert("namespace", vec![namespace.clone()]);
        }
        if let Some(region) = &self.region {
            params.insert("region", vec![region.clone()]);
        }
        let pairs = params
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        for (position, (name, value)) in pairs.enumerate() {
            url.push(if position == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            push_form(&mut url, value);
        }
        let uri = Uri::try_from(url.as_str()).map_err(|_| RequestError::Url(shortened(&url)))?;
        let mut request = Request::new(call.body);
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        if call.plain {
            let identity = HeaderValue::from_static("identity");
            request.headers_mut().insert(ACCEPT_ENCODING, identity);
        }
        if call.fresh {
            request.extensions_mut().insert(FreshConnection);
        }
        Ok(request)
    }
}

fn secret_header(value: &str, what: &'static str) -> Result<HeaderValue, RequestError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| RequestError::Header(what))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Escapes a path segment as Go's `PathEscape` does: unreserved characters and `$&+=:@` stay, `/` does not.
fn push_segment(url: &mut String, segment: &str) -> Result<(), RequestError> {
    if matches!(segment, "" | "." | "..") {
        return Err(RequestError::PathSegment(segment.to_owned()));
    }
    for byte in segment.bytes() {
        match byte {
            b'$' | b'&' | b'+' | b'=' | b':' | b'@' => url.push(char::from(byte)),
            _ => push_byte(url, byte),
        }
    }
    Ok(())
}

/// Escapes a parameter's value as a form does: a blank becomes `+`.
fn push_form(url: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b' ' => url.push('+'),
            _ => push_byte(url, byte),
        }
    }
}

fn push_byte(url: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        url.push(char::from(byte));
    } else {
        // Writing to a string cannot fail.
        let _ = write!(url, "%{byte:02X}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) & 63;
            let digit = ALPHABET.get(index as usize).copied();
            text.push(char::from(
                digit.filter(|_| position <= group.len()).unwrap_or(b'='),
            ));
        }
    }
    text
}

fn shortened(url: &str) -> String {
    match url.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &url[..end]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
