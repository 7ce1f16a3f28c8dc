//! What each operator of a network is in ONNX. One that the standard set lacks becomes several of those it has, the last
//! of which bears the name of the operator.

use super::OnnxError;
use super::attention::attention;
use super::writer::{Scope, Value, float, int, ints, text, whole};
use crate::engine::EPSILON;
use crate::graph::{Activation, Axis, Conv2d, Epsilon, Op, Pool, PoolKind, Resample, SqueezeExcite};
use crate::onnx::schema::{AttributeProto, DataType};

/// Writes one operator, fed by `inputs`, with the names of its parameters in their order.
pub(super) fn write(op: &Op, inputs: &[Value], parameters: &[&str], mut scope: Scope) -> Result<(), OnnxError> {
    // Inputs of the network are declared, not computed.
    let Some(first) = inputs.first() else { return Ok(()) };
    let x = first.name.as_str();
    match op {
        Op::Input { .. } => {}
        Op::Conv2d(conv) => scope.last("Conv", &with(x, parameters), window(conv)),
        Op::Linear { .. } => linear(first, parameters, scope),
        Op::BatchNorm => batch_norm(first, parameters, scope),
        Op::Activation { function } => activation(*function, first, scope)?,
        Op::Pool(p) => pool(p, first, scope),
        Op::GlobalAvgPool if first.sizes.len() == 3 => scope.last("GlobalAveragePool", &[x], Vec::new()),
        Op::GlobalAvgPool => {
            let axes = scope.whole_numbers(&[1])?;
            scope.last("ReduceMean", &[x, &axes], vec![int("keepdims", 0)]);
        }
        Op::Add => match inputs {
            [_, second] => scope.last("Add", &[x, &second.name], Vec::new()),
            _ => scope.last("Sum", &inputs.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), Vec::new()),
        },
        Op::Multiply => multiply(inputs, scope),
        Op::Concat => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            scope.last("Concat", &names, vec![int("axis", channel_axis(first))]);
        }
        Op::SqueezeExcite(se) => squeeze_excite(se, first, parameters, scope)?,
        Op::Upsample { scale, mode } => upsample(*scale, *mode, x, scope)?,
        Op::Flatten => scope.last("Flatten", &[x], vec![int("axis", 1)]),
        Op::Reshape { .. } => {
            let to = scope.sizes();
            let to = scope.keeping_batch(&to)?;
            scope.last("Reshape", &[x, &to], Vec::new());
        }
        Op::ToTokens => {
            let columns = scope.reshape("columns", first, &[first.sizes[0], first.sizes[1..].iter().product()])?;
            scope.last("Transpose", &[&columns.name], vec![ints("perm", &[0, 2, 1])]);
        }
        Op::ToMap { .. } => {
            let columns = scope.transpose("columns", first, &[0, 2, 1]);
            let to = scope.sizes();
            let to = scope.keeping_batch(&to)?;
            scope.last("Reshape", &[&columns.name, &to], Vec::new());
        }
        Op::PixelShuffle { scale } => {
            scope.last("DepthToSpace", &[x], vec![int("blocksize", whole(*scale)), text("mode", "CRD")]);
        }
        Op::LayerNorm { epsilon } => layer_norm(*epsilon, first, parameters, scope),
        Op::RmsNorm { epsilon } => rms_norm(*epsilon, first, parameters, scope)?,
        Op::PositionEmbedding => scope.last("Add", &[x, parameters[0]], Vec::new()),
        Op::PrependTokens { count } => prepend(*count, first, parameters[0], scope)?,
        Op::Slice { axis, start, count } => {
            let along = match axis {
                Axis::Channels => channel_axis(first),
                Axis::Tokens => 1,
            };
            let starts = scope.whole_numbers(&[whole(*start)])?;
            let ends = scope.whole_numbers(&[whole(start + count)])?;
            let axes = scope.whole_numbers(&[along])?;
            scope.last("Slice", &[x, &starts, &ends, &axes], Vec::new());
        }
        Op::ChannelShuffle { groups } => {
            let [channels, height, width] = first.sizes[..] else { unreachable!("a map has three sizes") };
            let parted = scope.reshape("parted", first, &[*groups, channels / groups, height, width])?;
            let turned = scope.transpose("turned", &parted, &[0, 2, 1, 3, 4]);
            let to = scope.sizes();
            let to = scope.keeping_batch(&to)?;
            scope.last("Reshape", &[&turned.name, &to], Vec::new());
        }
        Op::Softmax => scope.last("Softmax", &[x], vec![int("axis", channel_axis(first))]),
        Op::Embedding { .. } => {
            let ids = scope.whole_step("ids", "Cast", x, DataType::Int64, &first.sizes);
            scope.last("Gather", &[parameters[0], &ids], vec![int("axis", 0)]);
        }
        Op::Attention(a) => attention(a, inputs, scope)?,
        Op::Identity => scope.last("Identity", &[x], Vec::new()),
        Op::Zero { stride } => zero(*stride, first, scope)?,
    }
    Ok(())
}

