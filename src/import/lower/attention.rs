//! Attention, which stands in a file as two products with a softmax between them, whatever chain of `Reshape` and
//! `Transpose` brings the heads forth (Vaswani et al., 2017, eq. 1).

use super::{Done, Fault, Lowerer, Value, wrong};
use crate::graph::{Attention, Op, Shape};
use crate::import::constant::{Constant, Data};
use crate::import::model::Node;
use crate::import::view::{Atom, Base, View, merged, whole};

/// Products of queries and keys on their way to an attention: heads × queries × keys.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    queries: usize,
    keys: usize,
    heads: usize,
    kv_heads: usize,
    /// Features of a head.
    width: usize,
    scale: f32,
    causal: bool,
    rotary: Option<usize>,
    shares: bool,
}

const HEADS: usize = 0;
const QUERIES: usize = 1;
const KEYS: usize = 2;

impl<'m> Lowerer<'m> {
    pub(super) fn rotate(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let base = usize::try_from(node.int_or("base", 0)).map_err(|_| wrong("its base is negative"))?;
        self.set(node, View { rotary: Some(base), ..view })
    }

    /// An attention as one operator (version 23): queries, keys and values as tokens, or as heads of tokens.
    pub(super) fn whole_attention(&mut self, node: &'m Node) -> Done {
        let more = (4..node.inputs.len()).any(|at| node.input(at).is_some());
        if more || node.outputs.len() > 1 || node.float_or("softcap", 0.0) != 0.0 {
            let message = "it keeps keys and values of former tokens, or caps its scores";
            return Err(Fault::new(message, "write the model without a cache (use_cache=False), for whole sequences"));
        }
        let heads_of = |name: &str| usize::try_from(node.int_or(name, 0)).ok().filter(|&heads| heads > 0);
        let flat = self.view(node, 0)?.axes.len() == 3;
        let parted = |at: usize, name: &str| -> Result<View, Fault> {
            let view = self.view(node, at)?;
            let dims = view.dims();
            let parted = match (dims[..].len(), heads_of(name)) {
                (4, _) => Some(view),
                (3, Some(heads)) if dims[2].is_multiple_of(heads) => view
                    .reshaped(&[dims[0], dims[1], heads, dims[2] / heads])
                    .map(|view| view.transposed(&[0, 2, 1, 3])),
                _ => None,
            };
            parted.ok_or_else(|| wrong(format!("its input {at} is {}", super::realise::shown(&dims))))
        };
        let queries = parted(0, "q_num_heads")?;
        let (mut keys, mut values) = (parted(1, "kv_num_heads")?, parted(2, "kv_num_heads")?);
        let (heads, width) = (queries.dims()[1], queries.dims()[3]);
        for shared in [&mut keys, &mut values] {
            let own = shared.dims()[1];
            if own != heads && own > 0 && heads.is_multiple_of(own) {
                shared.axes[1].push(Atom { axis: 1, stride: 0, size: heads / own });
            }
        }
        let Base::Node(below) = queries.base else { return Err(wrong("its queries are scores")) };
        self.products(node, &queries, below, &keys.transposed(&[0, 1, 3, 2]))?;
        let scale = node.attribute("scale").map_or(1.0 / (width as f32).sqrt(), |_| node.float_or("scale", 1.0));
        let (mut view, mut scores) = self.scores_of(node)?;
        self.attention_scale(node, &view, scores, scale)?;
        let mut masks: Vec<Constant> = self.constant(node, 3)?.into_iter().collect();
        let [rows, columns] = [queries.dims()[2], keys.dims()[2]];
        if node.int_or("is_causal", 0) != 0 {
            let mask = (0..rows * columns).map(|at| if at % columns > at / columns { f32::NEG_INFINITY } else { 0.0 });
            masks.push(Constant::floats(vec![rows, columns], mask.collect()));
        }
        for mask in masks {
            // Truth values say where a token may look.
            let mask = match &mask.data {
                Data::Floats(_) => mask,
                Data::Ints(values) => {
                    let added = values.iter().map(|&seen| if seen != 0 { 0.0 } else { f32::NEG_INFINITY }).collect();
                    Constant::floats(mask.dims.clone(), added)
                }
            };
            (view, scores) = self.scores_of(node)?;
            self.attention_mask(node, &view, scores, &mask)?;
        }
        (view, _) = self.scores_of(node)?;
        self.attention_softmax(node, &view, 3)?;
        (view, scores) = self.scores_of(node)?;
        self.mixed(node, &view, scores, &values)?;
        if flat {
            let mixed = self.view_of(node)?.transposed(&[0, 2, 1, 3]);
            let dims = mixed.dims();
            let joined = mixed.reshaped(&[dims[0], dims[1], dims[2] * dims[3]]);
            return self.set(node, joined.ok_or_else(|| wrong("its heads cannot be joined"))?);
        }
        Ok(())
    }

