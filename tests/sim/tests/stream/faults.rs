//! How a stream is lost on the way, by plan or by order.

use std::time::Duration;

use nomad_sim::front::{After, Broken, Fault, MemoryFront, Outage, Rule, StreamEnd, StreamFault};
use nomad_sim::model::Version;
use serde_json::json;
use tokio::time::Instant;

use super::support::{Got, front, front_of, newest, open, shortened};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

async fn with(fault: Fault) -> MemoryFront {
    let front = front().await;
    let rule = Rule::on("/v1/event/stream", fault).nth(1);
    front.agent().faults().add(rule);
    front
}

fn planned(after: After, end: StreamEnd) -> Fault {
    Fault::Stream(StreamFault::End(after, end))
}

#[tokio::test(start_paused = true)]
async fn streams_end_after_so_many_lines() {
    for lines in [0, 1, 4] {
        for (end, seen) in [
            (StreamEnd::Silent, Got::Nothing),
            (StreamEnd::Closed, Got::End(String::new())),
            (StreamEnd::Reset, Got::Broken(Broken::Reset)),
        ] {
            let front = with(planned(After::Lines(lines), end)).await;
            let mut stream = open(&front, "topic=*").await;
            assert_eq!(stream.status, 200);
            for _ in 0..lines {
                assert!(matches!(stream.next(SECOND).await, Got::Line(_)));
            }
            assert_eq!(stream.next(HOUR).await, seen, "{end:?} after {lines}");
            // The next one is not concerned.
            let mut stream = open(&front, "topic=*").await;
            assert!(stream.lines(SECOND).await.len() > 5);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn streams_end_after_some_time() {
    let front = with(planned(
        After::Time(Duration::from_secs(45)),
        StreamEnd::Closed,
    ))
    .await;
    let start = Instant::now();
    let mut stream = open(&front, "topic=Allocation:nothing").await;
    assert_eq!(stream.next(HOUR).await, Got::Line(json!({})));
    assert_eq!(stream.next(HOUR).await, Got::Line(json!({})));
    assert_eq!(stream.next(HOUR).await, Got::End(String::new()));
    assert_eq!(start.elapsed(), Duration::from_secs(45));
}

#[tokio::test(start_paused = true)]
async fn a_line_can_be_cut_in_the_middle() {
    let front = with(planned(After::Lines(3), StreamEnd::HalfLine)).await;
    let mut stream = open(&front, "topic=*").await;
    for _ in 0..3 {
        assert!(matches!(stream.next(SECOND).await, Got::Line(_)));
    }
    let Got::End(half) = stream.next(SECOND).await else {
        panic!("no end")
    };
    assert!(half.starts_with("{\"Events\":[{"), "{half}");
    assert!(serde_json::from_str::<serde_json::Value>(&half).is_err());
}

#[tokio::test(start_paused = true)]
async fn faults_of_all_bodies_work_on_streams() {
    for (fault, seen) in [
        // The second line is an event's; the end of the connection tells nothing.
        (Fault::Cut(10), Got::End("{\"Event".to_owned())),
        (Fault::StallAfter(10), Got::Nothing),
    ] {
        let front = with(fault.clone()).await;
        let mut stream = open(&front, "topic=*").await;
        assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
        assert_eq!(stream.next(HOUR).await, seen, "{fault:?}");
    }
    let front = with(Fault::Drip(1, Duration::from_millis(10))).await;
    let start = Instant::now();
    let mut stream = open(&front, "topic=*").await;
    assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
    assert_eq!(start.elapsed(), Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn lines_can_be_late_without_holding_others_up() {
    let late = Duration::from_secs(7);
    let front = with(Fault::Stream(StreamFault::Late(late))).await;
    let start = Instant::now();
    let mut stream = open(&front, "topic=Evaluation:web&index=1000000").await;
    for wait in [1, 2] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        let cluster = front.agent().cluster();
        cluster
            .evaluate("default", "web", false)
            .expect("evaluated");
    }
    assert_eq!(stream.next(HOUR).await, Got::Line(json!({})));
    assert_eq!(start.elapsed(), late);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let Got::Line(line) = stream.next(HOUR).await else {
            panic!("no line")
        };
        if line["Events"][0]["Payload"]["Evaluation"]["Status"] == "pending" {
            seen.push(start.elapsed().as_secs());
        } else if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(seen, [8, 10]);
}

#[tokio::test(start_paused = true)]
async fn open_streams_end_on_order() {
    for (end, seen) in [
        (StreamEnd::Silent, Got::Nothing),
        (StreamEnd::Closed, Got::End(String::new())),
        (StreamEnd::Reset, Got::Broken(Broken::Reset)),
    ] {
        let front = front().await;
        let mut streams = [
            open(&front, "topic=Job:web").await,
            open(&front, "topic=Allocation:web").await,
        ];
        for stream in &mut streams {
            stream.lines(SECOND).await;
        }
        front.agent().end_streams(end);
        for stream in &mut streams {
            assert_eq!(stream.next(HOUR).await, seen, "{end:?}");
        }
    }
    // In the middle of whatever comes next.
    let front = front().await;
    let mut stream = open(&front, "topic=Evaluation:web&index=1000000").await;
    stream.lines(SECOND).await;
    front.agent().end_streams(StreamEnd::HalfLine);
    assert_eq!(
        stream.next(Duration::from_secs(40)).await,
        Got::Line(json!({}))
    );
    front
        .agent()
        .cluster()
        .evaluate("default", "web", false)
        .expect("evaluated");
    assert!(matches!(stream.next(SECOND).await, Got::End(half) if half.starts_with('{')));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_can_still_be_closed() {
    let front = with(planned(After::Lines(1), StreamEnd::Silent)).await;
    let mut stream = open(&front, "topic=*").await;
    stream.lines(SECOND).await;
    front.agent().end_streams(StreamEnd::Reset);
    assert_eq!(stream.next(SECOND).await, Got::Broken(Broken::Reset));
}

/// Recording i: the stream ends with the agent and replays what was before when it is back.
#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_closes_its_streams() {
    let front = front().await;
    let mut stream = open(&front, "topic=Job:web").await;
    let before = stream.lines(SECOND).await;
    front.agent().set_outage(Some(Outage::Down));
    assert_eq!(stream.next(SECOND).await, Got::End(String::new()));
    front.agent().set_outage(None);
    let mut stream = open(&front, "topic=Job:web").await;
    assert_eq!(stream.lines(SECOND).await, before);
}

/// A server streams what it has itself.
#[tokio::test(start_paused = true)]
async fn a_stream_needs_no_leader() {
    let front = front().await;
    let mut old = open(&front, "topic=Job:web&index=1").await;
    old.lines(SECOND).await;
    front.agent().set_outage(Some(Outage::NoLeader));
    let mut new = open(&front, "topic=Job:web&index=1").await;
    assert_eq!(new.next(SECOND).await, Got::Line(json!({})));
    assert_eq!(
        old.next(Duration::from_secs(31)).await,
        Got::Line(json!({}))
    );
}

#[tokio::test(start_paused = true)]
async fn without_servers_there_is_silence() {
    let front = front().await;
    let mut old = open(&front, "topic=Job:web").await;
    old.lines(SECOND).await;
    front.agent().set_outage(Some(Outage::NoServers));
    let mut new = open(&front, "topic=Job:web").await;
    assert_eq!(new.status, 200);
    for stream in [&mut old, &mut new] {
        assert_eq!(
            stream.next(Duration::from_secs(60)).await,
            Got::End(String::new())
        );
    }
    let front = front_of(Version::V1_10).await;
    front.agent().set_outage(Some(Outage::NoServers));
    assert_eq!(open(&front, "topic=Job:web").await.status, 500);
}

/// A restored snapshot ends all subscriptions and empties the buffer; indexes go back.
#[tokio::test(start_paused = true)]
async fn restored_servers_have_an_empty_buffer_and_lower_indexes() {
    let front = front().await;
    let mut old = open(&front, "topic=Evaluation:web").await;
    old.lines(SECOND).await;
    front.agent().rewind(5);
    assert_eq!(
        old.next(Duration::from_secs(60)).await,
        Got::End(String::new())
    );
    let mut stream = open(&front, "topic=Evaluation:web").await;
    assert_eq!(stream.lines(SECOND).await, [json!({})]);
    let index = newest(&front) + 1;
    front
        .agent()
        .cluster()
        .evaluate("default", "web", false)
        .expect("evaluated");
    let Got::Line(line) = stream.next(SECOND).await else {
        panic!("no line")
    };
    assert_eq!(shortened(&line).0, index - 5);
    let payload = &line["Events"][0]["Payload"]["Evaluation"];
    assert_eq!(payload["CreateIndex"], index - 5);
    let mut stream = open(&front, &format!("topic=Evaluation:web&index={}", index - 5)).await;
    let lines = stream.lines(SECOND).await;
    assert_eq!(shortened(&lines[1]).0, index - 5);
}

#[tokio::test(start_paused = true)]
async fn streams_are_no_connections_since_they_take_theirs_over() {
    for (version, streams, others) in [
        (Version::V1_6, 2, 429),
        (Version::V1_10, 2, 429),
        (Version::V1_11_3, 20, 200),
    ] {
        let front = front_of(version).await;
        front.agent().limit_connections(Some(2));
        let mut open_ones = Vec::new();
        for _ in 0..streams {
            open_ones.push(open(&front, "topic=Job:web").await);
        }
        assert_eq!(
            front.agent().most_connections(),
            if streams == 2 { 2 } else { 1 }
        );
        let request = http::Request::get("/v1/jobs").body(bytes::Bytes::new());
        let answer = front
            .handle(request.expect("a request"))
            .await
            .expect("answered");
        assert_eq!(answer.status.as_u16(), others, "{version:?}");
        drop(answer);
        // What a client drops is free again.
        drop(open_ones);
        assert!(open(&front, "topic=Job:web").await.status == 200);
    }
    // What is no stream stays a connection.
    let front = front().await;
    front.agent().limit_connections(Some(1));
    let refused = open(&front, "topic=a:b:c").await;
    assert_eq!(refused.status, 400);
    assert_eq!(open(&front, "topic=Job:web").await.status, 429);
    drop(refused);
    assert_eq!(open(&front, "topic=Job:web").await.status, 200);
}

/// No HTTP client of this program reads the head of 1.11.2.
#[tokio::test(start_paused = true)]
async fn the_head_of_1_11_2_is_none() {
    let front = front_of(Version::V1_11_2).await;
    let request = http::Request::get("/v1/event/stream?topic=Job:web").body(bytes::Bytes::new());
    let answer = front.handle(request.expect("a request")).await;
    assert_eq!(answer.map(|answer| answer.status), Err(Broken::Cut));
}
