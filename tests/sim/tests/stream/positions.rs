//! Where a stream starts, what the buffer keeps, and how a reader is lost.

use std::time::Duration;

use nomad_sim::front::MemoryFront;
use serde_json::json;
use tokio::time::timeout;

use super::support::{Got, front, newest, open, shortened};

const SECOND: Duration = Duration::from_secs(1);

fn evaluate(front: &MemoryFront) -> u64 {
    let done = front.agent().cluster().evaluate("default", "web", false);
    done.expect("evaluated").index
}

/// Writes twice as often as `times`: an evaluation and its completion.
async fn busy(front: &MemoryFront, times: usize) {
    for _ in 0..times {
        evaluate(front);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn indexes(lines: &[serde_json::Value]) -> Vec<u64> {
    let all = lines.iter().map(|line| shortened(line).0);
    all.filter(|index| *index > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn an_index_is_where_a_stream_starts_inclusive() {
    let front = front().await;
    let all = open(&front, "topic=Evaluation:web")
        .await
        .lines(SECOND)
        .await;
    let all = indexes(&all);
    assert!(all.len() > 3);
    for (query, expected) in [
        ("", &all[..]),
        ("&index=", &all[..]),
        ("&index=0", &all[..]),
        ("&index=1", &all[..]),
        (&format!("&index={}", all[1]), &all[1..]),
        (&format!("&index={}", all[1] + 1), &all[2..]),
        // The newest item, although it is older.
        ("&index=1000000", &all[all.len() - 1..]),
    ] {
        let mut stream = open(&front, &format!("topic=Evaluation:web{query}")).await;
        assert_eq!(stream.next(SECOND).await, Got::Line(json!({})), "{query}");
        assert_eq!(indexes(&stream.lines(SECOND).await), expected, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_comes_wherever_a_stream_started() {
    for index in [0, 3, 1_000_000] {
        let front = front().await;
        let mut stream = open(&front, &format!("topic=Evaluation:web&index={index}")).await;
        stream.lines(SECOND).await;
        let index = evaluate(&front);
        let Got::Line(line) = stream.next(SECOND).await else {
            panic!("no line")
        };
        assert_eq!(shortened(&line).0, index);
    }
}

#[tokio::test(start_paused = true)]
async fn two_lines_of_one_index_come_both() {
    let front = front().await;
    let cluster = front.agent().cluster().clone();
    let mut changed = super::support::job("web", 1);
    changed["Meta"] = json!({"v": "2"});
    let index = cluster.register(&changed).expect("registered").index;
    let mut stream = open(
        &front,
        &format!("topic=Job:web&topic=Evaluation:web&index={index}"),
    )
    .await;
    let lines = stream.lines(Duration::ZERO).await;
    let lines: Vec<_> = lines.iter().skip(1).take(2).map(shortened).collect();
    assert_eq!(lines[0], (index, vec!["Job/JobRegistered web".to_owned()]));
    assert_eq!(lines[1].0, index);
    assert!(lines[1].1[0].starts_with("Evaluation/JobRegistered "));
}

/// 101 lines are kept; what was before is gone without a word (recording h04).
#[tokio::test(start_paused = true)]
async fn an_index_older_than_the_buffer_is_a_silent_gap() {
    let front = front().await;
    let old = evaluate(&front);
    busy(&front, 130).await;
    tokio::time::sleep(SECOND).await;
    for query in [
        "topic=*".to_owned(),
        format!("topic=Evaluation:web&index={old}"),
    ] {
        let mut stream = open(&front, &query).await;
        let lines = stream.lines(SECOND).await;
        let got = indexes(&lines);
        assert_eq!((lines.len(), got.len()), (102, 101), "{query}");
        assert!(got[0] > old + 100, "{query}");
        assert_eq!(got.last(), Some(&newest(&front)), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_lost() {
    let front = front().await;
    let mut stream = open(&front, "topic=Evaluation:web&index=1000000").await;
    assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
    // More than what is on its way to a reader, and more than the buffer.
    busy(&front, 400).await;
    let lines = stream.lines(SECOND).await;
    assert!((100..500).contains(&lines.len()), "{}", lines.len());
    // No heartbeat either; closed when forgotten streams are swept up.
    assert_eq!(front.agent().open_streams(), 1);
    assert_eq!(
        stream.next(Duration::from_secs(60)).await,
        Got::End(String::new())
    );
    assert_eq!(front.agent().open_streams(), 0);
}

/// In recording h05 one of about 600, at a tenth of these writes.
#[tokio::test(start_paused = true)]
async fn some_readers_that_start_at_the_oldest_item_of_a_busy_server_are_lost() {
    let front = front().await;
    busy(&front, 60).await;
    let writer = front.clone();
    let writing = tokio::spawn(async move {
        loop {
            evaluate(&writer);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let mut lost = 0;
    for _ in 0..240 {
        let mut stream = open(&front, "topic=Evaluation&index=0").await;
        assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
        match stream.next(Duration::from_millis(50)).await {
            Got::Line(_) => {}
            Got::Nothing => {
                lost += 1;
                let end = stream.next(Duration::from_secs(60)).await;
                assert_eq!(end, Got::End(String::new()), "no heartbeat");
            }
            other => panic!("{other:?}"),
        }
    }
    writing.abort();
    assert!((1..=8).contains(&lost), "{lost} of 240");
    // Those that start later in it are not.
    let recent = newest(&front);
    for _ in 0..120 {
        let mut stream = open(&front, &format!("topic=Evaluation&index={recent}")).await;
        assert_eq!(stream.next(SECOND).await, Got::Line(json!({})));
        assert!(matches!(stream.next(SECOND).await, Got::Line(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_hangs_up_is_forgotten() {
    let front = front().await;
    let stream = open(&front, "topic=Evaluation:web&index=1000000").await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(front.agent().open_streams(), 1);
    drop(stream);
    let gone = async {
        while front.agent().open_streams() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SECOND, gone).await.expect("gone");
}
