//! The real binary, killed in mid-run and continued from its start.

use serde_json::json;

use crate::jobs::{service, serving, simulated};

#[test]
fn the_real_program() {
    let slow = json!([{"start_block_for": "300ms"}]);
    let served = serving([simulated(service("web", &[("web", 5)]), &slow)]);
    let start = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let mut running = served.program(["-yes", "-batch-size=2", "web"]).spawn();
    running.until("Restarting 2nd batch");
    running.until("Restarting running tasks");
    running.signal("KILL");
    assert_eq!(running.wait().code(), None);
    let before = served.written();
    let done: Vec<_> = before.iter().take(2).cloned().collect();

    let age = format!("-started-before={start}");
    let args = ["-yes", "-batch-size=2", &age, "web"];
    served.program(args).run().succeeded();
    let all = served.written();
    let after = &all[before.len()..];
    // Of the second batch some may have been told to restart without its being seen.
    assert!(after.iter().all(|id| !done.contains(id)), "{all:?}");
    let mut touched: Vec<_> = all.iter().collect();
    touched.sort_unstable();
    touched.dedup();
    assert_eq!(touched.len(), 5, "{all:?}");
    assert!(all.len() <= 7, "{all:?}");
}
