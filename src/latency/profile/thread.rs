//! The threads of this process: the cores that they are tied to, how long they ran, and how often they lost a core.

pub(super) use system::{Clock, cores, pin};

#[cfg(target_os = "linux")]
mod system {
    use std::ffi::c_long;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::time::{ClockId, clock_gettime};
    use nix::unistd::Pid;

    use crate::latency::profile::{RunnerError, cores};

    /// What times a run.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Clock {
        /// The processor time of the calling thread, which stands still while another program has the core.
        Thread,
        /// The clock on the wall, for runs of several threads.
        Wall,
    }

    impl Clock {
        /// The clock for runs of so many threads.
        pub fn of(threads: u32) -> Self {
            if threads == 1 { Self::Thread } else { Self::Wall }
        }

        /// Seconds from some moment on.
        pub fn now(self) -> f64 {
            let clock = match self {
                Self::Thread => ClockId::CLOCK_THREAD_CPUTIME_ID,
                Self::Wall => ClockId::CLOCK_MONOTONIC,
            };
            clock_gettime(clock).map_or(0.0, |time| time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9)
        }

        /// How often the system gave a core of what is timed to somebody else.
        pub fn interruptions(self) -> c_long {
            let who = match self {
                Self::Thread => UsageWho::RUSAGE_THREAD,
                Self::Wall => UsageWho::RUSAGE_SELF,
            };
            getrusage(who).map_or(0, |usage| usage.involuntary_context_switches())
        }
    }

    /// The cores for so many threads: those asked for, or the last of those that are allowed, where systems put least.
    pub fn cores(asked: Option<&str>, threads: u32) -> Result<Vec<u32>, RunnerError> {
        let unusable =
            |error: nix::Error| RunnerError::Unusable(format!("cannot ask which cores may be used: {error}"));
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(unusable)?;
        // Their clocks do not matter: all that a machine like this one has are used for the same.
        let allowed: Vec<(u32, u64)> = (0..CpuSet::count())
            .filter(|&core| allowed.is_set(core).unwrap_or(false))
            .filter_map(|core| Some((u32::try_from(core).ok()?, 0)))
            .collect();
        let mut chosen = cores::choose(asked, &allowed, threads)?;
        chosen.truncate(threads as usize);
        Ok(chosen)
    }

    /// Ties the calling thread, and all that it starts from here on, to these cores.
    pub fn pin(cores: &[u32]) -> Result<(), RunnerError> {
        let mut set = CpuSet::new();
        (cores.iter().try_for_each(|&core| set.set(core as usize)))
            .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
            .map_err(|error| {
                RunnerError::Unusable(format!("cannot run on the cores {} alone: {error}", cores::list(cores)))
            })
    }
}

/// Elsewhere there is only the clock on the wall.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    use crate::latency::profile::RunnerError;

    /// What times a run.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Clock;

    impl Clock {
        /// The clock, whatever the number of threads.
        pub fn of(_: u32) -> Self {
            Self
        }

        /// Seconds from some moment on.
        pub fn now(self) -> f64 {
            static START: OnceLock<Instant> = OnceLock::new();
            START.get_or_init(Instant::now).elapsed().as_secs_f64()
        }

        /// Nothing is known of them.
        pub fn interruptions(self) -> i64 {
            0
        }
    }

    /// None: threads run where the system puts them.
    pub fn cores(asked: Option<&str>, _: u32) -> Result<Vec<u32>, RunnerError> {
        match asked {
            None => Ok(Vec::new()),
            Some(_) => Err(RunnerError::Unusable(
                "threads cannot be tied to cores on this system; leave out --cores".to_owned(),
            )),
        }
    }

    /// Never asked for, as there are no cores.
    pub fn pin(_: &[u32]) -> Result<(), RunnerError> {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_checked() {
        assert_eq!(cores(None, 1).unwrap().len(), 1);
        let error = cores(Some("1000000"), 1).unwrap_err().to_string();
        assert!(error.contains("no core 1000000; it has: "), "{error}");
        assert!(cores(Some("first"), 1).is_err());
        let error = cores(None, 64).unwrap_err().to_string();
        assert!(error.contains("64 threads on the cores"), "{error}");
    }

    #[test]
    fn processor_time_stands_still_while_a_thread_waits() {
        let (thread, wall) = (Clock::of(1), Clock::of(2));
        let (ran, began) = (thread.now(), wall.now());
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(wall.now() - began >= 0.03);
        assert!(thread.now() - ran < 0.02);
    }
}