fn with<'a>(input: &'a str, parameters: &[&'a str]) -> Vec<&'a str> {
    std::iter::once(input).chain(parameters.iter().copied()).collect()
}

/// The axis of the channels of a map, or of the features of tokens and vectors.
fn channel_axis(value: &Value) -> i64 {
    if value.sizes.len() == 2 { 2 } else { 1 }
}

fn window(conv: &Conv2d) -> Vec<AttributeProto> {
    let [height, width] = conv.padding.map(whole);
    vec![
        ints("kernel_shape", &conv.kernel.map(whole)),
        ints("strides", &[whole(conv.stride); 2]),
        ints("pads", &[height, width, height, width]),
        ints("dilations", &[whole(conv.dilation); 2]),
        int("group", whole(conv.groups)),
    ]
}

/// `Gemm` takes the matrix as PyTorch stores it, but only for vectors.
fn linear(x: &Value, parameters: &[&str], mut scope: Scope) {
    let [_, inputs] = x.sizes[..] else {
        return scope.last("Gemm", &with(&x.name, parameters), vec![int("transB", 1)]);
    };
    let sizes = scope.sizes();
    let order = vec![ints("perm", &[1, 0])];
    let weight = scope.fixed_step("weight", "Transpose", parameters[0], order, &[inputs, sizes[1]]);
    match parameters {
        [_, bias] => {
            let product = scope.step("product", "MatMul", &[&x.name, &weight], Vec::new(), &sizes);
            scope.last("Add", &[&product.name, bias], Vec::new());
        }
        _ => scope.last("MatMul", &[&x.name, &weight], Vec::new()),
    }
}

/// The standard operator has the channels first, so tokens are turned before and after it.
fn batch_norm(x: &Value, parameters: &[&str], mut scope: Scope) {
    let epsilon = vec![float("epsilon", EPSILON as f32)];
    if x.sizes.len() != 2 {
        return scope.last("BatchNormalization", &with(&x.name, parameters), epsilon);
    }
    let turned = scope.transpose("columns", x, &[0, 2, 1]);
    let normed =
        scope.step("norm", "BatchNormalization", &with(&turned.name, parameters), epsilon, &turned.sizes.clone());
    scope.last("Transpose", &[&normed.name], vec![ints("perm", &[0, 2, 1])]);
}

/// The standard operator has the features last, so maps are turned before and after it.
fn layer_norm(epsilon: Epsilon, x: &Value, parameters: &[&str], mut scope: Scope) {
    let x = features_last(x, &mut scope);
    let attributes = vec![int("axis", -1), float("epsilon", epsilon.value() as f32)];
    finish_features_last("LayerNormalization", &with(&x.name, parameters), attributes, &x.sizes, scope);
}

/// `x / √(mean(x²) + ε)`, times the scale. The standard set has it as one operator from version 23 on.
fn rms_norm(epsilon: Epsilon, x: &Value, parameters: &[&str], mut scope: Scope) -> Result<(), OnnxError> {
    let x = features_last(x, &mut scope);
    let mut one = x.sizes.clone();
    if let Some(last) = one.last_mut() {
        *last = 1;
    }
    let key = if epsilon.is_common() { "epsilon".to_owned() } else { format!("epsilon_{:e}", epsilon.value()) };
    let (axes, epsilon) = (scope.whole_numbers(&[-1])?, scope.number(&key, epsilon.value() as f32)?);
    let squares = scope.step("squares", "Mul", &[&x.name, &x.name], Vec::new(), &x.sizes);
    let mean = scope.step("mean", "ReduceMean", &[&squares.name, &axes], vec![int("keepdims", 1)], &one);
    let raised = scope.step("raised", "Add", &[&mean.name, &epsilon], Vec::new(), &one);
    let root = scope.step("root", "Sqrt", &[&raised.name], Vec::new(), &one);
    let normed = scope.step("norm", "Div", &[&x.name, &root.name], Vec::new(), &x.sizes);
    finish_features_last("Mul", &[&normed.name, parameters[0]], Vec::new(), &x.sizes, scope);
    Ok(())
}

/// Tokens that are the same for every sample, repeated for as many as there are, before the others.
fn prepend(count: usize, x: &Value, table: &str, mut scope: Scope) -> Result<(), OnnxError> {
    let batch = scope.batch("batch", &x.name);
    let rest = scope.whole_numbers(&[whole(count), whole(x.sizes[1])])?;
    let sizes = scope.list_step("sizes", "Concat", &[&batch, &rest], vec![int("axis", 0)], 3);
    let tokens = scope.step("tokens", "Expand", &[table, &sizes], Vec::new(), &[count, x.sizes[1]]);
    scope.last("Concat", &[&tokens.name, &x.name], vec![int("axis", 1)]);
    Ok(())
}

/// A map with its channels last; tokens and vectors are so already.
fn features_last(x: &Value, scope: &mut Scope) -> Value {
    if x.sizes.len() == 3 { scope.transpose("positions", x, &[0, 2, 3, 1]) } else { x.clone() }
}

/// The last step of what [`features_last`] began.
fn finish_features_last(op: &str, inputs: &[&str], attributes: Vec<AttributeProto>, sizes: &[usize], mut scope: Scope) {
    if sizes.len() == 3 {
        let value = scope.step("result", op, inputs, attributes, sizes);
        scope.last("Transpose", &[&value.name], vec![ints("perm", &[0, 3, 1, 2])]);
    } else {
        scope.last(op, inputs, attributes);
    }
}

/// An activation in one step, or `x` times a sigmoid in two.
fn activation(function: Activation, x: &Value, mut scope: Scope) -> Result<(), OnnxError> {
    if function == Activation::Swish {
        let gate = scope.step("sigmoid", "Sigmoid", &[&x.name], Vec::new(), &x.sizes);
        scope.last("Mul", &[&x.name, &gate.name], Vec::new());
        return Ok(());
    }
    let (op, more, attributes) = standard(function, &mut scope)?;
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    scope.last(op, &with(&x.name, &more), attributes);
    Ok(())
}

/// The standard operator for a function, what it takes besides the input, and its attributes. Swish has none before
/// version 24; what stands for it here is its gate.
fn standard(
    function: Activation,
    scope: &mut Scope,
) -> Result<(&'static str, Vec<String>, Vec<AttributeProto>), OnnxError> {
    Ok(match function {
        Activation::Relu => ("Relu", Vec::new(), Vec::new()),
        Activation::Relu6 => ("Clip", vec![scope.number("zero", 0.0)?, scope.number("six", 6.0)?], Vec::new()),
        Activation::Hswish => ("HardSwish", Vec::new(), Vec::new()),
        Activation::Gelu => ("Gelu", Vec::new(), vec![text("approximate", "none")]),
        Activation::Sigmoid | Activation::Swish => ("Sigmoid", Vec::new(), Vec::new()),
        Activation::Hsigmoid => ("HardSigmoid", Vec::new(), vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]),
    })
}

