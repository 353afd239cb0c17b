//! The whole program but HTTP, over the simulated cluster in memory, under paused time: what it says is held against what really
//! happened in the cluster.
//!
//! A [`Scene`](scene::Scene) is one run: a cluster, a command line, and what happens meanwhile. Time passes only while nothing can
//! be done, so minutes of waiting take milliseconds, and every run is the same each time. The thread that reports is a real one; the
//! runs here ask no questions, so nothing in them waits for it before the end.

mod connections;
pub(crate) mod evidence;
mod failures;
pub(crate) mod health;
mod in_place;
pub(crate) mod jobs;
pub(crate) mod joint;
mod left_out;
mod lost_answers;
mod placements;
mod policy;
mod reads;
mod reschedule;
pub(crate) mod scene;
mod signals;
mod stream;
