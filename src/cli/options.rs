//! Every option of the program, declared once: its name, whether it takes a value, its section and its help text.
//!
//! Values are texts here; [`crate::plan`] reads them, so that what is wrong with one is said in one place and in Nomad's words.
//! Switches take `=true` or `=false`, so that the last one given wins.

use clap::builder::ArgAction::Set;

use crate::nomad::config::ConnectionFlags;

/// The command line as typed: a token may be in it, so there is no `Debug`.
#[derive(clap::Parser)]
#[command(
    name = "nomad-restart",
    args_override_self = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
pub(crate) struct Options {
    /// How many there are is for `plan` to say.
    #[arg(
        value_name = "job",
        help = "Job ID, or a prefix that matches one job",
        help_heading = "Job"
    )]
    pub(crate) job: Vec<String>,
    #[command(flatten)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) pace: Pace,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Which allocations, and what is done to them.
#[derive(clap::Args)]
#[command(next_help_heading = "What to restart")]
pub(crate) struct What {
    #[arg(
        long,
        value_name = "name",
        help = "Only the allocations of this group. Can be given several times."
    )]
    pub(crate) group: Vec<String>,

    #[arg(
        long,
        value_name = "name",
        help = "Restart this task only, in each allocation that has it. Can be given several times. Without it, the tasks that run \
                are restarted. Not with -all-tasks or -reschedule."
    )]
    pub(crate) task: Vec<String>,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Restart all tasks, also those that have finished, in lifecycle order. Not with -task; no effect with -reschedule."
    )]
    pub(crate) all_tasks: bool,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Stop each allocation and wait until its replacement runs, on this or another node, instead of restarting tasks in \
                place. This is no deployment: the job's update block is not looked at. Not with -task."
    )]
    pub(crate) reschedule: bool,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "With -reschedule, stop tasks without their shutdown_delay. Connections to the allocation fail, because it stops \
                before it has been taken out of service discovery everywhere. No effect in place, where Nomad always waits."
    )]
    pub(crate) no_shutdown_delay: bool,

    #[arg(
        long,
        value_name = "time",
        help = "Only allocations in which a task to be restarted started before this RFC 3339 time; with -reschedule, allocations \
                that were created before it. Continues a run that was interrupted."
    )]
    pub(crate) started_before: Option<String>,

    #[arg(
        long,
        value_name = "duration",
        help = "Like -started-before, with a time this long before now: 7d takes what has run for a week. Given both, both must hold."
    )]
    pub(crate) older_than: Option<String>,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Take the job argument as a whole job ID, never as a prefix."
    )]
    pub(crate) exact: bool,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Print which allocations would be restarted in which batch, which are left out and why, and what to beware of. \
                Changes nothing, asks nothing, needs no terminal."
    )]
    pub(crate) dry_run: bool,
}

/// How many at once, how long to wait, what to do about errors.
#[derive(clap::Args)]
#[command(next_help_heading = "Pace and errors")]
pub(crate) struct Pace {
    #[arg(
        long,
        value_name = "n|n%",
        default_value = "1",
        help = "How many allocations to restart at once: a number, or a percentage of the eligible ones, rounded up. Above 100% is \
                all of them."
    )]
    pub(crate) batch_size: String,

    #[arg(
        long,
        value_name = "duration|ask",
        default_value = "0s",
        help = "How long to wait between batches. With ask, ask before each batch whether to go on; a duration as the answer is the \
                wait from then on."
    )]
    pub(crate) batch_wait: String,

    #[arg(
        long,
        value_name = "lockstep|window",
        default_value = "lockstep",
        help = "When the next allocation is restarted. lockstep: when every one of its batch is done. window: as soon as any one is done, \
                so that at most -batch-size are away at any moment and no one waits for the slowest; -batch-wait is then waited \
                after each one before the next takes its place. Not with -batch-wait=ask, nor with -reschedule of system jobs."
    )]
    pub(crate) batch_mode: String,

    #[arg(
        long,
        value_name = "ask|fail",
        default_value = "ask",
        help = "What follows a batch with errors: ask whether to go on, or stop. To ask needs a terminal on stdin and stdout, or \
                -yes."
    )]
    pub(crate) on_error: String,

    #[arg(
        long,
        value_name = "n|n%",
        help = "Go on without a question while no more than this many allocations have failed, and stop when it is more: a number, or \
                a percentage of the eligible ones, rounded down. Errors that are likely to happen again still stop or ask. Not with \
                -on-error=fail."
    )]
    pub(crate) max_failures: Option<String>,

    #[arg(
        long,
        value_name = "fail|wait",
        default_value = "fail",
        help = "What to do about a deployment of the job that is active at the start or begins between batches: stop, or wait without \
                limit until it has ended. The allocations are chosen after that."
    )]
    pub(crate) on_deployment: String,

    #[arg(
        long,
        value_name = "duration",
        help = "The longest wait for one allocation, from the moment its restart is requested; after that it has failed. 0 waits \
                without limit. Defaults to what the job allows: shutdown delays, kill timeout and progress deadline, or with \
                -wait=healthy the healthy deadline."
    )]
    pub(crate) timeout: Option<String>,

    #[arg(
        long,
        value_name = "running|healthy",
        default_value = "running",
        help = "What ends the wait for an allocation: that its tasks run again, or also that it is healthy. In place that means that all \
                checks of its Nomad services pass; with -reschedule, that Nomad has found the replacement healthy."
    )]
    pub(crate) wait: String,

    #[arg(
        long,
        value_name = "duration",
        help = "With -wait=healthy, how long an allocation must stay healthy before it counts. Defaults to min_healthy_time of the \
                group's migrate block, or 10s. Replacements that Nomad itself judges are left to the job."
    )]
    pub(crate) min_healthy_time: Option<String>,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Ask nothing: restart a multi-region job in this region only, take a prefix that matches one job, go on with the next \
                batch also after errors that may be limited to one allocation. -on-error=fail still stops after any error."
    )]
    pub(crate) yes: bool,
}

