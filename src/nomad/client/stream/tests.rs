//! Opening an event stream: the request, what proves that it is open, and its lines in any chunks.

use http::header::ACCEPT_ENCODING;

use super::*;
use crate::nomad::client::tests::client;
use crate::nomad::events::StreamEvent;
use crate::nomad::script::Step;

const HOUR: Duration = Duration::from_secs(3600);

/// A stream that sends this at once and then nothing for an hour.
fn open(text: &'static str) -> Step {
    Step::answer(200, text).and(HOUR, "{}\n")
}

#[tokio::test(start_paused = true)]
async fn the_request() {
    let (client, script) = client([open("{}\n")]);
    client.events("web/a", StartAt::Index(0)).await.unwrap();
    client.events("web/a", StartAt::Index(7)).await.unwrap();
    client.events("web/a", StartAt::Now).await.unwrap();
    let requests = script.requests();
    let topics = "topic=Allocation%3Aweb%2Fa&topic=Deployment%3Aweb%2Fa&topic=Evaluation%3Aweb%2Fa&topic=Job%3Aweb%2Fa";
    let expected = ["1", "7", "281474976710656"].map(|index| {
        format!("GET /v1/event/stream?index={index}&namespace=prod&region=eu&{topics}")
    });
    assert_eq!(requests, expected);
    // Compressed lines would be held back until there are enough of them.
    script.last(|request| assert_eq!(request.headers()[ACCEPT_ENCODING], "identity"));
}

#[tokio::test(start_paused = true)]
async fn it_is_open_with_its_first_line() {
    // Refused ones are answered as well, and stay open.
    let (silent, _) = client([Step::answer(200, "").and(HOUR, "{}\n")]);
    let began = Instant::now();
    let error = silent.events("web", StartAt::Now).await.unwrap_err();
    assert!(matches!(error, NoStream::Silent), "{error}");
    assert_eq!(began.elapsed().as_secs(), 5);

    let (late, _) = client([open("{}\n").after(Duration::from_secs(4))]);
    late.events("web", StartAt::Now).await.unwrap();

    for (step, said) in [
        (
            Step::answer(403, "Permission denied"),
            "Unexpected response code: 403 (Permission denied)",
        ),
        (Step::answer(200, ""), "it was closed"),
        (Step::answer(200, "ACL token expired"), "ACL token expired"),
        (Step::answer(200, "{").and_break(), "it did not work"),
    ] {
        let (client, _) = client([step]);
        let error = client.events("web", StartAt::Now).await.unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test(start_paused = true)]
async fn lines_come_in_any_chunks_and_the_first_is_not_lost() {
    let soon = Duration::from_millis(5);
    let step = Step::answer(
        200,
        "{\"Index\":7,\"Events\":[{\"Index\":7}]}\n{\"Events\":[{\"Ind",
    )
    .and(soon, "ex\":8}],\"Index\":8}\n{}")
    .and(soon, "\nclosed");
    let (client, _) = client([step]);
    let mut stream = client.events("web", StartAt::Now).await.unwrap();
    let line = |index| {
        Line::Event(Box::new(StreamEvent {
            index,
            ..StreamEvent::default()
        }))
    };
    for expected in [
        Some(line(7)),
        Some(line(8)),
        Some(Line::Heartbeat),
        Some(Line::Reason("closed".to_owned())),
        None,
    ] {
        assert_eq!(stream.line().await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_takes_the_place_of_one_read() {
    let (client, _) = client([open("{}\n")]);
    let stream = client.events("web", StartAt::Now).await.unwrap();
    let others = client.split().reads - 1;
    let mut permits = Vec::new();
    for _ in 0..others {
        permits.push(client.limiter.read().await);
    }
    let one_more = tokio::time::timeout(HOUR, client.limiter.read());
    one_more.await.unwrap_err();
    drop(stream);
    client.limiter.read().await.give_back().await;
}

#[tokio::test(start_paused = true)]
async fn there_is_none_for_an_id_with_a_colon() {
    let (client, script) = client([open("{}\n")]);
    let error = client.events("a:b", StartAt::Now).await.unwrap_err();
    assert!(matches!(error, NoStream::Never), "{error}");
    assert!(script.requests().is_empty());
}
