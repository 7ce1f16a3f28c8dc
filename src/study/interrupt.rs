//! What an interrupt does: the first one lets a search or an audit finish the candidates that run, and stop; the second,
//! and the first one anywhere else, ends the process at once.

use std::sync::atomic::{AtomicU8, Ordering};

use super::outputs::abandon;
use crate::process;

/// Nothing is under way that could be finished.
const IDLE: u8 = 0;
/// A search runs that can stop in good order.
const RUNNING: u8 = 1;
/// It has been asked to.
const STOPPING: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(IDLE);

/// What has to happen after an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// The search finishes what runs; let it.
    Finishing,
    /// Whatever was half-written is gone: end the process.
    Now,
}

/// For interrupt handlers: what this interrupt means.
pub fn interrupt() -> Interrupt {
    if STATE.compare_exchange(RUNNING, STOPPING, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        return Interrupt::Finishing;
    }
    abandon();
    process::end_all();
    Interrupt::Now
}

/// While it lives, the first interrupt is a request.
#[derive(Debug)]
pub struct Interruptible(());

impl Default for Interruptible {
    fn default() -> Self {
        Self::new()
    }
}

impl Interruptible {
    /// From now on.
    pub fn new() -> Self {
        STATE.store(RUNNING, Ordering::SeqCst);
        Self(())
    }

    /// Whether somebody asked to stop.
    pub fn asked(&self) -> bool {
        STATE.load(Ordering::SeqCst) == STOPPING
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        STATE.store(IDLE, Ordering::SeqCst);
    }
}
