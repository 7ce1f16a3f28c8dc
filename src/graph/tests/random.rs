//! Random networks, for properties that hold of all of them.

use proptest::prelude::*;

use super::*;

/// One step of a recipe: which operator, and what feeds it (taken modulo the nodes there are).
pub type Step = (u8, Vec<usize>);

/// Recipes of up to `steps` steps that draw from the first `kinds` operators of [`build`].
pub fn recipe(kinds: u8, steps: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..kinds, prop::collection::vec(any::<prop::sample::Index>(), 1..4)), 1..=steps).prop_map(
        |steps| {
            let resolve = |(at, (kind, picks)): (usize, (u8, Vec<prop::sample::Index>))| {
                (kind, picks.into_iter().map(|pick| pick.index(at + 1)).collect())
            };
            steps.into_iter().enumerate().map(resolve).collect()
        },
    )
}

/// Builds a recipe on maps of one shape; its last node is the output. Steps 0 to 2: identity, relu, add.
pub fn build(recipe: &[Step]) -> Network {
    let shape = Shape::map(4, 6);
    let mut net = Builder::new();
    let mut made = vec![input(&mut net, shape)];
    for (index, (kind, picks)) in recipe.iter().enumerate() {
        if index % 4 == 0 {
            net.block(format!("block{index}"), "");
        }
        let name = format!("n{index}");
        let mut from: Vec<NodeId> = picks.iter().map(|&pick| made[pick]).collect();
        // Parallel edges are left to tests of their own: petgraph's isomorphism does not count them.
        from.sort_unstable();
        from.dedup();
        let node = match kind {
            0 => add(&mut net, &name, Op::Identity, &from[..1]),
            1 => add(&mut net, &name, relu(), &from[..1]),
            2 => add(&mut net, &name, Op::Add, &from),
            3 => add(&mut net, &name, Op::Zero { stride: 1 }, &from[..1]),
            4 => add(&mut net, &name, Op::Multiply, &from),
            5 => add(&mut net, &name, conv(4, 3), &from[..1]),
            6 => {
                let wide = add(&mut net, &format!("{name}.concat"), Op::Concat, &from);
                add(&mut net, &name, conv(4, 1), &[wide])
            }
            7 => add(&mut net, &name, Op::Activation { function: Activation::Sigmoid }, &from[..1]),
            _ => add(&mut net, &name, Op::Input { shape }, &[]),
        };
        made.push(node);
    }
    net.output(made[made.len() - 1]);
    net.finish().unwrap()
}
