//! Where values and gradients lie: buffers with the time they are needed, and the fewest stores that hold them all.

/// A buffer and when it is needed, in steps of the program: forward from 0, then backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Elements.
    pub size: usize,
    /// The step that first writes it.
    pub born: usize,
    /// The last step that uses it.
    pub dies: usize,
}

/// Which store each buffer is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stores {
    /// The store of each buffer, in the order given; nothing for buffers that are never used.
    pub of: Vec<Option<usize>>,
    /// Elements of each store.
    pub sizes: Vec<usize>,
}

impl Stores {
    /// Gives every buffer a store that no other buffer uses at the same time. A buffer takes the smallest free store that
    /// holds it, or else the largest free one, which grows.
    pub fn new(spans: &[Option<Span>]) -> Self {
        let mut order: Vec<usize> = (0..spans.len()).filter(|&i| spans[i].is_some()).collect();
        let span = |i: usize| spans[i].expect("only buffers that are used were kept");
        // Large ones first among those born together, so that small ones fill what is left.
        order.sort_by_key(|&i| (span(i).born, usize::MAX - span(i).size, i));
        let mut stores = Self { of: vec![None; spans.len()], sizes: Vec::new() };
        let mut busy: Vec<usize> = Vec::new();
        for buffer in order {
            let Span { size, born, dies } = span(buffer);
            let free = |&store: &usize| busy[store] < born;
            let all = || (0..stores.sizes.len()).filter(free);
            let fits = all().filter(|&store| stores.sizes[store] >= size).min_by_key(|&store| stores.sizes[store]);
            let grows = || all().filter(|&store| stores.sizes[store] < size).max_by_key(|&store| stores.sizes[store]);
            // A large store is not spent on something small: a large buffer would soon need another.
            let store =
                fits.filter(|&store| stores.sizes[store] / 4 <= size).or_else(grows).unwrap_or(stores.sizes.len());
            if store == stores.sizes.len() {
                stores.sizes.push(0);
                busy.push(0);
            }
            stores.sizes[store] = stores.sizes[store].max(size);
            busy[store] = dies;
            stores.of[buffer] = Some(store);
        }
        stores
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn buffers_never_share_a_store_at_the_same_time(
            raw in proptest::collection::vec((1usize..100, 0usize..40, 0usize..20), 1..60)
        ) {
            let spans: Vec<Option<Span>> =
                raw.iter().map(|&(size, born, life)| Some(Span { size, born, dies: born + life })).collect();
            let stores = Stores::new(&spans);
            for (i, a) in spans.iter().enumerate() {
                let a = a.expect("all are used");
                let store = stores.of[i].expect("all have a store");
                prop_assert!(stores.sizes[store] >= a.size);
                for (j, b) in spans.iter().enumerate().skip(i + 1) {
                    let b = b.expect("all are used");
                    if stores.of[j] == Some(store) {
                        prop_assert!(a.dies < b.born || b.dies < a.born, "{a:?} and {b:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_stores() {
        let spans: Vec<_> = (0..10).map(|i| Some(Span { size: 8, born: i, dies: i + 1 })).collect();
        assert_eq!(Stores::new(&spans).sizes, [8, 8]);
    }
}
