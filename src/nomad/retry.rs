//! shim
use super::error::ReadError;
use std::time::Duration;
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    Once,
    Startup,
    Working,
}
pub(crate) async fn retrying<T, F: Future<Output = Result<T, ReadError>>>(
    _p: Patience,
    _f: impl FnMut(&ReadError),
    mut op: impl FnMut() -> F,
) -> Result<T, ReadError> {
    op().await
}
#[derive(Default)]
pub(crate) struct Backoff;
impl Backoff {
    pub(crate) fn next_delay(&mut self) -> Duration {
        Duration::from_secs(1)
    }
}
