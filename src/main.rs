//! The thin binary: everything is in the library.

use std::process::ExitCode;

use nomad_restart::{Env, Io};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    ExitCode::from(nomad_restart::run(
        &args,
        &Env::of_process(),
        Io::of_process(),
    ))
}
