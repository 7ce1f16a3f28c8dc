//! How a tensor of a file lies over a tensor of the network. Exporters write attention, channels-last layers and pixel
//! shuffles as chains of `Reshape` and `Transpose`; a view follows such a chain without computing anything, and where it
//! ends, what the chain amounts to can be read off.
//!
//! Every axis of a view is a product of *atoms*, and an atom is some digits of the position along one axis of the tensor
//! below: with sizes `[12, 64]`, position 70 has the digits 1 and 6. Axes of size one have no atoms, the batch among them.

/// Digits of the position along an axis: the position is the sum of `digit · stride` over all atoms of the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    /// The axis of the tensor below, the batch not counted.
    pub(super) axis: usize,
    /// What the digit counts for; 0 where elements are repeated.
    pub(super) stride: usize,
    /// The values of the digit.
    pub(super) size: usize,
}

/// What a view lies over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A node of the draft.
    Node(usize),
    /// Scores of an attention that is being put together: heads × queries × keys.
    Scores(usize),
}

/// A tensor of the file as a tensor below it with its digits in another order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) base: Base,
    /// The atoms of each axis, outermost first; the batch is the first axis.
    pub(super) axes: Vec<Vec<Atom>>,
    /// What every element is still to be multiplied by.
    pub(super) scale: f32,
    /// The base of rotary positions that are still to be applied.
    pub(super) rotary: Option<usize>,
}

impl View {
    /// The tensor below as it is, with a batch before it.
    pub(super) fn whole(base: Base, sizes: &[usize]) -> Self {
        let axes = std::iter::once(Vec::new()).chain(sizes.iter().enumerate().map(|(axis, &size)| whole(axis, size)));
        Self { base, axes: axes.collect(), scale: 1.0, rotary: None }
    }

    /// The sizes, batch included.
    pub(super) fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|atoms| atoms.iter().map(|atom| atom.size).product()).collect()
    }

    pub(super) fn elements(&self) -> usize {
        self.axes.iter().flatten().map(|atom| atom.size).product()
    }

    /// All atoms in the order of the elements, neighbours that belong together as one.
    pub(super) fn sequence(&self) -> Vec<Atom> {
        merged(self.axes.iter().flatten().copied())
    }

    /// The same elements in the same order with other sizes; nothing where a size would cut through an atom.
    pub(super) fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        let mut atoms = self.sequence();
        atoms.reverse();
        let mut axes = Vec::with_capacity(dims.len());
        for &dim in dims {
            let mut axis = Vec::new();
            let mut wanted = dim;
            while wanted > 1 {
                let atom = atoms.pop()?;
                if wanted.is_multiple_of(atom.size) {
                    wanted /= atom.size;
                    axis.push(atom);
                } else if atom.size.is_multiple_of(wanted) {
                    let rest = atom.size / wanted;
                    axis.push(Atom { stride: atom.stride * rest, size: wanted, ..atom });
                    atoms.push(Atom { size: rest, ..atom });
                    wanted = 1;
                } else {
                    return None;
                }
            }
            axes.push(axis);
        }
        atoms.is_empty().then(|| Self { axes, ..self.clone() })
    }

    /// The axes in another order.
    pub(super) fn transposed(&self, order: &[usize]) -> Self {
        Self { axes: order.iter().map(|&axis| self.axes[axis].clone()).collect(), ..self.clone() }
    }

    /// The same over another tensor of the same sizes.
    pub(super) fn over(&self, base: Base) -> Self {
        Self { base, ..self.clone() }
    }
}

/// All digits of an axis.
pub(super) fn whole(axis: usize, size: usize) -> Vec<Atom> {
    if size == 1 { Vec::new() } else { vec![Atom { axis, stride: 1, size }] }
}

/// Atoms of which neighbours that belong together are one.
pub(super) fn merged(atoms: impl IntoIterator<Item = Atom>) -> Vec<Atom> {
    let mut merged: Vec<Atom> = Vec::new();
    for atom in atoms.into_iter().filter(|atom| atom.size != 1) {
        match merged.last_mut() {
            Some(last) if last.axis == atom.axis && last.stride == atom.stride * atom.size => {
                last.stride = atom.stride;
                last.size *= atom.size;
            }
            _ => merged.push(atom),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The elements of a view of `0, 1, 2, …`, by the definition of an atom.
    fn elements(view: &View, sizes: &[usize]) -> Vec<usize> {
        let atoms: Vec<Atom> = view.axes.iter().flatten().copied().collect();
        let strides: Vec<usize> = (0..sizes.len()).map(|axis| sizes[axis + 1..].iter().product()).collect();
        let at = |mut index: usize| {
            atoms.iter().rev().fold(0, |sum, atom| {
                let digit = index % atom.size;
                index /= atom.size;
                sum + digit * atom.stride * strides[atom.axis]
            })
        };
        (0..view.elements()).map(at).collect()
    }

    #[test]
    fn views_follow_reshapes_and_transposes() {
        let sizes = [6, 2, 4];
        let view = View::whole(Base::Node(0), &sizes);
        assert_eq!(view.dims(), [1, 6, 2, 4]);
        let heads = view.reshaped(&[1, 2, 3, 2, 4]).unwrap().transposed(&[0, 2, 1, 4, 3]);
        assert_eq!(heads.dims(), [1, 3, 2, 4, 2]);
        // numpy.arange(48).reshape(2, 3, 2, 4).transpose(1, 0, 3, 2).ravel()[:20]
        let wanted = [0, 4, 1, 5, 2, 6, 3, 7, 24, 28, 25, 29, 26, 30, 27, 31, 8, 12, 9, 13];
        assert_eq!(elements(&heads, &sizes)[..20], wanted);
        let back = heads.transposed(&[0, 2, 1, 4, 3]).reshaped(&[1, 48]).unwrap();
        assert_eq!(back.sequence(), view.sequence());
        assert_eq!(view.reshaped(&[1, 8, 6]), None, "8 is no product of whole digits");
        assert_eq!(view.reshaped(&[1, 7]), None);
        assert_eq!(view.reshaped(&[1, 6]), None, "elements are left over");
    }
}
