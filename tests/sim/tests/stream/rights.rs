//! Who may read what, what a refusal looks like, and what becomes of a stream whose right is gone.

use std::time::Duration;

use nomad_sim::api::{Acl, Token};
use nomad_sim::front::MemoryFront;
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::support::{Got, front_of, open_as};

const SECOND: Duration = Duration::from_secs(1);
const MANAGER: &str = "00000000-2222-3333-4444-555555555555";
const READER: &str = "11111111-2222-3333-4444-555555555555";
const LISTER: &str = "22222222-2222-3333-4444-555555555555";
const PROD: &str = "33333333-2222-3333-4444-555555555555";
const NODES: &str = "44444444-2222-3333-4444-555555555555";
const EVERYWHERE: &str = "55555555-2222-3333-4444-555555555555";
const EXPIRED: &str = "66666666-2222-3333-4444-555555555555";
const UNKNOWN: &str = "77777777-2222-3333-4444-555555555555";

fn tokens() -> Acl {
    Acl::new()
        .with(MANAGER, Token::management("manager"))
        .with(READER, Token::named("reader").allow("default", "read-job"))
        .with(
            LISTER,
            Token::named("lister")
                .allow("default", "list-jobs")
                .allow("default", "submit-job"),
        )
        .with(PROD, Token::named("prod").policy("prod", "write"))
        .with(NODES, Token::named("nodes").node_read())
        .with(EVERYWHERE, Token::named("everywhere").policy("*", "read"))
        .with(EXPIRED, Token::management("expired").expired())
}

async fn guarded() -> MemoryFront {
    guarded_of(Version::default()).await
}

async fn guarded_of(version: Version) -> MemoryFront {
    let front = front_of(version).await;
    front.agent().create_namespace("prod", "");
    front.agent().set_acl(Some(tokens()));
    front
}

const JOB: &str = "topic=Allocation:web&topic=Evaluation:web&topic=Deployment:web&topic=Job:web";
const QUERIES: [&str; 5] = [
    JOB,
    "topic=Allocation",
    "",
    "topic=Node",
    "topic=Allocation:web&namespace=*",
];

/// Recording g: each of its tokens with each of its streams.
#[tokio::test(start_paused = true)]
async fn each_topic_needs_its_right() {
    let front = guarded().await;
    for (token, allowed) in [
        ("", [false, false, false, false, false]),
        (UNKNOWN, [false, false, false, false, false]),
        ("no-uuid", [false, false, false, false, false]),
        (EXPIRED, [false, false, false, false, false]),
        (LISTER, [false, false, false, false, false]),
        (READER, [true, true, false, false, false]),
        (PROD, [false, false, false, false, false]),
        (NODES, [false, false, false, true, false]),
        (EVERYWHERE, [true, true, false, false, true]),
        (MANAGER, [true, true, true, true, true]),
    ] {
        for (query, allowed) in QUERIES.into_iter().zip(allowed) {
            let mut stream = open_as(&front, query, token).await;
            assert_eq!(stream.status, 200);
            let first = stream.next(Duration::from_millis(10)).await;
            let expected = if allowed {
                Got::Line(json!({}))
            } else {
                Got::Nothing
            };
            assert_eq!(first, expected, "{token} {query}");
        }
        let answer = open_as(&front, "topic=Allocation:a:b", token).await;
        assert_eq!(answer.status, 400, "parameters are looked at first");
    }
}

#[tokio::test(start_paused = true)]
async fn namespaces_that_come_later_are_not_in_a_stream_over_all() {
    let front = guarded().await;
    let mut stream = open_as(&front, "topic=Job&namespace=*&index=1000000", EVERYWHERE).await;
    stream.lines(SECOND).await;
    front.agent().create_namespace("new", "");
    for namespace in ["new", "prod"] {
        let mut job = super::support::job("web", 1);
        job["Namespace"] = json!(namespace);
        front.agent().cluster().register(&job).expect("registered");
    }
    let lines = stream.lines(Duration::from_secs(10)).await;
    let events: Vec<&Value> = lines
        .iter()
        .filter_map(|line| line["Events"].as_array())
        .flatten()
        .collect();
    assert!(!events.is_empty());
    assert!(events.iter().all(|event| event["Namespace"] == "prod"));
}

