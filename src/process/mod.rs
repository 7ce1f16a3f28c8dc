//! Child processes that answer requests: one JSON object a line on stdin, one JSON object a line back on stdout.
//!
//! It knows nothing of what the requests mean. A [`Pool`] keeps children, gives each one request at a time, matches
//! answers by their `attempt`, and deals with whatever else a program may do: die, hang, talk, repeat itself, answer
//! late or in half a line.
//!
//! Each child leads a process group of its own, so that Ctrl-C in the terminal reaches this program alone, and so that
//! killing a child takes whatever it has started along. Where this program itself is killed, the children's stdin
//! closes: a program that reads it to the end, as it has to anyway, ends with it.

mod child;
mod error;
mod lines;
mod pool;

pub use child::{Command, end_all};
pub use error::{CallError, Failure, Trouble};
pub use pool::{Pool, Tally};

#[cfg(test)]
mod tests;
