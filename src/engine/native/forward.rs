//! The way forward: each item computes its value from the readings of others.

use std::mem::take;

use super::isa::Numeric;
use super::items::{Action, Port};
use super::program::{Compiled, State};
use super::team::Shards;
use super::view::{Source, Sums};
use super::{conv, elementwise, mean, norm, relayout, resample, tokens};
use crate::engine::EngineError;

/// Terms of a sum, or maps of one gradient, that are gone through in one pass.
pub(super) const TERMS: usize = 4;

impl<T: Numeric> Compiled<T> {
    /// Runs every item once; inputs are in place.
    pub(super) fn run_forward(&mut self) -> Result<(), EngineError> {
        for item in 0..self.items.list.len() {
            self.forward_item(item)?;
        }
        Ok(())
    }

    /// What an item reads of a chunk.
    pub(super) fn source(&self, port: &Port, chunk: usize) -> Source<'_, T> {
        let reading = self.decisions.readings[port.item];
        let affine = reading.norm.map(|norm| match &self.states[norm] {
            State::Norm { norm, .. } => norm.affine(),
            _ => unreachable!("a reading's norm is a batch norm"),
        });
        Source { data: self.value_of(reading.base, chunk), layout: port.layout, affine, activation: reading.activation }
    }

    /// The stored value of an item for a chunk; empty where it is not stored.
    pub(super) fn value_of(&self, base: usize, chunk: usize) -> &[T] {
        match self.decisions.values[base] {
            Some(store) => {
                // A store that another item is writing was taken away; it is then no longer this item's.
                self.stores[store].get(self.chunks.range(chunk, self.items.list[base].layout.sample())).unwrap_or(&[])
            }
            None => &[],
        }
    }

    fn forward_item(&mut self, i: usize) -> Result<(), EngineError> {
        let item = &self.items.list[i];
        if matches!(item.action, Action::Input(_) | Action::Activation(_)) || self.decisions.fused[i].is_some() {
            return Ok(());
        }
        if item.action == Action::BatchNorm {
            self.normalise(i);
            return Ok(());
        }
        if let Action::Embedding { vocabulary } = item.action {
            self.check_ids(i, vocabulary)?;
        }
        let Some(store) = self.decisions.values[i] else { return Ok(()) };
        self.count(i, 1);
        let mut out = take(&mut self.stores[store]);
        if matches!(item.action, Action::Attention(_)) {
            self.attend(i, &mut out);
            self.stores[store] = out;
            return Ok(());
        }
        let mut scratch = take(&mut self.scratch);
        let mut sums = take(&mut self.sums);
        let sample = self.items.list[i].layout.sample();
        let measured = self.measures_itself(i);
        if measured {
            sums.iter_mut().for_each(|sums| sums.reset(self.items.list[i].layout.stride()));
        }
        {
            let length = self.chunks.range(0, sample).len();
            let used = self.batch() * sample;
            let parts = Shards::new(&mut out[..used], length);
            let (scratch, sums) = (Shards::new(&mut scratch, 1), Shards::new(&mut sums, 1));
            let me = &*self;
            me.team.run(&me.chunks, |chunk| {
                // Every chunk takes its own parts.
                let (out, scratch, sums) = unsafe { (parts.part(chunk), scratch.part(chunk), sums.part(chunk)) };
                me.compute(i, chunk, out, &mut scratch[0], measured.then_some(&mut sums[0]));
            });
        }
        if measured {
            let total = self.statistics[i].get_or_insert_default();
            total.reset(self.items.list[i].layout.stride());
            sums.iter().take(self.chunks.count()).for_each(|sums| total.add(sums));
        }
        self.stores[store] = out;
        self.scratch = scratch;
        self.sums = sums;
        Ok(())
    }

    /// Whether the kernel of an item takes the statistics that a batch norm needs as it goes.
    fn measures_itself(&self, i: usize) -> bool {
        let item = &self.items.list[i];
        let kernel = match item.action {
            Action::Conv { .. } => true,
            Action::Sum => {
                item.inputs.len() <= TERMS && item.inputs.iter().all(|p| self.decisions.fused[p.item].is_none())
            }
            _ => false,
        };
        kernel && self.decisions.normed[i] && self.trains()
    }

    /// The value of an item for a chunk.
    fn compute(&self, i: usize, chunk: usize, out: &mut [T], scratch: &mut conv::Scratch<T>, sums: Option<&mut Sums>) {
        let item = &self.items.list[i];
        let isa = self.isa;
        let source = |port: usize| self.source(&item.inputs[port], chunk);
        match &item.action {
            Action::Input(_) | Action::BatchNorm | Action::Activation(_) => {}
            Action::Conv { conv, .. } => {
                if let State::Conv { filters, .. } = &self.states[i] {
                    conv::forward(isa, conv, source(0), filters, out, sums, scratch);
                }
            }
            Action::Sum => self.sum(i, chunk, out, scratch, sums),
            Action::Pool(_) => {
                if let State::Pool(pooling) = &self.states[i] {
                    pooling.forward(isa, source(0), out, false, &mut scratch.x);
                }
            }
            Action::Mean => mean::mean(isa, source(0), out),
            Action::Product => {
                self.with_factors(i, chunk, |factors| elementwise::product(isa, factors, out));
            }
            Action::Concat => {
                let mut offset = 0;
                for port in 0..item.inputs.len() {
                    let part = source(port);
                    relayout::copy_channels(isa, part, out, item.layout, offset);
                    offset += part.layout.channels;
                }
            }
            Action::Upsample { .. } => {
                if let State::Upsample(enlargement) = &self.states[i] {
                    enlargement.forward(isa, source(0).data, out);
                }
            }
            Action::PixelShuffle { scale } => {
                resample::pixel_shuffle(*scale, source(0).data, source(0).layout, out);
            }
            Action::Reshape { from, to } => relayout::reshape(source(0).data, *from, out, *to, false),
            Action::FeatureNorm(kind) => {
                if let State::Features { parameters, .. } = &self.states[i] {
                    let bias = parameters.get(1).map(Vec::as_slice);
                    tokens::norm(isa, *kind, source(0).data, item.layout, &parameters[0], bias, out);
                }
            }
            Action::Embedding { .. } => {
                if let State::Features { parameters, .. } = &self.states[i] {
                    let ids = source(0);
                    tokens::embed(ids.data, ids.layout, &parameters[0], item.layout.channels, out);
                }
            }
            Action::Place => {
                if let State::Features { parameters, .. } = &self.states[i] {
                    tokens::place(source(0).data, item.layout, &parameters[0], out);
                }
            }
            Action::Prepend => {
                if let State::Features { parameters, .. } = &self.states[i] {
                    tokens::prepend(source(0).data, source(0).layout, &parameters[0], out);
                }
            }
            Action::Slice { axis, start } => {
                relayout::slice(source(0).data, source(0).layout, out, item.layout, *axis, *start, false);
            }
            Action::Shuffle { groups } => relayout::shuffle(source(0).data, item.layout, *groups, out, false),
            Action::Softmax => tokens::softmax(isa, source(0).data, item.layout, out),
            // It keeps something for its way back, so it runs by itself.
            Action::Attention(_) => {}
            Action::Zeros => out.fill(T::ZERO),
        }
    }

    /// Calls with what a product reads of a chunk.
    pub(super) fn with_factors(&self, i: usize, chunk: usize, work: impl FnOnce(&[Source<'_, T>])) {
        let ports = &self.items.list[i].inputs;
        match ports[..] {
            [] => work(&[]),
            [first, ..] if ports.len() <= TERMS => {
                let mut factors = [self.source(&first, chunk); TERMS];
                factors.iter_mut().zip(ports).for_each(|(factor, port)| *factor = self.source(port, chunk));
                work(&factors[..ports.len()]);
            }
            // So many are rare, and may be gathered anew each time.
            _ => work(&ports.iter().map(|port| self.source(port, chunk)).collect::<Vec<_>>()),
        }
    }

    /// Attention, which keeps its probabilities.
    fn attend(&mut self, i: usize, out: &mut [T]) {
        let State::Attention { kernel, mut kept, apart } = take(&mut self.states[i]) else { return };
        let sample = self.items.list[i].layout.sample();
        {
            let parts = Shards::new(&mut out[..self.batch() * sample], self.chunks.range(0, sample).len());
            let length = self.chunks.range(0, kernel.scratch_elements()).len();
            let kept = Shards::new(&mut kept, length);
            let me = &*self;
            me.team.run(&me.chunks, |chunk| {
                // Every chunk takes its own parts.
                let (out, kept) = unsafe { (parts.part(chunk), kept.part(chunk)) };
                let [q, k, v] = [0, 1, 2].map(|port| me.source(&me.items.list[i].inputs[port], chunk).data);
                kernel.forward(me.isa, q, k, v, kept, out);
            });
        }
        self.states[i] = State::Attention { kernel, kept, apart };
    }

    /// Adds up what a sum reads: stored terms in one pass, then the poolings that write into it.
    fn sum(&self, i: usize, chunk: usize, out: &mut [T], scratch: &mut conv::Scratch<T>, sums: Option<&mut Sums>) {
        let item = &self.items.list[i];
        let fused = |port: &&Port| self.decisions.fused[port.item].is_some();
        let mut stored = item.inputs.iter().filter(|port| !fused(port)).map(|port| self.source(port, chunk));
        let mut begun = false;
        if let Some(first) = stored.next() {
            let mut terms = [first; TERMS];
            let mut count = 1;
            for (slot, term) in terms[1..].iter_mut().zip(&mut stored) {
                *slot = term;
                count += 1;
            }
            elementwise::sum(self.isa, &terms[..count], out, sums);
            stored.for_each(|term| elementwise::add_to(self.isa, term, out));
            begun = true;
        }
        for port in item.inputs.iter().filter(fused) {
            if let State::Pool(pooling) = &self.states[port.item] {
                let source = self.source(&self.items.list[port.item].inputs[0], chunk);
                pooling.forward(self.isa, source, out, begun, &mut scratch.x);
                begun = true;
            }
        }
        if !begun {
            out.fill(T::ZERO);
        }
    }

    /// Makes the factors of a batch norm from the statistics of the batch.
    fn normalise(&mut self, i: usize) {
        if !self.trains() {
            return;
        }
        let base = self.decisions.readings[i].base;
        let layout = self.items.list[base].layout;
        if !self.measures_itself(base) {
            let mut sums = take(&mut self.sums);
            sums.iter_mut().for_each(|sums| sums.reset(layout.stride()));
            {
                let parts = Shards::new(&mut sums, 1);
                let me = &*self;
                me.team.run(&me.chunks, |chunk| {
                    let sums = unsafe { &mut parts.part(chunk)[0] };
                    norm::statistics(me.isa, me.value_of(base, chunk), layout, sums);
                });
            }
            let total = self.statistics[base].get_or_insert_default();
            total.reset(layout.stride());
            sums.iter().take(self.chunks.count()).for_each(|sums| total.add(sums));
            self.sums = sums;
        }
        let count = self.batch() * layout.positions();
        if let (State::Norm { norm, parameters }, Some(sums)) = (&mut self.states[i], &self.statistics[base]) {
            norm.train(sums, count, &parameters[0], &parameters[1]);
        }
    }

    fn check_ids(&self, i: usize, vocabulary: usize) -> Result<(), EngineError> {
        let item = &self.items.list[i];
        let ids = self.items.list[item.inputs[0].item].layout;
        for chunk in 0..self.chunks.count() {
            let rows = self.source(&item.inputs[0], chunk).data.chunks(ids.stride());
            for id in rows.flat_map(|row| &row[..ids.channels]).map(|id| id.to_f64()) {
                if !(id >= 0.0 && id < vocabulary as f64 && id.fract() == 0.0) {
                    let node = self.network.node(item.node).name.clone();
                    return Err(EngineError::Id { node, vocabulary, id });
                }
            }
        }
        Ok(())
    }
}