/// Silence, and an end of the connection at some later time (recording g).
#[tokio::test(start_paused = true)]
async fn a_stream_whose_right_is_gone_falls_silent() {
    type Take = fn(&MemoryFront);
    let ways: [(&str, Take, bool); 6] = [
        (
            "revoked",
            |front| assert!(front.agent().revoke(READER)),
            true,
        ),
        (
            "expired",
            |front| assert!(front.agent().expire(READER)),
            true,
        ),
        (
            "another token revoked",
            |front| assert!(front.agent().revoke(PROD)),
            false,
        ),
        (
            "policy without read-job",
            |front| {
                let token = Token::named("reader").allow("default", "list-jobs");
                front.agent().set_acl(Some(tokens().with(READER, token)));
            },
            true,
        ),
        (
            "policy that still has it",
            |front| {
                let token = Token::named("reader").policy("default", "write");
                front.agent().set_acl(Some(tokens().with(READER, token)));
            },
            false,
        ),
        (
            "access control off",
            |front| front.agent().set_acl(None),
            false,
        ),
    ];
    for (way, take, silent) in ways {
        let front = guarded().await;
        let mut stream = open_as(&front, &format!("{JOB}&index=1000000"), READER).await;
        assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
        stream.lines(SECOND).await;
        take(&front);
        front
            .agent()
            .cluster()
            .evaluate("default", "web", false)
            .expect("evaluated");
        let lines = stream.lines(SECOND).await.len();
        assert_eq!(lines == 0, silent, "{way}");
        let next = stream.next(Duration::from_secs(60)).await;
        let expected = if silent {
            Got::End(String::new())
        } else {
            Got::Line(json!({}))
        };
        assert_eq!(next, expected, "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_broker_is_silent() {
    let front = guarded().await;
    front.agent().enable_event_broker(false);
    let mut stream = open_as(&front, JOB, MANAGER).await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.next(SECOND).await, Got::Nothing);
    let told = |value: &Value| value["config"]["Server"]["EnableEventBroker"].clone();
    let agent = super::support::get_as(&front, "/v1/agent/self", MANAGER).await;
    assert_eq!(told(&agent), false);
    front.agent().enable_event_broker(true);
    let agent = super::support::get_as(&front, "/v1/agent/self", MANAGER).await;
    assert_eq!(told(&agent), true);
    let mut stream = open_as(&front, JOB, MANAGER).await;
    assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
}

/// Before 1.11.2 (recordings g and w of 1.6.10, 1.8.4 and 1.10.5).
#[tokio::test(start_paused = true)]
async fn older_servers_refuse_in_the_ordinary_way() {
    let (json, text) = ("application/json", "text/plain; charset=utf-8");
    for (version, mime, no_right) in [
        (Version::V1_6, json, 500),
        (Version::V1_8, json, 500),
        (Version::V1_10, text, 403),
    ] {
        let front = guarded_of(version).await;
        for (token, status) in [
            ("", no_right),
            (UNKNOWN, 403),
            (EXPIRED, 403),
            (LISTER, no_right),
            (PROD, no_right),
        ] {
            let mut answer = open_as(&front, JOB, token).await;
            for (name, expected) in [
                ("content-type", mime),
                ("cache-control", "no-cache"),
                ("content-length", "17"),
            ] {
                let value = answer.headers.get(name).map(http::HeaderValue::as_bytes);
                assert_eq!(value, Some(expected.as_bytes()), "{version:?} {token}");
            }
            assert_eq!(answer.status, status, "{version:?} {token}");
            assert_eq!(answer.rest().await, "Permission denied");
        }
    }
}

/// A hole of 1.6 and 1.8: a right in one namespace is enough for the events of all.
#[tokio::test(start_paused = true)]
async fn old_servers_show_all_namespaces_to_who_may_read_one() {
    for (version, status) in [
        (Version::V1_6, 200),
        (Version::V1_8, 200),
        (Version::V1_10, 403),
    ] {
        let front = guarded_of(version).await;
        let mut stream = open_as(&front, "topic=Job:web&namespace=*", PROD).await;
        assert_eq!(stream.status, status, "{version:?}");
        if status == 200 {
            let lines = stream.lines(SECOND).await;
            let seen = |line: &Value| line["Events"][0]["Namespace"] == "default";
            assert!(lines.iter().any(seen));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn older_servers_tell_why_a_stream_ends() {
    for version in [Version::V1_6, Version::V1_8, Version::V1_10] {
        let front = guarded_of(version).await;
        let mut stream = open_as(&front, &format!("{JOB}&index=1000000"), READER).await;
        stream.lines(SECOND).await;
        front.agent().revoke(READER);
        let end = stream.next(SECOND).await;
        let told = "subscription closed by server, client should resubscribe";
        assert_eq!(end, Got::End(told.to_owned()), "{version:?}");
    }
}
