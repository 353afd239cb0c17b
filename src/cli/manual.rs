//! What help and man page say beside the options, as data: each renders it in its own way.

/// A heading and what stands under it.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) parts: &'static [Part],
}

/// A piece of a section.
pub(crate) enum Part {
    /// Sentences.
    Text(&'static str),
    /// A term and what it means; the meanings begin in this column.
    Table {
        column: usize,
        rows: &'static [(&'static str, &'static str)],
    },
}

use Part::{Table, Text};

pub(crate) const SYNOPSIS: &str = "nomad-restart [options] <job>";

pub(crate) const INTRODUCTION: &[&str] = &[
    "Restart the allocations of a Nomad job in batches. The next batch begins when every allocation of the last one runs again. By \
     default the running tasks of one allocation at a time are restarted in place; with -reschedule allocations are stopped and \
     their replacements awaited.",
    "<job> is a job ID, or a prefix that matches one job. Options are written with one or two dashes, before or after the job, their \
     value after an equals sign or as the next argument; -- ends them. Where an environment variable is named, it counts when the \
     option is not given.",
];

/// The options that the grammar reads by itself: all their spellings with one dash, and what they do.
pub(crate) const REQUESTS: &[(&str, &str)] = &[
    ("-help, -h", "Print this text."),
    ("-version, -v", "Print the version."),
];

/// In the order of the help text, behind the options.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        title: "Durations",
        parts: &[Text(
            "Numbers with a unit, such as 30s, 1m30s, 1.5h, 2d or \"1h 30m\". Units are ns, us, ms, s, m, h, d and w.",
        )],
    },
    Section {
        title: "ACL capabilities, in the job's namespace",
        parts: &[Table {
            column: 30,
            rows: &[
                ("any run", "read-job"),
                ("<job> is a prefix", "list-jobs, to find the job"),
                ("in place, or -reschedule", "alloc-lifecycle"),
                (
                    "-reschedule of a system job",
                    "evaluate-job (Nomad 1.11.2 and later) or submit-job as well",
                ),
                (
                    "a failed task's last lines",
                    "read-logs or read-fs; left out without it",
                ),
            ],
        }],
    },
    Section {
        title: "Other environment variables",
        parts: &[Text(
            "NOMAD_HTTP_AUTH (user:password for the agent), HTTP_PROXY, HTTPS_PROXY, NO_PROXY, NO_COLOR, CLICOLOR_FORCE, TZ.",
        )],
    },
    Section {
        title: "Exit codes",
        parts: &[
            Table {
                column: 5,
                rows: &[
                    ("0", "Done, nothing to restart, or declined at a question"),
                    ("1", "Any error"),
                    (
                        "129, 130, 141, 143",
                        "Ended by a hang-up, an interrupt, a closed output, or SIGTERM",
                    ),
                ],
            },
            Text("With -detailed-exitcode, 0 and 1 mean less, and there are more:"),
            Table {
                column: 5,
                rows: &[
                    ("0", "Done, or nothing to restart"),
                    (
                        "1",
                        "A wrong command line or name, no connection, no permission",
                    ),
                    ("2", "Stopped because a replacement could not be placed"),
                    ("3", "All were tried, and some failed"),
                    (
                        "4",
                        "Stopped because of what failed, was lost or took too long",
                    ),
                    (
                        "5",
                        "An active deployment, a job that was stopped, a prefix of several jobs",
                    ),
                    ("6", "Declined at a question"),
                    ("7", "-dry-run found allocations to restart"),
                ],
            },
        ],
    },
];