/// An activation in the middle of an operator.
fn inner_activation(label: &str, function: Activation, x: &Value, scope: &mut Scope) -> Result<Value, OnnxError> {
    let (op, more, attributes) = standard(function, scope)?;
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let value = scope.step(label, op, &with(&x.name, &more), attributes, &x.sizes);
    Ok(if function == Activation::Swish {
        scope.step(&format!("{label}.product"), "Mul", &[&x.name, &value.name], Vec::new(), &x.sizes)
    } else {
        value
    })
}

/// Padding at the far sides is widened until the windows that are asked for fit. `ceil_mode` is not used: runtimes have
/// disagreed about a last window that would see only padding.
fn pool(p: &Pool, x: &Value, scope: Scope) {
    let out = scope.sizes();
    let far = |axis: usize| {
        let reach = (out[axis] - 1).saturating_mul(p.stride).saturating_add(p.kernel);
        reach.saturating_sub(x.sizes[axis].saturating_add(p.padding)).max(p.padding)
    };
    let near = whole(p.padding);
    let mut attributes = vec![
        ints("kernel_shape", &[whole(p.kernel); 2]),
        ints("strides", &[whole(p.stride); 2]),
        ints("pads", &[near, near, whole(far(1)), whole(far(2))]),
    ];
    match p.kind {
        PoolKind::Max => scope.last("MaxPool", &[&x.name], attributes),
        PoolKind::Avg | PoolKind::PaddedAvg => {
            attributes.push(int("count_include_pad", i64::from(p.kind == PoolKind::PaddedAvg)));
            scope.last("AveragePool", &[&x.name], attributes);
        }
    }
}

