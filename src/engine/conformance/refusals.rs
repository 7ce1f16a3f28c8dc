//! What does not fit is an error that says where, and leaves the program usable; never a panic.

use super::contract::{Draft, diamond, find};
use super::{backward, compile, forward, inputs, seed, weights};
use crate::engine::{Backend, Element, EngineError, Plan, Tensor, Weights, WeightsError};
use crate::graph::{Op, Shape};

/// Inputs of other shapes, and another number of them.
pub fn wrong_shapes_are_errors<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let mut program = compile(backend, &network, &Plan::train(2), &weights(&network));
    for given in [vec![2, 4, 5, 6], vec![3, 4, 6, 5], vec![2, 120], vec![2, 4, 6], vec![0, 4, 6, 5]] {
        let wanted = vec![2, 4, 6, 5];
        let refused = program.forward(&[&Tensor::zeros(given.clone())]);
        assert_eq!(refused, Err(EngineError::Shape { node: "image".to_owned(), wanted, given }));
    }
    // A shape that its own data does not fill.
    let torn = Tensor { shape: vec![2, 4, 6, 5], data: vec![T::ZERO; 7] };
    assert!(program.forward(&[&torn]).is_err());
    assert_eq!(program.forward(&[]), Err(EngineError::Inputs { wanted: 1, given: 0 }));
    let image = inputs(&network, 2).remove(0);
    assert_eq!(program.forward(&[&image, &image]), Err(EngineError::Inputs { wanted: 1, given: 2 }));
    // An error leaves the program usable.
    forward(program.as_mut(), &[image]);
    assert!(program.value(find(&network, "logits")).is_some());
}

/// A batch of no samples.
pub fn empty_batches_are_errors<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let Ok(mut program) = backend.compile(&network, &Plan::train(0)) else { return };
    program.load(&weights(&network)).unwrap();
    assert!(program.forward(&[&Tensor::zeros(vec![0, 4, 6, 5])]).is_err());
}

/// Seeds at nodes that are not kept, or of another shape.
pub fn wrong_seeds_are_errors<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let mut program = compile(backend, &network, &Plan::train(2), &weights(&network));
    forward(program.as_mut(), &inputs(&network, 2));
    let (logits, left) = (find(&network, "logits"), find(&network, "left"));
    let refused = program.backward(&[(left, &seed(&network, left, 2))]);
    assert_eq!(refused, Err(EngineError::Unwatched { node: "left".to_owned() }));
    let refused = program.backward(&[(logits, &Tensor::zeros(vec![3, 2]))]);
    let (wanted, given) = (vec![2, 3], vec![3, 2]);
    assert_eq!(refused, Err(EngineError::Shape { node: "logits".to_owned(), wanted, given }));
    backward(program.as_mut(), &[(logits, seed(&network, logits, 2))]);
    assert!(program.gradient(find(&network, "stem"), 0).is_some());
}

/// Parameters that are missing or have another shape.
pub fn wrong_weights_are_errors<T: Element>(backend: &dyn Backend<T>) {
    let network = diamond(false);
    let mut program = backend.compile(&network, &Plan::train(2)).unwrap();
    let mut weights: Weights<T> = weights(&network);
    let stem = weights.0.remove("stem.weight").unwrap();
    let name = "stem.weight".to_owned();
    assert_eq!(program.load(&weights), Err(WeightsError::Missing { name: name.clone() }.into()));
    let given = vec![4, 20, 3, 3];
    weights.0.insert(name.clone(), Tensor::new(given.clone(), stem.data.clone()));
    let wanted = vec![20, 4, 3, 3];
    assert_eq!(program.load(&weights), Err(WeightsError::Shape { name: name.clone(), given, wanted }.into()));
    weights.0.insert(name, stem);
    assert_eq!(program.load(&weights), Ok(()));
}

/// Ids that are no row of the table.
pub fn wrong_ids_are_errors<T: Element>(backend: &dyn Backend<T>) {
    let mut draft = Draft::new();
    let ids = draft.input("ids", Shape::Vector { features: 3 });
    let table = draft.add("table", Op::Embedding { vocabulary: 5, features: 4 }, &[ids]);
    let network = draft.finish(&[table]);
    let mut program = compile(backend, &network, &Plan::train(2), &weights(&network));
    for id in [5.0, -1.0, 0.5, f64::NAN, f64::INFINITY] {
        let mut batch = inputs::<T>(&network, 2).remove(0);
        batch.data[4] = T::of(id);
        let refused = program.forward(&[&batch]);
        let named = matches!(&refused, Err(EngineError::Id { node, vocabulary: 5, .. }) if node == "table");
        assert!(named, "{id}: {refused:?}");
    }
    forward(program.as_mut(), &inputs(&network, 2));
}
