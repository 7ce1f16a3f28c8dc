//! Activations, sums and products.

use super::linear::channel_axis;
use super::{Done, Fault, Lowerer, Value, wrong};
use crate::graph::{Activation, Op, Shape};
use crate::import::constant::Constant;
use crate::import::inputs::Input;
use crate::import::model::Node;
use crate::import::view::{Base, View};
use crate::onnx::schema::DataType;

impl<'m> Lowerer<'m> {
    pub(super) fn activation(&mut self, node: &'m Node) -> Done {
        let alpha = node.float_or("alpha", 1.0);
        let function = match node.op.as_str() {
            "Swish" if alpha != 1.0 => return self.swish(node, alpha),
            "Relu" => Activation::Relu,
            "HardSwish" => Activation::Hswish,
            "Sigmoid" => Activation::Sigmoid,
            "Swish" => Activation::Swish,
            "Gelu" if node.text_or("approximate", "none") == "none" => Activation::Gelu,
            "Gelu" => {
                let message = "it is the form by tanh, which differs from the exact function by up to 5e-4";
                return Err(Fault::new(message, "write the model with approximate=\"none\""));
            }
            "HardSigmoid" => {
                let (alpha, beta) = (node.float_or("alpha", 0.2), node.float_or("beta", 0.5));
                if (alpha - 1.0 / 6.0).abs() > 1e-5 || (beta - 0.5).abs() > 1e-6 {
                    let message = format!("it is clip({alpha}·x + {beta}), but here it is clip(x / 6 + 1 / 2)");
                    return Err(Fault::new(message, "train it with PyTorch's hardsigmoid"));
                }
                Activation::Hsigmoid
            }
            _ => self.clip(node)?,
        };
        self.each(node, Op::Activation { function })
    }

    /// `x · sigmoid(α · x)`, for which there is no operator of its own.
    fn swish(&mut self, node: &'m Node, alpha: f32) -> Done {
        let view = self.view(node, 0)?;
        let (input, turned) = self.settled(node, &view)?;
        let scaled = self.scaled(input, alpha)?;
        let gate = self.add(node, Op::Activation { function: Activation::Sigmoid }, &[scaled], Vec::new())?;
        let at = self.add(node, Op::Multiply, &[input, gate], Vec::new())?;
        self.set(node, turned.over(Base::Node(at)))
    }

    /// Other types of the same number: ids may be of any that holds them, all else is floating point here.
    pub(super) fn cast(&mut self, node: &'m Node) -> Done {
        let view = self.view(node, 0)?;
        let to = node.int("to").and_then(|to| i32::try_from(to).ok()).and_then(|to| DataType::try_from(to).ok());
        let kept = match to {
            Some(DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16) => true,
            Some(DataType::Int32 | DataType::Int64) => self.is_ids(node, &view),
            _ => false,
        };
        if !kept {
            let to = to.map_or_else(|| "another type".to_owned(), |to| format!("{to:?}"));
            let message = format!("it turns the values of a tensor to {to}");
            return Err(Fault::new(message, "networks compute with floats here; keep the values as they are"));
        }
        self.set(node, view)
    }

    /// Whether a tensor holds ids: an input of whole numbers, or what is only looked up in tables.
    fn is_ids(&self, node: &'m Node, view: &View) -> bool {
        let input = |base: Base| match base {
            Base::Node(at) => self.model.inputs.iter().find(|input| input.name == self.tensors[at]),
            Base::Scores(_) => None,
        };
        let looks_up = |reader: &Option<&Node>| {
            reader.is_some_and(|reader| reader.op == "Gather" && reader.input(1) == Some(node.output()))
        };
        input(view.base).is_some_and(Input::is_whole)
            || self.readers.get(node.output()).is_some_and(|readers| readers.iter().all(looks_up))
    }

    /// A clip that is a known activation.
    fn clip(&self, node: &Node) -> Result<Activation, Fault> {
        let bound = |at: usize, name: &str, default: f32| -> Result<f64, Fault> {
            match self.constant(node, at)? {
                Some(value) => value.scalar().ok_or_else(|| wrong("a bound is no single number")),
                None => Ok(node.float_or(name, default).into()),
            }
        };
        match (bound(1, "min", f32::MIN)?, bound(2, "max", f32::MAX)?) {
            (0.0, 6.0) => Ok(Activation::Relu6),
            (0.0, high) if high >= f64::from(f32::MAX) => Ok(Activation::Relu),
            (low, high) => Err(Fault::new(
                format!("it cuts off below {low} and above {high}"),
                "only 0 and 6 (relu6), and 0 alone (relu), are known; use one of these, and train on",
            )),
        }
    }

    pub(super) fn identity(&mut self, node: &'m Node) -> Done {
        self.each(node, Op::Identity)
    }

