//! From a space file to its choice graph.
//!
//! Positions are taken in order. A state is what the rest of the network can
//! still see of the past: the place, the tensor that crosses, the answers that
//! later positions ask for again, and the remainders of the constraints. At each
//! state the interpreter runs the position once for every combination of new
//! answers; each run is an edge. States with the same content are one, which is
//! what keeps 10¹⁹ architectures in a few dozen states.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::Value;
use super::arithmetic;
use super::choice_graph::{Answer, ChoiceGraph, Edge, PathId, Paths, State, Variant, useful};
use super::expr::{Expr, fits, truth};
use super::file::{File, ItemKind, Part};
use super::interpret::{Fault, Interpreter, Life, Oracle, Place, Question, position_name};
use super::teacher::Teacher;
use crate::graph::Shape;
use crate::yaml::{Diagnostics, Problems, Span};

/// Limits within which a space is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Most states.
    pub states: usize,
    /// Most edges.
    pub edges: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { states: 2_000_000, edges: 20_000_000 }
    }
}

/// A problem in the terms of the file; the caller adds the file.
fn fault(message: impl Into<String>, help: impl Into<String>, span: Span, path: impl Into<String>) -> Box<Fault> {
    Box::new(Fault { message: message.into(), help: help.into(), span, path: path.into() })
}

/// Enumerates all answers to the questions of one run after another.
#[derive(Default)]
struct Enumeration {
    known: Arc<[Answer]>,
    /// New answers of this run, with the number of options of each.
    trail: Vec<(Answer, u32)>,
    /// How many of the trail this run has reached.
    reached: usize,
    /// Which known answers this run asked for.
    consulted: Vec<Answer>,
    /// How long each new answer lives: `None` for the position only.
    lives: HashMap<PathId, u32>,
    facts: Option<Vec<(String, Value)>>,
    paths: Paths,
    /// Last item that may ask for a named decision, block or cell.
    last_use: HashMap<String, u32>,
}

impl Enumeration {
    /// Starts the next combination; false when there is none.
    fn advance(&mut self) -> bool {
        while let Some(((_, option), options)) = self.trail.last_mut() {
            if u32::from(*option) + 1 < *options {
                *option += 1;
                return true;
            }
            self.trail.pop();
        }
        false
    }

    fn begin(&mut self) {
        self.reached = 0;
        self.consulted.clear();
        if let Some(facts) = &mut self.facts {
            facts.clear();
        }
    }
}

impl Oracle for Enumeration {
    fn choose(&mut self, question: &Question) -> Result<usize, String> {
        let id = self.paths.intern(question)?;
        if let Some(answer) = self.known.iter().find(|(path, _)| *path == id) {
            if !self.consulted.contains(answer) {
                self.consulted.push(*answer);
            }
            return Ok(usize::from(answer.1));
        }
        if let Some(((_, option), _)) = self.trail[..self.reached].iter().find(|((path, _), _)| *path == id) {
            return Ok(usize::from(*option));
        }
        if self.reached == self.trail.len() {
            let options =
                u16::try_from(question.options).map_err(|_| "a choice has at most 65535 options".to_owned())?;
            self.trail.push(((id, 0), u32::from(options)));
            let until = match question.life {
                Life::Position => None,
                Life::Item(item) => Some(item),
                Life::Named(name) => self.last_use.get(name).copied(),
            };
            if let Some(until) = until {
                self.lives.insert(id, until);
            }
        }
        let ((_, option), _) = self.trail[self.reached];
        self.reached += 1;
        Ok(usize::from(option))
    }

    fn wants_facts(&self) -> bool {
        self.facts.is_some()
    }

    fn fact(&mut self, path: &str, value: &Value) {
        if let Some(facts) = &mut self.facts
            && !facts.iter().any(|(known, _)| known == path)
        {
            facts.push((path.to_owned(), value.clone()));
        }
    }
}

