//! Constraints of placements: what they name on a node, and whether it is so.

use crate::model::{Constraint, Node};

/// What `${…}` stands for on a node; `None` if the node has no such thing.
fn resolve(target: &str, node: &Node) -> Option<String> {
    let Some(name) = target
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return Some(target.to_owned());
    };
    let text = |value: Option<&serde_json::Value>| Some(value?.as_str()?.to_owned());
    match name {
        "node.unique.id" => Some(node.id.clone()),
        "node.unique.name" => Some(node.name.clone()),
        "node.datacenter" => Some(node.datacenter.clone()),
        "node.class" => Some(node.class.clone()),
        "node.pool" => Some(node.pool.clone()),
        _ => {
            if let Some(key) = name.strip_prefix("meta.") {
                text(node.meta.get(key))
            } else if let Some(key) = name.strip_prefix("attr.") {
                text(node.attributes().get(key))
            } else {
                None
            }
        }
    }
}

/// The numbers of a version, for comparing.
fn version(text: &str) -> Vec<u64> {
    text.trim()
        .trim_start_matches('v')
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok())
        .collect()
}

/// Does a version meet all of a comma-separated list of conditions?
fn version_meets(have: &str, conditions: &str) -> bool {
    let have = version(have);
    conditions.split(',').map(str::trim).all(|condition| {
        let split = condition
            .find(|c: char| c.is_ascii_digit() || c == 'v')
            .unwrap_or(condition.len());
        let (operator, want) = condition.split_at(split);
        let want = version(want);
        match operator.trim() {
            ">=" => have >= want,
            ">" => have > want,
            "<=" => have <= want,
            "<" => have < want,
            "!=" => have != want,
            "~>" => have >= want && have.first() == want.first(),
            _ => have == want,
        }
    })
}

/// Does a node meet a constraint that speaks of itself?
pub(super) fn satisfied(constraint: &Constraint, node: &Node) -> bool {
    let left = resolve(&constraint.l_target, node);
    let right = resolve(&constraint.r_target, node);
    match (constraint.operand.as_str(), left, right) {
        ("is_set", left, _) => left.is_some(),
        ("is_not_set", left, _) => left.is_none(),
        ("!=" | "not", left, right) => left != right,
        (_, None, _) | (_, _, None) => false,
        ("=" | "==" | "is" | "", Some(left), Some(right)) => left == right,
        ("<", Some(left), Some(right)) => left < right,
        ("<=", Some(left), Some(right)) => left <= right,
        (">", Some(left), Some(right)) => left > right,
        (">=", Some(left), Some(right)) => left >= right,
        ("semver" | "version", Some(left), Some(right)) => version_meets(&left, &right),
        ("set_contains" | "set_contains_all", Some(left), Some(right)) => right
            .split(',')
            .all(|want| left.split(',').any(|have| have.trim() == want.trim())),
        ("set_contains_any", Some(left), Some(right)) => right
            .split(',')
            .any(|want| left.split(',').any(|have| have.trim() == want.trim())),
        // Regular expressions and properties that count allocations are not modelled: they hold.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for (have, conditions, met) in [
            ("2.0.5", ">= 1.4.0", true),
            ("2.0.5", ">= 2.0.10", false),
            ("2.0.5", ">= 1.4, < 3", true),
            ("2.0.5", "~> 1.4", false),
            ("2.0.5", "= 2.0.5", true),
        ] {
            assert_eq!(version_meets(have, conditions), met, "{have} {conditions}");
        }
    }
}
