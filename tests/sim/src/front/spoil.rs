//! What a fault makes of a call: whether it has its effect, and what its caller sees.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::{Answer, Body, Broken, End};
use super::faults::Fault;
use super::limiter::TOO_MANY;

/// Carries a call out, or not, and gives the answer that its caller gets.
pub(crate) async fn spoilt(
    fault: Fault,
    effect: impl Future<Output = Answer>,
) -> Result<Answer, Broken> {
    Ok(match fault {
        Fault::Refused => return Err(Broken::Refused),
        Fault::ResetBefore => return Err(Broken::Reset),
        Fault::Closed => return Err(Broken::Cut),
        Fault::ResetAfter => {
            effect.await;
            return Err(Broken::Reset);
        }
        Fault::Busy => busy(),
        Fault::Status(status, text) => made_up(status, "text/plain", text),
        Fault::Html(status, page) => made_up(status, "text/html", page),
        Fault::StatusAfter(status, text) => {
            effect.await;
            made_up(status, "text/plain", text)
        }
        Fault::Stall => std::future::pending().await,
        Fault::Delay(duration) => {
            tokio::time::sleep(duration).await;
            effect.await
        }
        Fault::DelayAnswer(duration) => {
            let answer = effect.await;
            tokio::time::sleep(duration).await;
            answer
        }
        Fault::Cut(bytes) => shortened(effect.await, bytes, End::Broken(Broken::Cut)),
        Fault::StallAfter(bytes) => shortened(effect.await, bytes, End::Never),
        Fault::Garbage(garbage) => {
            let mut answer = effect.await;
            answer.headers.remove(CONTENT_ENCODING);
            replace(&mut answer, garbage);
            answer
        }
        Fault::Drip(bytes, pause) => {
            let mut answer = effect.await;
            answer.body = answer.body.dripping(bytes, pause);
            answer
        }
        Fault::NoIndex => {
            let mut answer = effect.await;
            answer.headers.remove("x-nomad-index");
            answer
        }
        // Whoever answers has seen to it.
        Fault::Stream(_) => effect.await,
    })
}

/// What an agent answers to a connection that is too many, before it closes it.
pub(crate) fn busy() -> Answer {
    let mut answer = made_up(429, "text/plain", TOO_MANY.to_owned());
    let close = HeaderValue::from_static("close");
    answer.headers.insert(CONNECTION, close);
    answer
}

/// An answer that the API did not give.
pub(crate) fn made_up(status: u16, mime: &'static str, body: String) -> Answer {
    let mut answer = Answer {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: HeaderMap::new(),
        body: Body::new(Bytes::new(), 1, End::Complete),
    };
    let mime = HeaderValue::from_static(mime);
    answer.headers.insert(CONTENT_TYPE, mime);
    replace(&mut answer, body.into());
    answer
}

fn replace(answer: &mut Answer, body: Bytes) {
    let length = body.len() as u64;
    answer.headers.remove(TRANSFER_ENCODING);
    answer.headers.insert(CONTENT_LENGTH, length.into());
    answer.body = Body::new(body, usize::MAX, End::Complete).with_length(Some(length));
}

/// The same answer with only the first bytes of its body; the headers promise the whole.
fn shortened(mut answer: Answer, bytes: usize, end: End) -> Answer {
    answer.body = answer.body.shortened(bytes, end);
    answer
}
