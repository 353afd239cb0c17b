//! The text of a placement failure, in a stable order (D48).

use std::collections::BTreeMap;

use crate::cli::quote::quote;
use crate::nomad::json::AllocMetric;

/// The heading and one line for each cause. `evaluation` is the id as it is to be shown.
pub(super) fn text(evaluation: &str, group: &str, metric: &AllocMetric) -> String {
    let mut lines = vec![format!(
        "Evaluation {} has placement failures for group {}:",
        quote(evaluation),
        quote(group)
    )];
    lines.extend(
        causes(metric)
            .into_iter()
            .map(|cause| format!("    * {cause}")),
    );
    lines.join("\n")
}

fn causes(metric: &AllocMetric) -> Vec<String> {
    let mut causes = Vec::new();
    if metric.nodes_evaluated == 0 {
        causes.push("No nodes were eligible for evaluation".to_owned());
    }
    let each = |counts: &BTreeMap<String, u64>, line: &dyn Fn(String, u64) -> String| {
        counts
            .iter()
            .map(|(name, number)| line(quote(name), *number))
            .collect::<Vec<_>>()
    };
    causes.extend(
        metric
            .nodes_available
            .iter()
            .filter(|(_, number)| **number == 0)
            .map(|(datacenter, _)| {
                format!("No nodes are available in datacenter {}", quote(datacenter))
            }),
    );
    causes.extend(each(&metric.class_filtered, &|class, number| {
        format!("Class {class}: {number} nodes excluded by filter")
    }));
    causes.extend(each(&metric.constraint_filtered, &|constraint, number| {
        format!("Constraint {constraint}: {number} nodes excluded by filter")
    }));
    if metric.nodes_exhausted > 0 {
        causes.push(format!(
            "Resources exhausted on {} nodes",
            metric.nodes_exhausted
        ));
    }
    causes.extend(each(&metric.class_exhausted, &|class, number| {
        format!("Class {class} exhausted on {number} nodes")
    }));
    causes.extend(each(&metric.dimension_exhausted, &|dimension, number| {
        format!("Dimension {dimension} exhausted on {number} nodes")
    }));
    let mut quotas: Vec<&String> = metric.quota_exhausted.iter().collect();
    quotas.sort();
    causes.extend(
        quotas
            .into_iter()
            .map(|quota| format!("Quota limit hit {}", quote(quota))),
    );
    causes
}