    /// What a node was set to so far.
    fn view_of(&self, node: &Node) -> Result<View, Fault> {
        match self.value(node.output()) {
            Value::View(view) => Ok(view),
            _ => Err(wrong("its result is not known")),
        }
    }

    fn scores_of(&self, node: &Node) -> Result<(View, usize), Fault> {
        let view = self.view_of(node)?;
        match view.base {
            Base::Scores(scores) => Ok((view, scores)),
            Base::Node(_) => Err(wrong("its scores are not known")),
        }
    }

    /// A product of two tensors: queries and keys, or weights and values.
    pub(super) fn attention_product(&mut self, node: &'m Node) -> Done {
        let (left, right) = (self.view(node, 0)?, self.view(node, 1)?);
        match left.base {
            Base::Scores(scores) => self.mixed(node, &left, scores, &right),
            Base::Node(queries) => self.products(node, &left, queries, &right),
        }
    }

    /// Queries times keys.
    fn products(&mut self, node: &'m Node, left: &View, queries: usize, right: &View) -> Done {
        let fault = || {
            let (left, right) = (super::realise::shown(&left.dims()), super::realise::shown(&right.dims()));
            let remedy = "two tensors are multiplied in attentions alone, as softmax(q·kᵀ·scale)·v over tokens";
            Fault::new(format!("it multiplies tensors of {left} and {right}, which are no queries and keys"), remedy)
        };
        let Base::Node(keys) = right.base else { return Err(fault()) };
        let (Shape::Tokens { tokens, features }, Shape::Tokens { tokens: others, features: key_features }) =
            (self.draft.nodes[queries].shape, self.draft.nodes[keys].shape)
        else {
            return Err(fault());
        };
        let (Some((lead, rows, columns)), Some((key_lead, key_columns, key_rows))) = (matrix(left), matrix(right))
        else {
            return Err(fault());
        };
        let width: usize = columns.iter().map(|atom| atom.size).product();
        let inner = if width == 1 { Vec::new() } else { vec![Atom { axis: 1, stride: 1, size: width }] };
        let head_atoms = |features: usize| merged([Atom { axis: 1, stride: width, size: features / width }]);
        let is_queries = features.is_multiple_of(width)
            && columns == inner
            && merged(lead.iter().chain(&rows).copied()) == [head_atoms(features), whole(0, tokens)].concat();
        let is_keys = key_features.is_multiple_of(width)
            && key_columns == inner
            && merged(key_rows.iter().copied()) == whole(0, others);
        let (heads, kv_heads) = (features / width, key_features / width);
        let shared: usize = lead.iter().map(|atom| atom.size).product();
        let repeated = repeats(&key_lead, &head_atoms(key_features)).is_some_and(|times| shared == kv_heads * times);
        if !is_queries || !is_keys || !repeated || left.rotary != right.rotary {
            return Err(fault());
        }
        self.scores.push(Scores {
            queries,
            keys,
            heads,
            kv_heads,
            width,
            scale: left.scale * right.scale,
            causal: false,
            rotary: left.rotary,
            shares: false,
        });
        let over = |atom: &Atom| match atom.axis {
            1 => Atom { axis: HEADS, stride: atom.stride / width, ..*atom },
            _ => Atom { axis: QUERIES, ..*atom },
        };
        let mut axes: Vec<Vec<Atom>> = left.axes.iter().map(|atoms| atoms.iter().map(over).collect()).collect();
        if let Some(last) = axes.last_mut() {
            *last = whole(KEYS, others);
        }
        self.set(node, View { base: Base::Scores(self.scores.len() - 1), axes, scale: 1.0, rotary: None })
    }

