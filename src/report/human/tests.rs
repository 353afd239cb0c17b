//! Tests of the lines.
