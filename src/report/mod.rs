//! The only writer of stdout and stderr and the only reader of stdin.
