//! Search spaces: networks with choices in them, written in YAML.
//!
//! A [`Space`] is read from a file, checked as a whole, and compiled to a
//! [`ChoiceGraph`], a finite automaton in which an [`Architecture`] is a path.
//! `CONTRIBUTING.md` has a recipe for a space of your own; `search_spaces/` has
//! many to start from.

mod architecture;
mod arithmetic;
mod choice_graph;
mod compile;
mod domain;
mod expr;
mod file;
mod interpret;
mod lower;
mod schema;
mod shipped;
mod teacher;
mod value;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use num_bigint::BigUint;
use rand::Rng;
use rand_distr::{Distribution, WeightedIndex};

pub use architecture::{Architecture, ArchitectureError, Decision};
pub use choice_graph::{ChoiceGraph, DecisionSpec, Edge, Tilted};
pub use compile::{Budget, CompileError};
pub use schema::SCHEMA;
pub use value::Value;

use crate::graph::Network;
use crate::yaml::{Diagnostics, Document, Problems};
use architecture::Answers;
use expr::truth;
use file::{File, Format};
use interpret::{Fault, Interpreter, Oracle, Question};
use teacher::Teacher;

/// A checked search space.
#[derive(Clone, Debug)]
pub struct Space {
    file: Arc<File>,
    /// What messages call the file, and its text.
    source: (String, Arc<str>),
}