    /// An operator without parameters on each element, which may stay below a turned tensor.
    fn each(&mut self, node: &'m Node, op: Op) -> Done {
        let view = self.view(node, 0)?;
        if let Some(input) = self.try_natural(&view, node.input(0).unwrap_or_default()) {
            let at = self.add(node, op, &[input], Vec::new())?;
            return self.same_dims(node, at, &view);
        }
        match self.below(&view)? {
            Some((below, over)) => {
                let at = self.add(node, op, &[below], Vec::new())?;
                self.set(node, over.over(Base::Node(at)))
            }
            None => Err(Fault::new("it works on the scores of an attention", "use softmax there")),
        }
    }

    /// Sums, of tensors and of constants.
    pub(super) fn sum(&mut self, node: &'m Node) -> Done {
        if node.op == "Sum" || node.inputs.len() != 2 {
            return self.join(node, Op::Add);
        }
        let (first, second) = (self.value(&node.inputs[0]), self.value(&node.inputs[1]));
        match (first, second) {
            (Value::View(view), Value::Constant(values)) => {
                let sign = if node.op == "Sub" { -1.0 } else { 1.0 };
                self.shift(node, &view, &values, 1.0, sign)
            }
            (Value::Constant(values), Value::View(view)) => {
                let factor = if node.op == "Sub" { -1.0 } else { 1.0 };
                self.shift(node, &view, &values, factor, 1.0)
            }
            _ if node.op == "Add" => self.join(node, Op::Add),
            _ => Err(Fault::new("two tensors are subtracted", "there are sums here, but no differences")),
        }
    }

    /// `factor · x + sign · values`, with a value for each channel or one for all.
    fn shift(&mut self, node: &'m Node, view: &View, values: &Constant, factor: f32, sign: f32) -> Done {
        if let Base::Scores(scores) = view.base {
            return self.attention_mask(node, view, scores, values);
        }
        if factor == 1.0 && self.is_position(view, values) {
            return self.position_embedding(node, view, values, sign);
        }
        let (input, turned) = self.settled(node, view)?;
        let offsets = self.per_channel(input, &turned, values).map_err(|message| {
            let remedy =
                "what is added is a number for each channel, or a learned position for each feature of each token";
            Fault::new(format!("it adds {message}"), remedy)
        })?;
        let offsets: Vec<f32> = offsets.iter().map(|x| x * sign).collect();
        let at = self.affine(node, input, vec![factor; offsets.len()], Some(offsets))?;
        self.set(node, turned.over(Base::Node(at)))
    }

    /// Whether a constant has a number for each feature of each token.
    fn is_position(&self, view: &View, values: &Constant) -> bool {
        let Some(Shape::Tokens { tokens, features }) = Self::natural_shape(view) else { return false };
        let sizes: Vec<usize> = values.dims.iter().copied().skip_while(|&size| size == 1).collect();
        tokens > 1
            && values.is_float()
            && view.axes.len() == 3
            && view.axes[0].is_empty()
            && sizes == [tokens, features]
    }

    /// Learned positions.
    fn position_embedding(&mut self, node: &'m Node, view: &View, values: &Constant, sign: f32) -> Done {
        let input = self.natural(view, node.input(0).unwrap_or_default())?;
        let table = values.as_floats().unwrap_or(&[]).iter().map(|x| x * sign).collect();
        let name = self.named_after_constant(node);
        let at = self.add_named(name, node.output(), Op::PositionEmbedding, &[input], vec![table])?;
        self.same_dims(node, at, view)
    }

    /// A name for an operator that is nothing but a parameter: the parameter's own, where the file has one.
    pub(super) fn named_after_constant(&mut self, node: &Node) -> String {
        let is_constant = |name: &&String| matches!(self.value(name), Value::Constant(_));
        // Exporters number what they computed, and name it by paths.
        let given = |name: &&String| !name.contains("::") && !name.contains('/') && !name.starts_with("val_");
        match node.inputs.iter().find(is_constant).filter(given) {
            Some(name) => self.names.take(name.strip_suffix(".weight").unwrap_or(name)),
            None => self.names.of(node),
        }
    }

    /// Products, of tensors and with constants.
    pub(super) fn multiply(&mut self, node: &'m Node) -> Done {
        if node.inputs.len() != 2 {
            return Err(wrong("it takes two inputs"));
        }
        let divided = node.op == "Div";
        let (view, values) = match (self.value(&node.inputs[0]), self.value(&node.inputs[1])) {
            (Value::View(view), Value::Constant(values)) => (view, values),
            (Value::Constant(values), Value::View(view)) if !divided => (view, values),
            _ if !divided => return self.join(node, Op::Multiply),
            _ => return Err(Fault::new("it divides by a tensor", "there is no such operator in a network here")),
        };
        let Some(numbers) = values.as_floats() else { return Err(wrong("it multiplies by whole numbers")) };
        if divided && numbers.contains(&0.0) {
            return Err(wrong("it divides by zero"));
        }
        let invert = |x: f32| if divided { 1.0 / x } else { x };
        if let Some(number) = values.uniform() {
            let number = invert(number as f32);
            if self.spreads_beyond(&view, &values) {
                return Err(Fault::new("it spreads a tensor to more elements", "there is no such operator here"));
            }
            if number == 0.0 {
                return self.zeroed(node, &view);
            }
            if let Base::Scores(scores) = view.base {
                return self.attention_scale(node, &view, scores, number);
            }
            return self.set(node, View { scale: view.scale * number, ..view });
        }
        let (input, turned) = self.settled(node, &view)?;
        let factors = self.per_channel(input, &turned, &values).map_err(|message| {
            Fault::new(format!("it multiplies by {message}"), "only factors for each channel are known")
        })?;
        let factors: Vec<f32> = factors.into_iter().map(invert).collect();
        let at = self.affine(node, input, factors, None)?;
        self.set(node, turned.over(Base::Node(at)))
    }

