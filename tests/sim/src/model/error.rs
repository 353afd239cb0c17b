//! An answer of the agent that is not 200: status and plain text.

/// What the HTTP API answers when it refuses or fails: a status and a plain-text body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// The body, without a trailing newline.
    pub text: String,
}

impl ApiError {
    /// An error of this status with this body.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    /// 404 with this body.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(404, text)
    }

    /// 500 with this body: what the agent makes of every error that no handler codes.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::new(500, text)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.status, self.text)
    }
}

impl std::error::Error for ApiError {}
