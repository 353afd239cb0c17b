//! Who is eligible.
