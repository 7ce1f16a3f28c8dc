//! The chain form: positions with variants, and costs between neighbours.
//! A border that a transition crosses needs one node for each variant before it; any other border is one node.

use super::field::{At, object, unsigned};
use super::{Form, Library, LibraryError};
use crate::search::{Column, CostGraph};

/// A variant's name and costs.
struct Variant {
    name: String,
    costs: Vec<f64>,
}

/// For each pair of variants at a border, the costs that are added: `[a][b][column]`.
type Table = Vec<Vec<Vec<f64>>>;

pub(super) fn read(root: &At, columns: Vec<Column>) -> Result<Library, LibraryError> {
    for key in ["nodes", "source", "sink"] {
        if root.value.get(key).is_some() {
            return Err(root.error(format!("`{key}` belongs to the graph form: leave it out with `positions`")));
        }
    }
    let list = root.get("positions")?;
    let mut names = Vec::new();
    let mut positions = Vec::new();
    for position in list.items()? {
        object(&position, &["name", "variants"])?;
        names.push(position.optional_text("name")?);
        positions.push(read_variants(&position, &columns)?);
    }
    if positions.is_empty() {
        return Err(list.error("there are no positions: a chain needs at least one"));
    }
    let tables = read_transitions(root, &columns, &positions)?;
    build(root, columns, names, positions, &tables)
}

fn read_variants(position: &At, columns: &[Column]) -> Result<Vec<Variant>, LibraryError> {
    let list = position.get("variants")?;
    let mut variants = Vec::new();
    for variant in list.items()? {
        object(&variant, &["name", "costs"])?;
        let mut costs = Vec::new();
        variant.get("costs")?.numbers(columns, &mut costs)?;
        variants.push(Variant { name: variant.optional_text("name")?, costs });
    }
    if variants.is_empty() {
        return Err(list.error("there are no variants: give at least one, or leave the position out"));
    }
    Ok(variants)
}

/// The table that follows each position, if any.
fn read_transitions(
    root: &At,
    columns: &[Column],
    positions: &[Vec<Variant>],
) -> Result<Vec<Option<Table>>, LibraryError> {
    let mut tables: Vec<Option<Table>> = positions.iter().map(|_| None).collect();
    if root.value.get("transitions").is_none() {
        return Ok(tables);
    }
    for transition in root.get("transitions")?.items()? {
        object(&transition, &["from", "costs"])?;
        let at = transition.get("from")?;
        let from = unsigned(&at)?;
        if from >= positions.len() - 1 {
            let message = match positions.len() {
                1 => "a single position has no next one: leave `transitions` out".to_owned(),
                n => format!("position {from} has no next one: `from` must be 0 to {}", n - 2),
            };
            return Err(at.error(message));
        }
        if tables[from].is_some() {
            return Err(at.error(format!("the transitions from position {from} are given twice: merge them")));
        }
        let mut table = Vec::new();
        let costs = transition.get("costs")?;
        for row in costs.exactly(positions[from].len(), &format!("variants at position {from}"))? {
            let mut cells = Vec::new();
            for cell in row.exactly(positions[from + 1].len(), &format!("variants at position {}", from + 1))? {
                let mut numbers = Vec::new();
                cell.numbers(columns, &mut numbers)?;
                cells.push(numbers);
            }
            table.push(cells);
        }
        tables[from] = Some(table);
    }
    Ok(tables)
}

fn build(
    root: &At,
    columns: Vec<Column>,
    names: Vec<String>,
    positions: Vec<Vec<Variant>>,
    tables: &[Option<Table>],
) -> Result<Library, LibraryError> {
    // The first node of each border; border i lies before position i, the last one is the sink.
    let mut border = vec![0, 1];
    for (variants, table) in positions.iter().zip(tables).take(positions.len() - 1) {
        let states = if table.is_some() { variants.len() } else { 1 };
        border.push(border[border.len() - 1] + states);
    }
    let nodes = border[positions.len()] + 1;
    let mut graph = CostGraph::new(columns, nodes, 0, nodes - 1).map_err(|error| root.error(error))?;
    let (mut choice, mut edge_names, mut edge_position) = (Vec::new(), Vec::new(), Vec::new());
    for (i, variants) in positions.iter().enumerate() {
        let before = if i == 0 { None } else { tables[i - 1].as_ref() };
        for state in 0..border[i + 1] - border[i] {
            for (v, variant) in variants.iter().enumerate() {
                let mut costs = variant.costs.clone();
                if let Some(table) = before {
                    costs.iter_mut().zip(&table[state][v]).for_each(|(cost, extra)| *cost += extra);
                }
                let to = border[i + 1] + if tables[i].is_some() { v } else { 0 };
                graph.add_edge(border[i] + state, to, &costs).map_err(|error| root.error(error))?;
                choice.push(v as u32);
                edge_names.push(variant.name.clone());
                edge_position.push(i as u32);
            }
        }
    }
    let form = Form::Chain { positions: names, position: edge_position };
    Ok(Library { graph, form, choice, names: edge_names })
}
