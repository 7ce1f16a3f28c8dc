//! SVG: a picture of the network that any browser shows. Blocks are boxes in order, with their operators inside, what crosses
//! their borders on the arrows, and what each costs at the side.

use std::collections::HashMap;
use std::fmt::Write;

use super::{ArchitectureFile, Export, ExportError, Exporter, Rendered};
use crate::graph::{Block, Network};
use crate::report::{FAMILY, Typeface, escape};
use crate::space::Space;

mod flow;
mod label;
mod wires;

use flow::{Flow, Kind};
use label::Tint;
use wires::Wire;

/// The SVG format.
#[derive(Debug)]
pub(super) struct Svg;

impl Exporter for Svg {
    fn name(&self) -> &'static str {
        "svg"
    }

    fn about(&self) -> &'static str {
        "a drawing for browsers and documents"
    }

    fn render(&self, export: &Export<'_>) -> Result<Vec<Rendered>, ExportError> {
        let typeface = Typeface::load().map_err(|error| ExportError::Drawing(error.to_string()))?;
        let drawing = Drawing::new(export.file, export.network, &typeface).finish();
        Ok(Rendered::only("svg", drawing.into_bytes()))
    }
}

/// Sizes of text, px.
const SMALL: f64 = 10.0;
const CHIP: f64 = 11.0;
const NAME: f64 = 12.5;
const TITLE: f64 = 17.0;

/// White around everything, px.
const MARGIN: f64 = 24.0;
/// From one box to the next, where the arrow and its shape stand.
const GAP: f64 = 26.0;
/// The headline of a box, and the room to its edges.
const HEAD: f64 = 24.0;
const INSIDE: f64 = 12.0;
/// A column of costs.
const COST: f64 = 104.0;
/// From one line beside the boxes to the next.
const LANE: f64 = 18.0;

const INK: &str = "#1b1f24";
const MUTED: &str = "#5b6570";
const EDGE: &str = "#c9d2db";
const LINE: &str = "#6b7884";

/// A block in its place.
struct Boxed {
    name: String,
    description: String,
    flow: Flow,
    params: u64,
    macs: u64,
    top: f64,
    height: f64,
}

/// A picture in the making.
struct Drawing<'a> {
    file: &'a ArchitectureFile,
    typeface: &'a Typeface,
    boxes: Vec<Boxed>,
    /// What goes from box to box; an index beyond the boxes is the output.
    wires: Vec<Wire>,
    /// Left edge and width of the boxes.
    left: f64,
    width: f64,
    /// Lines of the heading.
    heading: Vec<String>,
    top: f64,
    out: String,
}

impl<'a> Drawing<'a> {
    fn new(file: &'a ArchitectureFile, network: &'a Network, typeface: &'a Typeface) -> Self {
        let live = network.live();
        let blocks: Vec<_> = network.blocks().into_iter().filter(|block| !block.nodes.is_empty()).collect();
        let ids: Vec<_> = network.ids().collect();
        let described = descriptions(file, network);
        let boxed = |block: &Block| {
            let (mut params, mut macs) = (0u64, 0u64);
            for &id in &ids[block.nodes.clone()] {
                let cost = network.node_cost(id);
                (params, macs) = (params.saturating_add(cost.params.0), macs.saturating_add(cost.macs.0));
            }
            let flow = Flow::new(network, &live, &ids[block.nodes.clone()], typeface);
            let height = HEAD + flow.height + 8.0;
            let name = block.name.clone();
            let description = described.get(&name).unwrap_or(&block.description).clone();
            Boxed { name, description, flow, params, macs, top: 0.0, height }
        };
        let mut boxes: Vec<Boxed> = blocks.iter().map(boxed).collect();
        let wires = wires::find(network, &blocks);
        let lanes = wires.iter().filter_map(|wire| wire.lane).max().map_or(0, |lane| lane + 1);
        let left = MARGIN + if lanes == 0 { 0.0 } else { lanes as f64 * LANE + 10.0 };
        let content = |boxed: &Boxed| {
            let name = typeface.width(&boxed.name, NAME, true) + typeface.width(&boxed.description, NAME, false) + 12.0;
            boxed.flow.width.max(name.min(620.0)) + 2.0 * INSIDE
        };
        let width = boxes.iter().map(content).fold(380.0, f64::max);
        let room = width + 2.0 * COST + 24.0;
        let mut heading = Vec::new();
        // The name of an imported network is the title.
        if !file.is_imported() {
            heading = typeface.lines(&one_line(&file.architecture), CHIP, 0.9 * room);
        }
        if heading.len() > 4 {
            heading.truncate(4);
            heading[3].push_str(" …");
        }
        heading.extend(typeface.lines(&metrics(file, network), CHIP, 0.9 * room));
        let top = MARGIN + TITLE + 12.0 + 16.0 * heading.len() as f64 + 22.0;
        let mut at = top + 8.0;
        for boxed in &mut boxes {
            boxed.top = at;
            at += boxed.height + GAP;
        }
        Self { file, typeface, boxes, wires, left, width, heading, top, out: String::new() }
    }

