//! The table of the jobs that an argument may mean.

use chrono::{DateTime, Local, SecondsFormat};

use crate::nomad::json::JobStub;
use crate::report::align;

/// The table, in Nomad's layout.
pub(super) fn table(stubs: &[JobStub], with_namespace: bool) -> String {
    let mut rows = vec![row(
        [
            "ID",
            "Namespace",
            "Type",
            "Priority",
            "Status",
            "Submit Date",
        ]
        .map(String::from),
        with_namespace,
    )];
    for stub in stubs {
        let mut kind = stub.kind.clone();
        if stub.periodic {
            kind.push_str("/periodic");
        }
        if stub.parameterized_job {
            kind.push_str("/parameterized");
        }
        let status = if stub.stop {
            format!("{} (stopped)", stub.status)
        } else {
            stub.status.clone()
        };
        rows.push(row(
            [
                stub.id.clone(),
                stub.namespace().to_string(),
                kind,
                stub.priority.to_string(),
                status,
                submit_date(stub.submit_time),
            ],
            with_namespace,
        ));
    }
    align(&rows)
}

fn row(cells: [String; 6], with_namespace: bool) -> Vec<String> {
    cells
        .into_iter()
        .enumerate()
        .filter(|(column, _)| with_namespace || *column != 1)
        .map(|(_, cell)| {
            if cell.is_empty() {
                "<none>".into()
            } else {
                cell
            }
        })
        .collect()
}

fn submit_date(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds)
        .with_timezone(&Local)
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}
