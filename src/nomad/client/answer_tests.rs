//! What the calls make of answers: lists in pieces, answers that cannot be used, errors, and none at all.

use std::sync::Arc;

use super::tests::*;
use super::*;
use crate::nomad::script::Step;
use crate::nomad::transport::SendErrorKind;

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
        let error = client.allocations("web", None, |_| None).await.unwrap_err();
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
async fn what_is_known_of_a_list_is_not_kept_twice() {
    let (client, _) = answering(r#"[{"ID":"a1"},{"ID":"a2"}]"#);
    let known = Arc::new(Allocation {
        id: "a2".into(),
        ..Allocation::default()
    });
    let same = |news: &Allocation| (&*news.id == "a2").then(|| Arc::clone(&known));
    let list = client.allocations("web", None, same).await.unwrap();
    assert_eq!(&*list.value[0].id, "a1");
    assert!(Arc::ptr_eq(&list.value[1], &known));
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
    let list = client.allocations("web", None, |_| None).await.unwrap();
    let ids: Vec<_> = list.value.iter().map(|one| &*one.id).collect();
    assert_eq!((ids, list.bytes), (vec!["a1", "a2"], 25));
    for _ in 0..3 {
        let error = client.allocations("web", None, |_| None).await.unwrap_err();
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
    let list = client.allocations("web", None, |_| None).await.unwrap();
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
