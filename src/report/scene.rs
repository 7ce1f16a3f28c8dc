//! A drawing as a list of marks in named layers, and its two painters: SVG and
//! PNG, both through plotters. The layout code thus draws once and never meets a
//! backend, and both pictures agree to a quarter of a pixel.

use std::collections::BTreeMap;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, RGBColor, ShapeStyle, TextStyle};

use super::ReportError;
use super::font::{FAMILY, Typeface};

/// Backends count whole pixels, so both draw this many times larger.
const SCALE: f64 = 4.0;
/// The PNG averages this many drawn pixels each way into one: smooth edges, twice the SVG's size.
const OVERSAMPLING: usize = 2;
/// plotters divides a font size by this to get the em of an SVG text.
const SVG_SIZE_PER_EM: f64 = 1.24;

/// A position in pixels, right and down.
pub(super) type Point = (f64, f64);

/// A colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paint(pub(super) (u8, u8, u8), pub(super) f64);

impl Paint {
    fn rgba(self) -> RGBAColor {
        let (red, green, blue) = self.0;
        RGBColor(red, green, blue).mix(self.1)
    }
}

/// Which part of a text stands at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A line of some width.
    Line { points: Vec<Point>, width: f64, paint: Paint },
    /// A filled polygon.
    Polygon { points: Vec<Point>, paint: Paint },
    /// A filled circle.
    Disc { centre: Point, radius: f64, paint: Paint },
    /// One line of text, vertically centred on its position.
    Text { at: Point, text: String, size: f64, bold: bool, anchor: Anchor, paint: Paint },
}

/// What a reader may want to see or hide by itself; also the order of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Paper,
    Frame,
    Infeasible,
    Sampled,
    Limits,
    Front,
    Baselines,
    Landmarks,
    Words,
}

impl Layer {
    fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Frame => "frame",
            Self::Infeasible => "infeasible",
            Self::Sampled => "sampled",
            Self::Limits => "limits",
            Self::Front => "front",
            Self::Baselines => "baselines",
            Self::Landmarks => "landmarks",
            Self::Words => "words",
        }
    }
}

/// A finished drawing.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    width: f64,
    height: f64,
    layers: BTreeMap<Layer, Vec<Mark>>,
}

impl Scene {
    /// An empty drawing of this size in pixels.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, layers: BTreeMap::new() }
    }

    /// Adds a mark on top of those already in `layer`.
    pub(super) fn add(&mut self, layer: Layer, mark: Mark) {
        self.layers.entry(layer).or_default().push(mark);
    }

    /// The marks of one layer, in drawing order.
    #[cfg(test)]
    pub(super) fn marks(&self, layer: Layer) -> &[Mark] {
        self.layers.get(&layer).map_or(&[], Vec::as_slice)
    }

    fn pixels(&self) -> (u32, u32) {
        ((self.width * SCALE) as u32, (self.height * SCALE) as u32)
    }

    /// The drawing as an SVG element with one group for each layer, without an
    /// XML declaration so that it can stand in a page. `title` is for readers who
    /// cannot see it; `leave_out` names layers to omit.
    ///
    /// # Errors
    ///
    /// [`ReportError::Draw`] if plotters refuses.
    pub(super) fn svg(&self, title: &str, leave_out: &[Layer]) -> Result<String, ReportError> {
        let (width, height) = self.pixels();
        let mut document = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\">\n<title>{}</title>\n",
            self.width,
            self.height,
            super::escape(title)
        );
        for (layer, marks) in self.layers.iter().filter(|(layer, _)| !leave_out.contains(layer)) {
            let mut drawn = String::new();
            {
                let mut backend = SVGBackend::with_string(&mut drawn, (width, height));
                for mark in marks {
                    paint(&mut backend, mark, SVG_SIZE_PER_EM, 0.0)?;
                }
                backend.present().map_err(drawing)?;
            }
            // Only what stands inside plotters' own <svg> element.
            let inside = drawn.split_once(">\n").and_then(|(_, rest)| rest.rsplit_once("</svg>"));
            let (inside, _) = inside.ok_or_else(|| ReportError::Draw("plotters wrote no SVG element".to_owned()))?;
            // What plotters writes out although it is so without saying doubles the size of a cloud.
            let inside = inside.replace(" stroke=\"none\" stroke-width=\"1\"", "").replace(" opacity=\"1\"", "");
            document.push_str(&format!("<g class=\"layer-{}\" aria-hidden=\"true\">\n{inside}</g>\n", layer.name()));
        }
        document.push_str("</svg>\n");
        Ok(document)
    }

    /// The drawing as a PNG of twice its size.
    ///
    /// # Errors
    ///
    /// [`ReportError::Draw`] if plotters or the encoder refuses.
    pub(super) fn png(&self, typeface: &Typeface) -> Result<Vec<u8>, ReportError> {
        let (width, height) = self.pixels();
        let mut drawn = vec![255_u8; width as usize * height as usize * 3];
        {
            let mut backend = BitMapBackend::with_buffer(&mut drawn, (width, height));
            for mark in self.layers.values().flatten() {
                paint(&mut backend, mark, typeface.line_height(), BITMAP_BASELINE_SHIFT)?;
            }
            backend.present().map_err(drawing)?;
        }
        let (small, columns, rows) = shrink(&drawn, width as usize, height as usize);
        encode(&small, columns as u32, rows as u32).map_err(|error| ReportError::Draw(error.to_string()))
    }
}

