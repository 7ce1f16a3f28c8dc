//! The one typeface of the plots: Noto Sans, regular and bold, embedded in the
//! program by the `notosans` crate (SIL Open Font License 1.1), so that a plot
//! never depends on what a machine has installed.

use ab_glyph::{Font, FontRef, ScaleFont};
use plotters::style::{FontStyle, register_font};

use super::ReportError;

/// What an SVG asks its viewer for: the measured face first, then near relatives.
/// It is also the name under which the embedded face is registered with plotters.
pub(crate) const FAMILY: &str = "Noto Sans, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif";

/// The embedded faces, parsed and known to plotters.
pub(crate) struct Typeface {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Typeface {
    /// Parses the embedded faces.
    ///
    /// # Errors
    ///
    /// [`ReportError::Font`] where they do not parse, which a build either always or never does.
    pub(crate) fn load() -> Result<Self, ReportError> {
        let face = |style, bytes: &'static [u8]| {
            register_font(FAMILY, style, bytes).map_err(|_| ReportError::Font)?;
            FontRef::try_from_slice(bytes).map_err(|_| ReportError::Font)
        };
        Ok(Self {
            regular: face(FontStyle::Normal, notosans::REGULAR_TTF)?,
            bold: face(FontStyle::Bold, notosans::BOLD_TTF)?,
        })
    }

    /// Width of `text` at `size` pixels to the em.
    pub(crate) fn width(&self, text: &str, size: f64, bold: bool) -> f64 {
        let face = if bold { &self.bold } else { &self.regular };
        let scaled = face.as_scaled((size * self.line_height()) as f32);
        let mut previous = None;
        let mut width = 0.0_f64;
        for glyph in text.chars().map(|c| scaled.glyph_id(c)) {
            if let Some(previous) = previous {
                width += f64::from(scaled.kern(previous, glyph));
            }
            width += f64::from(scaled.h_advance(glyph));
            previous = Some(glyph);
        }
        width
    }

    /// Height from ascent to descent in ems: rasterised sizes are given as this height.
    pub(super) fn line_height(&self) -> f64 {
        let em = self.regular.units_per_em().unwrap_or(1000.0);
        f64::from(self.regular.height_unscaled() / em)
    }

    /// `text` broken between words into lines of at most `room` pixels, as far as its words allow.
    pub(crate) fn lines(&self, text: &str, size: f64, room: f64) -> Vec<String> {
        let mut line = String::new();
        let mut lines = Vec::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size, false) > room && !line.is_empty() {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
        lines
    }

    /// `text` on one line of at most `room` pixels, shortened by an ellipsis if need be.
    pub(crate) fn fit(&self, text: &str, size: f64, bold: bool, room: f64) -> String {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.width(&text, size, bold) <= room {
            return text;
        }
        let mut kept = String::new();
        for c in text.chars() {
            kept.push(c);
            if self.width(&kept, size, bold) + self.width("…", size, bold) > room {
                kept.pop();
                break;
            }
        }
        kept.truncate(kept.trim_end().len());
        kept.push('…');
        kept
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_sign_that_plots_use_has_a_glyph() {
        let typeface = Typeface::load().unwrap();
        for c in "≤≥µμéüß→←↑↓×·–—…±−⁰¹²³⁴⁵⁶⁷⁸⁹ε%".chars() {
            assert_ne!(typeface.regular.glyph_id(c).0, 0, "no regular glyph for {c}");
            assert_ne!(typeface.bold.glyph_id(c).0, 0, "no bold glyph for {c}");
        }
    }

    #[test]
    fn long_text_is_cut_to_its_room_and_control_characters_vanish() {
        let typeface = Typeface::load().unwrap();
        let cut = typeface.fit("a rather long network name\nwith a break", 12.0, false, 80.0);
        assert!(cut.ends_with('…') && typeface.width(&cut, 12.0, false) <= 80.0, "{cut}");
        assert_eq!(typeface.fit("a\nb", 12.0, false, 80.0), "a b");
    }
}
