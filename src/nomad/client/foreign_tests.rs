//! Answers that nobody should give, to every call: any status, any headers, any body, in any pieces, cut anywhere.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::tests::{WAIT, restart, stop};
use super::*;
use crate::nomad::script::{Script, Step};
use crate::nomad::secret::Secret;

const TOKEN: &str = "8a1b2c3d-0000-4000-8000-123456789abc";

/// No message is longer, whatever an answer holds: the request, the server's words (600 characters of at most four bytes), and ours.
const LONGEST: usize = 4096;

/// Statuses that mean something to the program, and any other.
fn status() -> impl Strategy<Value = u16> {
    let known = [
        200, 200, 200, 301, 307, 400, 401, 403, 404, 405, 429, 500, 500, 502, 503, 504,
    ];
    prop_oneof![prop::sample::select(known.to_vec()), 100_u16..1000]
}

/// What a header can hold on the wire.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..40),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        prop::sample::select(vec![
            "-1",
            "+7",
            "18446744073709551616",
            "1e9",
            "0",
            "",
            "Tue, 24 Nov 2026 08:02:16 GMT",
            "Tue, 31 Feb 2026 08:02:16 GMT",
            "Tue, 24 Nov 99999 25:61:61 GMT",
            "default.web",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

const HEADERS: [&str; 6] = [
    "x-nomad-index",
    "x-nomad-nexttoken",
    "x-nomad-lastcontact",
    "date",
    "retry-after",
    "content-length",
];

/// Bodies: any bytes, texts of errors with anything around them, long ones, deep ones, and the beginnings of what is expected.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "Permission denied",
        "No cluster leader",
        "alloc not found",
        "<!DOCTYPE html><title>Bad Gateway</title>",
        "rpc error: ",
        "\u{1b}[2J\u{202e}",
        "null",
        "[]",
        "{}",
        "[null]",
        "[{}]",
        r#"{"ID":"a","TaskStates":{"app":{"Events":[{"Time":-1}]}}}"#,
        r#"{"ID":"j","TaskGroups":[{"Name":"g","Count":-1,"Tasks":[null]}]}"#,
        r#"{"EvalID":7}"#,
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        (words, ".{0,20}").prop_map(|(word, rest)| format!("{word}{rest}").into_bytes()),
        (any::<u8>(), 60_000_usize..300_000).prop_map(|(byte, length)| vec![byte; length]),
        (
            prop::sample::select(vec!["[", r#"{"TaskStates":"#, r#"[{"Job":"#]),
            100_usize..20_000
        )
            .prop_map(|(start, depth)| start.repeat(depth).into_bytes()),
    ]
}

#[derive(Clone, Debug)]
struct Foreign {
    status: u16,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    pieces: usize,
    breaks: bool,
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let header = (prop::sample::select(HEADERS.to_vec()), header_value());
    let headers = prop::collection::vec(header, 0..4);
    (status(), headers, body(), 1_usize..4, any::<bool>()).prop_map(
        |(status, headers, body, pieces, breaks)| Foreign {
            status,
            headers,
            body,
            pieces,
            breaks,
        },
    )
}

impl Foreign {
    fn step(&self) -> Step {
        let size = self.body.len().div_ceil(self.pieces).max(1);
        let mut step = Step::answer(self.status, "");
        for (name, value) in &self.headers {
            step = step.raw_header(name, value);
        }
        for piece in self.body.chunks(size) {
            step = step.and(Duration::ZERO, piece.to_vec());
        }
        if self.breaks { step.and_break() } else { step }
    }
}

/// A result's text; empty for a success.
fn told<T>(result: Result<T, impl std::fmt::Display>) -> String {
    result
        .err()
        .map_or_else(String::new, |error| error.to_string())
}

/// What every call says of one and the same answer.
async fn asked(client: &Client) -> Vec<String> {
    let permit = client.write_permit().await;
    vec![
        told(client.jobs("web", None).await),
        told(client.job("web", Some(WAIT)).await),
        told(client.job_versions("web").await),
        told(client.allocations("web", Some(WAIT), |_| None).await),
        told(client.allocation("a1").await),
        told(client.deployment("web", None).await),
        told(client.blocked_evaluations("web", None).await),
        told(client.evaluation("e1").await),
        told(client.nodes().await),
        told(client.evaluate(permit, "web").await),
        told(restart(client).await),
        told(stop(client).await),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    // N12, D70: it is read or refused, in a message that is short whatever came, harms no terminal, and holds no secret.
    #[test]
    fn whatever_is_answered(foreign in foreign()) {
        let config = ClientConfig { token: Some(Secret::new(TOKEN)), ..ClientConfig::default() };
        let script = Script::new([foreign.step()]);
        let client = Client::new(&config, Arc::new(script), 50).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for text in runtime.block_on(asked(&client)) {
            prop_assert!(text.len() <= LONGEST, "{} bytes: {}", text.len(), &text[..200]);
            prop_assert!(!text.contains(TOKEN));
            let harmless = |c: char| c == '\n' || !c.is_control();
            prop_assert!(text.chars().all(harmless), "{text:?}");
        }
    }

    // What another status than 200 answers is never taken for done.
    #[test]
    fn other_statuses_are_no_success(status in status().prop_filter("done", |status| *status != 200), body in body()) {
        let foreign = Foreign { status, headers: Vec::new(), body, pieces: 1, breaks: false };
        let client = Client::new(&ClientConfig::default(), Arc::new(Script::new([foreign.step()])), 50).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for text in runtime.block_on(asked(&client)) {
            prop_assert!(!text.is_empty());
        }
    }
}
