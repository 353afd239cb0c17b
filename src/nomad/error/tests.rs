//! What errors say and what they mean.

use serde_json::Value;

use super::*;

fn api(status: u16, body: &str) -> ReadError {
    ReadError::Api(ApiError {
        status: StatusCode::from_u16(status).unwrap(),
        body: body.to_owned(),
    })
}

fn send(kind: SendErrorKind) -> ReadError {
    ReadError::Send(SendError {
        kind,
        text: "it did not work".to_owned(),
    })
}

/// One letter for what a failed write means.
fn meaning(error: ReadError) -> char {
    match CallError::of_write(error) {
        CallError::NotSent(_) => 'N',
        CallError::Refused(_) => 'R',
        CallError::Unknown(_) => 'U',
        CallError::Garbled(_) => 'G',
    }
}

#[test]
fn what_failed_writes_mean() {
    // D58
    for (error, expected) in [
        (send(SendErrorKind::Connect), 'N'),
        (send(SendErrorKind::Unsent), 'N'),
        (send(SendErrorKind::Broken), 'U'),
        (send(SendErrorKind::TimedOut), 'U'),
        (
            api(429, "Your IP is issuing too many concurrent connections"),
            'N',
        ),
        (api(500, "No cluster leader"), 'N'),
        (
            api(500, "rpc error: Not ready to serve consistent reads"),
            'N',
        ),
        (api(400, "Invalid wait time"), 'R'),
        (api(403, "Permission denied"), 'R'),
        (api(404, "No path to node"), 'R'),
        (api(404, ""), 'R'),
        (api(307, ""), 'R'),
        (api(500, "rpc error: Unknown allocation \"x\""), 'R'),
        (api(500, "Unknown node x"), 'R'),
        (api(500, "restart of an alloc that should not run"), 'R'),
        (api(500, "rpc error: ACL token expired"), 'R'),
        // The agent of the node died under the call: the task may have been killed.
        (api(500, "EOF"), 'U'),
        (api(500, "rpc error: EOF"), 'U'),
        (api(500, "rpc error: session shutdown"), 'U'),
        (
            api(
                500,
                "1 error occurred:\n\t* failed to restart task web: timeout",
            ),
            'U',
        ),
        (api(500, ""), 'U'),
        (api(502, "Task not running"), 'U'),
        (api(503, ""), 'U'),
        (api(504, ""), 'U'),
        (api(202, ""), 'U'),
        (
            ReadError::Request(RequestError::PathSegment("..".to_owned())),
            'R',
        ),
    ] {
        let about = format!("{error:?}");
        assert_eq!(meaning(error), expected, "{about}");
    }
}

#[test]
fn what_can_be_read_again() {
    for (error, expected) in [
        (send(SendErrorKind::Broken), true),
        (api(429, ""), true),
        (api(500, "No cluster leader"), true),
        (api(500, "rpc error: failed to get conn: dial tcp"), true),
        (api(500, "EOF"), true),
        (api(502, ""), true),
        (api(500, "Unknown allocation \"x\""), false),
        (api(500, "rpc error: No path to region"), false),
        (api(500, "ACL token expired"), false),
        (api(400, "Invalid index"), false),
        (api(403, "Permission denied"), false),
        (api(404, "job not found"), false),
        (api(301, ""), false),
    ] {
        assert_eq!(error.is_retryable(), expected, "{error:?}");
    }
}

#[test]
fn texts() {
    for (status, body, expected) in [
        (
            403,
            "Permission denied",
            "Unexpected response code: 403 (Permission denied)",
        ),
        (500, "", "Unexpected response code: 500"),
        (
            404,
            "  job not found\n",
            "Unexpected response code: 404 (job not found)",
        ),
        (
            500,
            "no_shutdown_delay\u{1} value is not a boolean",
            "Unexpected response code: 500 (no_shutdown_delay value is not a boolean)",
        ),
        (
            500,
            "1 error occurred:\r\n\t* failed \u{1b}[31mto\u{1b}[0m restart",
            "Unexpected response code: 500 (1 error occurred:\n * failed [31mto[0m restart)",
        ),
        (
            502,
            "<html>\r\n<head><title>502 Bad\n Gateway</title></head>",
            "Unexpected response code: 502 (an HTML page, \"502 Bad Gateway\")",
        ),
        (
            504,
            "<!doctype html><p>",
            "Unexpected response code: 504 (an HTML page)",
        ),
    ] {
        assert_eq!(api(status, body).to_string(), expected);
    }
}

/// A proxy that does not know a path says nothing about what Nomad has.
#[test]
fn a_page_of_a_proxy_is_no_missing_object() {
    for body in [
        "",
        "<html><h1>404 Not Found</h1></html>",
        "404 page not found",
    ] {
        let error = api(404, body);
        assert!(!error.is_not_found(), "{body}");
        assert!(!error.is_retryable(), "{body}");
    }
}

/// Every error that was recorded, with what it is.
#[test]
fn recorded_errors() {
    let mut seen = 0;
    for line in include_str!("../../../tests/fixtures/errors.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let status = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
        let text = line["body"].as_str().unwrap();
        let call = line["call"].as_str().unwrap();
        let error = api(status, text);
        let answer = error.api().unwrap();
        let about = format!("{call} {status} {text}");

        // None of them goes away by asking again, but for a node's agent that has just died.
        assert_eq!(
            error.is_retryable(),
            status == 500 && is_open(text),
            "{about}"
        );
        let permission = text.contains("ermission denied")
            || text.contains("token expired")
            || text.contains("signed token")
            || text.contains("verify token");
        assert_eq!(error.is_permission_denied(), permission, "{about}");
        assert_eq!(
            answer.is_no_path_to_node(),
            text == "No path to node",
            "{about}"
        );
        let missing = text.contains("not found") || text.contains("Unknown allocation");
        assert_eq!(answer.is_not_found(), status == 404 && missing, "{about}");
        if matches!(call, "restart" | "stop") {
            let expected = if is_open(text) { 'U' } else { 'R' };
            assert_eq!(meaning(error), expected, "{about}");
        }
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

/// Texts after which something may have happened.
fn is_open(text: &str) -> bool {
    text == "EOF"
}

#[test]
fn a_denied_right_is_named() {
    let right = "; it takes a token with the capability \"read-job\"";
    for (status, body, namespace, expected) in [
        (403, "Permission denied", None, right.to_owned()),
        (403, "Permission denied", Some("*"), right.to_owned()),
        (
            403,
            "rpc error: Permission denied",
            Some("prod"),
            format!("{right} in namespace \"prod\""),
        ),
        // No capability helps a token that is none, and a proxy asks for something else.
        (403, "ACL token not found", None, String::new()),
        (500, "rpc error: ACL token expired", None, String::new()),
        (403, "<html>", None, String::new()),
        (404, "job not found", None, String::new()),
    ] {
        assert_eq!(api(status, body).right("read-job", namespace), expected);
    }
}
