//! The 17-term model that this project's figures are measured against: floating
//! point operations and sizes by operator kind, non-negative, relative errors.
//! Kept to compute its error in the same run as ours, never to price anything.

use super::{Kernel, KernelKind, LatencyError, Sample};

const TERMS: usize = 17;

/// The counts of one operator.
fn counts(kernel: &Kernel) -> [f64; TERMS] {
    use KernelKind as K;
    let [mut conv1, mut conv3, mut conv_larger, mut depthwise, mut grouped, mut fully_connected, mut pool] = [0u64; 7];
    let [mut conv_in, mut conv_out, mut im2col, mut depthwise_in, mut depthwise_out] = [0u64; 5];
    let [mut grouped_in_out, mut mean_in, mut concat_out] = [0u64; 3];
    let (input, output) = (kernel.input_elements(), kernel.output_elements());
    match kernel.kind {
        K::Conv => {
            let by_size = match kernel.taps() {
                1 => &mut conv1,
                9 => &mut conv3,
                _ => &mut conv_larger,
            };
            *by_size = kernel.macs();
            (conv_in, conv_out) = (input, output);
            im2col = if kernel.taps() > 1 { kernel.window_elements() } else { 0 };
        }
        K::Depthwise => (depthwise, depthwise_in, depthwise_out) = (kernel.macs(), input, output),
        K::Grouped => (grouped, grouped_in_out) = (kernel.macs(), input + output),
        K::FullyConnected => fully_connected = kernel.macs(),
        K::MaxPool | K::AveragePool => pool = kernel.window_elements(),
        K::Mean => mean_in = input,
        K::Concatenation => concat_out = output,
        // The model knows no others.
        K::Multiply | K::Resize | K::MatMul | K::Softmax | K::Norm | K::Gather | K::DepthToSpace | K::Transpose => {}
        K::Add | K::Identity | K::HardSwish | K::Relu | K::Logistic | K::Gelu => {}
    }
    let operators = u64::from(!kernel.kind.is_hidden() && !kernel.kind.is_folded());
    [
        conv1,
        conv3,
        conv_larger,
        depthwise,
        grouped,
        fully_connected,
        pool,
        conv_in,
        conv_out,
        im2col,
        depthwise_in,
        depthwise_out,
        grouped_in_out,
        mean_in,
        concat_out,
        kernel.weights(),
        operators,
    ]
    .map(|count| count as f64)
}

fn network(kernels: &[Kernel]) -> Vec<f64> {
    let mut sum = vec![0.0; TERMS];
    for kernel in kernels {
        for (sum, count) in sum.iter_mut().zip(counts(kernel)) {
            *sum += count;
        }
    }
    sum
}

/// Fits the baseline to some networks and returns the function that predicts others, in ms.
///
/// # Errors
/// None to speak of; the type is that of every fit.
pub(super) fn fit(samples: &[&Sample]) -> Result<impl Fn(&[Kernel]) -> f64 + use<>, LatencyError> {
    let features: Vec<Vec<f64>> = samples.iter().map(|sample| network(&sample.kernels)).collect();
    let ms: Vec<f64> = samples.iter().map(|sample| sample.ms).collect();
    // The published figures use no ridge; this one is far below their last digit and keeps the systems solvable.
    let coefficients = super::robust::relative_nnls(&features, &ms, 1e-10, f64::INFINITY);
    Ok(move |kernels: &[Kernel]| network(kernels).iter().zip(&coefficients).map(|(f, c)| f * c).sum())
}