/// What one run of a position comes to.
struct Run {
    variant: u32,
    answers: Arc<[Answer]>,
    shape: Shape,
    /// How many positions the row has.
    repeat: usize,
    facts: Vec<(String, Value)>,
}

/// A position at an entering shape and those of the outputs it names. Repeats that cannot differ are one slot.
type Slot = (u32, Option<u32>, Option<Shape>, Arc<[Shape]>);

/// Runs in one slot, by the known answers that they asked for.
#[derive(Default)]
struct Memo {
    asked: Vec<PathId>,
    runs: HashMap<Vec<Option<u16>>, Arc<[Run]>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    shape: Option<Shape>,
    /// Outputs of earlier items of the network that later ones name, by item.
    kept: Arc<[(usize, Shape)]>,
    known: Arc<[Answer]>,
    rests: Arc<[u32]>,
}

/// A constraint during compilation.
struct Rule {
    expr: Expr,
    text: String,
    span: Span,
    path: String,
}

struct Compiler<'a> {
    file: &'a Arc<File>,
    /// What crosses the borders, where that is given.
    teacher: Option<&'a Teacher<'a>>,
    budget: Budget,
    oracle: Enumeration,
    memo: HashMap<Slot, Memo>,
    variants: Vec<Variant>,
    /// The shape that each of them makes.
    made: Vec<Shape>,
    /// Interned remainders of constraints, by their text.
    rests: Vec<Expr>,
    rest_ids: HashMap<String, u32>,
    rules: Vec<Rule>,
    /// Where each fact may still turn up last.
    last_fact: BTreeMap<String, Place>,
    /// Which earlier items each item of the network names.
    reads: Vec<Vec<usize>>,
    /// Whether no decision depends on another.
    steady: bool,
    /// Whether the budget ran out.
    overflowed: Cell<bool>,
}

/// Why a space has no choice graph.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It has more states or edges than the budget allows; it can still be searched by evolution.
    #[error(transparent)]
    TooLarge(Diagnostics),
    /// Operators that do not fit, or constraints that cannot be read or met.
    #[error(transparent)]
    Wrong(Diagnostics),
}

impl From<CompileError> for Diagnostics {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::TooLarge(told) | CompileError::Wrong(told) => told,
        }
    }
}

/// Compiles a space.
pub(super) fn compile(
    file: &Arc<File>,
    teacher: Option<&Teacher<'_>>,
    budget: Budget,
    mut problems: Problems,
) -> Result<ChoiceGraph, CompileError> {
    let mut compiler = Compiler {
        file,
        teacher,
        budget,
        oracle: Enumeration { last_use: last_uses(file), ..Enumeration::default() },
        memo: HashMap::new(),
        variants: Vec::new(),
        made: Vec::new(),
        rests: Vec::new(),
        rest_ids: HashMap::new(),
        rules: Vec::new(),
        last_fact: BTreeMap::new(),
        steady: arithmetic::unconditional(file),
        reads: (0..file.network.len()).map(|index| file.reads(index)).collect(),
        overflowed: Cell::new(false),
    };
    let result = if file.constraints.is_empty() { compiler.explore() } else { compiler.with_constraints() };
    match result {
        Ok(graph) => Ok(graph),
        Err(fault) => {
            problems.add(fault.span, fault.path, fault.message, fault.help);
            let told = problems.into_diagnostics();
            Err(if compiler.overflowed.get() { CompileError::TooLarge(told) } else { CompileError::Wrong(told) })
        }
    }
}

