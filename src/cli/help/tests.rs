//! The help text, whole, and what it must have.

use clap::CommandFactory;

use super::*;
use crate::cli::options::Options;

#[test]
fn every_option_is_explained_in_a_section() {
    for arg in Options::command().get_arguments() {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        assert!(!help.is_empty(), "{} has no help", arg.get_id());
        assert!(
            arg.get_help_heading().is_some(),
            "{} is in no section",
            arg.get_id()
        );
        assert!(
            arg.is_positional() || help.ends_with('.'),
            "{} is no sentence",
            arg.get_id()
        );
    }
}

// 1.3
#[test]
fn general_options_name_their_variable() {
    let text = text(&Options::command());
    for variable in [
        "NOMAD_ADDR",
        "NOMAD_REGION",
        "NOMAD_NAMESPACE",
        "NOMAD_TOKEN",
        "NOMAD_CACERT",
        "NOMAD_CAPATH",
        "NOMAD_CLIENT_CERT",
        "NOMAD_CLIENT_KEY",
        "NOMAD_TLS_SERVER_NAME",
        "NOMAD_SKIP_VERIFY",
        "NOMAD_CLI_NO_COLOR",
        "NOMAD_CLI_FORCE_COLOR",
    ] {
        assert!(text.contains(variable), "{variable}");
    }
}

