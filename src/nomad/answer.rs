//! An answer with status 200: what its headers tell, reading its JSON, and errors that say what came instead.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{DATE, HeaderMap};
use serde::de::DeserializeOwned;

use super::client::Indexed;
use super::error::{CallError, Garbled, ReadError};
use super::list::Problem;
use super::text;

/// What is wrong with JSON that is not complete.
const CUT: &str = "it ends in the middle of the JSON";
/// What is wrong with other JSON.
const UNEXPECTED: &str = "it is not the JSON that was expected";

/// A whole answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) request: String,
    pub(super) headers: HeaderMap,
    /// Of a list that was parsed while it arrived, only the start.
    pub(super) body: Vec<u8>,
    /// Of the whole body, in bytes.
    pub(super) size: usize,
    /// Whether the body ended as it should.
    pub(super) whole: bool,
    pub(super) took: Duration,
}

impl Answer {
    /// `X-Nomad-Index`, 0 when missing or unreadable.
    pub(crate) fn index(&self) -> u64 {
        self.header("x-nomad-index")
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// What asks for the next page of a list.
    pub(crate) fn next_token(&self) -> Option<String> {
        self.header("x-nomad-nexttoken")
            .filter(|token| !token.is_empty())
            .map(ToOwned::to_owned)
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc2822(self.header(DATE.as_str())?).ok()?;
        Some(date.to_utc())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Joins a value with what the headers tell.
    pub(crate) fn indexed<T>(&self, value: T) -> Indexed<T> {
        Indexed {
            value,
            index: self.index(),
            bytes: self.size,
            took: self.took,
            date: self.date(),
        }
    }

    /// The body as JSON; `null` is an error.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        self.json_or_null()?
            .ok_or_else(|| self.garbled("it is null"))
    }

    /// The body as JSON; `None` for `null`.
    pub(crate) fn json_or_null<T: DeserializeOwned>(&self) -> Result<Option<T>, ReadError> {
        serde_json::from_slice(&self.body).map_err(|error| self.garbled(&self.problem(&error)))
    }

    /// The body as text, with a mark in place of what is not UTF-8.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Why this is not the list that was expected.
    pub(super) fn unlike_list<T: DeserializeOwned>(&self, problem: Problem) -> ReadError {
        let text = match problem {
            // What does not even begin as a list is told as of any other answer.
            _ if self.body.trim_ascii_start().first() != Some(&b'[') => {
                return match self.json::<Vec<T>>() {
                    Err(error) => error,
                    Ok(_) => self.garbled(CUT),
                };
            }
            Problem::Cut => CUT.to_owned(),
            Problem::Wrong(error) => format!("{UNEXPECTED}: {error}"),
        };
        self.garbled(&text)
    }

    /// Whether the answer to a write can be from a Nomad agent. The status has said already that it was done, so a cut or empty body
    /// does not matter, but a web page from something else in between does.
    pub(crate) fn accepted(&self) -> Result<(), CallError> {
        match self.body.trim_ascii_start().first() {
            None | Some(b'{') => Ok(()),
            Some(_) if !self.whole => Ok(()),
            Some(_) => Err(CallError::of_write(self.garbled(&self.foreign()))),
        }
    }

    pub(crate) fn garbled(&self, problem: &str) -> ReadError {
        ReadError::Garbled(Garbled {
            request: self.request.clone(),
            problem: problem.to_owned(),
        })
    }

    /// What is wrong with a body that is not the JSON that was expected.
    fn problem(&self, error: &serde_json::Error) -> String {
        if self.body.trim_ascii().is_empty() {
            "it is empty".to_owned()
        } else if !matches!(
            self.body.trim_ascii_start().first(),
            Some(b'{' | b'[' | b'n')
        ) {
            self.foreign()
        } else if error.is_eof() {
            CUT.to_owned()
        } else {
            format!("{UNEXPECTED}: {error}")
        }
    }

    /// What a body is that does not even begin like JSON.
    fn foreign(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let what = if let Some(page) = text::html_page(&body) {
            format!("is {page}, not JSON")
        } else {
            let start: String = text::of_server(&body).chars().take(40).collect();
            format!("is not JSON but begins with {start:?}")
        };
        format!("it {what}; is there a Nomad agent at this address?")
    }
}
