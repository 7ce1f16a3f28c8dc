//! `forward`: a statement for each operator, or for each layer with what follows it under its name, such as its norm and
//! its activation. A variable is taken again as soon as nothing reads its value any more.

use std::collections::{BTreeSet, HashMap};

use super::Module;
use super::operators::{self, Code};
use crate::graph::NodeId;

/// The names of variables; further ones are numbered.
const NAMES: [&str; 10] = ["x", "y", "z", "u", "v", "w", "a", "b", "c", "d"];

/// A part of a function.
pub(super) enum Step {
    /// One operator.
    Node(NodeId),
    /// The call of a block that is a class.
    Block {
        /// Where it hangs.
        place: usize,
        /// What it takes.
        reads: Vec<NodeId>,
        /// What comes out.
        makes: Vec<NodeId>,
    },
    /// A line for people.
    Remark(String),
}

/// The `forward` of a class.
pub(super) struct Function<'m, 'n> {
    pub(super) module: &'m Module<'n>,
    /// The class it belongs to.
    pub(super) scope: usize,
    /// What it takes.
    pub(super) reads: &'m [NodeId],
    pub(super) steps: Vec<Step>,
    /// What it returns.
    pub(super) makes: &'m [NodeId],
}

/// An assignment.
struct Statement {
    /// Operators of which each takes what the one before makes; of a block, nothing.
    chain: Vec<NodeId>,
    /// The block that is called, if it is one.
    block: Option<usize>,
    reads: Vec<NodeId>,
    makes: Vec<NodeId>,
    remark: Option<String>,
}

impl Function<'_, '_> {
    /// Its text, behind an empty line.
    pub(super) fn text(&self) -> String {
        let statements = self.statements();
        let mut variables = Variables::new(&statements, self.makes);
        self.reads.iter().for_each(|&id| variables.add(id));
        let parameters: Vec<String> = self.reads.iter().map(|&id| variables.name(id)).collect();
        let mut text = format!("\n    def forward(self, {}):\n", parameters.join(", "));
        for (at, statement) in statements.iter().enumerate() {
            if let Some(remark) = &statement.remark {
                text += &format!("        # {remark}\n");
            }
            let made = self.expression(statement, &variables);
            variables.release(statement, at);
            let targets: Vec<String> = statement.makes.iter().map(|&id| variables.name(id)).collect();
            text += &format!("        {} = {made}{}\n", targets.join(", "), self.comment(statement));
        }
        let returned: Vec<String> = self.makes.iter().map(|&id| variables.name(id)).collect();
        text + &format!("        return {}\n", returned.join(", "))
    }

    fn statements(&self) -> Vec<Statement> {
        let mut uses: HashMap<NodeId, usize> = HashMap::new();
        let of_steps = self.steps.iter().flat_map(|step| match step {
            Step::Node(id) => self.module.reads(*id),
            Step::Block { reads, .. } => reads.clone(),
            Step::Remark(_) => Vec::new(),
        });
        of_steps.chain(self.makes.iter().copied()).for_each(|id| *uses.entry(id).or_default() += 1);
        let name = |id: NodeId| self.module.network.node(id).name.as_str();
        let mut statements: Vec<Statement> = Vec::new();
        // The statement that ends in a node.
        let mut ends: HashMap<NodeId, usize> = HashMap::new();
        let mut remark = None;
        for step in &self.steps {
            match step {
                Step::Remark(text) => remark = Some(text.clone()),
                Step::Block { place, reads, makes } => {
                    let (reads, makes) = (reads.clone(), makes.clone());
                    let (chain, block) = (Vec::new(), Some(*place));
                    statements.push(Statement { chain, block, reads, makes, remark: remark.take() });
                }
                Step::Node(id) => {
                    let reads = self.module.reads(*id);
                    let belongs = |&end: &usize| {
                        let statement: &Statement = &statements[end];
                        let first = statement.chain.first().map_or("", |&first| name(first));
                        uses[&reads[0]] == 1 && name(*id).strip_prefix(first).is_some_and(|rest| rest.starts_with('.'))
                    };
                    let end = (reads.len() == 1).then(|| ends.get(&reads[0]).copied()).flatten().filter(belongs);
                    match end {
                        Some(end) => {
                            statements[end].chain.push(*id);
                            statements[end].makes = vec![*id];
                            ends.insert(*id, end);
                        }
                        None => {
                            ends.insert(*id, statements.len());
                            let (chain, makes) = (vec![*id], vec![*id]);
                            statements.push(Statement { chain, block: None, reads, makes, remark: remark.take() });
                        }
                    }
                }
            }
        }
        statements
    }

    fn expression(&self, statement: &Statement, variables: &Variables) -> String {
        let Module { network, tree, places, .. } = self.module;
        let inputs: Vec<Code> = statement.reads.iter().map(|&id| Code::atom(variables.name(id))).collect();
        if let Some(block) = statement.block {
            let inputs: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
            return format!("{}({})", tree.access(block, self.scope), inputs.join(", "));
        }
        let compute = |inputs: Vec<Code>, &id: &NodeId| {
            let layer = places.get(&id).map_or_else(String::new, |&place| tree.access(place, self.scope));
            vec![operators::call(network, id, &inputs, &layer)]
        };
        statement.chain.iter().fold(inputs, compute).into_iter().next().map(|code| code.text).unwrap_or_default()
    }

    /// The shape of what comes out, where it is another than that of what went in.
    fn comment(&self, statement: &Statement) -> String {
        let shape = |id: NodeId| self.module.network.node(id).shape;
        let same = |id: &&NodeId| statement.reads.first().is_some_and(|&read| shape(read) == shape(**id));
        if statement.block.is_none() && statement.makes.first().as_ref().is_some_and(same) {
            return String::new();
        }
        format!("  # {}", self.module.shapes(&statement.makes))
    }
}

/// Which values are in which variables.
struct Variables {
    /// The last statement that reads a value.
    last: HashMap<NodeId, usize>,
    held: HashMap<NodeId, usize>,
    free: BTreeSet<usize>,
    count: usize,
}

impl Variables {
    fn new(statements: &[Statement], makes: &[NodeId]) -> Self {
        let mut last = HashMap::new();
        for (at, statement) in statements.iter().enumerate() {
            last.extend(statement.reads.iter().map(|&id| (id, at)));
        }
        last.extend(makes.iter().map(|&id| (id, usize::MAX)));
        Self { last, held: HashMap::new(), free: BTreeSet::new(), count: 0 }
    }

    fn name(&self, id: NodeId) -> String {
        let at = self.held.get(&id).copied().unwrap_or(usize::MAX);
        NAMES.get(at).map_or_else(|| format!("t{at}"), |&name| name.to_owned())
    }

    /// Puts a value into a variable that is free.
    fn add(&mut self, id: NodeId) {
        let at = self.free.pop_first().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.held.insert(id, at);
    }

    /// After a statement: what it was the last to read makes room for what it makes.
    fn release(&mut self, statement: &Statement, at: usize) {
        let mut freed: Vec<usize> = Vec::new();
        for id in &statement.reads {
            let held = self.held.get(id).copied();
            freed.extend(held.filter(|held| self.last.get(id) == Some(&at) && !freed.contains(held)));
        }
        let mut freed = freed.into_iter();
        for &id in &statement.makes {
            match freed.next() {
                Some(held) => {
                    self.held.insert(id, held);
                }
                None => self.add(id),
            }
        }
        self.free.extend(freed);
    }
}
