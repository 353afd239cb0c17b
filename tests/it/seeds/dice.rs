//! Chance from a number: the same number draws the same scene on every machine.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The generator known as `SplitMix64`, and what scenes draw from it.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds would otherwise begin with neighbouring states.
        let mut dice = Self(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        low + self.next() % (high - low + 1)
    }

    /// True so many times of a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % (len as u64)).unwrap()
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())].clone()
    }

    /// One of these, as often as its weight says.
    pub(super) fn weighted<T: Clone>(&mut self, from: &[(u64, T)]) -> T {
        let mut at = self.within(0..=from.iter().map(|(weight, _)| weight).sum::<u64>() - 1);
        for (weight, value) in from {
            if at < *weight {
                return value.clone();
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }

    /// Lognormal around a median, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds of a few minutes"
    )]
    pub(super) fn lognormal(&mut self, median: u64, sigma: f64, most: u64) -> u64 {
        // The sum of twelve uniform draws is normal enough.
        let normal: f64 = (0..12)
            .map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64)
            .sum::<f64>()
            - 6.0;
        ((median as f64 * (sigma * normal).exp()) as u64).min(most)
    }

    /// Between the two, with every order of magnitude as likely as another.
    pub(super) fn spread(&mut self, low: Duration, high: Duration) -> Duration {
        let factor = (high.as_secs_f64() / low.as_secs_f64()).ln();
        let at = f64::from(u32::try_from(self.within(0..=1_000_000)).unwrap()) / 1e6;
        let drawn = low.as_secs_f64() * (factor * at).exp();
        // Whole milliseconds read better.
        let millis = Duration::from_secs_f64(drawn).as_millis();
        Duration::from_millis(u64::try_from(millis).unwrap())
    }
}
