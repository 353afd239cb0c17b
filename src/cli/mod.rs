//! The command line: Go's flag grammar in front of clap, the help text, the validation texts.
