//! What each way of failing says and means.

use super::tests::{
    address_of, client, job_error, kind, refusing, restart_error, server, speaking_first,
};
use super::*;
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::request::RestartBody;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_dead_proxy_is_named_without_its_credentials() {
    let proxy = format!("http://me:pr0xy@{}", refusing().await);
    let client = client("http://nomad.example", &[("HTTP_PROXY", &proxy)]);
    let error = client.job("web", None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Get \"http://nomad.example/v1/job/web\": cannot connect to nomad.example:80 through the proxy: connection refused"
    );
    assert!(!format!("{error:?}").contains("pr0xy"));
}

#[tokio::test]
async fn refused_connection() {
    let place = refusing().await;
    let error = job_error(&format!("http://ops:pw@{place}/ui")).await;
    assert_eq!(
        error.to_string(),
        format!("Get \"http://{place}/v1/job/web\": cannot connect to {place}: connection refused")
    );
    assert_eq!(kind(&error), SendErrorKind::Connect);
    let error = restart_error(&format!("http://{place}")).await;
    assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
}

#[tokio::test]
async fn unknown_host() {
    let error = job_error("http://nomad.invalid:4646").await;
    assert_eq!(kind(&error), SendErrorKind::Connect);
    let text = error.to_string();
    assert!(
        text.starts_with("Get \"http://nomad.invalid:4646/v1/job/web\": cannot connect to nomad.invalid:4646: failed to lookup address information"),
        "{text}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn missing_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.sock");
    let error = job_error(&format!("unix://{}", path.display())).await;
    assert_eq!(kind(&error), SendErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        format!(
            "Get \"http://127.0.0.1/v1/job/web\": cannot connect to unix://{}: no such file or directory",
            path.display()
        )
    );
}

#[tokio::test]
async fn tls_to_a_plain_port() {
    let address = speaking_first(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = job_error(&address.replace("http://", "https://")).await;
    assert_eq!(kind(&error), SendErrorKind::Connect);
    assert!(
        error.to_string().ends_with("; is it an http:// address?"),
        "{error}"
    );
}

// N12
#[tokio::test]
async fn answers_that_break_off_or_are_not_http() {
    for (answer, reason) in [
        (
            &b""[..],
            "the connection broke: connection closed before message completed",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ID\":",
            "the connection broke: end of file before message length reached",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ID\"\r\n",
            "the connection broke: unexpected EOF during chunk size line",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345",
            "the answer cannot be read: invalid gzip header",
        ),
        (
            b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "the answer cannot be read: invalid HTTP version parsed",
        ),
    ] {
        let address = address_of(answer).await;
        let error = job_error(&address).await;
        assert_eq!(
            error.to_string(),
            format!("Get \"{address}/v1/job/web\": {reason}")
        );
        assert_eq!(kind(&error), SendErrorKind::Broken);
    }
}

// N7: an answer that is lost leaves the outcome open; one whose status has arrived does not.
#[tokio::test]
async fn a_restart_whose_answer_is_lost() {
    let error = restart_error(&address_of(b"").await).await;
    assert!(matches!(error, CallError::Unknown(_)), "{error:?}");
    let address = address_of(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"Ind").await;
    let client = client(&address, &[]);
    let permit = client.write_permit().await;
    client
        .restart(permit, "a1", &RestartBody::default())
        .await
        .unwrap();
}

// N16
#[tokio::test]
async fn redirects_are_not_followed() {
    let (address, mut seen) = server(
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /v1/elsewhere\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let error = restart_error(&address).await;
    assert_eq!(error.to_string(), "Unexpected response code: 307");
    assert!(matches!(error, CallError::Refused(_)), "{error:?}");
    seen.recv().await.unwrap();
    assert!(seen.try_recv().is_err(), "followed");
}

// N5: an agent with too many connections answers before it has read anything. Whether the client reads that before or after it has
// written its request depends on chance; in both cases the restart was not taken.
#[tokio::test]
async fn too_many_connections() {
    let address = speaking_first(
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
    )
    .await;
    for _ in 0..50 {
        let error = restart_error(&address).await;
        assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
        let text = error.to_string();
        assert!(
            text == "Unexpected response code: 429 (busy)"
                || text.ends_with("before the request was sent, as it does when it has too many"),
            "{text}"
        );
    }
}

/// An agent over its limit hangs up on the handshake: with TLS, too, that is worth another attempt.
#[tokio::test]
async fn a_handshake_that_is_cut_off_was_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for _ in 0..20 {
        let error = restart_error(&address).await;
        assert!(
            matches!(&error, CallError::NotSent(ReadError::Send(sent)) if sent.kind == SendErrorKind::Unsent),
            "{error:?}"
        );
    }
}
