//! One run at a pseudo-terminal: what it shows, what is typed, how it ends and how it leaves the terminal.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::strip_ansi_codes;
use rexpect::process::{PtyProcess, Signal, WaitStatus};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::support::Served;

/// Longer than any run in these tests takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the shell says once it stands at the terminal.
const AT_TERMINAL: &str = "at the terminal\r\n";

/// The real binary at a terminal of its own, as a shell starts it. Ends with this value.
pub(super) struct Session {
    process: PtyProcess,
    terminal: File,
    /// How the terminal was when the program started.
    found: Termios,
    screen: Arc<Screen>,
    /// How much of what is shown was waited for already.
    seen: usize,
}

/// Everything that came from the terminal.
#[derive(Default)]
struct Screen {
    bytes: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Session {
    /// Runs the program against the cluster at a terminal of 120 columns.
    pub(super) fn start(served: &Served, args: &[&str]) -> Self {
        Self::sized(served, 120, args)
    }

    /// At a terminal of so many columns.
    pub(super) fn sized(served: &Served, columns: u16, args: &[&str]) -> Self {
        // The program is to meet the terminal as the test has set it: so the shell waits for a line before it becomes the program.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "echo at the terminal; read line; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_nomad-restart"))
            .args(args)
            .env_clear()
            .env("NOMAD_ADDR", &served.address)
            .env("TERM", "xterm-256color")
            .env("TZ", "America/New_York");
        let process = PtyProcess::new(command).unwrap();
        let terminal = process.get_file_handle().unwrap();
        let screen = Arc::new(Screen::default());
        let reader = terminal.try_clone().unwrap();
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || shown.fill(reader));
        let mut session = Self {
            found: tcgetattr(&terminal).unwrap(),
            process,
            terminal,
            screen,
            seen: 0,
        };
        session.wait_for(AT_TERMINAL.trim_end());
        session.found = tcgetattr(&session.terminal).unwrap();
        // Otherwise Ctrl-C drops what is written at the same moment and not read yet, which a test cannot tell from not written.
        session
            .found
            .local_modes
            .insert(LocalModes::ECHO | LocalModes::NOFLSH);
        tcsetattr(&session.terminal, OptionalActions::Now, &session.found).unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&session.terminal, size).unwrap();
        session.keys("\n");
        session
    }

    /// Waits until this text is shown after what was waited for before.
    #[track_caller]
    pub(super) fn wait_for(&mut self, text: &str) -> &mut Self {
        let found = self.screen.wait(|shown, _| {
            let rest = shown.get(self.seen..)?;
            rest.find(text).map(|at| self.seen + at + text.len())
        });
        match found {
            Ok(seen) => self.seen = seen,
            Err(shown) => panic!("{text:?} was not shown in:\n{shown}"),
        }
        self
    }

    /// Everything that is shown so far.
    pub(super) fn shown(&self) -> String {
        text_of(&self.screen.lock().0)
    }

    /// What was written, colours and all.
    pub(super) fn raw(&self) -> String {
        String::from_utf8(self.screen.lock().0.clone()).unwrap()
    }

    /// Waits for the end as [`Self::ends_with`]; gives what was written, colours and all.
    #[track_caller]
    pub(super) fn raw_to_the_end(self, code: i32) -> String {
        let screen = Arc::clone(&self.screen);
        self.ends_with(code);
        String::from_utf8(screen.lock().0.clone()).unwrap()
    }

    /// Presses these keys.
    pub(super) fn keys(&mut self, keys: &str) -> &mut Self {
        self.terminal.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Types a line.
    pub(super) fn line(&mut self, line: &str) -> &mut Self {
        self.keys(line).keys("\n")
    }

    /// Waits until the program reads key by key: before that a key would be echoed, and wait for the end of a line.
    #[track_caller]
    pub(super) fn reads_keys(&mut self) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        let by_lines = LocalModes::ICANON | LocalModes::ECHO;
        while tcgetattr(&self.terminal)
            .unwrap()
            .local_modes
            .intersects(by_lines)
        {
            assert!(Instant::now() < deadline, "no keys are read");
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    pub(super) fn control_c(&mut self) -> &mut Self {
        self.keys("\u{3}")
    }

    /// Sends a signal from outside.
    pub(super) fn signal(&mut self, signal: Signal) -> &mut Self {
        self.process.signal(signal).unwrap();
        self
    }

    /// Sends the signal again and again: the one that ends the program may be the second or, after a question, the third.
    pub(super) fn signals_until_it_ends(&mut self, signal: Signal) {
        while !self.screen.lock().1 {
            // It may have ended since.
            let _ = self.process.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end: with this code, and the terminal as it was. Gives everything that was shown since the start.
    #[track_caller]
    pub(super) fn ends_with(self, code: i32) -> String {
        let Ok(()) = self.screen.wait(|_, ended| ended.then_some(())) else {
            panic!("the program does not end:\n{}", self.shown());
        };
        let status = self.process.wait().unwrap();
        let shown = self.shown();
        let WaitStatus::Exited(_, ended) = status else {
            panic!("{status:?}\n{shown}");
        };
        assert_eq!(ended, code, "\n{shown}");
        let left = tcgetattr(&self.terminal).unwrap();
        for (left, found) in [
            (
                format!("{:?}", left.local_modes),
                format!("{:?}", self.found.local_modes),
            ),
            (
                format!("{:?}", left.input_modes),
                format!("{:?}", self.found.input_modes),
            ),
            (
                format!("{:?}", left.output_modes),
                format!("{:?}", self.found.output_modes),
            ),
            (
                format!("{:?}", left.control_modes),
                format!("{:?}", self.found.control_modes),
            ),
        ] {
            assert_eq!(left, found, "the terminal is not as it was\n{shown}");
        }
        let raw = self.raw();
        let (hidden, back) = ("\u{1b}[?25l", "\u{1b}[?25h");
        assert!(
            raw.rfind(hidden) <= raw.rfind(back),
            "the cursor stays hidden:\n{raw:?}"
        );
        shown
            .split_once(AT_TERMINAL.trim_end())
            .map(|(_, of_program)| of_program.trim_start().to_owned())
            .unwrap()
    }
}

impl Screen {
    fn fill(&self, mut terminal: File) {
        let mut buffer = [0; 4096];
        loop {
            let read = match terminal.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // The other side has been closed by the last who had it.
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            self.lock().0.extend(&buffer[..read]);
            self.changed.notify_all();
        }
        self.lock().1 = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, bool)> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `what` finds something in what is shown, or in its being the end. The error is everything that is shown.
    fn wait<T>(&self, what: impl Fn(&str, bool) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut bytes = self.lock();
        loop {
            let shown = text_of(&bytes.0);
            if let Some(found) = what(&shown, bytes.1) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if bytes.1 || left.is_zero() {
                return Err(shown);
            }
            let (next, _) = self
                .changed
                .wait_timeout(bytes, left)
                .unwrap_or_else(PoisonError::into_inner);
            bytes = next;
        }
    }
}

/// What a terminal would show, without colours; lines that are drawn again are there twice.
fn text_of(bytes: &[u8]) -> String {
    strip_ansi_codes(&String::from_utf8_lossy(bytes))
        .replace("\r\n", "\n")
        .replace('\r', "")
}
