//! The event stream: what brings news, wherever an agent offers one.
//!
//! A stream that was opened says nothing of what happened before: until that was read, lists go on as if there were no stream. A stream
//! may also fall silent for good without an end, so it is trusted only while its heartbeats come, and while a read of
//! something in flight finds nothing that the stream should have told.

mod lull;
mod news;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::shared::Shared;
use super::{context, list, targeted};
use crate::nomad::client::stream::{EventStream, NoStream, StartAt};
use crate::nomad::error::ReadError;
use crate::nomad::events::Line;
use lull::{Lull, Probe};

/// Heartbeats come every 30 s, whatever else is sent.
const HEARTBEAT_OVERDUE: Duration = Duration::from_secs(40);
/// Before a stream that lasted a while is opened again.
const AGAIN: Duration = Duration::from_millis(50);
/// A stream that ended sooner is opened again only after a pause.
const LASTED: Duration = Duration::from_secs(1);
/// Pauses between attempts where nothing says that there will ever be a stream; they double.
const REFUSED: Duration = Duration::from_secs(30);
const LONGEST_REFUSED: Duration = Duration::from_secs(300);

/// Opens the stream again and again, for ever; `opened` is woken by each one that begins.
pub(super) async fn follow(shared: Arc<Shared>, opened: Arc<Notify>) {
    let mut backoff = shared.client.backoff();
    let mut refused = REFUSED;
    let mut at = StartAt::Now;
    loop {
        let pause = match shared.client.events(&shared.job_id, at).await {
            Ok(stream) => {
                let began = Instant::now();
                opened.notify_one();
                attend(&shared, stream, began).await;
                shared.set_sources(|sources| sources.streaming = false);
                at = StartAt::Index(shared.view().index() + 1);
                refused = REFUSED;
                if began.elapsed() >= LASTED {
                    backoff.reset();
                    AGAIN
                } else {
                    backoff.next_delay()
                }
            }
            Err(NoStream::Never) => {
                opened.notify_one();
                return;
            }
            Err(NoStream::Failed(error)) if error.is_retryable() => {
                opened.notify_one();
                backoff.next_delay()
            }
            Err(NoStream::Failed(_) | NoStream::Silent | NoStream::Ended(_)) => {
                opened.notify_one();
                let pause = refused;
                refused = (refused * 2).min(LONGEST_REFUSED);
                pause
            }
        };
        sleep(pause).await;
    }
}

/// Reads one stream to its end.
async fn attend(shared: &Arc<Shared>, mut stream: EventStream, began: Instant) {
    let mut synchronised = pin!(synchronise(shared, began));
    let mut live = false;
    let mut overdue = began + HEARTBEAT_OVERDUE;
    let mut lull = Lull::new(began, shared.client.backoff());
    let mut probes = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            line = stream.line() => {
                let now = Instant::now();
                overdue = now + HEARTBEAT_OVERDUE;
                match line {
                    Ok(Some(Line::Heartbeat)) => {}
                    Ok(Some(Line::Event(event))) => {
                        lull.heard(event.index, now);
                        news::take(shared, *event);
                    }
                    // What it said is lost, as after a cut.
                    Ok(Some(Line::Unreadable | Line::Reason(_)) | None) | Err(_) => return,
                }
            }
            result = &mut synchronised, if !live => {
                // The reads that go on without the stream tell of an outage.
                if result.is_err() {
                    return;
                }
                live = true;
                shared.set_sources(|sources| sources.streaming = true);
            }
            Some(found) = probes.join_next(), if !probes.is_empty() => {
                let now = Instant::now();
                match found {
                    Ok(Probe::Known) => lull.answered(None, now),
                    Ok(Probe::News(index)) => lull.answered(Some(index), now),
                    Ok(Probe::Failed) => lull.failed(now),
                    Ok(Probe::Restored) | Err(_) => return,
                }
            }
            () = sleep_until(overdue) => return,
            () = sleep_until(lull.next()) => {
                let now = Instant::now();
                if lull.is_over(now) {
                    return;
                }
                if live && probes.is_empty() && let Some(id) = lull.probe(shared, now) {
                    let shared = Arc::clone(shared);
                    probes.spawn(async move { lull::read(&shared, &id).await });
                }
            }
        }
    }
}

/// Makes known what happened before the stream began.
async fn synchronise(shared: &Arc<Shared>, began: Instant) -> Result<(), ReadError> {
    let first = shared.listed.borrow().is_none();
    if first {
        // The feed begins: its first list is asked for after this stream has begun, unless that took long.
        let _ = shared.listed.subscribe().wait_for(Option::is_some).await;
        if *shared.listed.borrow() >= Some(began) {
            return Ok(());
        }
    }
    let in_flight = shared.in_flight();
    if shared.sources().large && !first && in_flight.len() <= targeted::MANY {
        targeted::read_all(shared, in_flight.into_iter()).await?;
    } else {
        list::read(shared).await?;
    }
    context::read_deployment(shared).await?;
    if shared.unexplained() {
        shared.job_wanted.notify_one();
    }
    Ok(())
}
