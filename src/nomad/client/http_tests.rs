//! Single requests over HTTP, from the typed call down to the socket and back.

use std::sync::Arc;

use wiremock::matchers::{body_string, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::env::Env;
use crate::nomad::config::ConnectionFlags;
use crate::nomad::wire::Wire;

fn client(server: &MockServer) -> Client {
    let flags = ConnectionFlags {
        address: Some(server.uri()),
        region: Some("eu".to_owned()),
        namespace: Some("prod".to_owned()),
        token: Some("s3cret".to_owned()),
        ..ConnectionFlags::default()
    };
    let config = ClientConfig::resolve(&flags, &Env::default()).unwrap();
    let wire = Wire::new(&config, 6).unwrap();
    Client::new(&config, Arc::new(wire), 50).unwrap()
}

async fn always(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(query_param("namespace", "prod"))
        .and(query_param("region", "eu"))
        .and(header("x-nomad-token", "s3cret"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn a_restart() {
    let server = MockServer::start().await;
    Mock::given(method("PUT"))
        .and(path("/v1/client/allocation/a1/restart"))
        .and(query_param("namespace", "prod"))
        .and(header("x-nomad-token", "s3cret"))
        .and(body_string("{\"TaskName\":\"\",\"AllTasks\":true}\n"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{\"Index\":0}"))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    let permit = client.write_permit().await;
    let body = RestartBody {
        task_name: String::new(),
        all_tasks: true,
    };
    client.restart(permit, "a1", &body).await.unwrap();
}

#[tokio::test]
async fn a_list_with_headers() {
    let answer = ResponseTemplate::new(200)
        .insert_header("X-Nomad-Index", "118")
        .insert_header("Date", "Tue, 24 Nov 2026 08:00:58 GMT")
        .set_body_string("[{\"ID\":\"a1\"}]");
    let server = always(answer).await;
    let list = client(&server)
        .allocations("web", None, |_| None)
        .await
        .unwrap();
    assert_eq!((list.index, list.value.len(), list.bytes), (118, 1, 13));
    assert!(list.date.is_some());
}

// N12, N14: each kind of trouble is one sentence.
#[tokio::test]
async fn one_sentence_each() {
    let reading = |problem: &str, server: &MockServer| {
        format!(
            "the answer to Get \"{}/v1/job/web?namespace=prod&region=eu\" cannot be used: {problem}",
            server.uri()
        )
    };
    for (status, body, expected) in [
        (
            403,
            "Permission denied",
            Ok("Unexpected response code: 403 (Permission denied)"),
        ),
        (
            404,
            "job not found",
            Ok("Unexpected response code: 404 (job not found)"),
        ),
        (
            500,
            "No path to region",
            Ok("Unexpected response code: 500 (No path to region)"),
        ),
        (
            500,
            "No cluster leader",
            Ok("Unexpected response code: 500 (No cluster leader)"),
        ),
        (
            502,
            "<html><title>502 Bad Gateway</title>",
            Ok("Unexpected response code: 502 (an HTML page, \"502 Bad Gateway\")"),
        ),
        (429, "", Ok("Unexpected response code: 429")),
        (204, "", Ok("Unexpected response code: 204")),
        (
            200,
            "<!doctype html><title>Sign in</title>",
            Err(
                "it is an HTML page, \"Sign in\", not JSON; is there a Nomad agent at this address?",
            ),
        ),
        (
            200,
            "{\"ID\":\"web\",\"Ty",
            Err("it ends in the middle of the JSON"),
        ),
        (200, "", Err("it is empty")),
        (200, "null", Err("it is null")),
    ] {
        let server = always(ResponseTemplate::new(status).set_body_string(body)).await;
        let error = client(&server).job("web", None).await.unwrap_err();
        let expected = match expected {
            Ok(text) => text.to_owned(),
            Err(problem) => reading(problem, &server),
        };
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn what_errors_of_writes_mean() {
    for (status, body, refused, permission) in [
        (403, "Permission denied", true, true),
        (500, "rpc error: ACL token expired", true, true),
        (404, "No path to node", true, false),
        (500, "EOF", false, false),
        (504, "", false, false),
    ] {
        let server = always(ResponseTemplate::new(status).set_body_string(body)).await;
        let client = client(&server);
        let permit = client.write_permit().await;
        let error = client.stop(permit, "a1", false).await.unwrap_err();
        assert_eq!(matches!(error, CallError::Refused(_)), refused, "{error:?}");
        assert_eq!(
            matches!(error, CallError::Unknown(_)),
            !refused,
            "{error:?}"
        );
        let (CallError::Refused(cause) | CallError::Unknown(cause)) = error else {
            panic!("{error:?}");
        };
        assert_eq!(cause.is_permission_denied(), permission, "{cause:?}");
    }
}