    /// Whether a constant has more axes, or larger ones, than the tensor it meets.
    fn spreads_beyond(&self, view: &View, values: &Constant) -> bool {
        let dims = view.dims();
        let from_last = values.dims.iter().rev().zip(dims.iter().rev());
        let beyond = values.dims.len().saturating_sub(dims.len());
        values.dims[..beyond].iter().any(|&size| size != 1) || from_last.into_iter().any(|(&c, &x)| c != x && c != 1)
    }

    /// All zeros, of the same sizes.
    fn zeroed(&mut self, node: &'m Node, view: &View) -> Done {
        let input = self.natural(view, node.input(0).unwrap_or_default())?;
        let at = match self.draft.nodes[input].op {
            // A slice with steps before it already made the zeros.
            Op::Zero { .. } => input,
            _ => self.add(node, Op::Zero { stride: 1 }, &[input], Vec::new())?,
        };
        self.same_dims(node, at, view)
    }

    /// A node of the draft below a tensor, and the tensor as a view of it: in its natural shape where it has one.
    pub(super) fn settled(&mut self, node: &Node, view: &View) -> Result<(usize, View), Fault> {
        let tensor =
            node.inputs.iter().find(|name| matches!(self.values.get(name.as_str()), Some(Value::View(v)) if v == view));
        if let Some(at) = self.try_natural(view, tensor.map_or("", String::as_str)) {
            let whole = self.whole(at);
            let over = whole.reshaped(&view.dims()).unwrap_or(whole);
            return Ok((at, over));
        }
        match self.below(view)? {
            Some(found) => Ok(found),
            None => Err(Fault::new("it works on the scores of an attention", "use a scale, a mask and softmax there")),
        }
    }

    /// The values of a constant for each channel of a node; what they are for otherwise.
    fn per_channel(&self, at: usize, view: &View, values: &Constant) -> Result<Vec<f32>, String> {
        let shape = self.draft.nodes[at].shape;
        let channels = shape.channels();
        let said = || format!("a tensor of {:?} to one of {}", values.dims, super::realise::shown(&view.dims()));
        let Some(numbers) = values.as_floats() else { return Err(said()) };
        if self.spreads_beyond(view, values) {
            return Err(said());
        }
        if let Some(number) = values.uniform() {
            return Ok(vec![number as f32; channels]);
        }
        // Only the axis of the channels may have a size, and it must hold nothing else.
        let rank = view.axes.len();
        let along: Vec<usize> = (0..values.dims.len()).filter(|&axis| values.dims[axis] != 1).collect();
        let [axis] = along[..] else { return Err(said()) };
        let atoms = &view.axes[(axis + rank).saturating_sub(values.dims.len())];
        let is_channels = *atoms == crate::import::view::whole(channel_axis(shape), channels);
        if is_channels && numbers.len() == channels { Ok(numbers.to_vec()) } else { Err(said()) }
    }

    /// An operator that joins tensors of one shape.
    fn join(&mut self, node: &'m Node, op: Op) -> Done {
        let views: Vec<View> = (0..node.inputs.len()).map(|at| self.view(node, at)).collect::<Result<_, _>>()?;
        let name = |at: usize| node.input(at).unwrap_or_default();
        let natural: Option<Vec<usize>> =
            views.iter().enumerate().map(|(at, view)| self.try_natural(view, name(at))).collect();
        if let Some(inputs) = natural {
            let shapes: Vec<Shape> = inputs.iter().map(|&at| self.draft.nodes[at].shape).collect();
            if op.infer(&shapes).is_err() {
                let sizes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
                let message = format!("it joins {}, one spread over the other", sizes.join(" and "));
                let remedy = "sums need equal shapes; products take a gate of C×1×1 beside C×H×W";
                return Err(Fault::new(message, remedy));
            }
            let largest = views.iter().max_by_key(|view| view.elements()).unwrap_or(&views[0]).clone();
            let at = self.add(node, op, &inputs, Vec::new())?;
            return self.same_dims(node, at, &largest);
        }
        // Tensors that are turned alike are joined below.
        let mut below = Vec::new();
        for view in &views {
            match self.below(view)? {
                Some((at, over)) if over.axes == views[0].axes => below.push(at),
                _ => {
                    let message = "it joins tensors whose elements stand in different orders";
                    return Err(Fault::new(message, "turn them back to C×H×W or to tokens before they are joined"));
                }
            }
        }
        let at = self.add(node, op, &below, Vec::new())?;
        self.set(node, View { scale: 1.0, ..views[0].over(Base::Node(at)) })
    }
}
