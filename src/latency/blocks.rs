//! Reads block tables in the layout of Once-for-All (Cai et al., ICLR 2020): YAML
//! whose keys spell out the geometry of a block and whose values are its latency.

use std::path::Path;

use super::{Kernel, KernelKind, LatencyError, MeasuredRow};
use crate::units::Millis;
use crate::yaml::{Document, Node};

/// A block measured as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredBlock {
    /// Its key in the file.
    pub name: String,
    /// Its operators, those that operator lists leave out among them.
    pub kernels: Vec<Kernel>,
    /// The measurement.
    pub row: MeasuredRow,
}

/// The blocks of a file.
///
/// # Units
/// Milliseconds.
///
/// # Errors
/// A file that cannot be read, keys that are no blocks, values that are no latencies.
pub fn read_blocks(path: &Path) -> Result<Vec<MeasuredBlock>, LatencyError> {
    let document = Document::read(path)?;
    let mut problems = document.problems();
    let mut blocks = Vec::new();
    for (key, value) in document.root.entries() {
        let number = |name: &str| value.get(name).and_then(Node::number).filter(|n| n.is_finite() && *n > 0.0);
        let (kernels, mean) = (operators(&key.text), number("mean"));
        if kernels.is_none() {
            let message = format!("`{}` is no block", key.text);
            let help = "a key is such as `expanded_conv-input:56x56x32-output:28x28x48-expand:96-kernel:5-stride:2-\
                        idskip:0-se:1-hs:0`";
            problems.add(key.span, &key.text, message, help);
        }
        if mean.is_none() {
            problems.at(value, &key.text, "`mean` is missing or no latency".to_owned(), "give milliseconds above 0");
        }
        if let (Some(kernels), Some(mean)) = (kernels, mean) {
            let (std, count) = (number("std").unwrap_or(0.0), number("count").unwrap_or(1.0) as u64);
            blocks.push(MeasuredBlock {
                name: key.text.clone(),
                kernels,
                row: MeasuredRow { ms: Millis(mean), std: Millis(std), count },
            });
        }
    }
    if blocks.is_empty() && !problems.any() {
        return Err(LatencyError::content(path, "has no blocks"));
    }
    Ok(problems.or(blocks)?)
}

/// The operators of a block; `None` where the key is none.
fn operators(key: &str) -> Option<Vec<Kernel>> {
    let (kind, rest) = key.split_once('-')?;
    let mut fields = rest.split('-').map(|field| field.split_once(':'));
    let mut field = |name: &str| fields.next().flatten().filter(|(key, _)| *key == name).map(|(_, value)| value);
    let input = size(field("input")?)?;
    let output = size(field("output")?)?;
    let whole = |text: &str| text.parse::<u32>().ok().filter(|value| *value <= 1 << 20);
    let mut out = Vec::new();
    match kind {
        "Conv" => {
            let stride = input.0.div_ceil(output.0);
            out.push(Kernel { window: [3, 3], stride, ..convolution(input, output) });
            out.push(activation(output));
        }
        "Conv_1" | "Conv_2" => out.extend([convolution(input, output), activation(output)]),
        "Logits" => {
            let dense = Kernel::pointwise(KernelKind::FullyConnected, [1, 1], input.1);
            out.push(Kernel { output_channels: output.1, ..dense });
        }
        "AvgPool2D" => out.push(mean(input)),
        "expanded_conv" => {
            let (expand, window) = (whole(field("expand")?)?, whole(field("kernel")?)?);
            let stride = whole(field("stride")?)?;
            let flags = [field("idskip")?, field("se")?, field("hs")?].map(|flag| match flag {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            });
            let [skip, gated, swish] = [flags[0]?, flags[1]?, flags[2]?];
            if expand == 0 || window == 0 || stride == 0 {
                return None;
            }
            let (wide, narrow) = ((input.0, expand), (output.0, expand));
            // A block that does not expand has no convolution for it.
            if expand != input.1 {
                out.push(convolution(input, wide));
                out.extend(swish.then(|| activation(wide)));
            }
            let padded = input.0 + window - 1;
            out.push(Kernel {
                input: [padded, padded],
                window: [window, window],
                stride,
                groups: expand,
                explicit_padding: window > 1,
                kind: KernelKind::Depthwise,
                ..convolution(wide, narrow)
            });
            out.extend(swish.then(|| activation(narrow)));
            if gated {
                let hidden = divisible_by_8(expand / 4);
                let product = Kernel::pointwise(KernelKind::Multiply, [output.0, output.0], expand);
                out.extend([
                    mean(narrow),
                    convolution((1, expand), (1, hidden)),
                    convolution((1, hidden), (1, expand)),
                ]);
                out.push(Kernel { inputs: 2, ..product });
            }
            out.push(convolution(narrow, output));
            let sum = Kernel::pointwise(KernelKind::Add, [output.0, output.0], output.1);
            out.extend(skip.then_some(Kernel { inputs: 2, ..sum }));
        }
        _ => return None,
    }
    Some(out)
}

/// Size and channels of `28x28x48`; `1000` is a vector.
fn size(text: &str) -> Option<(u32, u32)> {
    let numbers: Option<Vec<u32>> =
        text.split('x').map(|n| n.parse().ok().filter(|n| (1..=1 << 20).contains(n))).collect();
    match numbers?[..] {
        [height, width, channels] if height == width => Some((height, channels)),
        [channels] => Some((1, channels)),
        _ => None,
    }
}

fn convolution(input: (u32, u32), output: (u32, u32)) -> Kernel {
    let kind = KernelKind::Conv;
    Kernel {
        output: [output.0, output.0],
        output_channels: output.1,
        ..Kernel::pointwise(kind, [input.0, input.0], input.1)
    }
}

fn mean(input: (u32, u32)) -> Kernel {
    Kernel { output: [1, 1], ..Kernel::pointwise(KernelKind::Mean, [input.0, input.0], input.1) }
}

fn activation(of: (u32, u32)) -> Kernel {
    Kernel::pointwise(KernelKind::HardSwish, [of.0, of.0], of.1)
}

/// As the authors of MobileNet round channels: to a multiple of 8, losing a tenth at most.
fn divisible_by_8(channels: u32) -> u32 {
    let rounded = ((channels + 4) / 8 * 8).max(8);
    if rounded * 10 < channels * 9 { rounded + 8 } else { rounded }
}

#[cfg(test)]
mod tests;