    fn finish(mut self) -> String {
        let bottom = self.boxes.last().map_or(self.top, |last| last.top + last.height) + GAP;
        let (width, height) = (self.left + self.width + 24.0 + 2.0 * COST + MARGIN, bottom + 22.0 + MARGIN);
        let title = if self.file.is_imported() {
            self.file.architecture.clone()
        } else {
            format!("{} of {}", self.file.architecture, self.file.space)
        };
        let title = escape(&one_line(&title));
        let _ = writeln!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" font-family=\"{FAMILY}\" fill=\"{INK}\">\n\
             <title>{title}</title>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0.6 7.4 4 0 7.4z\" fill=\"{LINE}\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
        );
        self.head();
        for at in 0..self.boxes.len() {
            self.block(at);
        }
        self.arrows(bottom);
        self.out.push_str("</svg>\n");
        self.out
    }

    /// A line of text. The words are escaped here.
    fn text(&mut self, at: (f64, f64), size: f64, anchor: &str, style: &str, words: &str) {
        let (x, y) = at;
        let words = escape(words);
        let _ = writeln!(
            self.out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {style}>{words}</text>"
        );
    }

    fn head(&mut self) {
        let mut y = MARGIN + TITLE;
        let title = one_line(if self.file.is_imported() { &self.file.architecture } else { &self.file.space });
        self.text((MARGIN, y), TITLE, "start", "font-weight=\"700\"", &title);
        y += 6.0;
        for line in std::mem::take(&mut self.heading) {
            y += 16.0;
            self.text((MARGIN, y), CHIP, "start", &format!("fill=\"{MUTED}\""), &line);
        }
        for (column, words) in ["parameters", "multiply-adds"].into_iter().enumerate() {
            let x = self.left + self.width + 24.0 + COST * column as f64;
            self.text((x, self.top), SMALL, "start", &format!("fill=\"{MUTED}\""), words);
        }
    }

    fn block(&mut self, at: usize) {
        let Boxed { top, height, .. } = self.boxes[at];
        let (left, width) = (self.left, self.width);
        let _ = writeln!(
            self.out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\" fill=\"#f6f8fa\" \
             stroke=\"{EDGE}\"/>"
        );
        let (name, description) = (one_line(&self.boxes[at].name), one_line(&self.boxes[at].description));
        let name = self.typeface.fit(&name, NAME, true, width / 2.0);
        let wide = 1.1 * self.typeface.width(&name, NAME, true);
        self.text((left + INSIDE, top + 17.0), NAME, "start", "font-weight=\"700\"", &name);
        let room = width - 2.0 * INSIDE - wide - 10.0;
        let description = self.typeface.fit(&description, NAME, false, room);
        if !description.is_empty() {
            let style = format!("fill=\"{MUTED}\"");
            self.text((left + INSIDE + wide + 10.0, top + 17.0), CHIP, "start", &style, &description);
        }
        self.costs(at);
        self.flow(at);
    }

    /// Parameters and multiply-adds, with bars as long as their share of the largest block.
    fn costs(&mut self, at: usize) {
        let of = |value: fn(&Boxed) -> u64| (value(&self.boxes[at]), self.boxes.iter().map(value).max().unwrap_or(0));
        let columns = [of(|boxed| boxed.params), of(|boxed| boxed.macs)];
        let middle = self.boxes[at].top + self.boxes[at].height / 2.0;
        for (column, (value, most)) in columns.into_iter().enumerate() {
            let x = self.left + self.width + 24.0 + COST * column as f64;
            if value == 0 {
                self.text((x, middle), CHIP, "start", &format!("fill=\"{EDGE}\""), "–");
                continue;
            }
            self.text((x, middle), CHIP, "start", "", &short(value));
            let long = (COST - 18.0) * value as f64 / most as f64;
            let _ = writeln!(
                self.out,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"4\" rx=\"1.5\" fill=\"{}\"/>",
                middle + 5.0,
                long.max(1.0),
                if column == 0 { "#0072b2" } else { "#e69f00" }
            );
        }
    }

    /// The operators of a block.
    fn flow(&mut self, at: usize) {
        let Boxed { top, flow, .. } = &self.boxes[at];
        let (x, y) = (self.left + INSIDE, top + HEAD);
        let mut drawn = String::new();
        for (from, to, live) in &flow.segments {
            let (from, to) = (&flow.spots[*from], &flow.spots[*to]);
            let (x1, y1, x2, y2) = (x + from.right(), y + from.middle, x + to.left, y + to.middle);
            // Straight until no wider chip of the column is in the way.
            let edge = x + from.edge;
            let bend = (x2 - edge) / 2.0;
            let path = if (y1 - y2).abs() < 0.1 {
                format!("M{x1:.1} {y1:.1}H{x2:.1}")
            } else {
                format!(
                    "M{x1:.1} {y1:.1}H{edge:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}",
                    edge + bend,
                    x2 - bend
                )
            };
            let _ = writeln!(
                drawn,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.2\"{}/>",
                dashes(*live)
            );
        }
        for spot in &flow.spots {
            match &spot.kind {
                // A line goes on straight through.
                Kind::Way { live } => {
                    let (left, right, middle) = (x + spot.left, x + spot.right(), y + spot.middle);
                    let _ = writeln!(
                        drawn,
                        "<path d=\"M{left:.1} {middle:.1}H{right:.1}\" fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.2\"{}/>",
                        dashes(*live)
                    );
                }
                Kind::Port { label } => {
                    let (right, middle) = (x + spot.right(), y + spot.middle);
                    let _ = writeln!(drawn, "<circle cx=\"{right:.1}\" cy=\"{middle:.1}\" r=\"2.6\" fill=\"{LINE}\"/>");
                    if !label.is_empty() {
                        let _ = writeln!(
                            drawn,
                            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" text-anchor=\"end\" fill=\"{MUTED}\">{}</text>",
                            right - flow::PORT,
                            middle + 3.5,
                            escape(label)
                        );
                    }
                }
                Kind::Chip { lines, tint, live } => chip(&mut drawn, (x, y), spot, lines, *tint, *live),
            }
        }
        self.out.push_str(&drawn);
    }

    /// What goes from box to box: straight down to the next one, and beside the boxes to later ones.
    fn arrows(&mut self, bottom: f64) {
        let spine = self.left + 40.0;
        // Above all lines, of which some cross.
        let mut labels: Vec<((f64, f64), String)> = Vec::new();
        for wire in std::mem::take(&mut self.wires) {
            let from = &self.boxes[wire.from];
            let start = from.top + from.height;
            let to = self.boxes.get(wire.to).map_or(bottom, |boxed| boxed.top);
            let words = wire.shapes.join(", ");
            let Some(lane) = wire.lane else {
                let _ = writeln!(
                    self.out,
                    "<path d=\"M{spine:.1} {start:.1}V{:.1}\" stroke=\"{LINE}\" stroke-width=\"1.4\" marker-end=\"url(#tip)\"/>",
                    to - 1.0
                );
                let style = format!("fill=\"{MUTED}\"");
                self.text((spine + 9.0, (start + to) / 2.0 + 3.5), SMALL, "start", &style, &words);
                continue;
            };
            let x = self.left - 10.0 - LANE * lane as f64 - LANE / 2.0;
            // Lines that begin or end at one box keep apart.
            let (y1, y2) = (start - 9.0 - 3.0 * (lane % 3) as f64, to + 10.0 + 3.0 * (lane % 3) as f64);
            let (edge, y2) = if wire.to < self.boxes.len() { (self.left, y2) } else { (self.left + 14.0, to + 14.0) };
            let _ = writeln!(
                self.out,
                "<path d=\"M{:.1} {y1:.1}H{:.1}Q{x:.1} {y1:.1} {x:.1} {:.1}V{:.1}Q{x:.1} {y2:.1} {:.1} {y2:.1}H{:.1}\" fill=\"none\" \
                 stroke=\"{LINE}\" stroke-width=\"1.4\" marker-end=\"url(#tip)\"/>",
                self.left,
                x + 6.0,
                y1 + 6.0,
                y2 - 6.0,
                x + 6.0,
                edge - 1.0
            );
            let middle = (y1 + y2) / 2.0;
            let words = self.typeface.fit(&words, SMALL, false, (y2 - y1 - 20.0).max(30.0));
            labels.push(((x - 4.0, middle), words));
        }
        for ((x, y), words) in labels {
            let style = format!(
                "fill=\"{MUTED}\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\" transform=\"rotate(-90 {x:.1} {y:.1})\""
            );
            self.text((x, y), SMALL, "middle", &style, &words);
        }
        self.text((self.left + 18.0, bottom + 18.0), NAME, "start", "font-weight=\"700\"", "output");
    }
}

