//! The drawings of the page besides the front itself: the course of the search, and parallel coordinates.

use std::fmt::Write;

use serde::Serialize;

use crate::report::data::{Course, ReportData};
use crate::report::figure::with_unit;
use crate::report::font::Typeface;
use crate::report::growth::{self, Curve, CurveFrame};
use crate::report::number::{NumberFormat, grouped};
use crate::report::parallel::{self, Axes, Parallel};
use crate::report::scene::{Layer, Scene};
use crate::report::{ReportError, escape};

/// Coordinates of the corner that a caption names.
const CORNER: usize = 6;

/// The drawings, each wide and for a phone.
pub(super) struct Figures {
    course: Option<[Curve; 2]>,
    parallel: Option<[Parallel; 2]>,
}

/// What the script needs to know of them.
#[derive(Serialize)]
pub(super) struct Geometry<'a> {
    /// The panels of the course.
    course: Option<[&'a CurveFrame; 2]>,
    /// Its steps: evaluations, share of the final hypervolume, members.
    steps: Vec<(u64, f64, u64)>,
    /// The axes of the parallel coordinates.
    parallel: Option<[&'a Axes; 2]>,
}

impl Figures {
    /// Draws what there are data for.
    pub(super) fn new(data: &ReportData, typeface: &Typeface) -> Self {
        let course = data.course.as_ref().filter(|course| !course.hypervolume.is_empty());
        let parallel = parallel::draw(data, typeface, false).zip(parallel::draw(data, typeface, true));
        Self {
            course: course.map(|course| [false, true].map(|phone| growth::draw(course, typeface, phone))),
            parallel: parallel.map(|(wide, phone)| [wide, phone]),
        }
    }

    /// What the script needs.
    pub(super) fn geometry<'a>(&'a self, data: &'a ReportData) -> Geometry<'a> {
        let steps = data.course.as_ref().map(growth::steps).unwrap_or_default();
        Geometry {
            course: self.course.as_ref().map(|[wide, phone]| [&wide.frame, &phone.frame]),
            steps: steps.into_iter().map(|step| (step.evaluations, step.hypervolume, step.front)).collect(),
            parallel: self.parallel.as_ref().map(|[wide, phone]| [&wide.axes, &phone.axes]),
        }
    }

    /// The section of the parallel coordinates; nothing with fewer than three objectives.
    pub(super) fn parallel(&self, page: &mut String, data: &ReportData) -> Result<(), ReportError> {
        let Some([wide, phone]) = &self.parallel else { return Ok(()) };
        page.push_str("<section>\n<h2>All objectives at once</h2>\n<figure id=\"parallel\" class=\"plain\" tabindex=\"0\" role=\"group\" aria-label=\"Parallel coordinates; arrow keys move from member to member\">\n");
        let name = "Parallel coordinates of the front";
        // More axes than fit are scrolled, not squeezed.
        let style = if wide.width > 1060.0 {
            format!(" class=\"broad\" style=\"width:{}px\"", wide.width)
        } else {
            String::new()
        };
        let _ = writeln!(page, "<div class=\"wide scroll\"><div{style}>\n{}</div></div>", svg(&wide.scene, name)?);
        let _ = writeln!(page, "<div class=\"phone\">\n{}</div>", svg(&phone.scene, name)?);
        let (drawn, all) = (wide.lines.0, data.front.len());
        let lines = if drawn < all {
            format!(
                "{} of the {} members, evenly spread, have a line",
                grouped(&drawn.to_string()),
                grouped(&all.to_string())
            )
        } else {
            "Each line is a member".to_owned()
        };
        let samples = match wide.lines.1 {
            0 => String::new(),
            count => format!("; the faint ones are {} {}", grouped(&count.to_string()), data.others()),
        };
        let _ = writeln!(
            page,
            "<figcaption>{lines}{samples}. Better is <span class=\"wide-only\">up</span><span class=\"phone-only\">to the \
             right</span> on every axis, so lines that cross between two axes trade one objective for the other. Colour: {} {}.\
             <span class=\"scripted\"> Point at a line, or move with the arrow keys, to see its member in table and plot.</span></figcaption>\n</figure>\n</section>",
            escape(&data.objectives[0].name),
            escape(&parallel::ends_in_words(data)),
        );
        Ok(())
    }

    /// The section of the course; nothing without one.
    pub(super) fn course(&self, page: &mut String, data: &ReportData) -> Result<(), ReportError> {
        let (Some([wide, phone]), Some(course)) = (&self.course, &data.course) else { return Ok(()) };
        page.push_str("<section>\n<h2>Course of the search</h2>\n<figure id=\"course\" class=\"plain\" tabindex=\"0\" role=\"group\" aria-label=\"Hypervolume over evaluations; arrow keys move from step to step\">\n");
        let name = "Share of the final hypervolume over networks evaluated";
        let _ = writeln!(page, "<div class=\"wide\">\n{}</div>", svg(&wide.scene, name)?);
        let _ = writeln!(page, "<div class=\"phone\">\n{}</div>", svg(&phone.scene, name)?);
        let _ = writeln!(page, "<figcaption>{}</figcaption>\n</figure>\n</section>", escape(&caption(course, data)));
        Ok(())
    }
}

fn svg(scene: &Scene, name: &str) -> Result<String, ReportError> {
    scene.svg(name, &[Layer::Paper])
}

fn caption(course: &Course, data: &ReportData) -> String {
    let mut corner: Vec<String> = (course.reference.iter().zip(&data.objectives))
        .take(CORNER)
        .map(|(value, objective)| {
            let shown = NumberFormat::for_values(std::iter::once(*value)).show(*value);
            format!("{} {}", objective.name, with_unit(shown, &objective.unit))
        })
        .collect();
    if course.reference.len() > CORNER {
        corner.push(format!("and {} more that are in front.json", course.reference.len() - CORNER));
    }
    let mut text = format!(
        "Hypervolume: how much of the space of objectives the front so far dominates, measured from the corner {}; 100 % is what the final front dominates.",
        corner.join(", ")
    );
    let evaluated = course.evaluated.max(course.hypervolume.last().map_or(0, |step| step.evaluations));
    let reached: Vec<String> = (growth::milestones(course).into_iter())
        .map(|(share, evaluations)| format!("{:.0} % after {}", share * 100.0, grouped(&evaluations.to_string())))
        .collect();
    if !reached.is_empty() {
        text.push_str(&format!(" {} of {} networks.", reached.join(", "), grouped(&evaluated.to_string())));
    }
    text
}
