//! shim
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Garbled(String),
}
impl ReadError {
    pub(crate) fn is_transient(&self) -> bool {
        true
    }
    pub(crate) fn is_not_found(&self) -> bool {
        true
    }
    pub(crate) fn is_permission_denied(&self) -> bool {
        true
    }
}
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0}")]
    NotSent(ReadError),
    #[error("{0}")]
    Refused(ReadError),
    #[error("{0}")]
    Unknown(ReadError),
}
