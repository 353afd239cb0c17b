//! What went wrong with a request, and what that means.
//!
//! Nomad answers errors in plain text, many client-side faults with status 500. So classes are decided by status and by known texts,
//! matched as substrings because each hop may add an `rpc error: ` in front.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::request::RequestError;
use super::text;
use super::transport::{SendError, SendErrorKind};
use crate::cli::quote::quote;

/// Why a read gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The agent answered with an error.
    #[error("{0}")]
    Api(ApiError),
    /// No whole answer came.
    #[error("{0}")]
    Send(SendError),
    /// An answer came with status 200, and it is not what it should be.
    #[error("{0}")]
    Garbled(Garbled),
    /// The request could not be built.
    #[error("{0}")]
    Request(#[from] RequestError),
}

/// What a failed write means.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// It was not carried out, and the same call may be sent again after a while: no connection, or the agent had no room or no leader.
    #[error("{0}")]
    NotSent(ReadError),
    /// The agent refused it: it was not carried out.
    #[error("{0}")]
    Refused(ReadError),
    /// It may have been carried out, or may still be.
    #[error("{0}")]
    Unknown(ReadError),
    /// Answered with status 200 by something that does not talk like a Nomad agent.
    #[error("{0}")]
    Garbled(Garbled),
}

/// An answer with a status other than 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// The server's words as they came, white space around them removed. Foreign text: `Display` makes it harmless.
    pub(crate) body: String,
}

/// An answer that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer to {request} cannot be used: {problem}")]
pub(crate) struct Garbled {
    /// Method and URL, as in `Get "http://127.0.0.1:4646/v1/jobs"`.
    pub(crate) request: String,
    pub(crate) problem: String,
}

/// Texts of answers that say that the token does not suffice, whatever their status.
const PERMISSION: &[&str] = &[
    "Permission denied",
    "ACL token not found",
    "ACL token expired",
    "failed to parse signed token",
    "failed to verify token",
];

/// Texts that come from before anything was done and that asking again does not change.
const FINAL: &[&str] = &[
    "Unknown allocation",
    "Unknown node",
    "allocation not found",
    "alloc not found",
    "restart of an alloc that should not run",
    "Could not find task runner",
    "Task not running",
    "task name cannot be set when restarting all tasks",
    "Missing allocation ID",
    "UUID must be 36 characters",
    "No path to node",
    "No path to region",
    "No local Node and node_id not provided",
    "Failed to parse value of",
    "value is not a boolean",
    "invalid character",
    "cannot unmarshal",
    "job not found",
    "can't evaluate periodic job",
    "can't evaluate parameterized job",
];

/// What Nomad says of an object that it does not have.
const NOT_FOUND: &[&str] = &[
    "job not found",
    "job versions not found",
    "alloc not found",
    "allocation not found",
    "Unknown allocation",
    "eval not found",
];

/// Texts of a server that did not even try, and may a moment later.
const NOT_TAKEN: &[&str] = &["No cluster leader", "Not ready to serve consistent reads"];

impl ApiError {
    fn says(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.body.contains(text))
    }

    /// Whether the token lacks a right, or is none.
    pub(crate) fn is_permission_denied(&self) -> bool {
        matches!(
            self.status,
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED
        ) || (self.status == StatusCode::INTERNAL_SERVER_ERROR && self.says(PERMISSION))
    }

    /// Whether the object does not exist. Only in Nomad's own words: a proxy's page for a path that it does not know says nothing
    /// about the object.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.says(NOT_FOUND)
    }

    /// Whether no server has a connection to the node of the allocation: the node is down or cut off.
    pub(crate) fn is_no_path_to_node(&self) -> bool {
        self.says(&["No path to node"])
    }

    /// Whether asking again may help.
    fn is_transient(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status.is_server_error() && !self.says(PERMISSION) && !self.says(FINAL))
    }
}

impl fmt::Display for ApiError {
    /// As Nomad's own client words it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unexpected response code: {}", self.status.as_u16())?;
        let body = text::of_server(&self.body);
        if body.is_empty() {
            Ok(())
        } else {
            write!(f, " ({body})")
        }
    }
}

impl ReadError {
    /// The error answer, if it is one.
    pub(crate) fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the token lacks a right, or is none.
    pub(crate) fn is_permission_denied(&self) -> bool {
        self.api().is_some_and(ApiError::is_permission_denied)
    }

    /// Whether the object does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.api().is_some_and(ApiError::is_not_found)
    }

    /// What stands behind the error where Nomad denies something and does not say what for: the capability that it takes, in this
    /// namespace (`*` and `None`: in whichever it is), if a token can have it. Otherwise empty.
    pub(crate) fn right(&self, capability: &str, namespace: Option<&str>) -> String {
        let denied =
            |it: &ApiError| it.status == StatusCode::FORBIDDEN && it.says(&["Permission denied"]);
        if !self.api().is_some_and(denied) {
            return String::new();
        }
        let capability = quote(capability);
        match namespace {
            None | Some("*") => format!("; it takes a token with the capability {capability}"),
            Some(namespace) => format!(
                "; it takes a token with the capability {capability} in namespace {}",
                quote(namespace)
            ),
        }
    }

    /// Whether no connection came about.
    pub(crate) fn is_connect(&self) -> bool {
        matches!(self, Self::Send(error) if error.kind == SendErrorKind::Connect)
    }

    /// Whether an answer came that could not be read.
    pub(crate) fn is_garbled(&self) -> bool {
        matches!(self, Self::Garbled(_))
    }

    /// Whether the same read may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Api(error) => error.is_transient(),
            Self::Send(_) | Self::Garbled(_) => true,
            Self::Request(_) => false,
        }
    }

    /// An answer that took longer than `limit`.
    pub(crate) fn timed_out(request: &str, limit: Duration) -> Self {
        Self::Send(SendError {
            kind: SendErrorKind::TimedOut,
            text: format!("{request}: no answer within {}s", limit.as_secs()),
        })
    }
}

impl CallError {
    /// Decides what an unsuccessful write means.
    pub(crate) fn of_write(error: ReadError) -> Self {
        match &error {
            ReadError::Send(cause) => match cause.kind {
                SendErrorKind::Connect | SendErrorKind::Unsent => Self::NotSent(error),
                SendErrorKind::Broken | SendErrorKind::TimedOut => Self::Unknown(error),
            },
            ReadError::Api(answer) => match answer.status.as_u16() {
                429 => Self::NotSent(error),
                500 if answer.says(NOT_TAKEN) => Self::NotSent(error),
                500 if answer.says(PERMISSION) || answer.says(FINAL) => Self::Refused(error),
                // A redirect is not followed, and whoever sends one has not done what was asked.
                300..=499 => Self::Refused(error),
                _ => Self::Unknown(error),
            },
            ReadError::Request(_) => Self::Refused(error),
            ReadError::Garbled(garbled) => Self::Garbled(garbled.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
