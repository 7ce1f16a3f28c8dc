//! Stores that outlive their program: the next one of the same engine takes them over. Memory that was never touched costs
//! a page fault for every few kilobytes, which is a tenth of the time of a network that runs twice.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use super::isa::Numeric;

/// What the last programs left. It never holds more than one program's stores unless several ran at once.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Vec<Box<dyn Any + Send>>>);

impl Shelf {
    /// A store of each size; what nobody needs now is let go. Stores may hold anything that an earlier program left.
    pub fn take<T: Numeric>(&self, sizes: &[usize]) -> Vec<Vec<T>> {
        let left = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut left: Vec<Vec<T>> = left.into_iter().filter_map(|store| store.downcast().ok().map(|s| *s)).collect();
        left.sort_by_key(Vec::len);
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&i| sizes[i]);
        let mut stores: Vec<Vec<T>> = sizes.iter().map(|_| Vec::new()).collect();
        let mut left = left.into_iter().peekable();
        for i in order {
            while left.next_if(|store| store.len() < sizes[i]).is_some() {}
            // One that is much too large would make this program larger than it says it is.
            stores[i] = match left.next_if(|store| store.len() <= sizes[i] + sizes[i] / 8) {
                Some(store) => store,
                None => vec![T::ZERO; sizes[i]],
            };
        }
        stores
    }

    /// Takes the stores of a program that is done.
    pub fn give<T: Numeric>(&self, stores: Vec<Vec<T>>) {
        let boxed = stores.into_iter().map(|store| Box::new(store) as Box<dyn Any + Send>);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(boxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_that_fit_are_taken_over_and_the_rest_is_let_go() {
        let shelf = Shelf::default();
        shelf.give(vec![vec![1.0_f32; 100], vec![2.0; 50], vec![3.0; 1000]]);
        let taken = shelf.take::<f32>(&[48, 200, 100]);
        assert_eq!(taken[0], [2.0; 50]);
        assert_eq!(taken[1], [0.0; 200]);
        assert_eq!(taken[2], [1.0; 100]);
        assert_eq!(shelf.take::<f32>(&[1000])[0], [0.0; 1000], "the large one is gone");
    }

    #[test]
    fn stores_of_another_precision_are_no_use() {
        let shelf = Shelf::default();
        shelf.give(vec![vec![1.0_f64; 10]]);
        assert_eq!(shelf.take::<f32>(&[10])[0], [0.0; 10]);
    }
}
