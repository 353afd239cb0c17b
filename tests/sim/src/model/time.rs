//! The one clock of the cluster: wall time that runs with tokio's time.
//!
//! Under `tokio::time::pause` the clock stands still until the runtime advances it, in real time it
//! runs; nothing in the simulator asks the operating system for the time but [`Clock::starting_now`].

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use tokio::time::Instant;

/// A point in time: nanoseconds since the Unix epoch, UTC.
///
/// Serializes as the API prints times: RFC 3339 with as many fractional digits as needed and `Z`.
/// `Option<Time>` gives `null` for Go's zero time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Nanoseconds since the Unix epoch.
    pub fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// This time plus a number of nanoseconds, saturating.
    #[must_use]
    pub fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// `2026-11-24T08:03:32.08151731Z`: trailing zeros of the fraction are dropped, as Go does.
    pub fn rfc3339(self) -> String {
        let text = DateTime::<Utc>::from_timestamp_nanos(self.0)
            .to_rfc3339_opts(SecondsFormat::Nanos, true);
        let trimmed = text
            .trim_end_matches('Z')
            .trim_end_matches('0')
            .trim_end_matches('.');
        format!("{trimmed}Z")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

/// For serde: fields that the API prints as an integer of nanoseconds (`CreateTime`).
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes the field by reference"
)]
pub(crate) fn as_nanos<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.0)
}

/// Maps tokio's time onto wall time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Time,
    start: Instant,
}

impl Clock {
    /// A clock that shows `base` now.
    pub fn starting_at(base: Time) -> Self {
        Self {
            base,
            start: Instant::now(),
        }
    }

    /// A clock that shows the real time now and goes on with tokio's time.
    pub fn starting_now() -> Self {
        Self::starting_at(Time(Utc::now().timestamp_nanos_opt().unwrap_or_default()))
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let elapsed = Instant::now().saturating_duration_since(self.start);
        self.base
            .plus(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
    }

    /// The tokio instant at which this clock shows `time`.
    pub fn instant(&self, time: Time) -> Instant {
        self.start + time.since(self.base)
    }
}

/// A duration of nanoseconds as Go prints it: `1.033984826s`, `1m0s`, `250ms`, `0s`.
pub fn go_duration(nanos: i64) -> String {
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let fraction = |whole: u64, rest: u64, width: usize| {
        let digits = format!("{rest:0width$}");
        match digits.trim_end_matches('0') {
            "" => whole.to_string(),
            digits => format!("{whole}.{digits}"),
        }
    };
    let text = match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(nanos / 1_000, nanos % 1_000, 3)),
        1_000_000..1_000_000_000 => {
            format!("{}ms", fraction(nanos / 1_000_000, nanos % 1_000_000, 6))
        }
        _ => {
            let all = nanos / 1_000_000_000;
            let seconds = fraction(all % 60, nanos % 1_000_000_000, 9);
            match (all / 3600, all / 60 % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_go_prints_them() {
        assert_eq!(
            Time(1_795_507_412_081_517_310).rfc3339(),
            "2026-11-24T08:03:32.08151731Z"
        );
        assert_eq!(
            Time(1_795_507_412_000_000_000).rfc3339(),
            "2026-11-24T08:03:32Z"
        );
        assert_eq!(
            Time(1_795_507_410_000_000_000).rfc3339(),
            "2026-11-24T08:03:30Z"
        );
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1_033_984_826, "1.033984826s"),
            (60_000_000_000, "1m0s"),
            (2_000_000_000, "2s"),
            (1_185_746_620, "1.18574662s"),
            (1_800_000_000_000, "30m0s"),
            (86_400_000_000_000, "24h0m0s"),
            (1_500_000, "1.5ms"),
            (2_500, "2.5µs"),
            (7, "7ns"),
        ] {
            assert_eq!(go_duration(nanos), text);
        }
    }
}