impl<'a> Compiler<'a> {
    /// A first pass without constraints learns which facts there are and where; then the rules are
    /// checked against them and the graph is made.
    fn with_constraints(&mut self) -> Result<ChoiceGraph, Box<Fault>> {
        self.oracle.facts = Some(Vec::new());
        // Its borders are held against the teacher once the rules are known.
        let teacher = self.teacher.take();
        self.explore()?;
        self.teacher = teacher;
        let file = self.file;
        for constraint in &file.constraints {
            let mut expr = constraint.expr.clone();
            let known = |name: &str| self.last_fact.keys().any(|path| fits(name, path));
            let words = self.words();
            expr.settle_words(&|name| !known(name) && words.contains(name));
            for name in expr.names() {
                if !known(name) {
                    let help = crate::yaml::nearest(name, self.last_fact.keys().map(String::as_str));
                    let message = format!("no value of this space is called `{name}`");
                    return Err(fault(message, help, constraint.span, constraint.path.clone()));
                }
            }
            let mut misplaced = None;
            expr.visit(&mut |part, inside| {
                if let Expr::Name(name) = part
                    && !inside
                    && !self.last_fact.contains_key(name)
                {
                    misplaced = Some(name.clone());
                }
            });
            if let Some(name) = misplaced {
                let help = format!("fold it, as in any({name} == …) or sum({name}), or write a whole path");
                let message = format!("`{name}` stands for several values");
                return Err(fault(message, help, constraint.span, constraint.path.clone()));
            }
            self.rules.push(Rule {
                expr,
                text: constraint.text.clone(),
                span: constraint.span,
                path: constraint.path.clone(),
            });
        }
        self.variants.clear();
        self.made.clear();
        self.memo.clear();
        self.explore()
    }

    /// Words that values of this space can be.
    fn words(&self) -> HashSet<String> {
        let mut words: HashSet<String> = crate::graph::Activation::ALL.iter().map(|a| a.name().to_owned()).collect();
        words.extend(["none", "batch"].map(str::to_owned));
        words.extend(self.oracle.paths.words());
        words
    }

    fn explore(&mut self) -> Result<ChoiceGraph, Box<Fault>> {
        let mut layers: BTreeMap<Place, HashMap<Key, u32>> = BTreeMap::new();
        let mut states: Vec<State> = Vec::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut sink: Option<u32> = None;

        let start = self.rests(&self.rules.iter().map(|rule| rule.expr.clone()).collect::<Vec<_>>());
        let key = Key { shape: None, kept: Arc::from([]), known: Arc::from([]), rests: start };
        states.push(State { place: Place::INPUT, shape: None });
        layers.entry(Place::INPUT).or_default().insert(key, 0);

        while let Some((place, layer)) = layers.pop_first() {
            let mut layer: Vec<(Key, u32)> = layer.into_iter().collect();
            layer.sort_unstable_by_key(|(_, id)| *id);
            for (key, from) in &layer {
                for run in self.runs(place, key)?.iter() {
                    let next = place.next(run.repeat);
                    let Some(rests) = self.derive(&key.rests, run, next)? else { continue };
                    let known = self.remembered(&key.known, run, next);
                    let shape = Some(run.shape);
                    let kept = self.kept(&key.kept, place, run, next);
                    let to = if next.is_end(self.file) {
                        *sink.get_or_insert_with(|| {
                            let end = State { place: next, shape: None };
                            states.push(end);
                            states.len() as u32 - 1
                        })
                    } else {
                        let after = Key { shape, kept, known, rests };
                        *layers.entry(next).or_default().entry(after).or_insert_with(|| {
                            states.push(State { place: next, shape });
                            states.len() as u32 - 1
                        })
                    };
                    edges.push(Edge { from: *from, to, variant: run.variant });
                }
                if states.len() > self.budget.states || edges.len() > self.budget.edges {
                    return Err(self.overflow(place, &layers, states.len(), edges.len()));
                }
            }
        }
        let sink = sink.ok_or_else(|| self.impossible())?;
        if let Some(teacher) = self.teacher {
            // Only what some architecture takes counts.
            let useful = useful(states.len(), &edges, sink);
            for edge in edges.iter().filter(|edge| useful[edge.from as usize] && useful[edge.to as usize]) {
                let at = edge.variant as usize;
                teacher.check(self.file, self.variants[at].place, self.made[at])?;
            }
        }
        let paths = self.oracle.paths.clone();
        match ChoiceGraph::assemble(Arc::clone(self.file), states, edges, sink, &self.variants, paths) {
            Some(graph) => Ok(graph),
            None => Err(self.impossible()),
        }
    }

