//! Serves the simulated cluster to any Nomad client.

use std::io::Write;
use std::net::ToSocketAddrs;
use std::process::ExitCode;

use nomad_sim::cluster::Config;
use nomad_sim::demo;
use nomad_sim::front::{Agent, serve};
use nomad_sim::model::Version;

const USAGE: &str = "\
Usage: nomad-sim [options]

  Serves a simulated Nomad cluster with a few jobs over HTTP, until Ctrl-C.
  Point any Nomad client at it with NOMAD_ADDR.

Options:

  -listen=<host:port>  Where to listen. Port 0 takes any free one.
                       Defaults to 127.0.0.1:4646.
  -seed=<n>            Number that all ids and latencies follow from. Defaults to 1.
  -nomad-version=<v>   Which Nomad it is: 1.6, 1.8, 1.10, 1.11.2, 1.11.3 or 2.0,
                       the default.
  -help                This text.
";

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Serve {
        listen: String,
        seed: u64,
        version: Version,
    },
    Help,
}

fn parse(args: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut listen = "127.0.0.1:4646".to_owned();
    let mut seed = 1;
    let mut version = Version::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
            return Err(format!("Unexpected argument {arg:?}"));
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let needed = |value: Option<String>, args: &mut dyn Iterator<Item = String>| {
            let value = value.or_else(|| args.next());
            value.ok_or_else(|| format!("Option -{name} needs a value"))
        };
        match name {
            "h" | "help" => return Ok(Command::Help),
            "listen" => listen = needed(value, &mut args)?,
            "seed" => {
                let text = needed(value, &mut args)?;
                seed = text.parse().map_err(|_| {
                    format!("Invalid value {text:?} for option -seed: not a number")
                })?;
            }
            "nomad-version" => {
                let text = needed(value, &mut args)?;
                version = Version::parse(&text)
                    .ok_or_else(|| format!("Unknown version {text:?} for option -nomad-version"))?;
            }
            _ => return Err(format!("Unknown option -{name}")),
        }
    }
    Ok(Command::Serve {
        listen,
        seed,
        version,
    })
}

/// Why it cannot listen there, and what to do.
fn cannot_listen(listen: &str, reason: &dyn std::fmt::Display) -> String {
    format!("Cannot listen on {listen:?}: {reason}.\nChoose an address with -listen=<host:port>")
}

async fn run(
    listen: &str,
    seed: u64,
    version: Version,
    out: &mut impl Write,
) -> Result<(), String> {
    let addr = listen
        .to_socket_addrs()
        .map_err(|error| cannot_listen(listen, &error))?
        .next()
        .ok_or_else(|| cannot_listen(listen, &"the name has no address"))?;
    let config = Config::seeded(seed).with_version(version);
    let agent = Agent::new(demo::cluster_of(config));
    let server = serve(agent, addr)
        .await
        .map_err(|error| cannot_listen(listen, &error))?;
    let told = writeln!(
        out,
        "Simulated Nomad cluster at {}; end it with Ctrl-C.\n\n  export NOMAD_ADDR={}\n\nJobs: {}.",
        server.url(),
        server.url(),
        demo::JOBS.join(", ")
    );
    // A closed stdout is no reason not to serve.
    drop(told);
    let ended = tokio::signal::ctrl_c().await;
    server.shutdown().await;
    ended.map_err(|error| format!("Cannot wait for Ctrl-C: {error}"))
}

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let done = parse(std::env::args().skip(1))
        .map_err(|text| format!("{text}\nFor additional help try 'nomad-sim -help'"));
    let result = done.and_then(|command| match command {
        Command::Help => out
            .write_all(USAGE.as_bytes())
            .map_err(|error| format!("Cannot write the help: {error}")),
        Command::Serve {
            listen,
            seed,
            version,
        } => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| format!("Cannot start: {error}"))?;
            runtime.block_on(run(&listen, seed, version, &mut out))
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // Nothing is left to tell if stderr is closed too.
            let _best_effort = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(ToString::to_string))
    }

    #[test]
    fn options_have_one_dash_or_two_and_their_value_with_or_without_equals_sign() {
        let expected = Command::Serve {
            listen: "0.0.0.0:0".to_owned(),
            seed: 7,
            version: Version::V1_10,
        };
        let args = ["-listen=0.0.0.0:0", "--seed", "7", "-nomad-version=1.10"];
        assert_eq!(parsed(&args), Ok(expected));
        assert_eq!(parsed(&["-help"]), Ok(Command::Help));
    }

    #[test]
    fn bad_options_are_told() {
        for (args, text) in [
            (&["-port=1"][..], "Unknown option -port"),
            (&["-listen"], "Option -listen needs a value"),
            (&["x"], "Unexpected argument \"x\""),
            (
                &["-nomad-version=3"],
                "Unknown version \"3\" for option -nomad-version",
            ),
            (
                &["-seed=x"],
                "Invalid value \"x\" for option -seed: not a number",
            ),
        ] {
            assert_eq!(parsed(args), Err(text.to_owned()));
        }
    }
}
