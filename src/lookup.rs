//! From the job argument to one job: the exact id first, then prefixes over all pages, and the configured namespace throughout.
//!
//! The peer lists by prefix first, takes one page, and forgets the namespace when it may not list (D3–D5); here a token with
//! nothing but `read-job` finds its job, and a prefix never picks a job silently.

mod error;
mod table;

use std::sync::Arc;

use crate::cli::quote::quote;
use crate::event::{Answer, EventKind, Question};
use crate::nomad::client::Client;
use crate::nomad::error::ReadError;
use crate::nomad::json::{Job, JobStub};
use crate::nomad::retry::Patience;
use crate::report::{Operator, Reporter};
pub(crate) use error::LookupError;
use table::table;

/// How the look-up may go about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways {
    /// The argument is an id, never a prefix.
    pub(crate) exact: bool,
    /// A unique prefix match is taken with a warning.
    pub(crate) yes: bool,
    /// There is somebody to ask.
    pub(crate) interactive: bool,
}

/// The job that was meant, and a client that speaks of its namespace.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) job: Arc<Job>,
    pub(crate) client: Client,
}

/// Finds the job that `argument` means.
pub(crate) async fn find(
    client: &Client,
    argument: &str,
    ways: Ways,
    reporter: &Reporter,
) -> Result<Found, LookupError> {
    let everywhere = client.namespace() == Some("*");
    let mut not_found = None;
    if !everywhere {
        match read(client, argument, reporter).await {
            Ok(job) => {
                return Ok(Found {
                    job,
                    client: client.clone(),
                });
            }
            Err(LookupError::Job { job, source }) if source.is_not_found() => {
                not_found = Some(LookupError::Job { job, source });
            }
            Err(other) => return Err(other),
        }
    }
    let stubs = match (list(client, argument, reporter).await, not_found) {
        (Ok(stubs), _) => stubs,
        // Without the right to list, the argument can only be an id.
        (Err(source), Some(not_found)) if source.is_permission_denied() => {
            return Err(if ways.exact {
                no_exact_match(client, argument)
            } else {
                not_found
            });
        }
        (Err(source), _) => {
            return Err(LookupError::Prefix {
                prefix: argument.into(),
                source,
            });
        }
    };
    if ways.exact && stubs.iter().all(|stub| stub.id != argument) {
        return Err(match &stubs[..] {
            [only] => LookupError::NotThatPrefix {
                typed: argument.into(),
                only: only.id.clone(),
            },
            _ => no_exact_match(client, argument),
        });
    }
    let stub = choose(argument, stubs, everywhere, ways, reporter).await?;
    if leads_elsewhere(&stub.id) {
        return Err(LookupError::Unaddressable(stub.id));
    }
    let client = client.in_namespace(stub.namespace());
    let job = read(&client, &stub.id, reporter).await?;
    Ok(Found { job, client })
}

fn no_exact_match(client: &Client, argument: &str) -> LookupError {
    LookupError::NoExactMatch {
        job: argument.into(),
        namespace: match client.namespace() {
            Some("*") => None,
            namespace => Some(namespace.unwrap_or("default").to_owned()),
        },
    }
}

/// The ids of the jobs that a periodic or parameterized parent has started.
pub(crate) async fn children(
    client: &Client,
    parent: &str,
    reporter: &Reporter,
) -> Result<Vec<String>, ReadError> {
    let stubs = list(client, &format!("{parent}/"), reporter).await?;
    Ok(stubs
        .into_iter()
        .filter(|stub| stub.parent_id == parent)
        .map(|stub| stub.id)
        .collect())
}

async fn read(client: &Client, id: &str, reporter: &Reporter) -> Result<Arc<Job>, LookupError> {
    let elsewhere = leads_elsewhere(id);
    let answer = if elsewhere {
        // What it answers will be no job, however often it is asked.
        client.job(id, None).await
    } else {
        client
            .patiently(
                Patience::Startup,
                |error| say_retry(reporter, error),
                || client.job(id, None),
            )
            .await
    };
    match answer {
        Ok(job) if job.value.id == id => Ok(Arc::new(job.value)),
        Err(source) if !elsewhere || !is_of_another_endpoint(&source) => Err(LookupError::Job {
            job: id.into(),
            source,
        }),
        _ => Err(LookupError::Unaddressable(id.into())),
    }
}

