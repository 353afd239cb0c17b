//! The calls: what they send, what they make of answers, and how long they wait.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::nomad::script::{Script, Step};
use crate::nomad::transport::{FreshConnection, SendErrorKind};

pub(super) fn client(steps: impl IntoIterator<Item = Step>) -> (Client, Script) {
    let script = Script::new(steps);
    let config = ClientConfig {
        namespace: Some("prod".to_owned()),
        region: Some("eu".to_owned()),
        ..ClientConfig::default()
    };
    let client = Client::new(&config, Arc::new(script.clone()), 50).unwrap();
    (client, script)
}

pub(super) fn answering(body: &'static str) -> (Client, Script) {
    client([Step::answer(200, body)])
}

pub(super) async fn restart(client: &Client) -> Result<(), CallError> {
    let permit = client.write_permit().await;
    client.restart(permit, "a1", &RestartBody::default()).await
}

pub(super) async fn stop(client: &Client) -> Result<StopAnswer, CallError> {
    let permit = client.write_permit().await;
    client.stop(permit, "a1", false).await
}

pub(super) fn kind(error: &ReadError) -> SendErrorKind {
    match error {
        ReadError::Send(error) => error.kind,
        other => panic!("{other:?}"),
    }
}

pub(super) const WAIT: Wait = Wait {
    index: 0,
    wait: Duration::from_secs(30),
};

// N53: every call names the namespace and the region, parameters in alphabetical order.
#[tokio::test]
async fn what_is_sent() {
    let (client, script) = answering("[]");
    client.jobs("web", None).await.unwrap();
    client.jobs("", Some("prod.web")).await.unwrap();
    client.allocations("team/web", None).await.unwrap();
    client.allocations("web", Some(WAIT)).await.unwrap();
    client.blocked_evaluations("web", None).await.unwrap();
    client
        .blocked_evaluations(
            "web",
            Some(Wait {
                index: 7,
                wait: Duration::from_millis(1500),
            }),
        )
        .await
        .unwrap();
    client.blocked_evaluations("we\"b", None).await.unwrap();
    client.in_namespace("*").jobs("web", None).await.unwrap();
    assert_eq!(
        script.requests(),
        [
            "GET /v1/jobs?namespace=prod&per_page=100&prefix=web&region=eu",
            "GET /v1/jobs?namespace=prod&next_token=prod.web&per_page=100&region=eu",
            "GET /v1/job/team%2Fweb/allocations?all=false&namespace=prod&region=eu",
            "GET /v1/job/web/allocations?all=false&index=1&namespace=prod&region=eu&wait=30s",
            "GET /v1/evaluations?filter=JobID+%3D%3D+%22web%22+and+Status+%3D%3D+%22blocked%22&namespace=prod&region=eu",
            "GET /v1/evaluations?filter=JobID+%3D%3D+%22web%22+and+Status+%3D%3D+%22blocked%22&index=7&namespace=prod&region=eu&wait=1500ms",
            "GET /v1/job/we%22b/evaluations?namespace=prod&region=eu",
            "GET /v1/jobs?namespace=%2A&per_page=100&prefix=web&region=eu",
        ]
    );
    assert_eq!(client.namespace(), Some("prod"));
}

