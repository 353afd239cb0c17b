//! `cargo run --example demo`: a simulated cluster of three nodes inside this process, and the real program run against it.
//!
//! Arguments after `--` replace the default `-batch-size=40% example`. Without a terminal to answer questions, `-yes` is added to the
//! default. The demo's jobs are described in the README.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc;

use nomad_restart::{Env, Io};

/// Ids and times are the same in every run.
const SEED: u64 = 7;

fn main() -> ExitCode {
    let address = match start_cluster() {
        Ok(address) => address,
        Err(error) => return complain(&format!("Cannot start the demo cluster: {error}")),
    };
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if words.is_empty() {
        words = ["-batch-size=40%", "example"].map(OsString::from).to_vec();
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            words.insert(0, OsString::from("-yes"));
        }
    }
    let shown: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    complain(&format!(
        "A simulated Nomad cluster listens on {address}.\n$ nomad-restart {}",
        shown.join(" ")
    ));

    // Only what concerns the look of the output: the demo must not talk to a real cluster, nor show its token.
    let kept = [
        "TERM",
        "TZ",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "NOMAD_CLI_NO_COLOR",
        "NOMAD_CLI_FORCE_COLOR",
    ];
    let kept = kept
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    let env = Env::from_pairs(kept.chain([("NOMAD_ADDR".to_owned(), address)]));
    words.insert(0, OsString::from("nomad-restart"));
    ExitCode::from(nomad_restart::run(&words, &env, Io::of_process()))
}

/// Starts the cluster on a thread of its own, so that it goes on whatever the program does; gives its address.
fn start_cluster() -> Result<String, String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return sender.send(Err(error.to_string())),
        };
        runtime.block_on(async {
            let agent = nomad_sim::front::Agent::new(nomad_sim::demo::cluster(SEED));
            let server = nomad_sim::front::serve(agent, ([127, 0, 0, 1], 0).into()).await;
            let told = sender.send(
                server
                    .as_ref()
                    .map(nomad_sim::front::Server::url)
                    .map_err(ToString::to_string),
            );
            std::future::pending::<()>().await;
            told
        })
    });
    receiver.recv().map_err(|error| error.to_string())?
}

/// On stderr: stdout belongs to the program that is shown.
#[expect(
    clippy::print_stderr,
    reason = "the demo is a program of its own; the library's report owns only the program's streams"
)]
fn complain(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}
