//! The front on TCP, spoken to in plain HTTP/1.1.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::read::GzDecoder;
use nomad_sim::demo;
#[cfg(unix)]
use nomad_sim::front::serve_unix;
use nomad_sim::front::{Agent, Fault, Rule, Server, serve};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::support::allocations;

/// Nothing here takes long; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn server() -> (Server, String) {
    // The demo's jobs run from the start: real time need not pass.
    let cluster = demo::cluster(11);
    let alloc = allocations(&cluster, demo::EXAMPLE).remove(0);
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let server = serve(Agent::new(cluster), any).await.expect("a free port");
    (server, alloc)
}

/// A connection of a client.
pub(super) struct Client<S> {
    stream: BufReader<S>,
}

#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Client<TcpStream> {
    pub(super) async fn connect(server: &Server) -> Self {
        Self::over(TcpStream::connect(server.addr).await.expect("connected"))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn over(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(super) async fn send(&mut self, method: &str, target: &str, headers: &str) {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: sim\r\nContent-Length: 0\r\n{headers}\r\n"
        );
        self.stream
            .get_mut()
            .write_all(request.as_bytes())
            .await
            .expect("sent");
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    /// Reads one response; the body as far as it comes.
    pub(super) async fn response(&mut self) -> std::io::Result<Response> {
        let status = self.line().await?;
        let mut response = Response {
            status: status
                .split(' ')
                .nth(1)
                .and_then(|s| s.parse().ok())
                .unwrap_or(0),
            ..Response::default()
        };
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some((name, value)) => response.headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line().await?, 16).unwrap_or(0);
                let mut chunk = vec![0; size];
                self.stream.read_exact(&mut chunk).await?;
                response.body.extend(chunk);
                self.line().await?;
                if size == 0 {
                    break;
                }
            }
        } else {
            let length = response
                .header("content-length")
                .and_then(|l| l.parse().ok());
            response.body = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut response.body).await?;
        }
        Ok(response)
    }

    pub(super) async fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
    ) -> std::io::Result<Response> {
        self.send(method, target, headers).await;
        tokio::time::timeout(LIMIT, self.response())
            .await
            .expect("in time")
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let (server, _) = server().await;
    let mut client = Client::connect(&server).await;
    let list = client
        .ask("GET", "/v1/jobs?prefix=example", "")
        .await
        .expect("answered");
    assert_eq!(list.status, 200);
    assert_eq!(list.header("content-type"), Some("application/json"));
    assert_eq!(list.header("x-nomad-knownleader"), Some("true"));
    assert!(
        list.header("date")
            .is_some_and(|date| date.ends_with(" GMT"))
    );
    assert!(list.header("content-length").is_some());
    // A body that does not fit the agent's buffer comes in chunks.
    let job = client
        .ask("GET", "/v1/job/example", "")
        .await
        .expect("answered");
    assert_eq!(job.header("transfer-encoding"), Some("chunked"));
    let job: Value = serde_json::from_slice(&job.body).expect("JSON");
    assert_eq!(job["ID"], "example");
    let missing = client
        .ask("GET", "/v1/job/nope", "")
        .await
        .expect("answered");
    assert_eq!(
        (missing.status, missing.body.as_slice()),
        (404, &b"job not found"[..])
    );
    let moved = client.ask("PUT", "//v1/jobs", "").await.expect("answered");
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, Some("/v1/jobs"))
    );
    server.shutdown().await;
}

