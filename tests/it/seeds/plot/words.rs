//! The command line of a scene.

use super::{Batch, JOB, Plot, SECRET, Wait};

impl Plot {
    /// The words of the command, with the moment that `-started-before` names.
    pub(in crate::seeds) fn words(&self, start: impl Fn(i64) -> String) -> Vec<String> {
        let command = &self.command;
        let mut words = vec!["nomad-restart".to_owned()];
        let mut flag = |is_set: bool, word: &str| {
            if is_set {
                words.push(word.to_owned());
            }
        };
        flag(self.namespace != "default", "-namespace=prod");
        flag(command.token, &format!("-token={SECRET}"));
        flag(command.yes, "-yes");
        flag(command.all_tasks, "-all-tasks");
        flag(command.reschedule, "-reschedule");
        flag(command.no_shutdown_delay, "-no-shutdown-delay");
        flag(command.verbose, "-verbose");
        flag(command.window, "-batch-mode=window");
        flag(command.healthy, "-wait=healthy");
        flag(command.await_deployment, "-on-deployment=wait");
        flag(command.json, "-json");
        flag(command.detailed, "-detailed-exitcode");
        flag(command.dry_run, "-dry-run");
        for group in &command.groups {
            flag(true, &format!("-group={group}"));
        }
        for task in &command.tasks {
            flag(true, &format!("-task={task}"));
        }
        if let Some(on_error) = command.on_error {
            flag(true, &format!("-on-error={on_error}"));
        }
        match command.batch {
            Some(Batch::Count(n)) => flag(true, &format!("-batch-size={n}")),
            Some(Batch::Percent(n)) => flag(true, &format!("-batch-size={n}%")),
            None => {}
        }
        match command.wait {
            Some(Wait::For(wait)) => flag(true, &format!("-batch-wait={}s", wait.as_secs())),
            Some(Wait::Ask) => flag(true, "-batch-wait=ask"),
            None => {}
        }
        if let Some(timeout) = command.timeout {
            flag(true, &format!("-timeout={}s", timeout.as_secs()));
        }
        if let Some(seconds) = command.started_before {
            flag(true, &format!("-started-before={}", start(seconds)));
        }
        if let Some(age) = command.older_than {
            flag(true, &format!("-older-than={}s", age.as_secs()));
        }
        if let Some(time) = command.min_healthy {
            flag(true, &format!("-min-healthy-time={}s", time.as_secs()));
        }
        match command.max_failures {
            Some(Batch::Count(n)) => flag(true, &format!("-max-failures={n}")),
            Some(Batch::Percent(n)) => flag(true, &format!("-max-failures={n}%")),
            None => {}
        }
        flag(true, JOB);
        words
    }
}
