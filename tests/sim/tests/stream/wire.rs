//! Streams over TCP, byte by byte.

use std::io::Read;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use nomad_sim::api::Acl;
use nomad_sim::cluster::Config;
use nomad_sim::demo;
use nomad_sim::front::{After, Agent, Fault, Rule, Server, StreamEnd, StreamFault, serve};
use nomad_sim::model::Version;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing here takes long; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(20);

async fn server(version: Version) -> Server {
    // The demo's jobs run from the start: real time need not pass.
    let agent = Agent::new(demo::cluster_of(Config::seeded(11).with_version(version)));
    serve(agent, ([127, 0, 0, 1], 0).into())
        .await
        .expect("a free port")
}

async fn asked(server: &Server, protocol: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).await.expect("connected");
    let request = format!(
        "GET /v1/event/stream?topic=*&index=1000000 {protocol}\r\nHost: sim\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

/// Reads until `enough` or the end.
async fn read(stream: &mut TcpStream, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while !enough(&all) {
        let read = timeout(LIMIT, stream.read(&mut buffer))
            .await
            .expect("in time");
        match read {
            Ok(0) | Err(_) => break,
            Ok(count) => all.extend_from_slice(&buffer[..count]),
        }
    }
    all
}

/// Head and body, which has so many newlines at least.
async fn parts(stream: &mut TcpStream, lines: usize) -> (String, Vec<u8>) {
    let split = |all: &[u8]| {
        let end = all.windows(4).position(|window| window == b"\r\n\r\n");
        end.map(|end| (all[..end].to_vec(), all[end + 4..].to_vec()))
    };
    let all = read(stream, |all| {
        split(all).is_some_and(|(_, body)| body.split(|byte| *byte == b'\n').count() > lines)
    })
    .await;
    let (head, body) = split(&all).expect("a head");
    (String::from_utf8(head).expect("text"), body)
}

/// Recordings h04 and w: head and first bytes of each release.
#[tokio::test]
async fn heads_are_those_of_their_release() {
    let taken_over =
        "Cache-Control: no-cache\r\nContent-Type: application/json\r\nVary: Accept-Encoding";
    for (version, protocol, head, body) in [
        (
            Version::V1_11_3,
            "HTTP/1.1",
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{taken_over}"),
            "{}\n{",
        ),
        (
            Version::V1_11_3,
            "HTTP/1.0",
            format!("HTTP/1.0 200 OK\r\n{taken_over}"),
            "{}\n{",
        ),
        (
            Version::V1_11_2,
            "HTTP/1.1",
            format!("HTTP/0.0 200 OK\r\n{taken_over}"),
            "{}\n{",
        ),
    ] {
        let server = server(version).await;
        for headers in [
            "",
            "Accept-Encoding: gzip\r\n",
            "Connection: keep-alive\r\n",
        ] {
            let mut stream = asked(&server, protocol, headers).await;
            let (shown, bytes) = parts(&mut stream, 2).await;
            assert_eq!(shown, head);
            assert!(
                bytes.starts_with(body.as_bytes()),
                "{}",
                String::from_utf8_lossy(&bytes)
            );
        }
        server.shutdown().await;
    }
}

#[tokio::test]
async fn older_releases_send_chunks() {
    for version in [Version::V1_6, Version::V1_8, Version::V1_10] {
        let server = server(version).await;
        let mut stream = asked(&server, "HTTP/1.1", "").await;
        let (head, body) = parts(&mut stream, 5).await;
        let head = head.to_ascii_lowercase();
        for header in [
            "transfer-encoding: chunked",
            "cache-control: no-cache",
            "content-type: application/json",
            "vary: accept-encoding",
            "date: ",
        ] {
            assert!(head.contains(header), "{header}: {head}");
        }
        assert!(
            !head.contains("connection:") && !head.contains("content-length"),
            "{head}"
        );
        // A line and its newline are chunks of their own.
        assert!(body.starts_with(b"2\r\n{}\r\n1\r\n\n\r\n"), "{body:?}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn older_releases_compress_line_by_line() {
    let server = server(Version::V1_10).await;
    server.agent().faults().add(Rule::on(
        "/v1/event/stream",
        Fault::Stream(StreamFault::End(After::Lines(1), StreamEnd::Closed)),
    ));
    let headers = "Accept-Encoding: gzip\r\nConnection: close\r\n";
    let mut stream = asked(&server, "HTTP/1.1", headers).await;
    let (head, mut body) = parts(&mut stream, usize::MAX).await;
    assert!(
        head.to_ascii_lowercase().contains("content-encoding: gzip"),
        "{head}"
    );
    // Sizes of chunks are hexadecimal lines.
    let mut packed = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size =
            usize::from_str_radix(&String::from_utf8_lossy(&body[..end]), 16).expect("a size");
        packed.extend_from_slice(&body[end + 2..end + 2 + size]);
        body.drain(..end + size + 4);
    }
    let mut text = [0; 3];
    MultiGzDecoder::new(packed.as_slice())
        .read_exact(&mut text)
        .expect("gzip");
    assert_eq!(&text, b"{}\n");
    server.shutdown().await;
}

#[tokio::test]
async fn lines_come_as_they_happen_and_the_connection_ends_with_the_stream() {
    let server = server(Version::V1_11_3).await;
    let mut stream = asked(&server, "HTTP/1.1", "").await;
    parts(&mut stream, 2).await;
    let cluster = server.agent().cluster().clone();
    cluster
        .evaluate("default", demo::EXAMPLE, false)
        .expect("evaluated");
    let line = read(&mut stream, |all| all.ends_with(b"\n")).await;
    let line = String::from_utf8(line).expect("text");
    assert!(line.contains("AllocationUpdateDesiredStatus"), "{line}");
    server.agent().end_streams(StreamEnd::HalfLine);
    cluster
        .evaluate("default", demo::EXAMPLE, false)
        .expect("evaluated");
    let rest = read(&mut stream, |_| false).await;
    assert!(!rest.ends_with(b"\n"), "the end is in the middle of a line");
    server.shutdown().await;
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let server = server(Version::V1_11_3).await;
    let mut stream = asked(&server, "HTTP/1.1", "").await;
    parts(&mut stream, 2).await;
    server.agent().end_streams(StreamEnd::Reset);
    let error = timeout(LIMIT, stream.read(&mut [0; 64]))
        .await
        .expect("in time");
    let error = error.expect_err("reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_stream_has_a_head_and_nothing_else() {
    let server = server(Version::V1_11_3).await;
    server.agent().set_acl(Some(Acl::new()));
    let mut stream = asked(&server, "HTTP/1.1", "").await;
    let (head, body) = parts(&mut stream, 0).await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\nConnection: close"),
        "{head}"
    );
    assert!(body.is_empty());
    assert_eq!(server.agent().open_streams(), 1);
    server.shutdown().await;
    assert!(
        read(&mut stream, |_| false).await.is_empty(),
        "it ends with the server"
    );
}

#[tokio::test]
async fn streams_do_not_count_as_connections() {
    for (version, counted) in [(Version::V1_11_3, false), (Version::V1_10, true)] {
        let server = server(version).await;
        server.agent().limit_connections(Some(3));
        let mut streams = Vec::new();
        for _ in 0..3 {
            let mut stream = asked(&server, "HTTP/1.1", "").await;
            parts(&mut stream, 2).await;
            streams.push(stream);
        }
        let mut other = asked(&server, "HTTP/1.1", "").await;
        let (head, _) = parts(&mut other, 1).await;
        let expected = if counted {
            "HTTP/1.1 429"
        } else {
            "HTTP/1.1 200"
        };
        assert!(head.starts_with(expected), "{head}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let server = server(Version::V1_11_3).await;
    let mut stream = asked(&server, "HTTP/1.1", "").await;
    parts(&mut stream, 2).await;
    assert_eq!(server.agent().open_streams(), 1);
    drop(stream);
    let gone = async {
        while server.agent().open_streams() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, gone).await.expect("in time");
    server.shutdown().await;
}