#[tokio::test]
async fn bodies_are_compressed_for_who_asks_for_it() {
    let (server, alloc) = server().await;
    let mut client = Client::connect(&server).await;
    for (target, status) in [("/v1/job/example/allocations", 200), ("/v1/job/nope", 404)] {
        let plain = client.ask("GET", target, "").await.expect("answered");
        assert_eq!(plain.header("content-encoding"), None);
        let asked = "Accept-Encoding: gzip\r\n";
        let packed = client.ask("GET", target, asked).await.expect("answered");
        assert_eq!(
            (packed.status, packed.header("content-encoding")),
            (status, Some("gzip"))
        );
        let mut unpacked = Vec::new();
        GzDecoder::new(packed.body.as_slice())
            .read_to_end(&mut unpacked)
            .expect("gzip");
        assert_eq!(unpacked, plain.body, "{target}");
        let weighted = client
            .ask("GET", target, "Accept-Encoding: gzip;q=1\r\n")
            .await;
        assert_eq!(weighted.expect("answered").header("content-encoding"), None);
    }
    let target = format!("/v1/client/allocation/{alloc}/checks");
    let checks = client
        .ask("GET", &target, "Accept-Encoding: gzip\r\n")
        .await;
    let checks = checks.expect("answered");
    assert_eq!(checks.header("vary"), Some("Origin"));
    assert_eq!(checks.header("content-encoding"), Some("gzip"));
    server.shutdown().await;
}

#[tokio::test]
async fn a_reset_connection_gives_no_byte() {
    for (fault, effect) in [(Fault::ResetBefore, 0), (Fault::ResetAfter, 1)] {
        let (server, alloc) = server().await;
        server
            .agent()
            .faults()
            .add(Rule::on("/restart", fault.clone()).nth(1));
        let target = format!("/v1/client/allocation/{alloc}/restart");
        let mut client = Client::connect(&server).await;
        let error = client.ask("PUT", &target, "").await.expect_err("reset");
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{fault:?}"
        );
        let cluster = server.agent().cluster().clone();
        let accepted = cluster.read_truth(|truth| truth.restarts(&alloc).count());
        assert_eq!(accepted, effect, "{fault:?}");
        // Other connections live on.
        let mut client = Client::connect(&server).await;
        let answer = client.ask("GET", "/v1/jobs", "").await.expect("answered");
        assert_eq!(answer.status, 200);
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_cut_body_ends_the_connection() {
    let (server, _) = server().await;
    server
        .agent()
        .faults()
        .add(Rule::on("/v1/job/example", Fault::Cut(100)));
    server
        .agent()
        .faults()
        .add(Rule::on("/v1/jobs", Fault::Cut(100)));
    for target in ["/v1/job/example", "/v1/jobs"] {
        let mut client = Client::connect(&server).await;
        let error = client.ask("GET", target, "").await.expect_err("cut");
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{target}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_take_its_restart_back() {
    let (server, alloc) = server().await;
    let cluster = server.agent().cluster().clone();
    let mut client = Client::connect(&server).await;
    let target = format!("/v1/client/allocation/{alloc}/restart");
    client.send("PUT", &target, "").await;
    // The call has arrived when it is in the record.
    while server.agent().requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(client);
    let seen = cluster.until(|state| {
        let states = state.allocation(&alloc)?.task_states.as_ref()?;
        states.values().any(|task| task.restarts == 1).then_some(())
    });
    tokio::time::timeout(LIMIT, seen).await.expect("restarted");
    server.shutdown().await;
}

#[tokio::test]
async fn shutting_down_cuts_open_calls_and_frees_the_port() {
    let (server, _) = server().await;
    let addr = server.addr;
    let mut client = Client::connect(&server).await;
    client.send("GET", "/v1/nodes?index=1000000", "").await;
    while server.agent().requests().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(LIMIT, server.shutdown())
        .await
        .expect("in time");
    let ended = tokio::time::timeout(LIMIT, client.response())
        .await
        .expect("in time");
    assert!(ended.is_err());
    assert!(TcpStream::connect(addr).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_serves_the_same() {
    let name = format!("nomad-sim-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    // Left over from a process that had this id before.
    let _absent = std::fs::remove_file(&path);
    let agent = Agent::new(demo::cluster(11));
    let server = serve_unix(agent, &path).expect("a socket");
    let stream = tokio::net::UnixStream::connect(&path).await;
    let mut client = Client::over(stream.expect("connected"));
    let missing = client.ask("GET", "/v1/job/nope", "").await;
    assert_eq!(missing.expect("answered").body, b"job not found");
    let rule = Rule::on("/v1/jobs", Fault::ResetBefore);
    server.agent().faults().add(rule);
    assert!(client.ask("GET", "/v1/jobs", "").await.is_err());
    server.shutdown().await;
    std::fs::remove_file(&path).expect("removed");
}
