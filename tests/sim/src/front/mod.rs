//! The two ways into the simulated cluster: [`MemoryFront`] answers calls in the same process, under
//! paused time too; [`serve`] answers HTTP/1.1 on TCP. Both go the same way: faults, API, encoding.

mod agent;
mod answer;
mod encode;
mod faults;
mod http;
mod journal;
mod memory;

pub use agent::Agent;
pub use answer::{Answer, Body, Broken};
pub use faults::{Fault, Faults, Rule};
pub use http::{Server, serve};
pub use journal::Entry;
pub use memory::MemoryFront;