impl Space {
    /// The shipped spaces: name and text.
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        shipped::SPACES
    }

    /// A space file, or a shipped space by name. A relative path is tried against `base` first, then against the
    /// current folder.
    ///
    /// # Errors
    /// Everything that is wrong with the file, or that there is no such file and no such space.
    pub fn load(name_or_path: &str, base: Option<&Path>) -> Result<Self, Diagnostics> {
        let candidates: Vec<PathBuf> = base
            .map(|base| base.join(name_or_path))
            .into_iter()
            .chain(std::iter::once(PathBuf::from(name_or_path)))
            .collect();
        if let Some(path) = candidates.iter().find(|path| path.is_file()) {
            let document = Document::read(path)?;
            return Self::from_document(&document);
        }
        match Self::shipped().iter().find(|(name, _)| *name == name_or_path) {
            Some((name, text)) => Self::from_text(&format!("{name}.yaml"), text),
            None => {
                let names = Self::shipped().iter().map(|(name, _)| *name);
                let help = crate::yaml::nearest(name_or_path, names);
                Err(Diagnostics::file(name_or_path, "there is no such file, and no shipped space of that name", help))
            }
        }
    }

    /// The shipped space that calls itself that, as files about architectures do, with the name that it is shipped under.
    pub fn shipped_as(name: &str) -> Option<(&'static str, Self)> {
        // Known networks lie in a folder of their own, and are called by their own name.
        let (shipped, text) = Self::shipped().iter().find(|(shipped, _)| shipped.rsplit('/').next() == Some(name))?;
        Some((shipped, Self::from_text(shipped, text).ok()?))
    }

    /// A space from its text. `name` is what messages call it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::from_document(&Document::parse(name, text)?)
    }

    fn from_document(document: &Document) -> Result<Self, Diagnostics> {
        let file = Arc::new(lower::lower(document)?);
        let space = Self { file, source: (document.name.clone(), Arc::clone(&document.text)) };
        // The default architecture shows most of what can be wrong beyond the structure.
        let mut oracle = Recorder::new(&space.file, |question: &Question| Ok(question.default));
        match space.run(&mut oracle) {
            Ok(_) => {
                space.check_types(&oracle.facts)?;
                Ok(space)
            }
            Err(fault) => Err(space.diagnose(&fault)),
        }
    }

    /// Evaluates the constraints as far as one architecture goes: operands that do not go together show at once.
    fn check_types(&self, facts: &[(String, Value)]) -> Result<(), Diagnostics> {
        let mut problems = self.problems();
        let decided = |name: &str| name.contains('.') || self.file.decisions.iter().any(|(key, _)| key == name);
        for constraint in &self.file.constraints {
            let mut expr = constraint.expr.clone();
            let lookup = |name: &str| {
                let known = facts.iter().find(|(path, _)| path == name).map(|(_, value)| value.clone());
                known.or_else(|| (!decided(name)).then(|| Value::Word(name.to_owned())))
            };
            let evaluated = facts
                .iter()
                .try_for_each(|(path, value)| expr.fold_in(path, value))
                .and_then(|()| {
                    expr.close(&|_| true);
                    expr.absorb(&lookup)
                })
                .and_then(|rest| rest.constant().map_or(Ok(true), truth));
            if let Err(error) = evaluated {
                problems.add(constraint.span, constraint.path.as_str(), error.message, error.help);
            }
        }
        problems.or(())
    }

    fn problems(&self) -> Problems {
        Problems::new(&self.source.0, Arc::clone(&self.source.1))
    }

    fn diagnose(&self, fault: &Fault) -> Diagnostics {
        let mut problems = self.problems();
        problems.add(fault.span, fault.path.as_str(), fault.message.as_str(), fault.help.as_str());
        problems.into_diagnostics()
    }

    /// The space's name.
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// Where it comes from and what is searched.
    pub fn about(&self) -> &str {
        &self.file.about
    }

    /// The text of its file.
    pub fn text(&self) -> &str {
        &self.source.1
    }

    fn run(&self, oracle: &mut dyn Oracle) -> Result<Network, Box<Fault>> {
        let mut interpreter = Interpreter::new(&self.file, oracle);
        let output = interpreter.run()?;
        interpreter.builder.output(output);
        interpreter.builder.finish().map_err(|error| {
            let (message, span) = (error.to_string(), crate::yaml::Span::default());
            Box::new(Fault {
                message,
                help: "give the items different names".to_owned(),
                span,
                path: "network".to_owned(),
            })
        })
    }

    /// The whole network of an architecture. Its blocks are named after the positions: `stem`, `s2.0`.
    ///
    /// # Errors
    /// An architecture of another space.
    pub fn build(&self, architecture: &Architecture) -> Result<Network, ArchitectureError> {
        let given: HashMap<&str, usize> =
            architecture.decisions.iter().map(|decision| (decision.path.as_str(), decision.option)).collect();
        self.run(&mut Given { given }).map_err(|fault| ArchitectureError::new(fault.message))
    }

    /// Reads the text form of an architecture.
    ///
    /// # Errors
    /// Text that is not of the form, decisions that are missing or unknown, and constraints that are not met.
    pub fn parse(&self, text: &str) -> Result<Architecture, ArchitectureError> {
        let mut answers = match self.file.format {
            Format::Path => Answers::parse(text)?,
            Format::NasBench => architecture::nas_bench_answers(&self.file, text)?,
            Format::Sizes => {
                let mut sizes = architecture::Sizes::parse(text);
                let read = self.answered(|question| sizes.answer(question))?;
                return sizes.finish().map(|()| read);
            }
        };
        let read = self.answered(|question| answers.answer(question))?;
        answers.finish()?;
        Ok(read)
    }

    /// The architecture with those answers.
    fn answered(
        &self,
        rule: impl FnMut(&Question) -> Result<usize, String>,
    ) -> Result<Architecture, ArchitectureError> {
        let mut oracle = Recorder::new(&self.file, rule);
        self.run(&mut oracle).map_err(|fault| ArchitectureError::new(fault.message))?;
        let Recorder { decisions, facts, .. } = oracle;
        self.satisfies(&facts)?;
        Ok(Architecture { decisions })
    }

    /// The text form of an architecture.
    pub fn format(&self, architecture: &Architecture) -> String {
        match self.file.format {
            Format::Path => architecture::path_text(architecture),
            Format::NasBench => architecture::nas_bench_text(&self.file, architecture),
            Format::Sizes => architecture::sizes_text(architecture),
        }
    }

    /// Checks the constraints against all values of an architecture.
    fn satisfies(&self, facts: &[(String, Value)]) -> Result<(), ArchitectureError> {
        for constraint in &self.file.constraints {
            let mut expr = constraint.expr.clone();
            let lookup = |name: &str| facts.iter().find(|(path, _)| path == name).map(|(_, value)| value.clone());
            let held = facts
                .iter()
                .try_for_each(|(path, value)| expr.fold_in(path, value))
                .and_then(|()| {
                    expr.close(&|_| true);
                    expr.evaluate(&lookup)
                })
                .and_then(|value| truth(&value))
                .map_err(|error| ArchitectureError::new(format!("`{}`: {error}", constraint.text)))?;
            if !held {
                let message = format!("the architecture does not satisfy `{}`", constraint.text);
                return Err(ArchitectureError::new(message));
            }
        }
        Ok(())
    }

    /// The default architecture: every `default:`, and the first option where none is named.
    pub fn default_architecture(&self) -> Architecture {
        let mut oracle = Recorder::new(&self.file, |question: &Question| Ok(question.default));
        // It has been run when the space was read.
        let _ = self.run(&mut oracle);
        Architecture { decisions: oracle.decisions }
    }

    /// An architecture drawn by the `weights:` of its choices; `None` if a thousand draws in a row break a constraint.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<Architecture> {
        (0..1000).find_map(|_| {
            let mut oracle = Recorder::new(&self.file, |question: &Question| {
                let weights = question.weights.and_then(|weights| WeightedIndex::new(weights).ok());
                Ok(match weights {
                    Some(weights) => weights.sample(rng),
                    None => rng.gen_range(0..question.options),
                })
            });
            self.run(&mut oracle).ok()?;
            self.satisfies(&oracle.facts).ok()?;
            Some(Architecture { decisions: oracle.decisions })
        })
    }

    /// Every architecture, found by running the whole network with one combination of answers after another. The
    /// slow, plain reference for [`Space::compile`]; `None` if there are more than `limit` combinations.
    pub fn enumerate(&self, limit: usize) -> Option<Vec<Architecture>> {
        let mut found = Vec::new();
        let mut next: Option<Vec<usize>> = Some(Vec::new());
        let mut tried = 0;
        while let Some(given) = next.take() {
            tried += 1;
            if tried > limit {
                return None;
            }
            let mut options = Vec::new();
            let mut oracle = Recorder::new(&self.file, |question: &Question| {
                options.push(question.options);
                Ok(given.get(options.len() - 1).copied().unwrap_or(0))
            });
            let built = self.run(&mut oracle).is_ok();
            let Recorder { decisions, facts, .. } = oracle;
            if built && self.satisfies(&facts).is_ok() {
                found.push(Architecture { decisions: decisions.clone() });
            }
            // The next combination: the last decision that has options left moves on, what follows starts over.
            let taken: Vec<usize> = decisions.iter().map(|decision| decision.option).collect();
            next = (0..taken.len()).rev().find(|&at| taken[at] + 1 < options[at]).map(|at| {
                let mut following = taken[..=at].to_vec();
                following[at] += 1;
                following
            });
        }
        Some(found)
    }

    /// The exact number of architectures of a space without constraints in which no decision depends on another: the
    /// product of all options. `None` where that is not plain to see; [`ChoiceGraph::count`] counts any space that
    /// can be compiled.
    pub fn count_by_arithmetic(&self) -> Option<BigUint> {
        arithmetic::unconditional(&self.file)
            .then(|| arithmetic::product(self.default_decisions().iter().map(|d| d.options.len())))
    }

    /// What the default architecture decides, with the options of each.
    pub fn default_decisions(&self) -> Vec<DecisionSpec> {
        let mut paths = choice_graph::Paths::default();
        let mut oracle = Recorder::new(&self.file, |question: &Question| {
            paths.intern(question)?;
            Ok(question.default)
        });
        // It has been run when the space was read.
        let _ = self.run(&mut oracle);
        paths.into_specs()
    }

    /// Compiles the space to its choice graph.
    ///
    /// # Errors
    /// Operators that do not fit in some architecture, constraints that cannot be read or met, and a space that
    /// does not fit the budget; the decision or constraint at fault is named. With `boundary: teacher`, a border at which
    /// some architecture has another tensor than the teacher.
    pub fn compile(&self, budget: Budget) -> Result<ChoiceGraph, CompileError> {
        let folder = Path::new(&self.source.0).parent().unwrap_or_else(|| Path::new(""));
        let teacher = self.file.teacher.as_ref().map(|file| Teacher::read(file, folder)).transpose();
        let teacher = teacher.map_err(|fault| CompileError::Wrong(self.diagnose(&fault)))?;
        compile::compile(&self.file, teacher.as_ref(), budget, self.problems())
    }
}

