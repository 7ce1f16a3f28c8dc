#![allow(clippy::unwrap_used)]
use super::*;
use rand::SeedableRng;

fn shipped(name: &str) -> Space {
    Space::load(name, None).unwrap_or_else(|error| panic!("{error:?}"))
}

fn graph(space: &Space) -> ChoiceGraph {
    space.compile(Budget::default()).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn known_spaces_have_their_known_size() {
    for (name, count) in [("nas-bench-201", "15625"), ("mobilenetv3-ofa", "21758655492572485851")] {
        let t = std::time::Instant::now();
        let graph = graph(&shipped(name));
        assert_eq!(graph.count().to_string(), count, "{name}");
        println!(
            "{name}: {} states {} edges {} variants {:?}",
            graph.states(),
            graph.edges().len(),
            graph.variants(),
            t.elapsed()
        );
    }
}

#[test]
fn architectures_round_trip() {
    for (name, _) in Space::shipped() {
        let space = shipped(name);
        let graph = graph(&space);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for _ in 0..20 {
            let path = graph.sample(&mut rng);
            let architecture = graph.architecture(&path);
            let text = space.format(&architecture);
            println!("{text}");
            assert_eq!(space.parse(&text).map_err(|e| e.message), Ok(architecture.clone()));
            assert_eq!(graph.path(&architecture), Some(path));
            space.build(&architecture).unwrap();
        }
    }
}
