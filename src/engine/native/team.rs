//! The threads of one program. A batch is always cut into the same chunks and their results are added in the same order,
//! so every number is the same on any number of threads.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// Chunks of a batch; also the most threads that one program can use.
const CHUNKS: usize = 4;

/// How a batch is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    batch: usize,
    size: usize,
}

impl Chunks {
    pub fn new(batch: usize) -> Self {
        Self { batch, size: batch.div_ceil(CHUNKS).max(1) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.batch.div_ceil(self.size)
    }

    /// The elements of a chunk, of `sample` each.
    pub fn range(&self, chunk: usize, sample: usize) -> Range<usize> {
        chunk * self.size * sample..((chunk + 1) * self.size).min(self.batch) * sample
    }
}

/// The threads that work on the chunks.
#[derive(Clone, Debug)]
pub(super) enum Team {
    /// The thread that calls.
    Alone,
    /// Some more.
    Pool(Arc<rayon::ThreadPool>),
}

impl Team {
    /// Does `work` on one of the threads, so that no thread outside has to wait anew for every part of it.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self {
            Self::Alone => work(),
            Self::Pool(pool) => pool.install(work),
        }
    }

    /// Threads that work at the same time.
    pub fn threads(&self) -> usize {
        match self {
            Self::Alone => 1,
            Self::Pool(pool) => pool.current_num_threads().min(CHUNKS),
        }
    }

    /// Does `work` for each chunk once.
    pub fn run(&self, chunks: &Chunks, work: impl Fn(usize) + Sync + Send) {
        match self {
            Self::Alone => (0..chunks.count()).for_each(work),
            Self::Pool(pool) => {
                use rayon::prelude::*;
                pool.install(|| (0..chunks.count()).into_par_iter().with_max_len(1).for_each(work));
            }
        }
    }
}

/// A mutable slice whose parts go to different chunks.
pub(super) struct Shards<'a, S> {
    start: *mut S,
    length: usize,
    size: usize,
    slice: PhantomData<&'a mut [S]>,
}

// Parts are disjoint, and each is taken by the one chunk it belongs to.
unsafe impl<S: Send> Sync for Shards<'_, S> {}
unsafe impl<S: Send> Send for Shards<'_, S> {}

impl<'a, S> Shards<'a, S> {
    /// Parts of `size` elements each, the last perhaps shorter.
    pub fn new(slice: &'a mut [S], size: usize) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), size, slice: PhantomData }
    }

    /// The part of a chunk.
    ///
    /// # Safety
    /// No part may be taken twice while it is in use: each chunk takes its own.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn part(&self, chunk: usize) -> &mut [S] {
        let from = (chunk * self.size).min(self.length);
        let to = (from + self.size).min(self.length);
        // In range by construction; disjoint from the other parts.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), to - from) }
    }
}