    /// All runs of a position from a state.
    fn runs(&mut self, place: Place, key: &Key) -> Result<Arc<[Run]>, Box<Fault>> {
        let project = |asked: &[PathId]| -> Vec<Option<u16>> {
            asked.iter().map(|id| key.known.iter().find(|(path, _)| path == id).map(|(_, option)| *option)).collect()
        };
        let read = self.read(place, key);
        let own = (place.item, Some(place.index), key.shape, Arc::clone(&read));
        // Only a stage, or what takes a named tensor, tells its first repeat from the others.
        let tells = place.item > 0 && {
            let item = &self.file.network[place.item as usize - 1];
            matches!(item.kind, ItemKind::Stage(_)) || !item.from.is_empty()
        };
        let any = (place.item, (tells && place.index == 0).then_some(0), key.shape, read);
        for slot in [&any, &own] {
            if let Some(memo) = self.memo.get(slot)
                && let Some(runs) = memo.runs.get(&project(&memo.asked))
            {
                return Ok(Arc::clone(runs));
            }
        }
        let (runs, asked) = self.enumerate(place, key)?;
        let alike = runs.iter().all(|run| run.answers.is_empty() && run.facts.is_empty());
        let runs: Arc<[Run]> = Arc::from(runs);
        let memo = self.memo.entry(if alike { any } else { own }).or_default();
        let more: Vec<PathId> = asked.into_iter().filter(|id| !memo.asked.contains(id)).collect();
        if !more.is_empty() {
            // Earlier runs did not ask as much and have to be made again under the longer key.
            memo.asked.extend(more);
            memo.runs.clear();
        }
        memo.runs.insert(project(&memo.asked), Arc::clone(&runs));
        Ok(runs)
    }

    /// Runs a position with every combination of new answers. Also lists the decisions asked for that
    /// may be known beforehand.
    fn enumerate(&mut self, place: Place, key: &Key) -> Result<(Vec<Run>, Vec<PathId>), Box<Fault>> {
        let mut runs = Vec::new();
        let mut asked: Vec<PathId> = Vec::new();
        let read = self.read(place, key);
        self.oracle.known = Arc::clone(&key.known);
        self.oracle.trail.clear();
        loop {
            self.oracle.begin();
            let mut interpreter = Interpreter::new(self.file, &mut self.oracle);
            let (end, repeat) = match key.shape {
                None => (interpreter.input()?, 1),
                Some(shape) => interpreter.alone(place, shape, &read)?,
            };
            let shape = interpreter.builder.shape(end);
            // Answers of an earlier, longer run that this one never reached are not its own.
            self.oracle.trail.truncate(self.oracle.reached);
            let answers: Arc<[Answer]> = self.oracle.trail.iter().map(|(answer, _)| *answer).collect();
            let lasting = answers.iter().filter(|(id, _)| self.oracle.lives.contains_key(id));
            for (id, _) in self.oracle.consulted.iter().chain(lasting) {
                if !asked.contains(id) {
                    asked.push(*id);
                }
            }
            let facts = self.oracle.facts.clone().unwrap_or_default();
            for (path, _) in &facts {
                let last = self.last_fact.entry(path.clone()).or_insert(place);
                *last = (*last).max(place);
            }
            let mut context = self.oracle.consulted.clone();
            context.sort_unstable();
            let variant = Variant {
                place,
                shape: key.shape,
                read: Arc::clone(&read),
                context: Arc::from(context),
                answers: Arc::clone(&answers),
            };
            self.variants.push(variant);
            self.made.push(shape);
            let variant = self.variants.len() as u32 - 1;
            runs.push(Run { variant, answers, shape, repeat, facts });
            // Where no decision depends on another, the first run tells how many there will be.
            let expected = || arithmetic::product(self.oracle.trail.iter().map(|(_, options)| *options as usize));
            if runs.len() > self.budget.edges
                || (runs.len() == 1 && self.steady && expected() > self.budget.edges.into())
            {
                return Err(self.overflow(place, &BTreeMap::new(), 0, self.budget.edges));
            }
            if !self.oracle.advance() {
                return Ok((runs, asked));
            }
        }
    }

