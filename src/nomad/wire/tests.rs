//! The transport against real sockets: what arrives, and what each way of failing says and means.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

use super::*;
use crate::env::Env;
use crate::nomad::client::Client;
use crate::nomad::config::ConnectionFlags;
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::request::RestartBody;

pub(super) const JOB: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"ID\":\"web\",\"Type\":\"service\"}";

fn client(address: &str, env: &[(&str, &str)]) -> Client {
    let flags = ConnectionFlags {
        address: Some(address.to_owned()),
        ..ConnectionFlags::default()
    };
    let config = ClientConfig::resolve(&flags, &Env::from_pairs(env.iter().copied())).unwrap();
    let wire = Wire::new(&config).unwrap();
    Client::new(&config, Arc::new(wire), 50).unwrap()
}

async fn job_error(address: &str) -> ReadError {
    client(address, &[]).job("web", None).await.unwrap_err()
}

async fn restart_error(address: &str) -> CallError {
    let client = client(address, &[]);
    let permit = client.write_permit().await;
    client
        .restart(permit, "a1", &RestartBody::default())
        .await
        .unwrap_err()
}

pub(super) fn kind(error: &ReadError) -> SendErrorKind {
    match error {
        ReadError::Send(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

/// Reads one request (no body, or one that ends in a newline) and gives its text.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut all = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => all.extend_from_slice(&chunk[..length]),
        }
        let text = String::from_utf8_lossy(&all);
        let body = text.contains("content-length: ");
        if text.contains("\r\n\r\n") && (!body || text.ends_with("}\n")) {
            return Some(text.into_owned());
        }
    }
}

/// Answers every request on a connection in the same way and tells of each: the number of the connection and the request.
pub(super) async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    number: usize,
    answer: &[u8],
    seen: mpsc::UnboundedSender<(usize, String)>,
) {
    while let Some(request) = request(&mut stream).await {
        let _ = seen.send((number, request));
        if stream.write_all(answer).await.is_err() || !answer.starts_with(JOB) {
            break;
        }
    }
}

pub(super) type Seen = mpsc::UnboundedReceiver<(usize, String)>;

/// A server that gives one answer to every request. It closes the connection after it unless the answer is [`JOB`].
async fn server(text: &'static [u8]) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, number, text, seen.clone()));
        }
    });
    (address, requests)
}

async fn address_of(text: &'static [u8]) -> String {
    server(text).await.0
}

/// The address of a server that sends the same on every connection before it reads anything, and then keeps it open.
async fn speaking_first(text: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(text).await.unwrap();
            open.push(stream);
        }
    });
    address
}

/// The address of a port at which nobody listens.
async fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn reads_share_a_connection_and_writes_have_their_own() {
    let (address, mut seen) = server(JOB).await;
    let client = client(&address, &[("NOMAD_TOKEN", " s3cret\n")]);
    for _ in 0..2 {
        assert_eq!(client.job("web", None).await.unwrap().value.id, "web");
    }
    for _ in 0..2 {
        let permit = client.write_permit().await;
        client
            .restart(permit, "a1", &RestartBody::default())
            .await
            .unwrap();
    }
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(seen.recv().await.unwrap());
    }
    let connections: Vec<usize> = requests.iter().map(|(number, _)| *number).collect();
    assert_eq!(connections, [0, 0, 1, 2]);
    let read = &requests[0].1;
    assert!(read.starts_with("GET /v1/job/web HTTP/1.1\r\n"), "{read}");
    assert!(read.contains("\r\nx-nomad-token: s3cret\r\n"), "{read}");
    assert!(read.contains("\r\naccept-encoding: gzip\r\n"), "{read}");
    let write = &requests[2].1;
    assert!(
        write.starts_with("PUT /v1/client/allocation/a1/restart HTTP/1.1\r\n"),
        "{write}"
    );
    assert!(
        write.ends_with("\r\n\r\n{\"TaskName\":\"\",\"AllTasks\":false}\n"),
        "{write}"
    );
    assert!(!write.contains("content-type"), "{write}");
}

#[tokio::test]
async fn unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nomad.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (seen, mut requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream, 0, JOB, seen).await;
    });
    let address = format!("unix://{}", path.display());
    let client = client(&address, &[("HTTP_PROXY", "http://127.0.0.1:1")]);
    assert_eq!(client.job("web", None).await.unwrap().value.id, "web");
    let (_, request) = requests.recv().await.unwrap();
    assert!(request.contains("\r\nhost: 127.0.0.1\r\n"), "{request}");
}

#[tokio::test]
async fn a_proxy_never_stands_between_the_program_and_this_machine() {
    let address = address_of(JOB).await;
    let proxy = format!("http://{}", refusing().await);
    let client = client(&address, &[("HTTP_PROXY", &proxy), ("http_proxy", &proxy)]);
    client.job("web", None).await.unwrap();
}

// N15
#[tokio::test]
async fn a_proxy_gets_whole_urls() {
    let (proxy, mut seen) = server(JOB).await;
    let place = proxy.trim_start_matches("http://");
    let with_credentials = format!("http://me:pr0xy@{place}");
    let client = client(
        "http://nomad.example:4646",
        &[("http_proxy", &with_credentials)],
    );
    client.job("web", None).await.unwrap();
    let (_, request) = seen.recv().await.unwrap();
    assert!(
        request.starts_with("GET http://nomad.example:4646/v1/job/web HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("proxy-authorization: Basic bWU6cHIweHk="),
        "{request}"
    );
    assert!(!format!("{client:?}").contains("pr0xy"));
}

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
async fn gzip_and_chunks() {
    // {"ID":"web","Type":"service"} compressed, in two chunks.
    let body = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 242, 116, 81, 178, 82, 42, 79, 77, 82, 210, 81,
        10, 169, 44, 72, 5, 114, 138, 83, 139, 202, 50, 147, 83, 149, 106, 1, 36, 20, 33, 183, 29,
        0, 0, 0,
    ];
    let (first, second) = body.split_at(20);
    let mut text =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in [first, second, &[]] {
        text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    let address = address_of(text.leak()).await;
    let job = client(&address, &[]).job("web", None).await.unwrap();
    assert_eq!((job.value.kind.as_str(), job.bytes), ("service", 29));
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
