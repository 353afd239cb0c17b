//! Why an exchange failed, read from the chain of errors below `reqwest`'s own.
//!
//! The types in the chain are those of libraries that this package does not depend on by itself, so their texts decide; the tests of
//! the transport notice when a text changes.

use std::error::Error as _;

use crate::nomad::tls::plain;

/// Whether the other side ended the TLS handshake over the client's certificate. With TLS 1.3 the client hears of it only when it
/// waits for the answer, yet the request was not looked at.
pub(super) fn is_refused_certificate(causes: &str) -> bool {
    [
        "BadCertificate",
        "CertificateExpired",
        "CertificateRequired",
        "CertificateRevoked",
        "CertificateUnknown",
        "HandshakeFailure",
        "UnknownCA",
        "UnsupportedCertificate",
    ]
    .iter()
    .any(|alert| causes.contains(&format!("received fatal alert: {alert}")))
}

/// Whether the connection ended while no byte of the request had been written: an answer, or the end, that nobody had asked for.
pub(super) fn is_unsent(causes: &str) -> bool {
    [
        "received unexpected message from connection",
        "operation was canceled",
        "channel closed",
    ]
    .iter()
    .any(|text| causes.contains(text))
}

/// Whether a connection that had come about ended within the TLS handshake: this is what an agent with too many connections does.
pub(super) fn is_cut_off(causes: &str) -> bool {
    [
        "connection reset",
        "handshake eof",
        "unexpected end of file",
        "broken pipe",
    ]
    .iter()
    .any(|text| causes.to_ascii_lowercase().contains(text))
}

/// What an operator can do about some causes.
pub(super) fn hint(causes: &str) -> &'static str {
    if causes.contains("InvalidContentType") {
        "; is it an http:// address?"
    } else if causes.contains("UnknownIssuer") || causes.contains("BadSignature") {
        "; is the right CA given?"
    } else {
        ""
    }
}

/// The causes of an error without repetitions. The outermost text is left out: it says only that sending failed, and repeats the URL.
pub(super) fn causes(error: &reqwest::Error) -> String {
    const SAYS_NOTHING: &[&str] = &[
        "client error (",
        "connection error",
        "dns error",
        "error decoding response body",
        "error reading a body from connection",
        "error resolving DNS",
        "tcp connect error",
    ];
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = plain(&cause.to_string());
        // A cause may contain those below it.
        let known = texts.iter().any(|above| above.contains(&text));
        if !known && !SAYS_NOTHING.iter().any(|start| text.starts_with(start)) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() {
        return plain(&error.to_string());
    }
    texts.join(": ")
}
