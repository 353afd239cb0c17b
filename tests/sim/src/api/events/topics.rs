//! Which events a subscription wants: topics, keys of topics, namespaces.

use std::collections::BTreeSet;

use crate::api::acl::{Identity, denied};
use crate::cluster::Object;
use crate::model::ApiError;

/// Stands for every topic, every key and every namespace.
pub(super) const ALL: &str = "*";

/// What `topic` parameters ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topics {
    /// Each topic with its keys, as often as they were named.
    wanted: Vec<(String, Vec<String>)>,
}

impl Topics {
    /// Reads `Topic` and `Topic:key`; without any of them everything is wanted.
    ///
    /// # Errors
    /// 400 where there is more than one colon, which makes job ids with a colon impossible.
    pub(super) fn parse<'a>(topics: impl Iterator<Item = &'a str>) -> Result<Self, ApiError> {
        let mut wanted: Vec<(String, Vec<String>)> = Vec::new();
        for text in topics {
            let (topic, key) = text.split_once(':').unwrap_or((text, ALL));
            if key.contains(':') {
                let text = format!(
                    "Invalid topic query: error parsing topics: Invalid key value pair for topic, \
                     topic: {text}"
                );
                return Err(ApiError::new(400, text));
            }
            match wanted.iter_mut().find(|(known, _)| known == topic) {
                Some((_, keys)) => keys.push(key.to_owned()),
                None => wanted.push((topic.to_owned(), vec![key.to_owned()])),
            }
        }
        if wanted.is_empty() {
            wanted.push((ALL.to_owned(), vec![ALL.to_owned()]));
        }
        Ok(Self { wanted })
    }

    /// How often an object is delivered: once for each key that names it. A `*` beside other keys
    /// names nothing (recording h04).
    fn times(&self, object: &Object) -> usize {
        let topics = self.wanted.iter();
        let mine = topics.filter(|(topic, _)| topic == object.topic() || topic == ALL);
        mine.map(|(_, keys)| match keys.as_slice() {
            [only] if only == ALL => 1,
            keys => {
                let named = |key: &&String| {
                    object.key() == key.as_str()
                        || object
                            .filter_keys()
                            .is_some_and(|more| more.contains(&key.as_str()))
                };
                keys.iter().filter(named).count()
            }
        })
        .sum()
    }

    /// 403 unless the caller may read all topics in all these namespaces.
    pub(super) fn allow<'a>(
        &self,
        who: &Identity,
        mut namespaces: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), ApiError> {
        for (topic, _) in &self.wanted {
            match topic.as_str() {
                "Allocation" | "Evaluation" | "Deployment" | "Job" | "Service" => {
                    let mut namespaces = namespaces.clone();
                    if !namespaces.all(|namespace| who.can(namespace, "read-job")) {
                        return Err(denied());
                    }
                }
                "Node" => who.need_node_read()?,
                _ => who.need_management()?,
            }
        }
        // An empty list would allow everything.
        namespaces.next().map(|_| ()).ok_or_else(denied)
    }
}

/// Topics within namespaces.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) topics: Topics,
    /// `None` is every namespace.
    pub(super) namespaces: Option<BTreeSet<String>>,
}

impl Filter {
    /// These objects, in their order; some twice.
    pub(super) fn of<'a>(&self, objects: &'a [Object]) -> Vec<&'a Object> {
        let visible = objects.iter().filter(|object| {
            let namespace = object.namespace();
            let mut named = self.namespaces.iter();
            namespace.is_empty() || named.all(|names| names.contains(namespace))
        });
        visible
            .flat_map(|object| std::iter::repeat_n(object, self.topics.times(object)))
            .collect()
    }
}
