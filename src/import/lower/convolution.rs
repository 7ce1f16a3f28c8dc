//! Convolutions.

use super::{Done, Fault, Lowerer, wrong};
use crate::graph::{Conv2d, Op};
use crate::import::model::Node;

/// A window over a map, as `Conv` and the pools have it.
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    pub(super) dilation: usize,
    /// Padding above, on the left, below, on the right.
    pub(super) padding: [usize; 4],
}

impl<'m> Lowerer<'m> {
    pub(super) fn convolution(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let weight = self.floats(node, 1)?.ok_or_else(|| wrong("its weight is left out"))?;
        let [channels, _, height, width] = weight.dims[..] else {
            let message = format!("its weight is {:?}, but only convolutions over images are known", weight.dims);
            return Err(Fault::new(message, "write a convolution over sequences as one over images of one row"));
        };
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let (rows, columns) = self.draft.nodes[input].shape.size();
        let window = window(node, [height, width], [rows, columns])?;
        let [above, left, below, right] = window.padding;
        if (above, left) != (below, right) {
            let message = format!(
                "it pads {above} above and {below} below, {left} on the left and {right} on the right, but a convolution here \
                 pads both sides alike"
            );
            return Err(Fault::new(
                message,
                "train it with symmetric padding (PyTorch's), or enlarge its kernel by a row of zeros",
            ));
        }
        let groups = usize::try_from(node.int_or("group", 1)).map_err(|_| wrong("its groups are negative"))?;
        let bias = self.floats(node, 2)?;
        let conv = Conv2d {
            channels,
            kernel: [height, width],
            stride: window.stride,
            padding: [above, left],
            dilation: window.dilation,
            groups,
            bias: bias.is_some(),
        };
        let mut parameters = vec![weight.as_floats().unwrap_or(&[]).to_vec()];
        parameters.extend(bias.and_then(|bias| bias.as_floats().map(<[f32]>::to_vec)));
        let at = self.add(node, Op::Conv2d(conv), &[input], parameters)?;
        self.done(node, at)
    }
}

/// The window of a node, with its padding computed where the file only names a rule.
pub(super) fn window(node: &Node, kernel: [usize; 2], size: [usize; 2]) -> Result<Window, Fault> {
    let listed = |name: &str, default: usize, count: usize| -> Result<Vec<usize>, Fault> {
        let Some(values) = node.ints(name).filter(|values| !values.is_empty()) else { return Ok(vec![default; count]) };
        let small = values.iter().map(|&value| usize::try_from(value).ok().filter(|&value| value < 1 << 40));
        let small = small.collect::<Option<Vec<usize>>>().filter(|values| values.len() == count);
        small.ok_or_else(|| wrong(format!("its {name} are {values:?}, but {count} counts are needed")))
    };
    if let Some(stated) = node.ints("kernel_shape").filter(|stated| !stated.is_empty())
        && stated != [kernel[0] as i64, kernel[1] as i64]
    {
        return Err(wrong(format!("its kernel_shape is {stated:?}, but its weight has {kernel:?}")));
    }
    let (strides, dilations) = (listed("strides", 1, 2)?, listed("dilations", 1, 2)?);
    for (name, values) in [("strides", &strides), ("dilations", &dilations)] {
        if values[0] != values[1] {
            let message = format!("its {name} are {values:?}, but one for both directions is all there is here");
            return Err(Fault::new(message, format!("use equal {name}")));
        }
        if values[0] == 0 {
            return Err(wrong(format!("its {name} are zero")));
        }
    }
    let (stride, dilation) = (strides[0], dilations[0]);
    let padding = match node.text_or("auto_pad", "NOTSET") {
        "VALID" => vec![0; 4],
        rule @ ("SAME_UPPER" | "SAME_LOWER") => {
            let needed = |axis: usize| {
                let reach = (kernel[axis] - 1).saturating_mul(dilation).saturating_add(1);
                let steps = size[axis].div_ceil(stride);
                (steps - 1).saturating_mul(stride).saturating_add(reach).saturating_sub(size[axis])
            };
            if kernel[0] == 0 || kernel[1] == 0 {
                return Err(wrong("its kernel is empty"));
            }
            let (less, more) = ([needed(0) / 2, needed(1) / 2], [needed(0).div_ceil(2), needed(1).div_ceil(2)]);
            let (near, far) = if rule == "SAME_UPPER" { (less, more) } else { (more, less) };
            vec![near[0], near[1], far[0], far[1]]
        }
        _ => listed("pads", 0, 4)?,
    };
    Ok(Window { kernel, stride, dilation, padding: [padding[0], padding[1], padding[2], padding[3]] })
}
