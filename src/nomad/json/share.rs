//! Texts that many allocations of a list have in common, kept once: names of nodes, groups and tasks, kinds of events.

use std::collections::HashSet;
use std::sync::Arc;

use super::allocation::Allocation;
use super::events::TaskEvent;

/// More are not remembered: some messages are never said twice.
const MOST: usize = 10_000;

/// The texts so far.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// Makes an allocation use the texts of those before it.
    pub(crate) fn share(&mut self, allocation: &mut Allocation) {
        if self.0.len() > MOST {
            self.0.clear();
        }
        for text in [
            &mut allocation.namespace,
            &mut allocation.node_id,
            &mut allocation.node_name,
            &mut allocation.job_id,
            &mut allocation.job_type,
            &mut allocation.task_group,
            &mut allocation.desired_description,
            &mut allocation.client_description,
            &mut allocation.deployment_id,
        ] {
            self.one(text);
        }
        for (name, state) in allocation.task_states.iter_mut() {
            self.one(name);
            let events = &mut state.events;
            for event in [&mut events.last, &mut events.last_failure]
                .into_iter()
                .flatten()
            {
                let TaskEvent {
                    kind,
                    display_message,
                    ..
                } = event;
                self.one(kind);
                self.one(display_message);
            }
        }
    }

    fn one(&mut self, text: &mut Arc<str>) {
        if text.is_empty() {
            return;
        }
        match self.0.get(text) {
            Some(known) => *text = Arc::clone(known),
            None => {
                self.0.insert(Arc::clone(text));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let json =
            r#"{"ID":"a","NodeName":"n1","TaskStates":{"app":{"Events":[{"Type":"Started"}]}}}"#;
        let mut texts = Texts::default();
        let [first, second] = [json, json].map(|json| {
            let mut allocation: Allocation = serde_json::from_str(json).unwrap();
            texts.share(&mut allocation);
            allocation
        });
        assert_eq!(first, second);
        assert!(Arc::ptr_eq(&first.node_name, &second.node_name));
        let kind = |it: &Allocation| it.task_states["app"].events.last.clone().unwrap().kind;
        assert!(Arc::ptr_eq(&kind(&first), &kind(&second)));
        assert!(!Arc::ptr_eq(&first.id, &second.id));
    }
}