/// An operator, or several in a row.
fn chip(out: &mut String, (x, y): (f64, f64), spot: &flow::Spot, lines: &[String], tint: Tint, live: bool) {
    let height = flow::chip_height(lines.len());
    let (left, top) = (x + spot.left, y + spot.middle - height / 2.0);
    let (fill, stroke) = tint.colours();
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"{}\" fill=\"{fill}\" stroke=\"{stroke}\"{}/>",
        spot.width,
        if tint == Tint::Join { height / 2.0 } else { 4.0 },
        dashes(live)
    );
    let ink = if live { INK } else { MUTED };
    for (line, words) in lines.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{CHIP}\" text-anchor=\"middle\" fill=\"{ink}\">{}</text>",
            left + spot.width / 2.0,
            top + 14.0 + flow::LINE * line as f64,
            escape(words)
        );
    }
}

/// What nothing depends on is drawn with dashes.
fn dashes(live: bool) -> &'static str {
    if live { "" } else { " stroke-dasharray=\"3 3\"" }
}

/// What each block is. Files do not say, but the space does where it is shipped.
fn descriptions(file: &ArchitectureFile, network: &Network) -> HashMap<String, String> {
    let rebuilt = || {
        let (_, space) = Space::shipped_as(&file.space)?;
        space.build(&space.parse(&file.architecture).ok()?).ok()
    };
    let known = network.blocks().iter().any(|block| !block.description.is_empty());
    let rebuilt = if known { None } else { rebuilt() };
    let same = rebuilt.filter(|rebuilt| rebuilt.canonical_hash() == network.canonical_hash());
    same.map_or_else(Vec::new, |same| same.blocks()).into_iter().map(|block| (block.name, block.description)).collect()
}

/// What is known of the architecture, in a line.
fn metrics(file: &ArchitectureFile, network: &Network) -> String {
    let cost = network.cost();
    let mut parts =
        vec![format!("{} parameters", short(cost.params.0)), format!("{} multiply-adds", short(cost.macs.0))];
    for (name, metric) in file.metrics.iter().filter(|(_, metric)| !metric.from.starts_with("count ")) {
        let unit = if metric.unit == "1" { String::new() } else { format!(" {}", metric.unit) };
        parts.push(format!("{name} {:.4}{unit}", metric.value));
    }
    one_line(&parts.join("  ·  "))
}

/// A count in three digits: `5.42 M`.
fn short(value: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let number = value as f64;
    match UNITS.into_iter().find(|(size, _)| number >= *size) {
        None => value.to_string(),
        Some((size, unit)) => {
            let scaled = number / size;
            let decimals = if scaled >= 100.0 {
                0
            } else if scaled >= 10.0 {
                1
            } else {
                2
            };
            format!("{scaled:.decimals$} {unit}")
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
