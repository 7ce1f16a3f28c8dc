//! Memory for networks that are measured at the same time: whoever finds none left waits for the others to be done, so
//! that how many run at once decides how long a search takes, and not which networks have a score.
//!
//! Only networks of one process are counted; what other processes take is known to the engine alone, by what is free.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::EngineError;
use crate::engine::native::available_memory;

/// The memory that one process shares among the networks it measures.
#[derive(Debug, Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes that were free when nothing was held.
    capacity: u64,
    /// Bytes of all programs together.
    held: u64,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes that many bytes as soon as they are left, or as soon as nobody else holds any.
    fn take(&self, bytes: u64) {
        let mut state = self.state();
        while state.held > 0 && state.held.saturating_add(bytes) > state.capacity {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.held == 0 {
            // Pages count as free until they are written, so this is right before the program runs.
            state.capacity = available_memory().unwrap_or(u64::MAX);
        }
        state.held += bytes;
    }

    fn give_back(&self, bytes: u64) {
        self.state().held -= bytes;
        self.changed.notify_all();
    }

    /// Waits until less than that is held.
    fn wait_for_less(&self, held: u64) {
        let more = |state: &mut State| state.held >= held;
        drop(self.changed.wait_while(self.state(), more).unwrap_or_else(PoisonError::into_inner));
    }
}

/// What the programs of one network hold, until it is measured.
#[derive(Debug)]
pub(super) struct Place<'a> {
    room: &'a Room,
    held: Cell<u64>,
}

impl<'a> Place<'a> {
    pub fn new(room: &'a Room) -> Self {
        Self { room, held: Cell::new(0) }
    }

    /// Compiles a program once there is memory for it. Only the first program of a network waits: whoever holds memory
    /// while waiting for more could wait for somebody who does the same.
    pub fn compile<P>(
        &self,
        compile: impl Fn() -> Result<P, EngineError>,
        bytes: impl Fn(&P) -> u64,
    ) -> Result<P, EngineError> {
        let first = self.held.get() == 0;
        loop {
            let held = self.room.state().held;
            match compile() {
                Ok(program) => {
                    let bytes = bytes(&program);
                    if first {
                        self.room.take(bytes);
                    } else {
                        self.room.state().held += bytes;
                    }
                    self.held.set(self.held.get() + bytes);
                    return Ok(program);
                }
                // Others may hold what is missing.
                Err(EngineError::Memory { .. }) if first && held > 0 => self.room.wait_for_less(held),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.held.get() > 0 {
            self.room.give_back(self.held.get());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_does_not_fit_beside_others_waits_for_them() {
        let room = Room::default();
        let half = available_memory().unwrap_or(1 << 40) / 4 * 3;
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let place = Place::new(&room);
                    place.compile(|| Ok(()), |()| half).unwrap();
                    most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                    // A second program of the same network does not wait, whatever is left.
                    place.compile(|| Ok(()), |()| half).unwrap();
                    thread::sleep(Duration::from_millis(20));
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!((most.into_inner(), room.state().held), (1, 0));
    }

    #[test]
    fn a_network_fails_for_lack_of_memory_only_where_nobody_else_holds_any() {
        let room = Room::default();
        let full = EngineError::Memory { needed: 2, available: 1, batch: 1 };
        let alone = Place::new(&room).compile(|| Err::<(), _>(full.clone()), |()| 0);
        assert_eq!(alone, Err(full.clone()));
        let other = Place::new(&room);
        other.compile(|| Ok(()), |()| 10).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let tries = AtomicUsize::new(0);
                let compile = || if tries.fetch_add(1, Ordering::SeqCst) == 0 { Err(full.clone()) } else { Ok(()) };
                Place::new(&room).compile(compile, |()| 10)
            });
            thread::sleep(Duration::from_millis(30));
            assert!(!waiting.is_finished());
            drop(other);
            assert_eq!(waiting.join().unwrap(), Ok(()));
        });
    }
}
