//! A few values under names of their own: the tasks of an allocation. Thousands of allocations are kept, so this is a list as long as
//! it must be, where a tree has room for eleven.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Values by name, in the order of the names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ByName<T>(Box<[(Arc<str>, T)]>);

impl<T> ByName<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.get_key_value(name).map(|(_, value)| value)
    }

    /// The name as it is kept, and its value.
    pub(crate) fn get_key_value(&self, name: &str) -> Option<(&Arc<str>, &T)> {
        let place = self.0.binary_search_by(|(known, _)| (**known).cmp(name));
        place.ok().map(|place| (&self.0[place].0, &self.0[place].1))
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Arc<str>, &mut T)> {
        self.0.iter_mut().map(|(name, value)| (name, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().map(|(name, _)| name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Adds a value, or puts it in the place of the one with this name.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, name: Arc<str>, value: T) {
        let mut all = std::mem::take(&mut self.0).into_vec();
        all.push((name, value));
        *self = Self::of(all);
    }

    /// Of several values with one name the last one counts.
    fn of(mut all: Vec<(Arc<str>, T)>) -> Self {
        all.reverse();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.dedup_by(|(later, _), (first, _)| later == first);
        Self(all.into_boxed_slice())
    }
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> FromIterator<(Arc<str>, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, T)>>(all: I) -> Self {
        Self::of(all.into_iter().collect())
    }
}

impl<T, const N: usize> From<[(Arc<str>, T); N]> for ByName<T> {
    fn from(all: [(Arc<str>, T); N]) -> Self {
        Self::of(all.into())
    }
}

impl<T> Index<&str> for ByName<T> {
    type Output = T;

    /// # Panics
    /// Where there is no such name.
    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(value) => value,
            None => panic!("there is no {name:?}"),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ByName<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Collect<T> {
            type Value = ByName<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByName<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(ByName::of(all))
            }
        }

        deserializer.deserialize_map(Collect(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(entries in prop::collection::vec(("[a-c]{0,2}", any::<u8>()), 0..8)) {
            let tree: BTreeMap<Arc<str>, u8> = entries.iter().map(|(name, value)| (name.as_str().into(), *value)).collect();
            let json: Vec<String> = entries.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            let map: ByName<u8> = serde_json::from_str(&format!("{{{}}}", json.join(","))).unwrap();
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), tree.iter().collect::<Vec<_>>());
            prop_assert_eq!(&entries.iter().map(|(name, value)| (Arc::from(name.as_str()), *value)).collect::<ByName<u8>>(), &map);
            for name in ["", "a", "b", "ca", "d"] {
                prop_assert_eq!(map.get(name), tree.get(name));
            }
        }
    }
}