/// What is printed.
#[derive(clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Print whole IDs, every status that an allocation goes through, and why allocations are left out."
    )]
    pub(crate) verbose: bool,

    #[arg(
        long,
        value_name = "auto|plain|none",
        default_value = "auto",
        help = "How progress is shown. plain prints a line for each step. auto does so too and, where standard output and standard \
                error are a terminal, shows what is in flight in a block below the lines. none leaves out the lines of single \
                allocations and keeps the lines that start with ==>, warnings and errors."
    )]
    pub(crate) progress: String,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Print everything that happens as JSON on standard output. Each line is an object, the last one a summary, and nothing \
                else is printed there. IDs are whole. Asks nothing, as without a terminal. Warnings and errors are on standard error \
                as well."
    )]
    pub(crate) json: bool,

    #[arg(
        long,
        value_name = "path",
        help = "Write the summary to this file as well. It is the last line of -json, and is written however the run ends."
    )]
    pub(crate) report: Option<String>,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Exit with codes that tell causes apart; they are listed below."
    )]
    pub(crate) detailed_exitcode: bool,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        help = "Never use colors. Wins over -force-color. Environment: NOMAD_CLI_NO_COLOR, with any value."
    )]
    pub(crate) no_color: Option<bool>,

    #[arg(
        long, action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true",
        help = "Use colors also when the output is no terminal. Environment: NOMAD_CLI_FORCE_COLOR, with any value."
    )]
    pub(crate) force_color: Option<bool>,

    #[arg(
        long,
        value_name = "bash|zsh|fish|man",
        help = "Print a completion script for this shell, or the man page, and exit. Needs no job and no agent."
    )]
    pub(crate) generate: Option<String>,
}

/// Where the agent is and who asks. An empty value counts as not given (1.3).
#[derive(clap::Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    #[arg(
        long,
        value_name = "url",
        help = "The Nomad agent: http://, https:// or unix://. Environment: NOMAD_ADDR. Defaults to http://127.0.0.1:4646."
    )]
    address: Option<String>,

    #[arg(
        long,
        value_name = "region",
        help = "The region to which requests are forwarded. Environment: NOMAD_REGION. Defaults to that of the agent."
    )]
    region: Option<String>,

    #[arg(
        long,
        value_name = "namespace",
        help = "The job's namespace; * looks in all of them. Environment: NOMAD_NAMESPACE. Defaults to the namespace default."
    )]
    namespace: Option<String>,

    #[arg(
        long,
        value_name = "secret",
        help = "The secret ID of the ACL token. Every process on the machine can read it from the command line: the variable is \
                safer. Environment: NOMAD_TOKEN."
    )]
    token: Option<String>,

    #[arg(
        long,
        value_name = "path",
        help = "PEM file of the certificate authority that the agent's certificate is checked against. Wins over -ca-path. \
                Environment: NOMAD_CACERT."
    )]
    ca_cert: Option<String>,

    #[arg(
        long,
        value_name = "directory",
        help = "Directory of PEM files of certificate authorities, instead of one file. Environment: NOMAD_CAPATH."
    )]
    ca_path: Option<String>,

    #[arg(
        long,
        value_name = "path",
        help = "PEM file of the certificate to show to the agent. Needs -client-key. Environment: NOMAD_CLIENT_CERT."
    )]
    client_cert: Option<String>,

    #[arg(
        long,
        value_name = "path",
        help = "PEM file of the key to -client-cert. Environment: NOMAD_CLIENT_KEY."
    )]
    client_key: Option<String>,

    #[arg(
        long,
        value_name = "name",
        help = "The name that the agent's certificate must have, if not the host of the address. Environment: \
                NOMAD_TLS_SERVER_NAME."
    )]
    tls_server_name: Option<String>,

    #[arg(
        long, alias = "insecure",
        action = Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false,
        help = "Do not check the agent's certificate: anyone on the way can read the token. Environment: NOMAD_SKIP_VERIFY."
    )]
    tls_skip_verify: bool,

    #[arg(
        long,
        value_name = "n",
        default_value = "50",
        help = "The most connections to the agent at any moment, at least 4. An agent accepts 100 from one address unless configured \
                otherwise, and everything else on this machine shares them. More restart calls than fit are sent one after another."
    )]
    pub(crate) max_connections: String,
}

impl Connection {
    pub(crate) fn into_flags(self) -> ConnectionFlags {
        ConnectionFlags {
            address: self.address,
            region: self.region,
            namespace: self.namespace,
            token: self.token,
            ca_cert: self.ca_cert,
            ca_path: self.ca_path,
            client_cert: self.client_cert,
            client_key: self.client_key,
            tls_server_name: self.tls_server_name,
            tls_skip_verify: self.tls_skip_verify,
        }
    }
}