/// Answers every question by a rule and keeps the record.
struct Recorder<F> {
    rule: F,
    decisions: Vec<Decision>,
    /// Where each path stands among them.
    places: HashMap<String, usize>,
    /// Whether there are constraints to hold the facts against.
    constrained: bool,
    facts: Vec<(String, Value)>,
}

impl<F> Recorder<F> {
    fn new(file: &File, rule: F) -> Self {
        let (decisions, places) = (Vec::new(), HashMap::new());
        Self { rule, decisions, places, constrained: !file.constraints.is_empty(), facts: Vec::new() }
    }
}

impl<F> Oracle for Recorder<F>
where
    F: FnMut(&Question) -> Result<usize, String>,
{
    fn choose(&mut self, question: &Question) -> Result<usize, String> {
        if let Some(&known) = self.places.get(question.path) {
            return Ok(self.decisions[known].option);
        }
        let option = (self.rule)(question)?;
        let value = (question.label)(option).ok_or_else(|| format!("`{}` has no option {option}", question.path))?;
        self.places.insert(question.path.to_owned(), self.decisions.len());
        self.decisions.push(Decision { path: question.path.to_owned(), option, value });
        Ok(option)
    }

    fn wants_facts(&self) -> bool {
        self.constrained
    }

    fn fact(&mut self, path: &str, value: &Value) {
        self.facts.push((path.to_owned(), value.clone()));
    }
}

/// Gives the answers of an architecture.
struct Given<'a> {
    given: HashMap<&'a str, usize>,
}

impl Oracle for Given<'_> {
    fn choose(&mut self, question: &Question) -> Result<usize, String> {
        match self.given.get(question.path) {
            Some(&option) if option < question.options => Ok(option),
            Some(option) => Err(format!("`{}` has {} options, not {option}", question.path, question.options)),
            None => Err(format!("the architecture does not decide `{}`", question.path)),
        }
    }
}

#[cfg(test)]
mod tests;
