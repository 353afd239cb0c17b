//! How news of evaluations is folded in: which of them are blocked.

use std::collections::BTreeSet;

use crate::nomad::json::Evaluation;
use crate::view::{Changed, JobView};

impl JobView {
    pub(super) fn blocked(
        &mut self,
        index: u64,
        evaluations: Vec<Evaluation>,
        changed: &mut Changed,
    ) {
        let listed: BTreeSet<String> = evaluations.iter().map(|e| e.id.clone()).collect();
        for evaluation in evaluations {
            self.evaluation(evaluation, changed);
        }
        let over: Vec<String> = self
            .blocked
            .values()
            .filter(|known| {
                !listed.contains(&known.id) && (index == 0 || known.modify_index <= index)
            })
            .map(|known| known.id.clone())
            .collect();
        for id in over {
            self.blocked.remove(&id);
            self.unblocked.insert(id, index);
            changed.evaluations = true;
        }
        self.index = self.index.max(index);
    }

    pub(super) fn evaluation(&mut self, news: Evaluation, changed: &mut Changed) {
        self.index = self.index.max(news.modify_index);
        let overtaken = self
            .unblocked
            .get(&news.id)
            .is_some_and(|over| *over >= news.modify_index)
            || self
                .blocked
                .get(&news.id)
                .is_some_and(|known| known.modify_index >= news.modify_index);
        if overtaken {
            return;
        }
        if news.status == "blocked" {
            self.unblocked.remove(&news.id);
            self.blocked.insert(news.id.clone(), news);
            changed.evaluations = true;
        } else {
            changed.evaluations |= self.blocked.remove(&news.id).is_some();
            self.unblocked.insert(news.id, news.modify_index);
        }
    }
}
