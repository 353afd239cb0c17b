//! The calls: what they send, and what they read beside the answer.

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
    client
        .allocations("team/web", None, |_| None)
        .await
        .unwrap();
    client
        .allocations("web", Some(WAIT), |_| None)
        .await
        .unwrap();
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
    let list = client.allocations("web", None, |_| None).await.unwrap();
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
        let list = client.allocations("web", None, |_| None).await.unwrap();
        assert_eq!((list.index, list.date), (0, None));
        assert_eq!(client.jobs("", None).await.unwrap().next, None);
    }
}
