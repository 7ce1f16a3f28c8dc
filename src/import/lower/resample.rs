//! Maps made larger.

use super::{Done, Fault, Lowerer, wrong};
use crate::graph::{Op, Resample};
use crate::import::model::Node;

impl<'m> Lowerer<'m> {
    pub(super) fn resize(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let dims = view.dims();
        let [_, _, height, width] = dims[..] else {
            return Err(Fault::new("it resizes what is no image", "resize maps of channels, rows and columns"));
        };
        let (scales_at, sizes_at) = if node.op == "Upsample" || self.model.opset < 11 { (1, 4) } else { (2, 3) };
        let stated = match self.constant(node, scales_at)? {
            Some(scales) if scales.len() > 0 => Some(scales.numbers()),
            _ => node.floats("scales").map(|scales| scales.iter().map(|&x| f64::from(x)).collect()),
        };
        let scales: Vec<f64> = match (stated, self.constant(node, sizes_at)?) {
            (Some(scales), _) => scales,
            (None, Some(sizes)) if sizes.len() == 4 => {
                sizes.numbers().iter().zip(&dims).map(|(to, &from)| to / from as f64).collect()
            }
            _ => return Err(wrong("it names neither scales nor sizes for each axis")),
        };
        let &[batch, channels, rows, columns] = &scales[..] else {
            return Err(wrong(format!("its scales are {scales:?}")));
        };
        if (batch, channels) != (1.0, 1.0) || rows != columns || rows.fract() != 0.0 || !(1.0..1e6).contains(&rows) {
            let message = format!("it resizes {height}×{width} by {rows} and {columns}");
            return Err(Fault::new(message, "maps are enlarged by one whole factor in both directions"));
        }
        let mode = node.text_or("mode", "nearest");
        let placed = if node.op == "Upsample" || self.model.opset < 11 {
            "asymmetric"
        } else {
            node.text_or("coordinate_transformation_mode", "half_pixel")
        };
        let rounded = if self.model.opset < 11 { "floor" } else { node.text_or("nearest_mode", "round_prefer_floor") };
        // By a whole factor, rounding to the nearest centre and cutting off edges come to the same.
        let halves = matches!(placed, "half_pixel" | "pytorch_half_pixel");
        let nearest = placed == "asymmetric" && rounded == "floor" || halves && rounded.starts_with("round");
        let mode = match mode {
            "nearest" if nearest || rows == 1.0 => Resample::Nearest,
            "linear" if (halves || rows == 1.0) && node.int_or("antialias", 0) == 0 => Resample::Bilinear,
            _ => {
                let message = format!("it is {mode}, with places by {placed} and {rounded}");
                let remedy = "use PyTorch's Upsample, nearest, or bilinear with align_corners=False";
                return Err(Fault::new(message, remedy));
            }
        };
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let at = self.add(node, Op::Upsample { scale: rows as usize, mode }, &[input], Vec::new())?;
        self.done(node, at)
    }
}
