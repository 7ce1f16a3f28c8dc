//! How fast the convolutions of the native engine are, one thread, single precision, against the multiply-adds the core
//! can do at best, measured beside each. Times are the best of several runs. Run: `cargo bench --bench engine`

use std::time::Instant;

use pocketnas::engine::native::conv::{Conv, FilterGradient, Filters, Scratch, backward, forward};
use pocketnas::engine::native::{Isa, Layout, Native, Sink, Slope, Source, Sums};

fn main() {
    let isa = Isa::best();
    println!("{isa}; GFLOP/s (share of the peak measured beside it), GB/s of maps read and written once");
    println!("{:<30} {:>18} {:>18} {:>18} {:>18}", "", "forward", "input gradient", "filter gradient", "with sums");
    let filter = std::env::args().nth(1).filter(|name| !name.starts_with('-'));
    for (name, batch, conv) in cases() {
        if filter.as_ref().is_none_or(|filter| name.contains(filter.as_str())) {
            measure(isa, name, batch, &conv);
        }
    }
}

fn cases() -> Vec<(&'static str, usize, Conv)> {
    let conv = |[channels, side]: [usize; 2], outputs, kernel: usize, stride, groups| Conv {
        input: Layout { channels, height: side, width: side },
        output: Layout { channels: outputs, height: side.div_ceil(stride), width: side.div_ceil(stride) },
        kernel: [kernel; 2],
        stride,
        padding: [kernel / 2; 2],
        dilation: 1,
        groups,
    };
    vec![
        ("3×3 16 → 16, 32×32", 64, conv([16, 32], 16, 3, 1, 1)),
        ("3×3 32 → 32, 16×16", 64, conv([32, 16], 32, 3, 1, 1)),
        ("3×3 64 → 64, 8×8", 64, conv([64, 8], 64, 3, 1, 1)),
        ("3×3 3 → 16, 32×32", 64, conv([3, 32], 16, 3, 1, 1)),
        ("3×3 16 → 32, 32×32, stride 2", 64, conv([16, 32], 32, 3, 2, 1)),
        ("1×1 16 → 16, 32×32", 64, conv([16, 32], 16, 1, 1, 1)),
        ("1×1 32 → 32, 16×16", 64, conv([32, 16], 32, 1, 1, 1)),
        ("1×1 64 → 64, 8×8", 64, conv([64, 8], 64, 1, 1, 1)),
        ("1×1 24 → 144, 24×24", 64, conv([24, 24], 144, 1, 1, 1)),
        ("1×1 144 → 24, 24×24", 64, conv([144, 24], 24, 1, 1, 1)),
        ("linear 256 → 1024, 2048 rows", 2048, conv([256, 1], 1024, 1, 1, 1)),
        ("linear 1024 → 256, 2048 rows", 2048, conv([1024, 1], 256, 1, 1, 1)),
        ("depthwise 3×3 96, 48×48", 64, conv([96, 48], 96, 3, 1, 96)),
        ("depthwise 5×5 96, 48×48", 64, conv([96, 48], 96, 5, 1, 96)),
        ("depthwise 3×3 144, 24×24", 64, conv([144, 24], 144, 3, 1, 144)),
        ("depthwise 5×5 144, 24×24", 64, conv([144, 24], 144, 5, 1, 144)),
        ("depthwise 3×3 96, stride 2", 64, conv([96, 48], 96, 3, 2, 96)),
    ]
}

fn measure(isa: Isa, name: &str, batch: usize, conv: &Conv) {
    let fill = |len: usize| (0..len).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect::<Vec<f32>>();
    let x = fill(batch * conv.input.sample());
    let slope = fill(batch * conv.output.sample());
    let taps = conv.kernel[0] * conv.kernel[1];
    let weights = conv.output.channels * (conv.input.channels / conv.groups) * taps;
    let mut filters = Filters::new(conv);
    filters.load(&fill(weights), None);
    let mut gradient = FilterGradient::new(conv, false);
    let mut scratch = Scratch::default();
    let mut y = vec![0.0; slope.len()];
    let mut to = vec![0.0; x.len()];
    let mut sums = Sums::new(conv.output.stride());
    let work = 2.0 * (weights * conv.output.height * conv.output.width * batch) as f64;
    let bytes = 4.0 * (x.len() + y.len()) as f64;
    let runs = (6e10 / work).clamp(7.0, 60.0) as usize;

    // As the executor does it, in ranges of samples; of each range the best of the runs counts, for the machine may be
    // busy with something else in between.
    let (xs, ys) = (conv.input.sample() * batch / RANGES, conv.output.sample() * batch / RANGES);
    let best = |run: &mut dyn FnMut(usize)| {
        let mut times = [f64::INFINITY; RANGES];
        for _ in 0..runs {
            for (range, best) in times.iter_mut().enumerate() {
                let start = Instant::now();
                run(range);
                *best = best.min(start.elapsed().as_secs_f64());
            }
        }
        times.iter().sum::<f64>()
    };
    let source =
        |range: usize| Source { data: &x[range * xs..][..xs], layout: conv.input, affine: None, activation: None };
    let slope = |range: usize| Slope { data: &slope[range * ys..][..ys], through: None };

    let before = peak();
    let ahead = best(&mut |range| {
        forward(isa, conv, source(range), &filters, &mut y[range * ys..][..ys], None, &mut scratch);
    });
    let summed = best(&mut |range| {
        let y = &mut y[range * ys..][..ys];
        forward(isa, conv, source(range), &filters, y, Some(&mut sums), &mut scratch);
    });
    let filter = best(&mut |range| {
        backward(isa, conv, source(range), slope(range), &filters, &mut gradient, None, &mut scratch);
    });
    let both = best(&mut |range| {
        let sink = Sink { data: &mut to[range * xs..][..xs], accumulate: false, sums: None };
        backward(isa, conv, source(range), slope(range), &filters, &mut gradient, Some(sink), &mut scratch);
    });
    let peak = before.max(peak());
    // What the gradient of the input adds.
    let input = (both - filter).max(1e-9);
    let show = |time: f64| {
        let rate = work / time / 1e9;
        format!("{rate:.1} ({:.0} %) {:.0} GB/s", 100.0 * rate / peak, bytes / time / 1e9)
    };
    let [ahead, input, filter, summed] = [ahead, input, filter, summed].map(show);
    println!("{name:<30} {ahead:>20} {input:>20} {filter:>20} {summed:>20}   peak {peak:.1}");
}

/// Parts of a batch.
const RANGES: usize = 16;

/// GFLOP/s of multiply-adds on registers alone: a convolution whose operands all stay in the first cache and whose loads
/// hide behind its arithmetic would reach it.
fn peak() -> f64 {
    Native::default().peak() / 1e9
}
