//! The gate: the only road to a write. Held while the operator is asked whether to stop, closed for good by a stop.

use tokio::sync::watch;

/// What ended the run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The signal's number; SIGPIPE stands for a closed stdout.
    pub(crate) signal: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Held,
    Closed(Stop),
}

/// Lets writes pass, or not.
#[derive(Debug)]
pub(crate) struct Gate(watch::Sender<State>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(State::Open))
    }
}

impl Gate {
    /// Waits while the gate is held.
    ///
    /// # Errors
    /// When it is closed: nothing new may be started.
    pub(crate) async fn pass(&self) -> Result<(), Stop> {
        let mut state = self.0.subscribe();
        loop {
            match *state.borrow_and_update() {
                State::Open => return Ok(()),
                State::Closed(stop) => return Err(stop),
                State::Held => {}
            }
            // The sender is borrowed, so it cannot be gone.
            let _ = state.changed().await;
        }
    }

    /// Lets nothing pass until [`Gate::open`].
    pub(crate) fn hold(&self) {
        self.change(State::Held);
    }

    /// Lets everything pass again.
    pub(crate) fn open(&self) {
        self.change(State::Open);
    }

    /// Lets nothing pass any more.
    pub(crate) fn close(&self, stop: Stop) {
        self.change(State::Closed(stop));
    }

    /// Waits until the gate is closed.
    pub(crate) async fn closed(&self) -> Stop {
        let mut state = self.0.subscribe();
        loop {
            if let State::Closed(stop) = *state.borrow_and_update() {
                return stop;
            }
            let _ = state.changed().await;
        }
    }

    /// The stop that closed it, if it is closed.
    pub(crate) fn stop(&self) -> Option<Stop> {
        match *self.0.borrow() {
            State::Closed(stop) => Some(stop),
            State::Open | State::Held => None,
        }
    }

    /// A closed gate stays closed.
    fn change(&self, to: State) {
        self.0.send_if_modified(|state| {
            let changes = *state != to && !matches!(state, State::Closed(_));
            if changes {
                *state = to;
            }
            changes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_held_gate_lets_pass_once_it_opens() {
        // N58
        let gate = Gate::default();
        gate.hold();
        let pass = gate.pass();
        tokio::pin!(pass);
        tokio::select! {
            biased;
            _ = &mut pass => panic!("passed a held gate"),
            () = tokio::task::yield_now() => {}
        }
        gate.open();
        assert_eq!(pass.await, Ok(()));
    }

    #[tokio::test]
    async fn a_closed_gate_stays_closed_with_its_first_stop() {
        let gate = Gate::default();
        gate.close(Stop { signal: 2 });
        gate.open();
        gate.close(Stop { signal: 15 });
        assert_eq!(gate.pass().await, Err(Stop { signal: 2 }));
        assert_eq!(gate.closed().await, Stop { signal: 2 });
        assert_eq!(gate.stop(), Some(Stop { signal: 2 }));
    }
}
