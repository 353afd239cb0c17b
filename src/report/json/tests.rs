//! Lines of events that runs over a simulated cluster seldom bring about.