#[tokio::test]
async fn what_is_sent_for_single_objects() {
    let (client, script) = client([
        Step::answer(200, r#"{"ID":"web","Type":"service"}"#),
        Step::answer(200, r#"{"Versions":[]}"#),
        Step::answer(200, r#"{"ID":"a1"}"#),
        Step::answer(200, "null"),
    ]);
    client.job("web", None).await.unwrap();
    client.job_versions("web").await.unwrap();
    client.allocation("a1").await.unwrap();
    assert_eq!(client.deployment("web", None).await.unwrap().value, None);
    assert_eq!(
        script.requests(),
        [
            "GET /v1/job/web?namespace=prod&region=eu",
            "GET /v1/job/web/versions?diffs=false&namespace=prod&region=eu",
            "GET /v1/allocation/a1?namespace=prod&region=eu",
            "GET /v1/job/web/deployment?namespace=prod&region=eu",
        ]
    );
    assert!(script.last(|request| request.extensions().get::<FreshConnection>().is_none()));
}

#[tokio::test]
async fn writes_use_fresh_connections() {
    let (client, script) = answering(r#"{"Index":0}"#);
    let body = RestartBody {
        task_name: "app".to_owned(),
        all_tasks: false,
    };
    let permit = client.write_permit().await;
    client.restart(permit, "a1", &body).await.unwrap();
    script.last(|request| {
        assert_eq!(
            request.body(),
            "{\"TaskName\":\"app\",\"AllTasks\":false}\n"
        );
        assert!(request.extensions().get::<FreshConnection>().is_some());
    });
    stop(&client).await.unwrap();
    script.last(|request| assert!(request.body().is_empty()));
    let permit = client.write_permit().await;
    client.stop(permit, "a1", true).await.unwrap();
    assert_eq!(
        script.requests(),
        [
            "PUT /v1/client/allocation/a1/restart?namespace=prod&region=eu",
            "PUT /v1/allocation/a1/stop?namespace=prod&region=eu",
            "PUT /v1/allocation/a1/stop?namespace=prod&no_shutdown_delay=true&region=eu",
        ]
    );
}

#[tokio::test]
async fn evaluations_are_made_and_read() {
    let (client, script) = client([
        Step::answer(200, r#"{"EvalID":"e1","EvalCreateIndex":7,"Index":7}"#),
        Step::answer(200, r#"{"ID":"e1","Status":"failed"}"#),
        Step::answer(200, "{}"),
    ]);
    let permit = client.write_permit().await;
    let answer = client.evaluate(permit, "team/web").await.unwrap();
    assert_eq!((&*answer.eval_id, answer.index), ("e1", 7));
    // Without the job in the body the agent answers 400 before it looks at the token.
    script.last(|request| {
        assert_eq!(
            request.body(),
            "{\"JobID\":\"team/web\",\"EvalOptions\":{\"ForceReschedule\":false}}\n"
        );
    });
    let evaluation = client.evaluation("e1").await.unwrap().value;
    assert_eq!(evaluation.status, "failed");
    assert!(client.evaluation("e1").await.unwrap_err().is_garbled());
    assert_eq!(
        script.requests()[..2],
        [
            "PUT /v1/job/team%2Fweb/evaluate?namespace=prod&region=eu",
            "GET /v1/evaluation/e1?namespace=prod&region=eu",
        ]
    );
}

#[tokio::test]
async fn headers_are_read() {
    // N10
    let (client, _) = client([Step::answer(200, "[]")
        .header("x-nomad-index", "42")
        .header("x-nomad-nexttoken", "prod.web")
        .header("date", "Tue, 24 Nov 2026 08:00:58 GMT")]);
    let list = client.allocations("web", None).await.unwrap();
    assert_eq!((list.index, list.bytes), (42, 2));
    assert_eq!(list.date.unwrap().to_rfc3339(), "2026-11-24T08:00:58+00:00");
    let page = client.jobs("web", None).await.unwrap();
    assert_eq!(page.next.as_deref(), Some("prod.web"));
}

// N10
#[tokio::test]
async fn headers_that_are_missing_or_odd() {
    for step in [
        Step::answer(200, "[]"),
        Step::answer(200, "[]")
            .header("x-nomad-index", "many")
            .header("x-nomad-nexttoken", "")
            .header("date", "yesterday"),
    ] {
        let (client, _) = client([step]);
        let list = client.allocations("web", None).await.unwrap();
        assert_eq!((list.index, list.date), (0, None));
        assert_eq!(client.jobs("", None).await.unwrap().next, None);
    }
}

// N12
#[tokio::test]
async fn answers_that_cannot_be_used() {
    for (body, problem) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("null", "it is null"),
        ("[{\"ID\":\"a1\"", "it ends in the middle of the JSON"),
        ("[{\"ID\":\"", "it ends in the middle of the JSON"),
        ("[{}]", "an allocation in it has no ID"),
        (
            "<!DOCTYPE html><title>Sign in</title>",
            "it is an HTML page, \"Sign in\", not JSON; is there a Nomad agent at this address?",
        ),
        (
            "pong",
            "it is not JSON but begins with \"pong\"; is there a Nomad agent at this address?",
        ),
        (
            "\u{1b}[2Jgone \u{7}and a long text that goes on and on",
            "it is not JSON but begins with \"[2Jgone and a long text that goes on and\"; is there a Nomad agent at this address?",
        ),
        (
            "[{\"ID\":7}]",
            "it is not the JSON that was expected: invalid type: integer `7`, expected a string at line 1 column 8",
        ),
    ] {
        let (client, _) = answering(body);
        let error = client.allocations("web", None).await.unwrap_err();
        assert!(error.is_garbled() && error.is_retryable(), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "the answer to Get \"http://127.0.0.1:4646/v1/job/web/allocations?all=false&namespace=prod&region=eu\" cannot be used: {problem}"
            )
        );
    }
}

#[tokio::test]
async fn a_list_in_pieces() {
    let (client, _) = client([
        Step::answer(200, "[{\"ID\":\"a")
            .and(Duration::ZERO, "1\"},{\"ID\":\"a2\"}")
            .and(Duration::ZERO, "]"),
        // N12. What is lost on the way is told as that, whatever came before.
        Step::answer(200, "[{\"ID\":\"a1\"},").and_break(),
        Step::answer(200, "[{\"ID\":7},").and_break(),
        Step::answer(200, "<html>").and_break(),
    ]);
    let list = client.allocations("web", None).await.unwrap();
    let ids: Vec<_> = list.value.iter().map(|one| &*one.id).collect();
    assert_eq!((ids, list.bytes), (vec!["a1", "a2"], 25));
    for _ in 0..3 {
        let error = client.allocations("web", None).await.unwrap_err();
        assert_eq!(kind(&error), SendErrorKind::Broken);
    }
}

#[tokio::test]
async fn a_long_list_lets_others_have_their_turn() {
    let allocation = format!("{{\"ID\":\"a1\",\"Name\":\"{}\"}}", "x".repeat(9_000));
    let body = format!("[{}]", vec![allocation; 200].join(","));
    let size = body.len();
    let (client, _) = client([Step::answer(200, body)]);
    let turns = Arc::new(AtomicU64::new(0));
    let others = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            others.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let list = client.allocations("web", None).await.unwrap();
    other.abort();
    assert_eq!((list.value.len(), list.bytes), (200, size));
    // A turn for every 64 KiB.
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= 27, "{turns}");
}

// D22, N12
#[tokio::test]
async fn objects_without_an_identity() {
    for body in ["{}", r#"{"ID":"web"}"#, r#"{"Type":"service"}"#] {
        let (client, _) = answering(body);
        assert!(client.job("web", None).await.unwrap_err().is_garbled());
    }
    let (client, _) = answering("{}");
    assert!(client.allocation("a1").await.unwrap_err().is_garbled());
    for body in ["{}", r#"{"ID":"d1"}"#, r#"{"Status":"running"}"#] {
        let (client, _) = answering(body);
        let error = client.deployment("web", None).await.unwrap_err();
        assert!(error.is_garbled(), "{body}: {error}");
    }
}

#[tokio::test]
async fn only_blocked_evaluations_of_this_job() {
    let (client, _) = answering(
        r#"[{"ID":"1","JobID":"web","Status":"blocked"},{"ID":"2","JobID":"web-2","Status":"blocked"},{"ID":"3","JobID":"web","Status":"complete"}]"#,
    );
    let blocked = client.blocked_evaluations("web", None).await.unwrap().value;
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0].id, "1");
}

#[tokio::test]
async fn errors_are_cut_to_size() {
    // N65
    let (client, _) = client([Step::answer(500, vec![b'x'; 1_000_000])]);
    let text = client.job("web", None).await.unwrap_err().to_string();
    assert!(text.starts_with("Unexpected response code: 500 (xxx"));
    assert!(text.ends_with("x…)"), "{text}");
    assert!(text.chars().count() < 700);
}

// N12
#[tokio::test]
async fn a_web_page_instead_of_an_answer_to_a_write() {
    let (client, _) = answering("<html><title>Sign in</title></html>");
    for error in [
        restart(&client).await.unwrap_err(),
        stop(&client).await.unwrap_err(),
    ] {
        assert!(matches!(error, CallError::Garbled(_)), "{error:?}");
        assert!(
            error.to_string().contains("an HTML page, \"Sign in\""),
            "{error}"
        );
    }
}

#[tokio::test]
async fn refused_with_a_cut_text() {
    let (client, _) = client([Step::answer(403, "Permission den").and_break()]);
    let error = restart(&client).await.unwrap_err();
    assert!(
        matches!(&error, CallError::Refused(cause) if cause.is_permission_denied()),
        "{error:?}"
    );
}

#[tokio::test]
async fn calls_without_an_answer() {
    for (failure, unknown) in [
        (SendErrorKind::Connect, false),
        (SendErrorKind::Unsent, false),
        (SendErrorKind::Broken, true),
    ] {
        let (client, _) = client([Step::failure(failure)]);
        let error = client.job("web", None).await.unwrap_err();
        assert_eq!(kind(&error), failure);
        assert_eq!(
            error.to_string(),
            "Get \"http://127.0.0.1:4646/v1/job/web?namespace=prod&region=eu\": it did not work"
        );
        for error in [
            restart(&client).await.unwrap_err(),
            stop(&client).await.unwrap_err(),
        ] {
            assert_eq!(matches!(error, CallError::Unknown(_)), unknown, "{error:?}");
            assert_eq!(
                matches!(error, CallError::NotSent(_)),
                !unknown,
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn ids_that_no_path_can_hold() {
    let (client, script) = answering("{}");
    for id in ["", ".", ".."] {
        let error = client.job(id, None).await.unwrap_err();
        assert!(!error.is_retryable(), "{error:?}");
    }
    let permit = client.write_permit().await;
    let error = client.stop(permit, "..", false).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(_)), "{error:?}");
    assert_eq!(script.requests(), [""; 0]);
}
