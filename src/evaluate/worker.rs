//! `pocketnas worker` without the command line: requests in, answers out, until there are no more.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value as Json;

use super::judge::guarded;
use super::seconds;
use crate::objective::request::{Answer, Described, Request, VERSION, Wanted};
use crate::objective::{Objective, Subject, rebuild};
use crate::space::Value;

/// How many objectives are kept ready. A search has a handful.
const KEPT: usize = 64;

/// Answers one request a line until `input` ends. Nothing in a request ends it: what cannot be answered is answered
/// with an error. Empty lines are passed over.
///
/// # Errors
/// Input that cannot be read, or output that cannot be written.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut worker = Worker::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = serde_json::to_string(&worker.answer(&line))?;
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
}

/// Objectives that were asked for already.
#[derive(Debug, Default)]
struct Worker {
    ready: HashMap<(String, String), Arc<dyn Objective>>,
}

impl Worker {
    fn answer(&mut self, line: &[u8]) -> Answer {
        let (attempt, outcome) = match serde_json::from_slice::<Json>(line) {
            Ok(request) => (request["attempt"].as_u64(), self.value(request)),
            Err(error) => (None, Err(format!("the request is not JSON: {error}"))),
        };
        let error = |reason| Answer { attempt, value: None, error: Some(reason), seconds: None };
        match outcome {
            Ok((value, _)) if !value.is_finite() => error(format!("its value is {value}, which is no finite number")),
            Ok((value, seconds)) => Answer { attempt, value: Some(value), error: None, seconds: Some(seconds) },
            Err(reason) => error(reason),
        }
    }

    /// The value that is asked for, and how many seconds it took.
    fn value(&mut self, request: Json) -> Result<(f64, f64), String> {
        if request["version"] != VERSION {
            return Err(format!("the request has version {}, and this program speaks {VERSION}", request["version"]));
        }
        let request: Request = serde_json::from_value(request).map_err(|error| format!("a bad request: {error}"))?;
        let began = Instant::now();
        let objective = self.objective(request.objective)?;
        let Described { space, text, decisions, network, .. } = &request.architecture;
        let network = network.build().map_err(|error| format!("the network of the request: {error}"))?;
        let decisions: Vec<(String, Value)> = (decisions.iter())
            .map(|(path, value)| Ok((path.clone(), serde_json::from_value(value.clone())?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| format!("the decisions of the request: {error}"))?;
        let subject = Subject {
            network: &network,
            space,
            architecture: text,
            decisions: &decisions,
            seed: request.seed,
            fidelity: request.fidelity,
        };
        Ok((guarded(objective.as_ref(), &subject)?, seconds(began)))
    }

    /// The objective, read once however often it is asked for.
    fn objective(&mut self, wanted: Wanted) -> Result<Arc<dyn Objective>, String> {
        let key = (wanted.kind.clone(), wanted.definition.clone());
        if let Some(ready) = self.ready.get(&key) {
            return Ok(Arc::clone(ready));
        }
        let objective = rebuild(&wanted).map_err(|error| error.to_string())?;
        if self.ready.len() == KEPT {
            self.ready.clear();
        }
        self.ready.insert(key, Arc::clone(&objective));
        Ok(objective)
    }
}
