//! Durations against Go's grammar, its error texts and its way of printing (N50).

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

#[test]
fn go_durations() {
    // N50
    for (text, nanos) in [
        // 1.9.8
        ("0", 0),
        ("+0", 0),
        ("-0", 0),
        ("1h30m", 5400 * SECOND),
        ("-1.5h", -5400 * SECOND),
        ("+5s", 5 * SECOND),
        ("39h9m14.425s", 140_954_425_000_000),
        ("2562047h47m16.854775807s", i64::MAX),
        ("-2562047h47m16.854775808s", i64::MIN),
        ("9223372036854775807ns", i64::MAX),
        // 1.9.2 and 1.9.3
        (".5s", SECOND / 2),
        ("5.s", 5 * SECOND),
        ("-.5s", -SECOND / 2),
        ("7ns", 7),
        ("7us", 7_000),
        ("7\u{b5}s", 7_000),
        ("7\u{3bc}s", 7_000),
        ("7ms", 7_000_000),
        ("0s", 0),
        ("00s", 0),
        ("-5s", -5 * SECOND),
        // 1.9.4
        ("1m1m", 120 * SECOND),
        ("1s1h", 3601 * SECOND),
        ("1h15m30.918s", 4_530_918_000_000),
        // 1.9.6
        ("0.000000000001s", 0),
        ("0.99999999999999999999s", SECOND),
        ("0.9223372036854775807h", 3_320_413_933_267),
        ("0.100000000000000000000h", 360 * SECOND),
        ("1.5ns", 1),
    ] {
        assert_eq!(parse(text), Ok(nanos), "{text}");
    }
}

#[test]
fn longer_units_than_go_has() {
    const DAY: i64 = 86_400 * SECOND;
    for (text, nanos) in [
        ("1d", DAY),
        ("2 weeks", 14 * DAY),
        ("1h 30m", 5400 * SECOND),
        ("1 h", 3600 * SECOND),
        ("1d12h", DAY + DAY / 2),
        ("1day 2hours 3min 4sec", DAY + 7384 * SECOND),
        ("1.5d", DAY + DAY / 2),
        ("5min", 300 * SECOND),
        ("10 ms", 10_000_000),
        ("1w", 7 * DAY),
    ] {
        assert_eq!(parse(text), Ok(nanos), "{text}");
    }
}

