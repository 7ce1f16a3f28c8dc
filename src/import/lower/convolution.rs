//! Convolutions.

use super::layout::Frame;
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

impl Window {
    /// The window with a frame as padding of its own.
    pub(super) fn within(self, frame: &Frame) -> Self {
        let padding = std::array::from_fn(|side| self.padding[side] + frame.sides[side]);
        Self { padding, ..self }
    }
}

impl<'m> Lowerer<'m> {
    pub(super) fn convolution(&mut self, node: &'m Node) -> Done {
        let (view, frame) = self.padded(node)?;
        let weight = self.floats(node, 1)?.ok_or_else(|| wrong("its weight is left out"))?;
        let [channels, _, height, width] = weight.dims[..] else {
            let message = format!("its weight is {:?}, but only convolutions over images are known", weight.dims);
            return Err(Fault::new(message, "write a convolution over sequences as one over images of one row"));
        };
        let input = self.natural(&view, node.input(0).unwrap_or_default())?;
        let (rows, columns) = self.draft.nodes[input].shape.size();
        if let Some(fill) = frame.fill.filter(|&fill| fill != 0.0) {
            return Err(Fault::new(format!("what it reads is padded with {fill}"), "convolutions pad with zeros"));
        }
        let window = window(node, [height, width], frame.around([rows, columns]))?.within(&frame);
        let groups = usize::try_from(node.int_or("group", 1)).map_err(|_| wrong("its groups are negative"))?;
        let bias = self.floats(node, 2)?;
        let even = Even::of(&window)?;
        let conv = Conv2d {
            channels,
            kernel: even.kernel,
            stride: window.stride,
            padding: even.padding,
            dilation: window.dilation,
            groups,
            bias: bias.is_some(),
        };
        let mut parameters = vec![even.held(weight.as_floats().unwrap_or(&[]), [height, width])];
        parameters.extend(bias.and_then(|bias| bias.as_floats().map(<[f32]>::to_vec)));
        let at = self.add(node, Op::Conv2d(conv), &[input], parameters)?;
        if even.kernel != [height, width] {
            let [above, left, below, right] = window.padding;
            let [rows, columns] = even.kernel;
            self.notes.push(format!(
                "`{}` pads {above} above and {below} below, {left} on the left and {right} on the right; a convolution here pads \
                 both sides alike, so its kernel of {height}×{width} is held as one of {rows}×{columns} with zeros at its edges",
                self.draft.nodes[at].name
            ));
        }
        self.done(node, at)
    }
}

/// A window that pads both sides of an axis alike and sees what another sees: where one side has less padding, the kernel
/// begins, or ends, with zeros.
struct Even {
    kernel: [usize; 2],
    padding: [usize; 2],
    /// Zeros before the kernel along each axis.
    before: [usize; 2],
}

impl Even {
    fn of(window: &Window) -> Result<Self, Fault> {
        let [above, left, below, right] = window.padding;
        let mut even = Self { kernel: window.kernel, padding: [0, 0], before: [0, 0] };
        for (axis, (near, far)) in [(above, below), (left, right)].into_iter().enumerate() {
            let missing = near.abs_diff(far);
            if !missing.is_multiple_of(window.dilation) {
                let message =
                    format!("it pads {near} before and {far} after, and its kernel is spread by {}", window.dilation);
                return Err(Fault::new(message, "pad both sides alike, or by multiples of the dilation"));
            }
            let zeros = missing / window.dilation;
            even.padding[axis] = near.max(far);
            even.kernel[axis] = even.kernel[axis].checked_add(zeros).ok_or_else(|| wrong("its padding overflows"))?;
            even.before[axis] = if near < far { zeros } else { 0 };
        }
        // What stands in the file bounds what is made of it.
        if even.kernel.iter().zip(window.kernel).any(|(&held, own)| held > own.saturating_mul(2).saturating_add(1)) {
            let message = format!("it pads {:?} (above, left, below, right), beyond its kernel", window.padding);
            return Err(Fault::new(message, "pad by less than the kernel is wide"));
        }
        Ok(even)
    }

    /// The weights of a kernel of that size among the zeros.
    fn held(&self, weights: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        if self.kernel == [height, width] {
            return weights.to_vec();
        }
        let [rows, columns] = self.kernel;
        let mut held = vec![0.0; weights.len() / (height * width).max(1) * rows * columns];
        for (at, row) in weights.chunks_exact(width.max(1)).enumerate() {
            let (filter, row_at) = (at / height, at % height);
            let start = (filter * rows + row_at + self.before[0]) * columns + self.before[1];
            held[start..start + width].copy_from_slice(row);
        }
        held
    }
}

/// The window of a node, with its padding computed where the file only names a rule.
pub(super) fn window(node: &Node, kernel: [usize; 2], size: [usize; 2]) -> Result<Window, Fault> {
    let listed = |name: &str, default: usize, count: usize| -> Result<Vec<usize>, Fault> {
        let Some(values) = node.ints(name).filter(|values| !values.is_empty()) else { return Ok(vec![default; count]) };
        let small = values.iter().map(|&value| usize::try_from(value).ok().filter(|&value| value < 1 << 40));
        if values.len() != count {
            return Err(wrong(format!("its {name} are {values:?}, but {count} counts are needed")));
        }
        small.collect::<Option<Vec<usize>>>().ok_or_else(|| wrong(format!("its {name} are {values:?}, out of range")))
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
        "NOTSET" | "" => listed("pads", 0, 4)?,
        other => return Err(wrong(format!("its auto_pad is {other}, which is none of the rules for padding"))),
    };
    Ok(Window { kernel, stride, dilation, padding: [padding[0], padding[1], padding[2], padding[3]] })
}
