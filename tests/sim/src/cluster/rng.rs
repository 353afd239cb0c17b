//! The only source of chance: a small seeded generator, so that a seed gives the same cluster again.

/// The generator known as `SplitMix64`.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `range`, both ends included.
    pub(crate) fn within(&mut self, range: (i64, i64)) -> i64 {
        let (low, high) = range;
        let span = u64::try_from(high - low).unwrap_or(0);
        low + i64::try_from(self.next() % (span + 1)).unwrap_or(0)
    }

    /// A new id in the form of Nomad's: 36 characters of random hex, without version bits.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn ids_have_the_form_of_nomads_and_follow_from_the_seed() {
        let id = Rng::new(7).uuid();
        assert_eq!(id, Rng::new(7).uuid());
        assert_ne!(id, Rng::new(8).uuid());
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }

    #[test]
    fn draws_stay_within_their_range() {
        let mut rng = Rng::new(1);
        assert!((0..1000).all(|_| (3..=5).contains(&rng.within((3, 5)))));
        assert_eq!(rng.within((4, 4)), 4);
    }
}
