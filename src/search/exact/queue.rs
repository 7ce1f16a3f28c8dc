//! A binary heap of the next label of every shifted front, for merging sorted lists.
//! Unlike the standard heap it replaces its top in one sift, which is what merging does all the time.

/// The next label of one list.
#[derive(Clone, Copy)]
pub(super) struct Next<const M: usize> {
    /// Its costs, shifted.
    pub(super) costs: [i64; M],
    /// Which list; lists are in the order of their edges, so that ties go to the smallest edge.
    pub(super) list: u32,
    /// Its index in the list.
    pub(super) label: u32,
}

/// The lists that are not used up, the smallest next label on top.
pub(super) struct Queue<const M: usize> {
    heap: Vec<Next<M>>,
}

impl<const M: usize> Queue<M> {
    pub(super) fn new(heap: Vec<Next<M>>) -> Self {
        let mut queue = Self { heap };
        for i in (0..queue.heap.len() / 2).rev() {
            queue.sift_down(i);
        }
        queue
    }

    pub(super) fn top(&self) -> Option<Next<M>> {
        self.heap.first().copied()
    }

    /// Goes on to the next label of the list on top; `None` if it has no more.
    pub(super) fn advance(&mut self, next: Option<([i64; M], u32)>) {
        match (next, self.heap.first_mut()) {
            (Some((costs, label)), Some(top)) => (top.costs, top.label) = (costs, label),
            (_, None) => return,
            (None, _) => drop(self.heap.swap_remove(0)),
        }
        self.sift_down(0);
    }

    fn sift_down(&mut self, mut at: usize) {
        let before = |a: &Next<M>, b: &Next<M>| (a.costs, a.list) < (b.costs, b.list);
        while let Some(left) = self.heap.get(2 * at + 1) {
            let mut child = 2 * at + 1;
            if self.heap.get(child + 1).is_some_and(|right| before(right, left)) {
                child += 1;
            }
            if !before(&self.heap[child], &self.heap[at]) {
                return;
            }
            self.heap.swap(at, child);
            at = child;
        }
    }
}
