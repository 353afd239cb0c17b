//! What tasks print: their processes say it when they start, and it stays with the allocation.

use super::alloc::Runner;
use crate::cluster::state::State;
use crate::model::ApiError;

/// The most bytes that are kept of one log: as with the real agent the oldest go first.
const KEPT: usize = 1 << 20;

/// The two logs of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

fn append(log: &mut Vec<u8>, text: &str) {
    log.extend_from_slice(text.as_bytes());
    let over = log.len().saturating_sub(KEPT);
    log.drain(..over);
}

impl State {
    /// A process has started and prints what it has to say.
    pub(super) fn print(run: &mut Runner, task: usize) {
        let task = &mut run.tasks[task];
        let (stdout, stderr) = (&task.behaviour.stdout, &task.behaviour.stderr);
        append(&mut task.logs.stdout, stdout.as_deref().unwrap_or_default());
        append(&mut task.logs.stderr, stderr.as_deref().unwrap_or_default());
    }

    /// One log of a task.
    ///
    /// # Errors
    /// As for a restart where the node cannot be asked; 400 for an unknown task.
    pub(crate) fn log_of(&mut self, id: &str, task: &str, err: bool) -> Result<Vec<u8>, ApiError> {
        let (alloc, _) = self.known_to_node(id)?;
        let log = self.with_runner(alloc, |_, run| {
            let logs = &run.tasks[run.task_index(task)?].logs;
            Some(if err { &logs.stderr } else { &logs.stdout }.clone())
        });
        log.flatten()
            .ok_or_else(|| ApiError::new(400, format!("unknown task name {task:?}")))
    }
}