    /// Scores times a number.
    pub(super) fn attention_scale(&mut self, node: &'m Node, view: &View, scores: usize, number: f32) -> Done {
        let known = self.scores[scores].clone();
        if known.shares || known.causal {
            return Err(Fault::new(
                "the weights of an attention are scaled",
                "scale the scores before mask and softmax",
            ));
        }
        self.next(node, view, Scores { scale: known.scale * number, ..known })
    }

    /// Scores with another step done.
    fn next(&mut self, node: &'m Node, view: &View, scores: Scores) -> Done {
        self.scores.push(scores);
        let base = Base::Scores(self.scores.len() - 1);
        self.set(node, view.over(base))
    }

    /// Scores plus a mask that is known: nothing, or all that comes after a token.
    pub(super) fn attention_mask(&mut self, node: &'m Node, view: &View, scores: usize, mask: &Constant) -> Done {
        let Data::Floats(values) = &mask.data else { return Err(wrong("its mask has whole numbers")) };
        let known = self.scores[scores].clone();
        if values.iter().all(|&x| x == 0.0) {
            return self.set(node, view.clone());
        }
        let dims = view.dims();
        let [.., rows, columns] = dims[..] else { return Err(wrong("its scores are no matrix")) };
        let is_last = mask.dims.ends_with(&[rows, columns]) && mask.len() == rows * columns;
        let queries =
            view.axes[dims.len() - 2] == whole(QUERIES, rows) && view.axes[dims.len() - 1] == whole(KEYS, columns);
        let causal = values.iter().enumerate().all(|(at, &x)| {
            let after = at % columns > at / columns;
            if after { x <= -1e4 } else { x == 0.0 }
        });
        if known.shares || !is_last || !queries || !causal || rows != columns {
            let message = format!("it adds a mask of {:?} to scores of {}", mask.dims, super::realise::shown(&dims));
            return Err(Fault::new(
                message,
                "a mask is none or causal here; positions cannot be learned in the scores",
            ));
        }
        self.next(node, view, Scores { causal: true, ..known })
    }

    /// A choice between scores and a large negative number, by a mask that is known.
    pub(super) fn mask(&mut self, node: &'m Node) -> Done {
        let fault = || {
            Fault::new("it chooses between tensors", "only masks of an attention are chosen, and they have to be known")
        };
        let Some(condition) = self.constant(node, 0).ok().flatten() else { return Err(fault()) };
        let (a, b) = (self.value(node.input(1).unwrap_or_default()), self.value(node.input(2).unwrap_or_default()));
        let (view, number, kept) = match (a, b) {
            (Value::View(view), Value::Constant(number)) => (view, number, true),
            (Value::Constant(number), Value::View(view)) => (view, number, false),
            _ => return Err(fault()),
        };
        let (Base::Scores(scores), Some(number)) = (view.base, number.uniform()) else { return Err(fault()) };
        if number > -1e4 {
            return Err(fault());
        }
        let added =
            condition.numbers().iter().map(|&truth| if (truth != 0.0) == kept { 0.0 } else { number as f32 }).collect();
        self.attention_mask(node, &view, scores, &Constant::floats(condition.dims, added))
    }

    /// Whether a softmax is that of an attention; it is done then.
    pub(super) fn attention_softmax(&mut self, node: &'m Node, view: &View, along: usize) -> Result<bool, Fault> {
        let Base::Scores(scores) = view.base else { return Ok(false) };
        let known = self.scores[scores].clone();
        let others = self.draft.nodes[known.keys].shape.size().0;
        if known.shares || view.axes[along] != whole(KEYS, others) {
            return Err(Fault::new("it is not taken over the keys", "take the softmax of scores over the keys, once"));
        }
        self.next(node, view, Scores { shares: true, ..known })?;
        Ok(true)
    }

