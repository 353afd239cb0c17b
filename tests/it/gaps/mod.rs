//! Scenarios that belong to no other topic, each at the least powerful level that shows it; see the tables in
//! [`scenarios`](crate::scenarios).

mod kinds;
mod life;
mod lists;
mod time;
