//! Placement failures in words (behaviour 5.6.3), in a stable order.

use crate::cli::quote::quote;
use crate::nomad::json::{AllocMetric, Evaluation};

/// The blocked evaluation that says why this group's allocations cannot be placed. Evaluations of before the write do not count.
pub(super) fn failure<'a>(
    blocked: impl Iterator<Item = &'a Evaluation>,
    group: &str,
    since: u64,
) -> Option<(&'a Evaluation, &'a AllocMetric)> {
    blocked
        .filter(|evaluation| evaluation.create_index >= since && evaluation.status == "blocked")
        .filter_map(|evaluation| Some((evaluation, evaluation.failed_tg_allocs.get(group)?)))
        .max_by_key(|(evaluation, _)| evaluation.create_index)
}

/// The whole text: a line that names the evaluation and the group, and a line per cause.
pub(super) fn words(evaluation: &str, group: &str, metric: &AllocMetric) -> String {
    let mut lines = vec![format!(
        "Evaluation {} has placement failures for group {}:",
        quote(evaluation),
        quote(group)
    )];
    let mut cause = |text: String| lines.push(format!("    * {text}"));
    if metric.nodes_evaluated == 0 {
        cause("No nodes were eligible for evaluation".to_owned());
    }
    for (datacenter, _) in metric
        .nodes_available
        .iter()
        .filter(|(_, nodes)| **nodes == 0)
    {
        cause(format!(
            "No nodes are available in datacenter {}",
            quote(datacenter)
        ));
    }
    for (class, nodes) in &metric.class_filtered {
        cause(format!(
            "Class {}: {nodes} nodes excluded by filter",
            quote(class)
        ));
    }
    for (constraint, nodes) in &metric.constraint_filtered {
        cause(format!(
            "Constraint {}: {nodes} nodes excluded by filter",
            quote(constraint)
        ));
    }
    if metric.nodes_exhausted > 0 {
        cause(format!(
            "Resources exhausted on {} nodes",
            metric.nodes_exhausted
        ));
    }
    for (class, nodes) in &metric.class_exhausted {
        cause(format!("Class {} exhausted on {nodes} nodes", quote(class)));
    }
    for (dimension, nodes) in &metric.dimension_exhausted {
        cause(format!(
            "Dimension {} exhausted on {nodes} nodes",
            quote(dimension)
        ));
    }
    for quota in &metric.quota_exhausted {
        cause(format!("Quota limit hit {}", quote(quota)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    // N41.
    #[test]
    fn causes_come_in_the_order_of_the_page_and_sorted_within() {
        let map = |pairs: &[(&str, u64)]| -> BTreeMap<String, u64> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), *value))
                .collect()
        };
        let metric = AllocMetric {
            nodes_evaluated: 0,
            nodes_available: map(&[("dc2", 0), ("dc1", 0), ("dc3", 4)]),
            class_filtered: map(&[("b", 2), ("a", 1)]),
            constraint_filtered: map(&[("${attr.kernel.name} = windows", 3)]),
            nodes_exhausted: 2,
            class_exhausted: map(&[("c", 1)]),
            dimension_exhausted: map(&[("memory", 2), ("cpu", 1)]),
            quota_exhausted: vec!["cpu".into()],
        };
        assert_eq!(
            words("e1234567", "web", &metric),
            "Evaluation \"e1234567\" has placement failures for group \"web\":
    * No nodes were eligible for evaluation
    * No nodes are available in datacenter \"dc1\"
    * No nodes are available in datacenter \"dc2\"
    * Class \"a\": 1 nodes excluded by filter
    * Class \"b\": 2 nodes excluded by filter
    * Constraint \"${attr.kernel.name} = windows\": 3 nodes excluded by filter
    * Resources exhausted on 2 nodes
    * Class \"c\" exhausted on 1 nodes
    * Dimension \"cpu\" exhausted on 1 nodes
    * Dimension \"memory\" exhausted on 2 nodes
    * Quota limit hit \"cpu\""
        );
    }

    #[test]
    fn only_a_blocked_evaluation_of_after_the_write_that_names_the_group_counts() {
        let evaluation = |id: &str, create_index, status: &str, group: &str| Evaluation {
            id: id.into(),
            create_index,
            status: status.into(),
            failed_tg_allocs: BTreeMap::from([(group.to_owned(), AllocMetric::default())]),
            ..Evaluation::default()
        };
        let all = [
            evaluation("old", 9, "blocked", "web"),
            evaluation("ended", 11, "canceled", "web"),
            evaluation("other", 12, "blocked", "api"),
            evaluation("first", 13, "blocked", "web"),
            evaluation("newest", 14, "blocked", "web"),
        ];
        let found = |upto: usize| {
            failure(all[..upto].iter(), "web", 10).map(|(evaluation, _)| evaluation.id.as_str())
        };
        assert_eq!(found(3), None);
        assert_eq!(found(4), Some("first"));
        assert_eq!(found(5), Some("newest"));
    }
}
