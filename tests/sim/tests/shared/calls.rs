//! Calls to a front, with their whole answers. Shared by test targets.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use nomad_sim::front::{Answer, Broken, MemoryFront};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Whole {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `X-Nomad-Index`.
    pub(crate) fn index(&self) -> u64 {
        let header = self.headers.get("x-nomad-index").expect("an index");
        header.to_str().expect("text").parse().expect("a number")
    }
}

pub(crate) fn request(method: &Method, target: &str, body: &str) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(target)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .expect("a request")
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(front: &MemoryFront, request: Request<Bytes>) -> Result<Whole, Broken> {
    let Answer {
        status,
        headers,
        mut body,
    } = front.handle(request).await?;
    Ok(Whole {
        status: status.as_u16(),
        headers,
        body: body.bytes().await?,
    })
}
