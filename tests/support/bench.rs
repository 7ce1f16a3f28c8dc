//! Exported networks on the bench: a program that is not ours reads and runs them, and what it computes is held against the
//! engines.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pocketnas::engine::native::Native;
use pocketnas::engine::{Backend, Mode, Plan, Tensor};
use pocketnas::graph::{Network, NodeId};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{differ, inputs, largest, sizes, weights};

/// The sizes of the batches that every network is run on.
const BATCHES: [usize; 2] = [1, 3];

/// The end of a file's name, and its content.
pub type File = (String, Vec<u8>);

/// Files of a network under a name.
pub type Files = fn(&str, &Network) -> Vec<File>;

/// Files in a folder, and what a program that reads them makes of them.
pub struct Bench {
    python: PathBuf,
    /// The program.
    reader: &'static str,
    files: Files,
    folder: TempDir,
}

impl Bench {
    pub fn new(python: PathBuf, reader: &'static str, files: Files) -> Self {
        Self { python, reader, files, folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the files of a network; it is run on inputs for these batches.
    pub fn add(&self, name: &str, network: &Network, batches: &[usize]) {
        for (end, bytes) in (self.files)(name, network) {
            fs::write(self.path(&format!("{name}.{end}")), bytes).unwrap();
        }
        for &batch in batches {
            for (number, input) in inputs(network, batch).iter().enumerate() {
                let bytes: Vec<u8> = input.data.iter().flat_map(|value| value.to_le_bytes()).collect();
                fs::write(self.path(&format!("{name}.{batch}.{number}.in")), bytes).unwrap();
            }
        }
    }

    /// What the reader says of each network, by name. An error is a failure of the test, all of them at once.
    pub fn read(&self) -> BTreeMap<String, Json> {
        let output = Command::new(&self.python).arg(self.reader).arg(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told: BTreeMap<String, Json> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).unwrap())
            .map(|told| (told["name"].as_str().unwrap().to_owned(), told))
            .collect();
        let faults: Vec<String> = told
            .values()
            .filter(|told| {
                !told["error"].is_null() || told["wrong_shapes"].as_array().is_some_and(|all| !all.is_empty())
            })
            .map(|told| format!("{}: {} {}", told["name"], told["error"], told["wrong_shapes"]))
            .collect();
        assert!(faults.is_empty(), "{} of {} networks:\n{}", faults.len(), told.len(), faults.join("\n"));
        told
    }

    /// The outputs of the reader for a batch.
    pub fn outputs(&self, name: &str, network: &Network, batch: usize) -> Vec<Tensor> {
        let read = |(number, &id): (usize, &NodeId)| {
            let bytes = fs::read(self.path(&format!("{name}.{batch}.{number}.out"))).unwrap();
            let numbers = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
            Tensor::new(sizes(batch, network.node(id).shape), numbers.collect())
        };
        network.outputs().iter().enumerate().map(read).collect()
    }

    /// Every network is sound there, and computes what the engines compute.
    pub fn agrees(&self, models: &[(String, Network)], engines: &[&dyn Backend]) {
        for (name, network) in models {
            self.add(name, network, &BATCHES);
        }
        let told = self.read();
        let mut faults = Vec::new();
        for (name, network) in models {
            for batch in BATCHES {
                let wanted = network.outputs().iter().map(|&id| sizes(batch, network.node(id).shape));
                let wanted = Json::from_iter(wanted);
                assert_eq!(told[name]["shapes"][batch.to_string()], wanted, "{name} at a batch of {batch}");
                let theirs = self.outputs(name, network, batch);
                for (&id, output) in network.outputs().iter().zip(&theirs) {
                    if let Some(fault) = says_nothing(network, id, output) {
                        faults.push(format!("{name} at a batch of {batch}: {fault}"));
                    }
                }
                for engine in engines {
                    let ours = computed(*engine, network, batch);
                    let difference = ours.iter().zip(&theirs).find_map(|(ours, theirs)| differ(ours, theirs, 1e-4));
                    if let Some(difference) = difference.filter(|_| !theirs_is_rounded(network, batch, &ours, &theirs))
                    {
                        let place = self.first_difference(*engine, network);
                        faults.push(format!("{name} at a batch of {batch}, {}: {difference}{place}", engine.name()));
                    }
                }
            }
        }
        assert!(faults.is_empty(), "{} of {} models:\n{}", faults.len(), models.len(), faults.join("\n"));
    }

    /// The first node that an engine and the reader disagree about.
    fn first_difference(&self, engine: &dyn Backend, network: &Network) -> String {
        let mut raw = network.to_raw();
        raw.outputs = raw.nodes.iter().map(|node| node.name.clone()).collect();
        let network = raw.build().unwrap();
        let bench = Self::new(self.python.clone(), self.reader, self.files);
        bench.add("all", &network, &BATCHES[1..]);
        bench.read();
        let (ours, theirs) = (computed(engine, &network, BATCHES[1]), bench.outputs("all", &network, BATCHES[1]));
        let differences = ours.iter().zip(&theirs).map(|(ours, theirs)| differ(ours, theirs, 1e-4));
        let first = network.outputs().iter().zip(differences).find_map(|(&id, difference)| Some((id, difference?)));
        first.map_or_else(String::new, |(id, difference)| {
            let node = network.node(id);
            format!("; first at `{}` ({} to {}): {difference}", node.name, node.op, node.shape)
        })
    }
}

/// What an engine makes of the same weights and inputs.
pub fn computed(engine: &dyn Backend, network: &Network, batch: usize) -> Vec<Tensor> {
    let mut program = engine.compile(network, &Plan::forward(batch, Mode::Eval)).unwrap();
    program.load(&weights(network, 1)).unwrap();
    let inputs = inputs(network, batch);
    program.forward(&inputs.iter().collect::<Vec<_>>()).unwrap();
    network.outputs().iter().map(|&id| program.value(id).unwrap()).collect()
}

/// Whether it is the reader that is away from the outputs in double precision, and by rounding alone: on one deep
/// network ONNX Runtime was 1.06e-4 away, and this engine in single precision 0.28e-4.
fn theirs_is_rounded(network: &Network, batch: usize, ours: &[Tensor], theirs: &[Tensor]) -> bool {
    let plan = Plan::forward(batch, Mode::Eval);
    let mut program = Backend::<f64>::compile(&Native::default(), network, &plan).unwrap();
    program.load(&weights(network, 1).cast()).unwrap();
    let inputs: Vec<Tensor<f64>> = inputs(network, batch).iter().map(Tensor::cast).collect();
    program.forward(&inputs.iter().collect::<Vec<_>>()).unwrap();
    network.outputs().iter().zip(ours.iter().zip(theirs)).all(|(&id, (ours, theirs))| {
        let exact = program.value(id).unwrap().cast();
        differ(ours, &exact, 5e-5).is_none() && differ(theirs, &exact, 2e-4).is_none()
    })
}

/// Outputs that could hide a fault: no numbers, or the same for every sample.
fn says_nothing(network: &Network, id: NodeId, output: &Tensor) -> Option<String> {
    let largest = largest(output);
    if !output.data.iter().all(|value| value.is_finite()) {
        return Some(format!("outputs up to {largest}"));
    }
    let sample = output.data.len() / output.shape[0];
    let moved = output.data.iter().skip(sample).zip(&output.data).map(|(next, value)| (next - value).abs());
    let moved = moved.fold(0.0f32, f32::max);
    let same = output.shape[0] > 1 && moved < 1e-2 * largest && network.live().contains(id);
    same.then(|| format!("samples that differ by no more than {moved} of {largest}"))
}