    /// The shapes of the outputs that a position names.
    fn read(&self, place: Place, key: &Key) -> Arc<[Shape]> {
        let named = (place.item as usize).checked_sub(1).map_or(&[][..], |item| &self.reads[item]);
        let shape = |item: &usize| key.kept.iter().find(|(kept, _)| kept == item).map(|(_, shape)| *shape);
        named.iter().filter_map(shape).collect()
    }

    /// The outputs that the places after a run still name.
    fn kept(&self, before: &Arc<[(usize, Shape)]>, place: Place, run: &Run, next: Place) -> Arc<[(usize, Shape)]> {
        let later = self.reads.get((next.item as usize).saturating_sub(1)..).unwrap_or_default();
        let wanted = |item: usize| later.iter().any(|named| named.contains(&item));
        let ended = (next.item > place.item && place.item > 0).then(|| (place.item as usize - 1, run.shape));
        before.iter().copied().chain(ended).filter(|(item, _)| wanted(*item)).collect()
    }

    /// The answers that the places after a run may still ask for.
    fn remembered(&self, known: &Arc<[Answer]>, run: &Run, next: Place) -> Arc<[Answer]> {
        let alive = |(id, _): &&Answer| self.oracle.lives.get(id).is_some_and(|until| next.item <= *until);
        if run.answers.is_empty() && known.iter().all(|answer| alive(&answer)) {
            return Arc::clone(known);
        }
        let mut kept: Vec<Answer> = known.iter().chain(run.answers.iter()).filter(alive).copied().collect();
        kept.sort_unstable();
        Arc::from(kept)
    }

    fn rests(&mut self, exprs: &[Expr]) -> Arc<[u32]> {
        exprs
            .iter()
            .map(|expr| {
                let text = expr.to_string();
                let fresh = self.rests.len() as u32;
                let id = *self.rest_ids.entry(text).or_insert(fresh);
                if id == fresh {
                    self.rests.push(expr.clone());
                }
                id
            })
            .collect()
    }

    /// The remainders of the constraints after a run; `None` if it breaks one of them.
    fn derive(&mut self, rests: &Arc<[u32]>, run: &Run, next: Place) -> Result<Option<Arc<[u32]>>, Box<Fault>> {
        if rests.is_empty() {
            return Ok(Some(Arc::clone(rests)));
        }
        let at_end = next.is_end(self.file);
        let mut derived = Vec::with_capacity(rests.len());
        for (rule, rest) in self.rules.iter().zip(rests.iter()) {
            let wrong = |error: super::expr::ExprError| fault(error.message, error.help, rule.span, rule.path.clone());
            let mut expr = self.rests[*rest as usize].clone();
            if expr.constant().is_none() {
                for (path, value) in run.facts.iter() {
                    expr.fold_in(path, value).map_err(wrong)?;
                }
                let gone = |pattern: &str| {
                    self.last_fact.iter().filter(|(path, _)| fits(pattern, path)).all(|(_, last)| *last < next)
                };
                expr.close(&|pattern| at_end || gone(pattern));
                let lookup =
                    |name: &str| run.facts.iter().find(|(path, _)| path == name).map(|(_, value)| value.clone());
                expr = expr.absorb(&lookup).map_err(wrong)?;
            }
            match expr.constant() {
                Some(value) if !truth(value).map_err(wrong)? => return Ok(None),
                None if at_end => {
                    let names = expr.names().join("`, `");
                    let message =
                        format!("`{names}` has no value in every architecture, so `{}` is open there", rule.text);
                    let help = "speak of it in any(), all(), sum() or count(), which hold over nothing too";
                    return Err(fault(message, help, rule.span, rule.path.clone()));
                }
                _ => {}
            }
            derived.push(expr);
        }
        Ok(Some(self.rests(&derived)))
    }

