//! Operators of a space file as operators of a network, with their norms and activations.

use super::super::Value;
use super::super::file::{Item, OpName, SHAPE, Setting, resample};
use super::scope::Scope;
use super::{Fault, Interpreter, Outcome};
use crate::graph::{
    Activation, Attention, Axis, Conv2d, Epsilon, NodeId, Op, Pool, PoolKind, Resample, Shape, SqueezeExcite,
};

/// The settings of one operator, evaluated on demand.
struct Settings<'a, 's> {
    list: &'a [(&'static str, Setting)],
    item: &'a Item,
    scope: &'s Scope<'a, 's>,
    shape: Shape,
}

impl<'a> Interpreter<'a, '_> {
    fn get(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<Value>> {
        match settings.list.iter().find(|(k, _)| *k == key) {
            Some((_, setting)) => {
                self.setting(setting, key, settings.scope, settings.shape, &settings.item.path).map(Some)
            }
            None => Ok(None),
        }
    }

    fn get_size(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<usize>> {
        match settings.list.iter().find(|(k, _)| *k == key) {
            Some((_, setting)) => {
                self.size(setting, key, settings.scope, settings.shape, &settings.item.path).map(Some)
            }
            None => Ok(None),
        }
    }

    fn get_bool(&mut self, settings: &Settings<'a, '_>, key: &str) -> Outcome<Option<bool>> {
        match self.get(settings, key)? {
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(other) => {
                let message = format!("`{key}` is `{other}`, which is neither true nor false");
                Err(Box::new(Fault::at(settings.item, message, "")))
            }
            None => Ok(None),
        }
    }

    fn get_word<T>(
        &mut self,
        settings: &Settings<'a, '_>,
        key: &str,
        of: impl Fn(&str) -> Option<T>,
    ) -> Outcome<Option<T>> {
        let Some(value) = self.get(settings, key)? else { return Ok(None) };
        match of(&value.to_string()) {
            Some(found) => Ok(Some(found)),
            None => {
                let words = Activation::ALL.iter().map(|a| a.name()).chain(["none"]);
                let help = if matches!(key, "act" | "gate") {
                    crate::yaml::nearest(&value.to_string(), words)
                } else {
                    String::new()
                };
                Err(Box::new(Fault::at(settings.item, format!("`{value}` is not a valid `{key}`"), help)))
            }
        }
    }

    pub(super) fn op(
        &mut self,
        op: OpName,
        list: &'a [(&'static str, Setting)],
        item: &'a Item,
        at: NodeId,
        scope: &Scope<'a, '_>,
    ) -> Outcome<NodeId> {
        let shape = self.builder.shape(at);
        let settings = Settings { list, item, scope, shape };
        let name = scope.nodes.join("");
        match op {
            OpName::Conv | OpName::DepthwiseConv => self.conv(op, &settings, at, name),
            OpName::Linear => {
                let features = self.get_size(&settings, "features")?.unwrap_or(1);
                let bias = self.get_bool(&settings, "bias")?.unwrap_or(true);
                let act = self.activation(&settings)?;
                let end = self.add(name.clone(), Op::Linear { features, bias }, &[at], item)?;
                self.activate(act, end, name, item)
            }
            OpName::MaxPool | OpName::AvgPool => {
                let kernel = self.get_size(&settings, "kernel")?.unwrap_or(1);
                let stride = self.get_size(&settings, "stride")?.unwrap_or(1);
                let padding = match list.iter().find(|(k, _)| *k == "padding") {
                    Some((_, padding)) => self.count(padding, "padding", scope, at, item)?,
                    None => 0,
                };
                let ceil = self.get_bool(&settings, "ceil")?.unwrap_or(false);
                let padded = self.get_bool(&settings, "count_include_pad")?.unwrap_or(false) && padding > 0;
                let kind = match op {
                    OpName::MaxPool => PoolKind::Max,
                    _ if padded => PoolKind::PaddedAvg,
                    _ => PoolKind::Avg,
                };
                self.add(name, Op::Pool(Pool { kind, kernel, stride, padding, ceil }), &[at], item)
            }
            OpName::SqueezeExcite => {
                let hidden = self.get_size(&settings, "hidden")?.unwrap_or(1);
                let activation = self.activation(&settings)?.unwrap_or(Activation::Relu);
                let gate = self.get_word(&settings, "gate", |word| match word {
                    "sigmoid" => Some(Activation::Sigmoid),
                    "hsigmoid" => Some(Activation::Hsigmoid),
                    _ => None,
                })?;
                let gate = gate.unwrap_or(Activation::Hsigmoid);
                self.add(name, Op::SqueezeExcite(SqueezeExcite { hidden, activation, gate }), &[at], item)
            }
            OpName::Upsample => {
                let scale = self.get_size(&settings, "scale")?.unwrap_or(1);
                let mode = self.get_word(&settings, "mode", resample)?.unwrap_or(Resample::Nearest);
                self.add(name, Op::Upsample { scale, mode }, &[at], item)
            }
            OpName::PixelShuffle => {
                let scale = self.get_size(&settings, "scale")?.unwrap_or(1);
                self.add(name, Op::PixelShuffle { scale }, &[at], item)
            }
            OpName::Reshape => {
                let mut sizes = Vec::with_capacity(SHAPE.len());
                for key in SHAPE {
                    sizes.extend(self.get_size(&settings, key)?);
                }
                let shape = Shape::try_from(sizes).map_err(|message| Box::new(Fault::at(item, message, "")))?;
                self.add(name, Op::Reshape { shape }, &[at], item)
            }
            OpName::ToMap => {
                let height = self.get_size(&settings, "height")?.unwrap_or(1);
                self.add(name, Op::ToMap { height }, &[at], item)
            }
            OpName::Embedding => {
                let vocabulary = self.get_size(&settings, "vocabulary")?.unwrap_or(1);
                let features = self.get_size(&settings, "features")?.unwrap_or(1);
                self.add(name, Op::Embedding { vocabulary, features }, &[at], item)
            }
            OpName::Attention => self.attention(&settings, at, name),
            OpName::Zero => {
                let stride = self.get_size(&settings, "stride")?.unwrap_or(1);
                self.add(name, Op::Zero { stride }, &[at], item)
            }
            OpName::BatchNorm => self.add(name, Op::BatchNorm, &[at], item),
            OpName::LayerNorm => {
                let epsilon = self.epsilon(&settings)?;
                self.add(name, Op::LayerNorm { epsilon }, &[at], item)
            }
            OpName::RmsNorm => {
                let epsilon = self.epsilon(&settings)?;
                self.add(name, Op::RmsNorm { epsilon }, &[at], item)
            }
            OpName::PositionEmbedding => self.add(name, Op::PositionEmbedding, &[at], item),
            OpName::PrependTokens => {
                let count = self.get_size(&settings, "count")?.unwrap_or(1);
                self.add(name, Op::PrependTokens { count }, &[at], item)
            }
            OpName::Slice => {
                let axis = self.get_word(&settings, "axis", Axis::from_name)?.unwrap_or(Axis::Channels);
                let start = match list.iter().find(|(k, _)| *k == "start") {
                    Some((_, start)) => self.count(start, "start", scope, at, item)?,
                    None => 0,
                };
                let count = self.get_size(&settings, "count")?.unwrap_or(1);
                self.add(name, Op::Slice { axis, start, count }, &[at], item)
            }
            OpName::ChannelShuffle => {
                let groups = self.get_size(&settings, "groups")?.unwrap_or(1);
                self.add(name, Op::ChannelShuffle { groups }, &[at], item)
            }
            OpName::Softmax => self.add(name, Op::Softmax, &[at], item),
            OpName::ToTokens => self.add(name, Op::ToTokens, &[at], item),
            OpName::Activation(function) => self.add(name, Op::Activation { function }, &[at], item),
            OpName::GlobalAvgPool => self.add(name, Op::GlobalAvgPool, &[at], item),
            OpName::Flatten => self.add(name, Op::Flatten, &[at], item),
            OpName::Identity => self.add(name, Op::Identity, &[at], item),
        }
    }

    fn conv(&mut self, op: OpName, settings: &Settings<'a, '_>, at: NodeId, name: String) -> Outcome<NodeId> {
        let item = settings.item;
        let entering = settings.shape.channels();
        let kernel = self.get_size(settings, "kernel")?.unwrap_or(1);
        let stride = self.get_size(settings, "stride")?.unwrap_or(1);
        let dilation = self.get_size(settings, "dilation")?.unwrap_or(1);
        let (channels, groups) = if op == OpName::DepthwiseConv {
            (entering, entering)
        } else {
            (self.get_size(settings, "channels")?.unwrap_or(entering), self.get_size(settings, "groups")?.unwrap_or(1))
        };
        let padding = match settings.list.iter().find(|(k, _)| *k == "padding") {
            Some((_, padding)) => self.count(padding, "padding", settings.scope, at, item)?,
            None => (kernel - 1).saturating_mul(dilation) / 2,
        };
        let epsilon = self.epsilon(settings)?;
        let norm = self.get_word(settings, "norm", |word| match word {
            "batch" => Some(Some(Op::BatchNorm)),
            "layer" => Some(Some(Op::LayerNorm { epsilon })),
            "none" => Some(None),
            _ => None,
        })?;
        let norm = norm.unwrap_or(Some(Op::BatchNorm));
        let bias = self.get_bool(settings, "bias")?.unwrap_or(norm.is_none());
        let act = self.activation(settings)?;
        let conv =
            Conv2d { channels, kernel: [kernel, kernel], stride, padding: [padding, padding], dilation, groups, bias };
        let mut end = self.add(name.clone(), Op::Conv2d(conv), &[at], item)?;
        if let Some(norm) = norm {
            end = self.add([&name, ".norm"].concat(), norm, &[end], item)?;
        }
        self.activate(act, end, name, item)
    }

    /// What a norm adds to a variance.
    fn epsilon(&mut self, settings: &Settings<'a, '_>) -> Outcome<Epsilon> {
        let Some(value) = self.get(settings, "epsilon")? else { return Ok(Epsilon::COMMON) };
        let number = value.number().ok_or_else(|| format!("`epsilon` is `{value}`, which is no number"));
        number
            .and_then(Epsilon::try_from)
            .map_err(|message| Box::new(Fault::at(settings.item, message, "write a small number, such as 1e-6")))
    }

    /// Self-attention as people write it: the linear layers `q`, `k` and `v`, the attention, and the linear layer `o`
    /// back to the features that entered.
    fn attention(&mut self, settings: &Settings<'a, '_>, at: NodeId, name: String) -> Outcome<NodeId> {
        let item = settings.item;
        let Shape::Tokens { features, .. } = settings.shape else {
            let message = format!("attention needs tokens, but {} enters", settings.shape);
            return Err(Box::new(Fault::at(
                item,
                message,
                "put a `to_tokens`, an `embedding` or a `reshape` before it",
            )));
        };
        let heads = self.get_size(settings, "heads")?.unwrap_or(1);
        let kv_heads = self.get_size(settings, "kv_heads")?.unwrap_or(heads);
        let width = self.get_size(settings, "width")?.unwrap_or(features);
        let causal = self.get_bool(settings, "causal")?.unwrap_or(false);
        let rotary = self.rotary(settings)?;
        let bias = self.get_bool(settings, "bias")?.unwrap_or(true);
        for (count, what, total, of) in
            [(heads, "heads", width, "features of all query heads"), (kv_heads, "kv_heads", heads, "heads")]
        {
            if !total.is_multiple_of(count) {
                let message = format!("`{what}` is {count}, which does not divide the {total} {of}");
                let help = if what == "heads" {
                    "give `width` a multiple of `heads`"
                } else {
                    "a head of keys serves several of them, all as many"
                };
                return Err(Box::new(Fault::at(item, message, help)));
            }
        }
        let linear = |features: usize| Op::Linear { features, bias };
        let keys = width / heads * kv_heads;
        let q = self.add([&name, ".q"].concat(), linear(width), &[at], item)?;
        let k = self.add([&name, ".k"].concat(), linear(keys), &[at], item)?;
        let v = self.add([&name, ".v"].concat(), linear(keys), &[at], item)?;
        let attention = Attention { heads, kv_heads, causal, rotary };
        let mixed = self.add(name.clone(), Op::Attention(attention), &[q, k, v], item)?;
        self.add([&name, ".o"].concat(), linear(features), &[mixed], item)
    }

    /// The base of a rotary embedding: a number, or 10000 (Su et al., 2021) for true.
    fn rotary(&mut self, settings: &Settings<'a, '_>) -> Outcome<Option<usize>> {
        match self.get(settings, "rotary")? {
            None | Some(Value::Bool(false)) => Ok(None),
            Some(Value::Bool(true)) => Ok(Some(10_000)),
            Some(value) => match value.number() {
                Some(base) if base >= 2.0 && base.fract() == 0.0 && base <= (1u64 << 30) as f64 => {
                    Ok(Some(base as usize))
                }
                _ => {
                    let message = format!("`rotary` is `{value}`, which is neither true nor false nor a base");
                    Err(Box::new(Fault::at(settings.item, message, "a base is a whole number from 2, commonly 10000")))
                }
            },
        }
    }

    fn activation(&mut self, settings: &Settings<'a, '_>) -> Outcome<Option<Activation>> {
        let found = self.get_word(settings, "act", |word| match word {
            "none" => Some(None),
            _ => Activation::from_name(word).map(Some),
        })?;
        Ok(found.flatten())
    }

    fn activate(&mut self, act: Option<Activation>, at: NodeId, name: String, item: &Item) -> Outcome<NodeId> {
        match act {
            Some(function) => self.add([&name, ".act"].concat(), Op::Activation { function }, &[at], item),
            None => Ok(at),
        }
    }
}