fn multiply(inputs: &[Value], mut scope: Scope) {
    let Some((last, before)) = inputs.split_last() else { return };
    let Some((first, between)) = before.split_first() else {
        return scope.last("Identity", &[&last.name], Vec::new());
    };
    let mut product = first.clone();
    for (number, factor) in between.iter().enumerate() {
        let sizes: Vec<usize> = product.sizes.iter().zip(&factor.sizes).map(|(a, b)| *a.max(b)).collect();
        let inputs = [product.name.as_str(), factor.name.as_str()];
        product = scope.step(&format!("product.{number}"), "Mul", &inputs, Vec::new(), &sizes);
    }
    scope.last("Mul", &[&product.name, &last.name], Vec::new());
}

fn squeeze_excite(se: &SqueezeExcite, x: &Value, parameters: &[&str], mut scope: Scope) -> Result<(), OnnxError> {
    let channels = x.sizes[0];
    let [reduce, reduce_bias, expand, expand_bias] = parameters[..] else {
        unreachable!("a squeeze-excite has two convolutions with biases")
    };
    let mean = scope.step("mean", "GlobalAveragePool", &[&x.name], Vec::new(), &[channels, 1, 1]);
    let hidden = [mean.name.as_str(), reduce, reduce_bias];
    let hidden = scope.step("reduce", "Conv", &hidden, window(&Conv2d::square(se.hidden, 1, 1)), &[se.hidden, 1, 1]);
    let hidden = inner_activation("activation", se.activation, &hidden, &mut scope)?;
    let gate = [hidden.name.as_str(), expand, expand_bias];
    let gate = scope.step("expand", "Conv", &gate, window(&Conv2d::square(channels, 1, 1)), &[channels, 1, 1]);
    let gate = inner_activation("gate", se.gate, &gate, &mut scope)?;
    scope.last("Mul", &[&x.name, &gate.name], Vec::new());
    Ok(())
}

/// New positions are placed as PyTorch places them: the nearest by rounding down, between four with half pixels.
fn upsample(scale: usize, mode: Resample, x: &str, mut scope: Scope) -> Result<(), OnnxError> {
    let factor = scale as f32;
    let scales = scope.numbers(&format!("scales_{scale}"), &[1.0, 1.0, factor, factor])?;
    let attributes = match mode {
        Resample::Nearest => vec![
            text("mode", "nearest"),
            text("coordinate_transformation_mode", "asymmetric"),
            text("nearest_mode", "floor"),
        ],
        Resample::Bilinear => vec![text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")],
    };
    // The second input, a region of interest, is left out.
    scope.last("Resize", &[x, "", &scales], attributes);
    Ok(())
}

/// Every `stride`-th position, times zero, which keeps the batch whatever its size.
fn zero(stride: usize, x: &Value, mut scope: Scope) -> Result<(), OnnxError> {
    let zero = scope.number("zero", 0.0)?;
    let sizes = scope.sizes();
    if sizes == x.sizes {
        scope.last("Mul", &[&x.name, &zero], Vec::new());
        return Ok(());
    }
    let starts = scope.whole_numbers(&[0, 0])?;
    let ends = scope.whole_numbers(&[whole(x.sizes[1]), whole(x.sizes[2])])?;
    let axes = scope.whole_numbers(&[2, 3])?;
    let steps = scope.whole_numbers(&[whole(stride); 2])?;
    let inputs = [x.name.as_str(), &starts, &ends, &axes, &steps];
    let sampled = scope.step("sampled", "Slice", &inputs, Vec::new(), &sizes);
    scope.last("Mul", &[&sampled.name, &zero], Vec::new());
    Ok(())
}