/// Ends of paths that belong to other endpoints of a job. The server decodes `%2F` before it routes, so that no spelling of
/// `x/versions` means the job of that name (D23).
const ENDPOINTS: &[&str] = &[
    "/actions",
    "/allocations",
    "/deployment",
    "/deployments",
    "/dispatch",
    "/evaluate",
    "/evaluations",
    "/periodic/force",
    "/plan",
    "/revert",
    "/scale",
    "/services",
    "/stable",
    "/submission",
    "/summary",
    "/tag",
    "/versions",
];

fn leads_elsewhere(id: &str) -> bool {
    ENDPOINTS.iter().any(|endpoint| id.ends_with(endpoint))
}

/// An answer that is no job, or a refusal of the method.
fn is_of_another_endpoint(error: &ReadError) -> bool {
    error.is_garbled()
        || error
            .api()
            .is_some_and(|answer| answer.status == http::StatusCode::METHOD_NOT_ALLOWED)
}

async fn list(
    client: &Client,
    prefix: &str,
    reporter: &Reporter,
) -> Result<Vec<JobStub>, ReadError> {
    let mut stubs = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = client
            .patiently(
                Patience::Startup,
                |error| say_retry(reporter, error),
                || client.jobs(prefix, next.as_deref()),
            )
            .await?;
        stubs.extend(page.items);
        match page.next {
            // A server that hands out the same page again would keep us here for ever.
            Some(token) if next.as_ref() != Some(&token) => next = Some(token),
            _ => break,
        }
    }
    stubs.sort_by(|a, b| (&a.id, a.namespace()).cmp(&(&b.id, b.namespace())));
    Ok(stubs)
}

async fn choose(
    argument: &str,
    mut stubs: Vec<JobStub>,
    all_namespaces: bool,
    ways: Ways,
    reporter: &Reporter,
) -> Result<JobStub, LookupError> {
    let exact = stubs.iter().filter(|stub| stub.id == argument).count();
    if exact == 1 || (ways.exact && exact > 0) {
        stubs.retain(|stub| stub.id == argument);
    }
    if stubs.len() > 1 {
        let table = table(&stubs, all_namespaces);
        if !ways.interactive || ways.yes {
            return Err(LookupError::Ambiguous {
                prefix: argument.into(),
                table,
            });
        }
        let heading = format!(
            "Prefix {} matched multiple jobs\n\n{table}",
            quote(argument)
        );
        let choices = stubs
            .iter()
            .map(|stub| label(stub, all_namespaces))
            .collect();
        return match reporter.ask(Question::WhichJob { heading, choices }).await {
            Answer::Choice(index) if index < stubs.len() => Ok(stubs.swap_remove(index)),
            Answer::Interrupted => Err(LookupError::Interrupted),
            _ => Err(LookupError::NoneChosen(argument.into())),
        };
    }
    let Some(only) = stubs.pop() else {
        return Err(LookupError::NotFound(argument.into()));
    };
    if only.id == argument {
        return Ok(only);
    }
    if ways.yes {
        reporter.emit(EventKind::Warning(format!(
            "Job {} not found; going on with {}, the only job with this prefix.",
            quote(argument),
            quote(&only.id)
        )));
        return Ok(only);
    }
    if !ways.interactive {
        return Err(LookupError::OnlyPrefix {
            typed: argument.into(),
            only: only.id,
        });
    }
    let question = Question::PrefixMatch {
        typed: argument.into(),
        job: only.id.clone(),
    };
    match reporter.ask(question).await {
        Answer::Yes => Ok(only),
        Answer::Interrupted => Err(LookupError::Interrupted),
        _ => Err(LookupError::Declined),
    }
}

fn label(stub: &JobStub, with_namespace: bool) -> String {
    if with_namespace {
        format!("{} (namespace {})", stub.id, stub.namespace())
    } else {
        stub.id.clone()
    }
}

/// Says, at the first failure of a read, that it is tried again.
pub(crate) fn say_retry(reporter: &Reporter, error: &ReadError) {
    reporter.emit(EventKind::Warning(format!(
        "Nomad does not answer as it should, trying again: {error}"
    )));
}