#[test]
fn fits_a_terminal_of_80_columns() {
    for line in text(&Options::command()).lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn is_this() {
    // D14, D73, D51
    insta::assert_snapshot!(text(&Options::command()), @r#"
    Usage: nomad-restart [options] <job>

      Restart the allocations of a Nomad job in batches. The next batch begins when
      every allocation of the last one runs again. By default the running tasks of
      one allocation at a time are restarted in place; with -reschedule allocations
      are stopped and their replacements awaited.

      <job> is a job ID, or a prefix that matches one job. Options are written with
      one or two dashes, before or after the job, their value after an equals sign
      or as the next argument; -- ends them. Where an environment variable is named,
      it counts when the option is not given.

    What to restart:

      -group=<name>
          Only the allocations of this group. Can be given several times.

      -task=<name>
          Restart this task only, in each allocation that has it. Can be given
          several times. Without it, the tasks that run are restarted. Not with
          -all-tasks or -reschedule.

      -all-tasks
          Restart all tasks, also those that have finished, in lifecycle order. Not
          with -task; no effect with -reschedule.

      -reschedule
          Stop each allocation and wait until its replacement runs, on this or
          another node, instead of restarting tasks in place. This is no deployment:
          the job's update block is not looked at. Not with -task.

      -no-shutdown-delay
          With -reschedule, stop tasks without their shutdown_delay. Connections to
          the allocation fail, because it stops before it has been taken out of
          service discovery everywhere. No effect in place, where Nomad always
          waits.

      -started-before=<time>
          Only allocations in which a task to be restarted started before this RFC
          3339 time; with -reschedule, allocations that were created before it.
          Continues a run that was interrupted.

      -older-than=<duration>
          Like -started-before, with a time this long before now: 7d takes what has
          run for a week. Given both, both must hold.

      -exact
          Take the job argument as a whole job ID, never as a prefix.

      -dry-run
          Print which allocations would be restarted in which batch, which are left
          out and why, and what to beware of. Changes nothing, asks nothing, needs
          no terminal.

    Pace and errors:

      -batch-size=<n|n%>
          How many allocations to restart at once: a number, or a percentage of the
          eligible ones, rounded up. Above 100% is all of them. Defaults to 1.

      -batch-wait=<duration|ask>
          How long to wait between batches. With ask, ask before each batch whether
          to go on; a duration as the answer is the wait from then on. Defaults to
          0s.

      -batch-mode=<lockstep|window>
          When the next allocation is restarted. lockstep: when every one of its
          batch is done. window: as soon as any one is done, so that at most
          -batch-size are away at any moment and no one waits for the slowest;
          -batch-wait is then waited after each one before the next takes its place.
          Not with -batch-wait=ask, nor with -reschedule of system jobs. Defaults to
          lockstep.

      -on-error=<ask|fail>
          What follows a batch with errors: ask whether to go on, or stop. To ask
          needs a terminal on stdin and stdout, or -yes. Defaults to ask.

      -max-failures=<n|n%>
          Go on without a question while no more than this many allocations have
          failed, and stop when it is more: a number, or a percentage of the
          eligible ones, rounded down. Errors that are likely to happen again still
          stop or ask. Not with -on-error=fail.

      -on-deployment=<fail|wait>
          What to do about a deployment of the job that is active at the start or
          begins between batches: stop, or wait without limit until it has ended.
          The allocations are chosen after that. Defaults to fail.

      -timeout=<duration>
          The longest wait for one allocation, from the moment its restart is
          requested; after that it has failed. 0 waits without limit. Defaults to
          what the job allows: shutdown delays, kill timeout and progress deadline,
          or with -wait=healthy the healthy deadline.

      -wait=<running|healthy>
          What ends the wait for an allocation: that its tasks run again, or also
          that it is healthy. In place that means that all checks of its Nomad
          services pass; with -reschedule, that Nomad has found the replacement
          healthy. Defaults to running.

      -min-healthy-time=<duration>
          With -wait=healthy, how long an allocation must stay healthy before it
          counts. Defaults to min_healthy_time of the group's migrate block, or 10s.
          Replacements that Nomad itself judges are left to the job.

      -yes
          Ask nothing: restart a multi-region job in this region only, take a prefix
          that matches one job, go on with the next batch also after errors that may
          be limited to one allocation. -on-error=fail still stops after any error.

    Output:

      -verbose
          Print whole IDs, every status that an allocation goes through, and why
          allocations are left out.

      -progress=<auto|plain|none>
          How progress is shown. plain prints a line for each step. auto does so too
          and, where standard output and standard error are a terminal, shows what
          is in flight in a block below the lines. none leaves out the lines of
          single allocations and keeps the lines that start with ==>, warnings and
          errors. Defaults to auto.

      -json
          Print everything that happens as JSON on standard output. Each line is an
          object, the last one a summary, and nothing else is printed there. IDs are
          whole. Asks nothing, as without a terminal. Warnings and errors are on
          standard error as well.

      -report=<path>
          Write the summary to this file as well. It is the last line of -json, and
          is written however the run ends.

      -detailed-exitcode
          Exit with codes that tell causes apart; they are listed below.

      -no-color
          Never use colors. Wins over -force-color. Environment: NOMAD_CLI_NO_COLOR,
          with any value.

      -force-color
          Use colors also when the output is no terminal. Environment:
          NOMAD_CLI_FORCE_COLOR, with any value.

      -generate=<bash|zsh|fish|man>
          Print a completion script for this shell, or the man page, and exit. Needs
          no job and no agent.

    Connection:

      -address=<url>
          The Nomad agent: http://, https:// or unix://. Environment: NOMAD_ADDR.
          Defaults to http://127.0.0.1:4646.

      -region=<region>
          The region to which requests are forwarded. Environment: NOMAD_REGION.
          Defaults to that of the agent.

      -namespace=<namespace>
          The job's namespace; * looks in all of them. Environment: NOMAD_NAMESPACE.
          Defaults to the namespace default.

      -token=<secret>
          The secret ID of the ACL token. Every process on the machine can read it
          from the command line: the variable is safer. Environment: NOMAD_TOKEN.

      -ca-cert=<path>
          PEM file of the certificate authority that the agent's certificate is
          checked against. Wins over -ca-path. Environment: NOMAD_CACERT.

      -ca-path=<directory>
          Directory of PEM files of certificate authorities, instead of one file.
          Environment: NOMAD_CAPATH.

      -client-cert=<path>
          PEM file of the certificate to show to the agent. Needs -client-key.
          Environment: NOMAD_CLIENT_CERT.

      -client-key=<path>
          PEM file of the key to -client-cert. Environment: NOMAD_CLIENT_KEY.

      -tls-server-name=<name>
          The name that the agent's certificate must have, if not the host of the
          address. Environment: NOMAD_TLS_SERVER_NAME.

      -tls-skip-verify
          Do not check the agent's certificate: anyone on the way can read the
          token. Environment: NOMAD_SKIP_VERIFY.

      -max-connections=<n>
          The most connections to the agent at any moment, at least 4. An agent
          accepts 100 from one address unless configured otherwise, and everything
          else on this machine shares them. More restart calls than fit are sent one
          after another. Defaults to 50.

    Help:

      -help, -h
          Print this text.

      -version, -v
          Print the version.

    Durations:

      Numbers with a unit, such as 30s, 1m30s, 1.5h, 2d or "1h 30m". Units are ns,
      us, ms, s, m, h, d and w.

    ACL capabilities, in the job's namespace:

      any run                       read-job
      <job> is a prefix             list-jobs, to find the job
      in place, or -reschedule      alloc-lifecycle
      -reschedule of a system job   evaluate-job (Nomad 1.11.2 and later) or
                                    submit-job as well
      a failed task's last lines    read-logs or read-fs; left out without it

    Other environment variables:

      NOMAD_HTTP_AUTH (user:password for the agent), HTTP_PROXY, HTTPS_PROXY,
      NO_PROXY, NO_COLOR, CLICOLOR_FORCE, TZ.

    Exit codes:

      0    Done, nothing to restart, or declined at a question
      1    Any error
      129, 130, 141, 143
           Ended by a hang-up, an interrupt, a closed output, or SIGTERM

      With -detailed-exitcode, 0 and 1 mean less, and there are more:

      0    Done, or nothing to restart
      1    A wrong command line or name, no connection, no permission
      2    Stopped because a replacement could not be placed
      3    All were tried, and some failed
      4    Stopped because of what failed, was lost or took too long
      5    An active deployment, a job that was stopped, a prefix of several jobs
      6    Declined at a question
      7    -dry-run found allocations to restart
    "#);
}