    /// Weights times values: the attention itself.
    fn mixed(&mut self, node: &'m Node, left: &View, scores: usize, right: &View) -> Done {
        let known = self.scores[scores].clone();
        let fault = || {
            let right = super::realise::shown(&right.dims());
            let remedy = "an attention is softmax(q·kᵀ·scale)·v over tokens, with as many values as keys";
            Fault::new(format!("it multiplies the weights of an attention by a tensor of {right}"), remedy)
        };
        let Base::Node(values) = right.base else { return Err(fault()) };
        let Shape::Tokens { tokens: others, features } = self.draft.nodes[values].shape else { return Err(fault()) };
        let (Some((lead, rows, columns)), Some((value_lead, value_rows, value_columns))) =
            (matrix(left), matrix(right))
        else {
            return Err(fault());
        };
        let width = features / known.kv_heads.max(1);
        let tokens = self.draft.nodes[known.queries].shape.size().0;
        let heads = merged([Atom { axis: HEADS, stride: 1, size: known.heads }]);
        let is_weights = known.shares
            && columns == whole(KEYS, others)
            && merged(lead.iter().chain(&rows).copied()) == [heads, whole(QUERIES, tokens)].concat();
        let shared: usize = lead.iter().map(|atom| atom.size).product();
        let value_heads = merged([Atom { axis: 1, stride: width, size: known.kv_heads }]);
        let is_values = features.is_multiple_of(known.kv_heads)
            && repeats(&value_lead, &value_heads).is_some_and(|times| shared == known.kv_heads * times)
            && merged(value_rows) == whole(0, others)
            && merged(value_columns)
                == if width == 1 { Vec::new() } else { vec![Atom { axis: 1, stride: 1, size: width }] };
        if !is_weights || !is_values || right.rotary.is_some() {
            return Err(fault());
        }
        let queries = self.scaled_queries(&known)?;
        let values = self.scaled(values, right.scale)?;
        let op = Attention { heads: known.heads, kv_heads: known.kv_heads, causal: known.causal, rotary: known.rotary };
        let at = self.add(node, Op::Attention(op), &[queries, known.keys, values], Vec::new())?;
        let over = |atom: &Atom| match atom.axis {
            HEADS => Atom { axis: 1, stride: atom.stride * width, ..*atom },
            _ => Atom { axis: 0, ..*atom },
        };
        let mut axes: Vec<Vec<Atom>> = left.axes.iter().map(|atoms| atoms.iter().map(over).collect()).collect();
        if let Some(last) = axes.last_mut() {
            *last = if width == 1 { Vec::new() } else { vec![Atom { axis: 1, stride: 1, size: width }] };
        }
        self.set(node, View { axes, ..self.whole(at) })
    }

    /// The queries, scaled by what the scores are scaled besides `1 / √width`.
    fn scaled_queries(&mut self, scores: &Scores) -> Result<usize, Fault> {
        let rest = f64::from(scores.scale) * (scores.width as f64).sqrt();
        if (rest - 1.0).abs() < 1e-5 {
            return Ok(scores.queries);
        }
        // A layer that only this attention reads takes the factor; else it stands apart.
        self.scaled(scores.queries, rest as f32)
    }
}

/// How often each of those heads stands in a row, if they are those.
fn repeats(lead: &[Atom], heads: &[Atom]) -> Option<usize> {
    let lead = merged(lead.iter().copied());
    match lead.split_last() {
        Some((last, before)) if last.stride == 0 && before == heads => Some(last.size),
        _ => (lead == heads).then_some(1),
    }
}

/// The axes of a stack of matrices: those before the last two as one, the rows, the columns.
fn matrix(view: &View) -> Option<(Vec<Atom>, Vec<Atom>, Vec<Atom>)> {
    let [lead @ .., rows, columns] = &view.axes[..] else { return None };
    Some((lead.iter().flatten().copied().collect(), rows.clone(), columns.clone()))
}
