//! What a handler answers, before it becomes an HTTP response.

use bytes::Bytes;
use serde::Serialize;

use super::events::Opened;
use crate::model::{ApiError, Version};

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    Text,
    /// What tasks print.
    Plain,
    Html,
    /// No body and no type.
    Nothing,
}

impl Content {
    /// `Content-Type`.
    pub(crate) fn mime(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json"),
            Self::Text => Some("text/plain; charset=utf-8"),
            Self::Plain => Some("text/plain"),
            Self::Html => Some("text/html; charset=utf-8"),
            Self::Nothing => None,
        }
    }
}

/// The `X-Nomad-*` headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) index: Option<u64>,
    /// Queries also tell `KnownLeader` and `LastContact`, writes do not.
    pub(crate) query: bool,
    pub(crate) next_token: Option<String>,
}

/// An answer of the agent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content: Content,
    pub(crate) body: Bytes,
    pub(crate) meta: Meta,
    pub(crate) location: Option<String>,
    /// The body has no length that could be told before.
    pub(crate) chunked: bool,
    /// Instead of the body: an event stream.
    pub(crate) stream: Option<Opened>,
}

/// What a handler returns: an error has a plain-text body and no `X-Nomad-*` headers.
pub(crate) type Outcome = Result<Reply, ApiError>;

/// The JSON of a value.
pub(crate) fn json(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    // The model's types serialize without errors: their map keys are strings.
    serde_json::to_vec(value).unwrap_or_else(|error| error.to_string().into_bytes())
}

impl Reply {
    fn new(status: u16, content: Content, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content,
            body: body.into(),
            meta: Meta::default(),
            location: None,
            chunked: false,
            stream: None,
        }
    }

    /// 200 with this value and no further headers, as agent and client endpoints answer.
    pub(crate) fn plain(value: &(impl Serialize + ?Sized)) -> Self {
        Self::new(200, Content::Json, json(value))
    }

    /// 200 with a body that is sent while it is read.
    pub(crate) fn chunked(content: Content, body: Vec<u8>) -> Self {
        let mut reply = Self::new(200, content, body);
        reply.chunked = true;
        reply
    }

    /// 200 to a write: the index of its transaction is the only further header.
    pub(crate) fn written(index: u64, value: &(impl Serialize + ?Sized)) -> Self {
        let mut reply = Self::plain(value);
        reply.meta.index = Some(index);
        reply
    }

    /// 200 to a write that answers with the index alone.
    pub(crate) fn written_empty(index: u64) -> Self {
        let mut reply = Self::new(200, Content::Nothing, "");
        reply.meta.index = Some(index);
        reply
    }

    /// 200 to a query.
    pub(crate) fn found(index: u64, body: Vec<u8>) -> Self {
        Self::new(200, Content::Json, body).at(index)
    }

    /// The headers of a query.
    #[must_use]
    pub(crate) fn at(mut self, index: u64) -> Self {
        self.meta.index = Some(index);
        self.meta.query = true;
        self
    }

    /// A refusal or failure; the body is the text.
    pub(crate) fn error(error: ApiError) -> Self {
        Self::new(error.status, Content::Text, error.text)
    }

    /// 404 without a body, for paths that no handler owns.
    pub(crate) fn nowhere() -> Self {
        Self::new(404, Content::Nothing, "")
    }

    /// Turns the JSON of an answer into that of this version.
    pub(crate) fn adapt(&mut self, version: Version) {
        if version == Version::default() || self.content != Content::Json {
            return;
        }
        // What is no JSON, as the body of a refused stream, is the same in all versions.
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            version.adapt(&mut value);
            self.body = json(&value).into();
        }
    }

    /// 200 with a page for a browser.
    pub(crate) fn page(html: &'static str) -> Self {
        Self::new(200, Content::Html, html)
    }

    /// 307 to another path; method and body are kept by the client.
    pub(crate) fn redirect(to: &str) -> Self {
        let escaped = to.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!("<a href=\"{escaped}\">Temporary Redirect</a>.\n\n");
        let mut reply = Self::new(307, Content::Html, page);
        reply.location = Some(to.to_owned());
        reply
    }

    /// What becomes of a request for the event stream.
    pub(crate) fn stream(opened: Opened) -> Self {
        let mut reply = Self::new(200, Content::Json, "");
        reply.stream = Some(opened);
        reply
    }
}
