//! The transport against real sockets: what arrives, and over which connections.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::env::Env;
use crate::nomad::client::Client;
use crate::nomad::config::ConnectionFlags;
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::request::RestartBody;

pub(super) const JOB: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"ID\":\"web\",\"Type\":\"service\"}";

pub(super) fn client(address: &str, env: &[(&str, &str)]) -> Client {
    let flags = ConnectionFlags {
        address: Some(address.to_owned()),
        ..ConnectionFlags::default()
    };
    let config = ClientConfig::resolve(&flags, &Env::from_pairs(env.iter().copied())).unwrap();
    let wire = Wire::new(&config, 6).unwrap();
    Client::new(&config, Arc::new(wire), 50).unwrap()
}

pub(super) async fn job_error(address: &str) -> ReadError {
    client(address, &[]).job("web", None).await.unwrap_err()
}

pub(super) async fn restart_error(address: &str) -> CallError {
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
pub(super) async fn server(text: &'static [u8]) -> (String, Seen) {
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

pub(super) async fn address_of(text: &'static [u8]) -> String {
    server(text).await.0
}

/// The address of a server that sends the same on every connection before it reads anything, and then keeps it open.
pub(super) async fn speaking_first(text: &'static [u8]) -> String {
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
pub(super) async fn refusing() -> String {
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

#[cfg(unix)]
#[tokio::test]
async fn unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nomad.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
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
async fn a_proxy_tunnels_tls() {
    let (proxy, mut seen) = server(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
    let env = [("HTTPS_PROXY", proxy.as_str()), ("NOMAD_SKIP_VERIFY", "1")];
    let client = client("https://nomad.example:4646", &env);
    let error = client.job("web", None).await.unwrap_err();
    assert_eq!(kind(&error), SendErrorKind::Connect);
    let (_, request) = seen.recv().await.unwrap();
    assert!(
        request.starts_with("CONNECT nomad.example:4646 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(!request.contains("x-nomad-token"), "{request}");
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

// N5: however many reads are wanted at once, they share the few connections that are meant for them.
#[tokio::test]
async fn many_reads_share_few_connections() {
    let (address, mut seen) = server(JOB).await;
    let client = client(&address, &[]);
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let client = client.clone();
        reads.spawn(async move { client.job("web", None).await.map(drop) });
    }
    while let Some(result) = reads.join_next().await {
        result.unwrap().unwrap();
    }
    let mut connections = std::collections::BTreeSet::new();
    while let Ok((number, _)) = seen.try_recv() {
        connections.insert(number);
    }
    let split = client.split();
    assert!(connections.len() <= 50 - split.writes, "{connections:?}");
}
