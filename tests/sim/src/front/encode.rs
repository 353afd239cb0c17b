//! From an API reply to a response: headers, `Content-Length` or chunks, compression.

use std::io::Write;

use bytes::Bytes;
use chrono::DateTime;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION,
    TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::answer::{Answer, Body, End};
use crate::api::{Content, Reply};
use crate::model::Time;

/// Go's server tells the length of bodies that fit its buffer and sends longer ones in chunks.
const BUFFER: usize = 2048;

/// What of a request the encoding depends on.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) pretty: bool,
    pub(crate) compression: Option<Compress>,
    /// Of the request.
    pub(crate) version: Version,
}

/// A compression that the client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compress {
    Gzip,
    /// Without the zlib wrapper that the name promises.
    Deflate,
}

/// The elements of `Accept-Encoding` are compared literally: `gzip;q=1` is none of them.
pub(crate) fn accepted(headers: &HeaderMap) -> Option<Compress> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    accepted
        .split(',')
        .find_map(|element| match element.trim() {
            "gzip" => Some(Compress::Gzip),
            "deflate" => Some(Compress::Deflate),
            _ => None,
        })
}

/// `Tue, 24 Nov 2026 08:02:16 GMT`.
pub(super) fn http_date(time: Time) -> String {
    DateTime::from_timestamp_nanos(time.nanos())
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

fn compress(bytes: &[u8], how: Compress) -> std::io::Result<Vec<u8>> {
    match how {
        Compress::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Compress::Deflate => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
    }
}

/// The same JSON with indentation; anything else stays as it is.
fn indented(body: &[u8]) -> Vec<u8> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return body.to_vec();
    };
    let mut pretty = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut pretty, formatter);
    match serde::Serialize::serialize(&value, &mut serializer) {
        Ok(()) => pretty,
        Err(_) => body.to_vec(),
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Values come from this crate but for the next token, which may hold any job id.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}

/// The response to a request at this time.
pub(crate) fn answer(reply: &Reply, wanted: &Wanted, now: Time, chunk: usize) -> Answer {
    let mut headers = HeaderMap::new();
    if let Some(mime) = reply.content.mime() {
        insert(&mut headers, CONTENT_TYPE, mime);
    }
    // Redirects are the multiplexer's, not the client endpoints'.
    let vary = if wanted.path.starts_with("/v1/client/") && reply.location.is_none() {
        "Origin"
    } else {
        "Accept-Encoding"
    };
    insert(&mut headers, VARY, vary);
    insert(&mut headers, DATE, &http_date(now));
    let meta = &reply.meta;
    let nomad = |name: &'static str| HeaderName::from_static(name);
    if let Some(index) = meta.index {
        insert(&mut headers, nomad("x-nomad-index"), &index.to_string());
    }
    if meta.query {
        insert(&mut headers, nomad("x-nomad-knownleader"), "true");
        insert(&mut headers, nomad("x-nomad-lastcontact"), "0");
    }
    if let Some(token) = &meta.next_token {
        insert(&mut headers, nomad("x-nomad-nexttoken"), token);
    }
    if let Some(location) = &reply.location {
        insert(&mut headers, LOCATION, location);
    }
    let mut body = reply.body.clone();
    if wanted.pretty && reply.content == Content::Json {
        body = indented(&body).into();
    }
    if let Some(how) = wanted.compression
        && !body.is_empty()
        && let Ok(compressed) = compress(&body, how)
    {
        let name = match how {
            Compress::Gzip => "gzip",
            Compress::Deflate => "deflate",
        };
        insert(&mut headers, CONTENT_ENCODING, name);
        body = compressed.into();
    }
    let length = if body.len() > BUFFER || reply.chunked {
        insert(&mut headers, TRANSFER_ENCODING, "chunked");
        None
    } else {
        insert(&mut headers, CONTENT_LENGTH, &body.len().to_string());
        Some(body.len() as u64)
    };
    if wanted.method == Method::HEAD {
        body = Bytes::new();
    }
    Answer {
        status: StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers,
        body: Body::new(body, chunk, End::Complete).with_length(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_elements_are_accepted() {
        for (header, expected) in [
            ("gzip", Some(Compress::Gzip)),
            ("identity, gzip", Some(Compress::Gzip)),
            ("deflate, gzip", Some(Compress::Deflate)),
            ("gzip;q=1", None),
            ("identity", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(accepted(&headers), expected, "{header}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(
            http_date(Time(1_795_507_336_000_000_000)),
            "Tue, 24 Nov 2026 08:02:16 GMT"
        );
    }
}
