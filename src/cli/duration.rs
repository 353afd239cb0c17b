//! Durations: Go's grammar and its error texts, printing as Go prints, and the longer units that Go lacks.
//!
//! A duration is a signed 64-bit count of nanoseconds, as in Go. What Go's grammar refuses is tried with humantime, so that `1d`,
//! `2 weeks` and `1h 30m` are understood; if that refuses too, the error keeps Go's text. Months and years are refused: their
//! length is a matter of opinion, and `1M` looks too much like `1m`.

use std::fmt::Write;
use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units that humantime knows and this program refuses.
const CALENDAR_UNITS: [&str; 8] = ["M", "month", "months", "y", "yr", "yrs", "year", "years"];

/// The size of the most negative duration, in nanoseconds.
const LIMIT: u64 = 1 << 63;

/// Why a text is no duration, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    #[error("time: invalid duration {}", quote(.0))]
    Invalid(String),
    #[error("time: missing unit in duration {}", quote(.0))]
    MissingUnit(String),
    #[error("time: unknown unit {} in duration {}", quote(.unit), quote(.text))]
    UnknownUnit { unit: String, text: String },
    #[error("duration must not be negative")]
    Negative,
}

/// Nanoseconds.
pub(crate) fn parse(text: &str) -> Result<i64, DurationError> {
    parse_go(text).or_else(|error| parse_long_units(text).ok_or(error))
}

/// A duration that can be waited for, as an option or as the answer to a question: [`parse`], and not negative.
pub(crate) fn parse_answer(text: &str) -> Result<Duration, DurationError> {
    u64::try_from(parse(text)?)
        .map(Duration::from_nanos)
        .map_err(|_| DurationError::Negative)
}

/// As Go prints it: `0s`, `1.5µs`, `100ms`, `1m30s`, `1h0m0s`; never days.
pub(crate) fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => return decimal(nanos, 3) + "\u{b5}s",
        1_000_000..1_000_000_000 => return decimal(nanos, 6) + "ms",
        _ => {}
    }
    let seconds = decimal(nanos % 60_000_000_000, 9) + "s";
    let minutes = duration.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// `value` over ten to the power of `places`, without zeros at the end.
fn decimal(value: u128, places: usize) -> String {
    let digits = format!("{value:0width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// Go's grammar: a sign, then `0` or any number of terms of a number and a unit.
fn parse_go(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }

    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after_number) = Number::split_off(rest).ok_or_else(invalid)?;
        let end = after_number
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after_number.len());
        let (unit, after_unit) = after_number.split_at(end);
        if unit.is_empty() {
            return Err(DurationError::MissingUnit(text.to_owned()));
        }
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        };
        total = number
            .in_nanos(*nanos)
            .and_then(|term| total.checked_add(term))
            .filter(|total| *total <= LIMIT)
            .ok_or_else(invalid)?;
        rest = after_unit;
    }
    if negative {
        0_i64.checked_sub_unsigned(total).ok_or_else(invalid)
    } else {
        i64::try_from(total).map_err(|_| invalid())
    }
}

/// Decimal digits with at most one dot among or around them.
struct Number {
    whole: u64,
    /// The digits behind the dot, as far as they fit, and ten to the power of their count.
    fraction: u64,
    scale: f64,
}

impl Number {
    /// The number at the start of the text, and what follows. `None`: no digit, or too large for any unit.
    fn split_off(text: &str) -> Option<(Self, &str)> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, rest) = text.split_at(digits(text));
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut number = Self {
            whole: match whole {
                "" => 0,
                digits => digits.parse().ok().filter(|whole| *whole <= LIMIT)?,
            },
            fraction: 0,
            scale: 1.0,
        };
        for digit in fraction.bytes() {
            // Go drops the digits that do not fit.
            if number.fraction > (LIMIT - 1) / 10 {
                break;
            }
            let longer = number.fraction * 10 + u64::from(digit - b'0');
            if longer > LIMIT {
                break;
            }
            number.fraction = longer;
            number.scale *= 10.0;
        }
        Some((number, rest))
    }

    /// `None`: more than [`LIMIT`].
    fn in_nanos(&self, unit: u64) -> Option<u64> {
        self.whole
            .checked_mul(unit)?
            .checked_add(self.fraction_in_nanos(unit))
            .filter(|nanos| *nanos <= LIMIT)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Go computes the fraction in floating point and cuts it, and what is printed must agree with Go; it is at most one unit"
    )]
    fn fraction_in_nanos(&self, unit: u64) -> u64 {
        (self.fraction as f64 * (unit as f64 / self.scale)) as u64
    }
}

/// humantime's grammar, one term at a time and without months, years and blanks around.
fn parse_long_units(text: &str) -> Option<i64> {
    if text.is_empty() || text != text.trim() {
        return None;
    }
    let mut total: i64 = 0;
    for term in terms(text) {
        let unit = term.trim_start_matches(|c: char| !c.is_alphabetic());
        if unit.is_empty() || CALENDAR_UNITS.contains(&unit) {
            return None;
        }
        // Whole texts are not handed over: the sum of two huge terms is an arithmetic overflow there.
        let nanos = humantime::parse_duration(term).ok()?.as_nanos();
        total = total.checked_add(i64::try_from(nanos).ok()?)?;
    }
    Some(total)
}

/// Cuts before each number that follows a word.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(char::is_alphabetic).unwrap_or(rest.len());
        let end = rest[word..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |digit| word + digit);
        let (term, after) = rest.split_at(end);
        rest = after;
        Some(term.trim_end())
    })
}

/// The quoting of Go's time package, which is not that of `%q`: bytes that are no printable ASCII become `\xNN`.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\x{byte:02x}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
