//! The parts of Nomad's JSON that the program reads, and nothing else.
//!
//! Field names and units are Nomad's: indexes are `u64`, times of events are nanoseconds since the epoch on
//! the *node's* clock, durations are nanoseconds. Every field may be absent or `null` (Nomad drops zero values from allocations and
//! evaluations, and versions differ), so each has a default.

mod allocation;
mod by_name;
mod cluster;
mod events;
mod health;
mod job;
mod share;

pub(crate) use allocation::*;
pub(crate) use by_name::ByName;
pub(crate) use cluster::*;
pub(crate) use events::*;
pub(crate) use health::*;
pub(crate) use job::*;
pub(crate) use share::Texts;

use serde::{Deserialize, Deserializer};

/// Reads a value that Go may have written as `null`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod damaged_tests;
#[cfg(test)]
mod tests;
