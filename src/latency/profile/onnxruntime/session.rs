//! Networks as sessions of ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType};

use super::WHERE;
use crate::graph::Network;
use crate::latency::profile::in_process::{Executor, Pass, inputs};
use crate::latency::profile::{RunnerError, Setup, WriteModel};

/// ONNX Runtime on its processor.
#[derive(Debug)]
pub(super) struct OnnxRuntime {
    environment: Environment,
    write: WriteModel,
    threads: usize,
    runtime: String,
}

impl OnnxRuntime {
    /// Loads the library; there is one for the whole process.
    pub fn new(library: &Path, write: WriteModel, setup: &Setup) -> Result<Self, RunnerError> {
        let environment = load(library)
            .map_err(|error| RunnerError::Unusable(format!("ONNX Runtime cannot be used: {error}; {WHERE}")))?;
        let runtime = setup.runtime.clone().unwrap_or_else(|| format!("ONNX Runtime ({})", build()));
        Ok(Self { environment, write, threads: setup.threads as usize, runtime })
    }

    fn session(&self, model: &[u8]) -> ort::Result<Session> {
        let session = Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            .with_log_level(LogLevel::Error)?
            .commit_from_memory(model)?;
        Ok(session)
    }
}

impl Executor for OnnxRuntime {
    fn runtime(&self) -> String {
        self.runtime.clone()
    }

    fn load(&mut self, network: &Network) -> Result<Pass, String> {
        let model = (self.write)(network)?;
        let mut session = self.session(&model).map_err(|error| error.to_string())?;
        let values = values(&session, network).map_err(|error| error.to_string())?;
        Ok(Box::new(move || {
            let inputs: Vec<(&str, SessionInputValue)> =
                values.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
            session.run(inputs).map(|_| ()).map_err(|error| error.to_string())
        }))
    }
}

/// The inputs of a session, by name: one image, or one sequence of ids.
fn values(session: &Session, network: &Network) -> ort::Result<Vec<(String, DynValue)>> {
    let named = session.inputs().iter().zip(inputs(network));
    named
        .map(|(input, tensor)| {
            let shape: Vec<i64> = tensor.shape.iter().map(|&size| size as i64).collect();
            let value = match input.dtype().tensor_type() {
                Some(TensorElementType::Int64) => {
                    let ids: Vec<i64> = tensor.data.iter().map(|&id| id as i64).collect();
                    Tensor::from_array((shape, ids))?.into_dyn()
                }
                _ => Tensor::from_array((shape, tensor.data))?.into_dyn(),
            };
            Ok((input.name().to_owned(), value))
        })
        .collect()
}

/// Loads the library, once: a second one cannot take its place, and after a failure nothing of it is called.
fn load(library: &Path) -> Result<Environment, String> {
    static LOADED: OnceLock<(PathBuf, Result<(), String>)> = OnceLock::new();
    let (path, loaded) = LOADED
        .get_or_init(|| (library.to_owned(), ort::init_from(library).map(|_| ()).map_err(|error| error.to_string())));
    if path != library {
        return Err(format!("the library {} is loaded already, and there is one for a process", path.display()));
    }
    loaded.clone()?;
    ort::init().with_telemetry(false).build().map_err(|error| error.to_string())
}

/// What the library says of its build: the branch that holds its version, and the commit.
fn build() -> String {
    let told: Vec<&str> = ort::info().split([' ', ',']).filter(|word| word.starts_with("git-")).collect();
    if told.is_empty() { "it does not tell its version".to_owned() } else { told.join(", ") }
}
