//! How many connections a client may have on TCP, and an agent that is away: recordings h01 and i, in real time.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Selector};
use nomad_sim::demo;
use nomad_sim::front::{Fault, Outage, Rule, Server};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::http::{Client, server};

/// Nothing here takes long; a test that hangs should say so.
const LIMIT: Duration = Duration::from_secs(20);

/// The figures of the recording whose note begins so.
fn recorded(note: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/recordings/h01-connection-limit.jsonl");
    let content = std::fs::read_to_string(path).expect("the recording is there");
    let mut lines = content
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines
        .find(|line: &Value| line["note"].as_str().is_some_and(|it| it.starts_with(note)))
        .expect("a line with this note")
}

/// Opens a connection, sends nothing, and reads what arrives until it is closed.
async fn silently(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.addr).await.expect("accepted");
    let mut seen = Vec::new();
    // A reset shows nothing more either.
    let _end = stream.read_to_end(&mut seen).await;
    String::from_utf8(seen).expect("text")
}

/// Waits until so many requests have arrived.
async fn arrived(server: &Server, number: usize) {
    let wait = async {
        while server.agent().requests().len() < number {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("in time");
}

/// A client of whose connections every place is taken, each used once.
async fn crowd(server: &Server, number: usize) -> Vec<Client<TcpStream>> {
    let mut crowd = Vec::new();
    for _ in 0..number {
        let mut client = Client::connect(server).await;
        let answer = client.ask("GET", "/v1/regions", "").await;
        assert_eq!(answer.expect("answered").status, 200);
        crowd.push(client);
    }
    crowd
}

#[tokio::test]
async fn the_101st_connection_is_turned_away_as_recorded() {
    let (server, _) = server().await;
    server.agent().limit_connections(Some(100));
    let mut crowd = crowd(&server, 100).await;
    let first = recorded("the 101st connection");
    assert_eq!(silently(&server).await, first["raw"]);
    // As recorded: five were told before, then of 300 the rest of the burst, and hardly any after that.
    for _ in 0..4 {
        assert!(silently(&server).await.starts_with("HTTP/1.1 429"));
    }
    let many = recorded("300 further connections");
    let mut told = 0;
    for _ in 0..300 {
        told += u64::from(!silently(&server).await.is_empty());
    }
    let recorded = many["answers"]["429"].as_u64().expect("a number");
    // Ten more a second: it takes its time on a busy machine.
    assert!((recorded..recorded + 60).contains(&told), "{told}");
    let old = crowd[0].ask("GET", "/v1/regions", "").await;
    assert_eq!(old.expect("an old connection goes on").status, 200);
    drop(crowd.pop());
    let again = async {
        loop {
            let mut client = Client::connect(&server).await;
            client.send("GET", "/v1/regions", "").await;
            if client.response().await.is_ok_and(|it| it.status == 200) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, again)
        .await
        .expect("one place is free");
    assert_eq!(server.agent().most_connections(), 100);
}

#[tokio::test]
async fn restart_calls_at_once_share_one_restart_and_the_rest_is_turned_away() {
    let figures = recorded("130 restart calls at once");
    let (server, alloc) = server().await;
    server.agent().limit_connections(Some(100));
    let cluster = server.agent().cluster().clone();
    cluster.behave(
        Selector::default().allocation(&alloc),
        Behaviour::dies_after(1_500_000_000),
    );
    let target = format!("/v1/client/allocation/{alloc}/restart");
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..130 {
        let mut client = Client::connect(&server).await;
        let target = target.clone();
        calls.spawn(async move {
            client.send("PUT", &target, "").await;
            client.response().await.map_or(0, |it| it.status)
        });
    }
    let answers = calls.join_all().await;
    let count = |status: u16| answers.iter().filter(|it| **it == status).count() as u64;
    assert_eq!(figures["answers"]["200 {\"Index\": 0}"], count(200));
    // The others are told, or find their connection gone.
    assert_eq!(count(429) + count(0), 30);
    let processes = cluster.read_truth(|truth| {
        let tasks = truth.allocations[&alloc].processes.values();
        tasks.map(Vec::len).max()
    });
    assert!(processes <= Some(2), "{processes:?}");
}

#[tokio::test]
async fn a_query_that_is_given_up_keeps_its_place_until_it_is_answered() {
    let (server, _) = server().await;
    server.agent().limit_connections(Some(10));
    let began = Instant::now();
    for number in 1..=10 {
        let mut client = Client::connect(&server).await;
        client
            .send("GET", "/v1/nodes?index=1000000&wait=2s", "")
            .await;
        // The server has read it before it sees the end.
        arrived(&server, number).await;
    }
    let free = async {
        loop {
            let mut client = Client::connect(&server).await;
            client.send("GET", "/v1/regions", "").await;
            if client.response().await.is_ok_and(|it| it.status == 200) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, free)
        .await
        .expect("places come back");
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn event_streams_take_no_place() {
    let (server, _) = server().await;
    server.agent().limit_connections(Some(5));
    let mut streams = Vec::new();
    for _ in 0..12 {
        let mut client = Client::connect(&server).await;
        client.send("GET", "/v1/event/stream?topic=Job", "").await;
        arrived(&server, streams.len() + 1).await;
        streams.push(client);
    }
    let mut client = Client::connect(&server).await;
    let answer = client.ask("GET", "/v1/regions", "").await;
    assert_eq!(answer.expect("let in").status, 200);
    assert_eq!(server.agent().turned_away(), 0);
}

#[tokio::test]
async fn a_connection_is_closed_without_a_byte_or_reset() {
    let (server, _) = server().await;
    let faults = server.agent().faults();
    faults.add(Rule::on("/v1/regions", Fault::Closed).nth(1));
    faults.add(Rule::on("/v1/regions", Fault::ResetBefore).nth(2));
    faults.add(Rule::on("/v1/regions", Fault::Busy).nth(3));
    let mut errors = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(&server).await;
        let answer = client.ask("GET", "/v1/regions", "").await;
        errors.push(answer.expect_err("no answer").kind());
    }
    assert_eq!(
        errors,
        [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset]
    );
    let mut client = Client::connect(&server).await;
    let busy = client.ask("GET", "/v1/regions", "").await.expect("told");
    assert_eq!(
        (busy.status, busy.header("connection")),
        (429, Some("close"))
    );
    client.send("GET", "/v1/regions", "").await;
    assert!(client.response().await.is_err(), "closed after that");
}

#[tokio::test]
async fn an_agent_that_is_down_refuses_connections_and_ends_open_calls() {
    // Recording i.
    let (server, alloc) = server().await;
    let agent = server.agent().clone();
    let stubborn = Behaviour::ignores_signal();
    agent
        .cluster()
        .behave(Selector::job(demo::EXAMPLE), stubborn);
    let mut query = Client::connect(&server).await;
    query
        .send("GET", "/v1/jobs?index=1000000&wait=60s", "")
        .await;
    let mut restart = Client::connect(&server).await;
    let target = format!("/v1/client/allocation/{alloc}/restart");
    restart.send("PUT", &target, "").await;
    arrived(&server, 2).await;
    agent.set_outage(Some(Outage::Down));
    for client in [&mut query, &mut restart] {
        let ended = client.response().await.expect_err("no answer");
        assert_eq!(ended.kind(), ErrorKind::UnexpectedEof);
    }
    let refused = async {
        loop {
            match TcpStream::connect(server.addr).await {
                Err(error) => break error.kind(),
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    };
    let refused = tokio::time::timeout(LIMIT, refused).await.expect("in time");
    assert_eq!(refused, ErrorKind::ConnectionRefused);
    agent.set_outage(None);
    let back = async {
        while TcpStream::connect(server.addr).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, back).await.expect("in time");
    let mut client = Client::connect(&server).await;
    let answer = client.ask("GET", "/v1/regions", "").await;
    assert_eq!(answer.expect("answered").status, 200);
}
