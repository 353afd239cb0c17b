//! The table of the jobs that an argument may mean.

use chrono::{DateTime, Local, SecondsFormat};

use crate::nomad::json::JobStub;

/// The table of behaviour 2.2.8.
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

/// Two spaces between columns, each as wide as its widest cell, the last one unpadded.
fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let padded = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if column + 1 == columns {
                        cell.clone()
                    } else {
                        format!("{cell:width$}")
                    }
                });
            padded.collect::<Vec<_>>().join("  ")
        })
        .collect();
    lines.join("\n")
}

fn submit_date(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds)
        .with_timezone(&Local)
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}
