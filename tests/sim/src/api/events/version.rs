//! How releases of Nomad serve the event stream.

use crate::model::Version;

/// A release, as far as its event stream is concerned. The default is the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamVersion {
    /// Chunked, compressed on demand, counted as a connection. Refused with 500 or, for a token that is
    /// not valid, 403. `namespace=*` needs a right in one namespace only, and shows all.
    V1_6,
    /// As 1.6, but refused with 403, and `namespace=*` needs the right in every namespace.
    V1_10,
    /// The connection is taken over: no coding, not counted; what is refused or ended is silent. The
    /// status line is `HTTP/0.0 200 OK`, which few HTTP clients read.
    V1_11_2,
    /// As 1.11.2, with `HTTP/1.1 200 OK` and `Connection: close`.
    #[default]
    V1_11_3,
}

impl From<Version> for StreamVersion {
    fn from(version: Version) -> Self {
        match version {
            Version::V1_6 | Version::V1_8 => Self::V1_6,
            Version::V1_10 => Self::V1_10,
            Version::V1_11_2 => Self::V1_11_2,
            Version::V1_11_3 | Version::V2_0 => Self::V1_11_3,
        }
    }
}

impl StreamVersion {
    /// Is the connection taken over, once and for all, and left to the stream?
    pub(crate) fn hijacks(self) -> bool {
        self >= Self::V1_11_2
    }
}