#[test]
fn errors_are_gos() {
    // N50
    let invalid = "time: invalid duration ";
    let missing = "time: missing unit in duration ";
    for (text, expected) in [
        // 1.9.7
        ("", format!(r#"{invalid}"""#)),
        ("-", format!(r#"{invalid}"-""#)),
        ("+", format!(r#"{invalid}"+""#)),
        (".", format!(r#"{invalid}".""#)),
        (".s", format!(r#"{invalid}".s""#)),
        (" 1s", format!(r#"{invalid}" 1s""#)),
        ("abc", format!(r#"{invalid}"abc""#)),
        ("--5s", format!(r#"{invalid}"--5s""#)),
        ("+-5s", format!(r#"{invalid}"+-5s""#)),
        (
            "9223372036854775808ns",
            format!(r#"{invalid}"9223372036854775808ns""#),
        ),
        (
            "-9223372036854775809ns",
            format!(r#"{invalid}"-9223372036854775809ns""#),
        ),
        (
            "18446744073709551616s",
            format!(r#"{invalid}"18446744073709551616s""#),
        ),
        ("3000000h", format!(r#"{invalid}"3000000h""#)),
        (
            "2562047h47m16.854775808s",
            format!(r#"{invalid}"2562047h47m16.854775808s""#),
        ),
        ("10", format!(r#"{missing}"10""#)),
        ("00", format!(r#"{missing}"00""#)),
        ("1.0", format!(r#"{missing}"1.0""#)),
        ("1.5.5s", format!(r#"{missing}"1.5.5s""#)),
        ("1S", r#"time: unknown unit "S" in duration "1S""#.into()),
        ("1s ", r#"time: unknown unit "s " in duration "1s ""#.into()),
        (
            "1e3s",
            r#"time: unknown unit "e" in duration "1e3s""#.into(),
        ),
        (
            "0x10s",
            r#"time: unknown unit "x" in duration "0x10s""#.into(),
        ),
        ("-1d", r#"time: unknown unit "d" in duration "-1d""#.into()),
        // Calendar units and blanks around stay refused.
        ("1M", r#"time: unknown unit "M" in duration "1M""#.into()),
        (
            "1d 1M",
            r#"time: unknown unit "d " in duration "1d 1M""#.into(),
        ),
        (
            "1month",
            r#"time: unknown unit "month" in duration "1month""#.into(),
        ),
        (
            "2 years",
            r#"time: unknown unit " years" in duration "2 years""#.into(),
        ),
        ("1y", r#"time: unknown unit "y" in duration "1y""#.into()),
        (" 1d", format!(r#"{invalid}" 1d""#)),
        (
            "1d\n",
            r#"time: unknown unit "d\x0a" in duration "1d\x0a""#.into(),
        ),
        (
            "1d 0",
            r#"time: unknown unit "d " in duration "1d 0""#.into(),
        ),
        // Beyond 292 years.
        (
            "16000w",
            r#"time: unknown unit "w" in duration "16000w""#.into(),
        ),
        (
            "18446744073709551615s 1000000000ns",
            format!(r#"{invalid}"18446744073709551615s 1000000000ns""#),
        ),
        // The quoting of the time package.
        (
            "1é",
            r#"time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9""#.into(),
        ),
        ("\"\\\u{7f}", r#"time: invalid duration "\"\\\x7f""#.into()),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text:?}");
    }
}

// 1.10
#[test]
fn prints_as_go_does() {
    for (nanos, expected) in [
        (0, "0s"),
        (1, "1ns"),
        (999, "999ns"),
        (1_500, "1.5\u{b5}s"),
        (999_999, "999.999\u{b5}s"),
        (1_000_000, "1ms"),
        (1_200_300, "1.2003ms"),
        (100_000_000, "100ms"),
        (1_000_000_000, "1s"),
        (1_500_000_000, "1.5s"),
        (60_000_000_000, "1m0s"),
        (90_000_000_000, "1m30s"),
        (60_000_000_001, "1m0.000000001s"),
        (3_600_000_000_000, "1h0m0s"),
        (3_601_000_000_000, "1h0m1s"),
        (360_000_030_000_000, "100h0m0.03s"),
        (9_223_372_036_854_775_807, "2562047h47m16.854775807s"),
    ] {
        assert_eq!(format(Duration::from_nanos(nanos)), expected);
    }
    assert_eq!(format(Duration::MAX), "5124095576030431h0m15.999999999s");
}

// N50: the same grammar as an answer, but a negative wait is none (D12).
#[test]
fn answers_are_not_negative() {
    assert_eq!(parse_answer("10s"), Ok(Duration::from_secs(10)));
    assert_eq!(parse_answer("-0"), Ok(Duration::ZERO));
    assert_eq!(parse_answer("1d"), Ok(Duration::from_secs(86_400)));
    assert_eq!(parse_answer("-5s"), Err(DurationError::Negative));
    assert_eq!(
        parse_answer("ten"),
        Err(DurationError::Invalid("ten".into()))
    );
}

proptest! {
    #[test]
    fn printed_and_parsed_is_the_same(nanos in 0..=i64::MAX, shift in 0..63_u32) {
        let nanos = nanos >> shift;
        let printed = format(Duration::from_nanos(nanos.unsigned_abs()));
        prop_assert_eq!(parse(&printed), Ok(nanos));
        prop_assert_eq!(parse(&format!("-{printed}")), Ok(-nanos));
    }

    #[test]
    fn agrees_with_humantime_where_both_accept(
        text in r"([0-9]{1,6}(\.[0-9]{1,9})?(ns|us|\u{b5}s|ms|s|m|h)){1,4}",
    ) {
        if let (Ok(go), Ok(human)) = (parse_go(&text), humantime::parse_duration(&text)) {
            prop_assert_eq!(i128::from(go), i128::try_from(human.as_nanos()).unwrap(), "{}", text);
        }
    }

    #[test]
    fn one_term_at_a_time_is_what_humantime_reads(
        text in r"([0-9]{1,4} ?(ns|msec|s|sec|min|hours|d|day|w|weeks) ?){1,4}",
    ) {
        let text = text.trim();
        let whole = humantime::parse_duration(text).ok();
        let expected = whole.and_then(|whole| i64::try_from(whole.as_nanos()).ok());
        prop_assert_eq!(parse_long_units(text), expected);
    }

    #[test]
    fn no_text_panics(text in r"(\PC|[0-9.+\- ]|[a-z]){0,24}") {
        let _ = parse(&text);
    }
}
