//! Why a look-up found no job, in words, and what kind of trouble that is.

use crate::cli::quote::quote;
use crate::event::Trouble;
use crate::nomad::error::ReadError;

/// Why no job came out of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("Error querying job {}: {source}", quote(.job))]
    Job { job: String, source: ReadError },
    #[error("Error querying job prefix {}: {source}", quote(.prefix))]
    Prefix { prefix: String, source: ReadError },
    #[error("No job(s) with prefix or ID {} found", quote(.0))]
    NotFound(String),
    #[error("No job with ID {} found{}", quote(.job), in_namespace(.namespace.as_deref()))]
    NoExactMatch {
        job: String,
        /// `None` when all were searched.
        namespace: Option<String>,
    },
    #[error(
        "No job with ID {} found, and with -exact a prefix does not do; the only job with this prefix is {}",
        quote(.typed), quote(.only)
    )]
    NotThatPrefix { typed: String, only: String },
    #[error(
        "No job with ID {} found; the only job with this prefix is {}. Give its whole ID, or -yes to take the match",
        quote(.typed), quote(.only)
    )]
    OnlyPrefix { typed: String, only: String },
    #[error("Prefix {} matched multiple jobs\n\n{table}", quote(.prefix))]
    Ambiguous { prefix: String, table: String },
    #[error(
        "Error querying job {}: the server answered for another path. \
         An ID that ends in the name of an API endpoint cannot be addressed over Nomad's HTTP API",
        quote(.0)
    )]
    Unaddressable(String),
    /// Several match, and the operator chose none.
    #[error("Prefix {} matched multiple jobs and none was chosen", quote(.0))]
    NoneChosen(String),
    /// The operator said no to the one match.
    #[error("Job restart canceled.")]
    Declined,
    /// Ctrl-C at a question.
    #[error("interrupted")]
    Interrupted,
}

impl LookupError {
    /// What kind of trouble it is.
    pub(crate) fn trouble(&self) -> Trouble {
        match self {
            Self::NotThatPrefix { .. } | Self::OnlyPrefix { .. } | Self::Ambiguous { .. } => {
                Trouble::Precondition
            }
            Self::Job { source, .. } | Self::Prefix { source, .. } if !source.is_not_found() => {
                Trouble::of_read(source)
            }
            _ => Trouble::Usage,
        }
    }

    /// The right that the look-up needed and did not have in this namespace, to be put behind the error; or nothing.
    pub(crate) fn right(&self, namespace: Option<&str>) -> String {
        match self {
            Self::Job { source, .. } => source.right("read-job", namespace),
            Self::Prefix { source, .. } => source.right("list-jobs", namespace),
            _ => String::new(),
        }
    }
}

/// ` in namespace "prod"`, or nothing.
fn in_namespace(namespace: Option<&str>) -> String {
    namespace.map_or_else(String::new, |namespace| {
        format!(" in namespace {}", quote(namespace))
    })
}