    /// Names what made the states so many.
    fn overflow(
        &self,
        place: Place,
        layers: &BTreeMap<Place, HashMap<Key, u32>>,
        states: usize,
        edges: usize,
    ) -> Box<Fault> {
        self.overflowed.set(true);
        let name = position_name(self.file, place);
        let span = self.file.network.get((place.item as usize).saturating_sub(1)).map_or(Span::default(), |i| i.span);
        let widest = layers.values().max_by_key(|layer| layer.len()).filter(|layer| layer.len() > 1);
        let Some(layer) = widest else {
            let questions = self.oracle.trail.iter().map(|((id, _), options)| (options, self.oracle.paths.name(*id)));
            let listed: Vec<String> = questions.map(|(options, path)| format!("`{path}` ({options})")).collect();
            let message = format!("position `{name}` alone has more than {edges} variants: {}", listed.join(" × "));
            let help =
                "decide less in one position: split the block, or share decisions; or search the space by evolution";
            return fault(message, help, span, "network");
        };
        let mut values: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
        for key in layer.keys() {
            for (id, option) in key.known.iter() {
                values
                    .entry(format!("decision `{}`", self.oracle.paths.name(*id)))
                    .or_default()
                    .insert(u64::from(*option));
            }
            for (rule, rest) in self.rules.iter().zip(key.rests.iter()) {
                values.entry(format!("constraint `{}`", rule.text)).or_default().insert(u64::from(*rest));
            }
        }
        let cause = values.iter().max_by_key(|(_, seen)| seen.len());
        let cause = cause.map_or_else(
            || "the tensor shapes".to_owned(),
            |(what, seen)| format!("{what} with {} values to remember", seen.len()),
        );
        let message = format!(
            "the space does not fit the budget at `{name}`: {states} states and {edges} edges so far; \
             the largest part is {cause}"
        );
        let help = "raise the budget, make it independent, or search the space by evolution";
        fault(message, help, span, "network")
    }

    fn impossible(&self) -> Box<Fault> {
        let rules: Vec<&str> = self.rules.iter().map(|rule| rule.text.as_str()).collect();
        let (span, path) = self.rules.first().map_or((Span::default(), String::new()), |r| (r.span, r.path.clone()));
        let message = format!("no architecture satisfies the constraints: {}", rules.join("; "));
        fault(message, "loosen one of them", span, path)
    }
}

/// For every decision, block and cell, the last item that may ask for it, directly or through others.
fn last_uses(file: &File) -> HashMap<String, u32> {
    let mut last = HashMap::new();
    for (index, item) in file.network.iter().enumerate() {
        let collect = |part: Part<'_>, found: &mut Vec<String>| match part {
            Part::Named(name) => found.push(name.to_owned()),
            Part::Setting(setting) => found.extend(setting.names().into_iter().map(str::to_owned)),
            Part::Expr(expr) => found.extend(expr.names().into_iter().map(str::to_owned)),
        };
        let mut names = Vec::new();
        item.visit(&mut |part| collect(part, &mut names));
        let mut at = 0;
        while at < names.len() {
            let name = names[at].clone();
            at += 1;
            if last.insert(name.clone(), index as u32 + 1) == Some(index as u32 + 1) {
                continue;
            }
            file.visit_named(&name, &mut |part| collect(part, &mut names));
            // A decision may be computed from another one.
            if let Some((_, setting)) = file.decisions.iter().find(|(key, _)| *key == name) {
                collect(Part::Setting(setting), &mut names);
            }
        }
    }
    last
}