/// plotters' bitmap text stands this many ems higher than its SVG text.
const BITMAP_BASELINE_SHIFT: f64 = 0.13;

fn paint<B: DrawingBackend>(backend: &mut B, mark: &Mark, size_per_em: f64, shift: f64) -> Result<(), ReportError> {
    let place = |&(x, y): &Point| ((x * SCALE).round() as i32, (y * SCALE).round() as i32);
    match mark {
        Mark::Line { points, width, paint } => {
            let style = ShapeStyle {
                color: paint.rgba(),
                filled: false,
                stroke_width: (width * SCALE).round().max(1.0) as u32,
            };
            backend.draw_path(points.iter().map(place), &style).map_err(drawing)
        }
        Mark::Polygon { points, paint } => {
            backend.fill_polygon(points.iter().map(place), &paint.rgba()).map_err(drawing)
        }
        Mark::Disc { centre, radius, paint } => {
            let radius = (radius * SCALE).round() as u32;
            backend.draw_circle(place(centre), radius, &paint.rgba(), true).map_err(drawing)
        }
        Mark::Text { at, text, size, bold, anchor, paint } => {
            let horizontal = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let face = if *bold { FontStyle::Bold } else { FontStyle::Normal };
            let font = FontDesc::new(FontFamily::Name(FAMILY), size * SCALE * size_per_em, face);
            let colour = paint.rgba();
            let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
            backend.draw_text(text, &style, place(&(at.0, at.1 + shift * size))).map_err(drawing)
        }
    }
}

fn drawing(error: impl std::fmt::Display) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// Averages squares of pixels; a remainder at the right and lower edge is dropped.
fn shrink(pixels: &[u8], width: usize, height: usize) -> (Vec<u8>, usize, usize) {
    let (columns, rows) = (width / OVERSAMPLING, height / OVERSAMPLING);
    let mut small = Vec::with_capacity(columns * rows * 3);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..3 {
                let mut sum = 0_usize;
                for dy in 0..OVERSAMPLING {
                    for dx in 0..OVERSAMPLING {
                        let (x, y) = (column * OVERSAMPLING + dx, row * OVERSAMPLING + dy);
                        sum += usize::from(pixels[(y * width + x) * 3 + channel]);
                    }
                }
                let count = OVERSAMPLING * OVERSAMPLING;
                small.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    (small, columns, rows)
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Best);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}
