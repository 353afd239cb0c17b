//! One run at a pseudo-terminal: what it shows, what is typed, how it ends and how it leaves the terminal.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, Signal, WaitStatus};
use rustix::termios::{
    LocalModes, OptionalActions, Termios, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::emulator::Emulator;
use super::screen::{PATIENCE, Screen};
use crate::support::Served;

/// What the shell says once it stands at the terminal.
const AT_TERMINAL: &str = "at the terminal\r\n";
/// How a shell runs the program if it does nothing else.
const ONLY_THIS: &str = "exec \"$@\"";

/// The real binary at a terminal of its own, as a shell starts it. Ends with this value. What is shown is told without the live block,
/// but where the screen itself is asked for.
pub(super) struct Session {
    process: PtyProcess,
    terminal: File,
    /// How the terminal was when the program started.
    found: Termios,
    screen: Arc<Screen>,
    /// How much of what is shown was waited for already.
    seen: usize,
}

/// A terminal, and what a shell there does with the program, which is its `"$@"`.
pub(super) struct Place<'a> {
    /// Lines and columns.
    pub(super) size: (u16, u16),
    pub(super) term: &'a str,
    pub(super) script: &'a str,
}

impl Default for Place<'_> {
    fn default() -> Self {
        Self {
            size: (40, 120),
            term: "xterm-256color",
            script: ONLY_THIS,
        }
    }
}

impl Session {
    /// Runs the program against the cluster at a terminal of 120 columns.
    pub(super) fn start(served: &Served, args: &[&str]) -> Self {
        Self::at(served, &Place::default(), args)
    }

    /// At a terminal of so many columns.
    pub(super) fn sized(served: &Served, columns: u16, args: &[&str]) -> Self {
        let place = Place {
            size: (40, columns),
            ..Place::default()
        };
        Self::at(served, &place, args)
    }

    /// At such a terminal.
    pub(super) fn at(served: &Served, place: &Place<'_>, args: &[&str]) -> Self {
        // The program is to meet the terminal as the test has set it: so the shell waits for a line before it becomes the program.
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg("echo at the terminal; read line; ".to_owned() + place.script)
            .arg("sh")
            .arg(env!("CARGO_BIN_EXE_nomad-restart"))
            .args(args)
            .env_clear()
            .env("NOMAD_ADDR", &served.address)
            .env("TERM", place.term)
            .env("TZ", "America/New_York");
        let process = PtyProcess::new(command).unwrap();
        let terminal = process.get_file_handle().unwrap();
        let screen = Arc::new(Screen::new(place.size));
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
        session.resize(place.size);
        session.keys("\n");
        session
    }

    /// Changes the terminal's lines and columns, also in mid-run.
    pub(super) fn resize(&mut self, size: (u16, u16)) -> &mut Self {
        // What comes meanwhile is taken by a terminal that has its new size already.
        let mut page = self.screen.lock();
        page.emulator.resize(size);
        let size = Winsize {
            ws_row: size.0,
            ws_col: size.1,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.terminal, size).unwrap();
        drop(page);
        self
    }

    /// Waits until this text is shown after what was waited for before.
    #[track_caller]
    pub(super) fn wait_for(&mut self, text: &str) -> &mut Self {
        let found = self.screen.wait(|page| {
            let shown = page.shown();
            let rest = shown.get(self.seen..)?;
            rest.find(text).map(|at| self.seen + at + text.len())
        });
        match found {
            Ok(seen) => self.seen = seen,
            Err(shown) => panic!("{text:?} was not shown in:\n{shown}"),
        }
        self
    }

    /// Waits until the lines on the screen, from the top to the last that is not empty, are such ones. Gives them.
    #[track_caller]
    pub(super) fn wait_for_screen(&self, what: impl Fn(&[String]) -> bool) -> Vec<String> {
        let found = self.screen.wait(|page| {
            let lines = page.emulator.screen();
            what(&lines).then_some(lines)
        });
        found.unwrap_or_else(|shown| {
            let lines = self.screen.lock().emulator.screen();
            panic!("the screen is another:\n{}\n\n{shown}", lines.join("\n"))
        })
    }

    /// Waits until the screen shows this.
    #[track_caller]
    pub(super) fn screen_with(&self, text: &str) -> Vec<String> {
        self.wait_for_screen(|lines| lines.iter().any(|line| line.contains(text)))
    }

    /// Everything that is shown so far.
    pub(super) fn shown(&self) -> String {
        self.screen.lock().shown()
    }

    /// What was written, colours and all.
    pub(super) fn raw(&self) -> String {
        self.screen.lock().raw()
    }

    /// How much was written, block and all.
    pub(super) fn written(&self) -> usize {
        self.screen.lock().bytes.len()
    }

    /// Waits for the end as [`Self::ends_with`]; gives all that was written, block and all.
    #[track_caller]
    pub(super) fn written_to_the_end(self, code: i32) -> String {
        let screen = Arc::clone(&self.screen);
        self.ends_with(code);
        String::from_utf8_lossy(&screen.lock().bytes).into_owned()
    }

    /// Waits for the end as [`Self::ends_with`]; gives the lines that the terminal has then, and those that it would have if there had
    /// never been a block.
    #[track_caller]
    pub(super) fn paper_to_the_end(self, code: i32, size: (u16, u16)) -> [Vec<String>; 2] {
        let screen = Arc::clone(&self.screen);
        self.ends_with(code);
        let mut page = screen.lock();
        let mut plain = Emulator::new(size);
        plain.take(page.raw().as_bytes());
        [page.emulator.paper(), plain.paper()]
    }

    /// Waits for the end as [`Self::ends_with`]; gives what was written, colours and all.
    #[track_caller]
    pub(super) fn raw_to_the_end(self, code: i32) -> String {
        let screen = Arc::clone(&self.screen);
        self.ends_with(code);
        screen.lock().raw()
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
        while !self.screen.lock().ended {
            // It may have ended since.
            let _ = self.process.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end: with this code, and the terminal as it was. Gives everything that was shown since the start.
    #[track_caller]
    pub(super) fn ends_with(self, code: i32) -> String {
        let Ok(()) = self.screen.wait(|page| page.ended.then_some(())) else {
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
