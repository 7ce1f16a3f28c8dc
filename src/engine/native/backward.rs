//! The way back: each item sends the gradient of its value to the slots of what it read.

use std::mem::take;
use std::sync::Arc;

use super::forward::TERMS;
use super::isa::Numeric;
use super::items::{Action, Port};
use super::plan::Reading;
use super::program::{Compiled, State};
use super::team::Shards;
use super::tokens::FeatureNorm;
use super::view::{Sink, Slope, Sums, Through};
use super::{conv, elementwise, mean, norm, relayout, resample, tokens};
use crate::graph::Axis;

impl<T: Numeric> Compiled<T> {
    /// Runs every item once, last first; seeds are in place and their slots marked as written.
    pub(super) fn run_backward(&mut self) {
        self.turned.fill(false);
        self.reached.fill(false);
        for item in (0..self.items.list.len()).rev() {
            if self.decisions.needed[item] {
                self.backward_item(item);
            }
        }
    }

    /// The slot that the gradient of what a port reads gathers in.
    fn slot(&self, reading: &Reading) -> usize {
        self.decisions.shares[self.decisions.slots[&(reading.base, reading.norm)]]
    }

    /// The slot in which the gradient of a base stands, and whether anything arrived there.
    fn arrived(&self, base: usize) -> Option<usize> {
        let key = (base, self.decisions.through[base]);
        let slot = self.decisions.shares[*self.decisions.slots.get(&key)?];
        self.written[slot].then_some(slot)
    }

    /// The gradient of a base's stored value, for a chunk.
    fn slope(&self, base: usize, chunk: usize) -> Slope<'_, T> {
        let norm = self.decisions.through[base];
        Slope { data: self.gradient_of(base, norm, chunk), through: norm.map(|norm| self.through(norm, chunk)) }
    }

    fn gradient_of(&self, base: usize, norm: Option<usize>, chunk: usize) -> &[T] {
        let slot = self.decisions.slots[&(base, norm)];
        match self.decisions.gradients[slot] {
            Some(store) => &self.stores[store][self.chunks.range(chunk, self.items.list[base].layout.sample())],
            None => &[],
        }
    }

    /// The way back through a batch norm.
    fn through(&self, norm: usize, chunk: usize) -> Through<'_, T> {
        let base = self.decisions.readings[norm].base;
        match &self.states[norm] {
            State::Norm { norm, .. } => norm.through(self.value_of(base, chunk)),
            _ => unreachable!("a slope passes through batch norms only"),
        }
    }

    fn backward_item(&mut self, i: usize) {
        let item = &self.items.list[i];
        match &item.action {
            Action::Input(_) | Action::Zeros | Action::Activation(_) => {}
            Action::BatchNorm => self.backward_norm(i),
            _ if self.arrived(i).is_none() => {}
            Action::Conv { .. } => {
                // To the filters, and to the input where its gradient is needed.
                self.count(i, 1 + u64::from(self.decisions.needed[item.inputs[0].item]));
                self.backward_conv(i);
            }
            Action::Sum => self.backward_sum(i),
            _ => self.backward_other(i),
        }
    }

    /// Lends the slot that the gradient of what a port reads gathers in: `work` gets a sink for each chunk. Where this
    /// item is the last to send something through a batch norm, the norm's sums are taken as it writes.
    fn send(
        &mut self,
        sender: usize,
        port: &Port,
        work: impl Fn(&Self, usize, Sink<'_, T>, &mut conv::Scratch<T>) + Sync + Send,
    ) {
        let reading = self.decisions.readings[port.item];
        let norm = reading.norm.filter(|_| self.decisions.completes[self.slot(&reading)] == Some(sender));
        self.send_to(&reading, norm, work);
    }

    fn send_to(
        &mut self,
        reading: &Reading,
        norm: Option<usize>,
        work: impl Fn(&Self, usize, Sink<'_, T>, &mut conv::Scratch<T>) + Sync + Send,
    ) {
        let slot = self.slot(reading);
        let Some(store) = self.decisions.gradients[slot] else { return };
        let layout = self.items.list[reading.base].layout;
        let sample = layout.sample();
        let mut gradient = take(&mut self.stores[store]);
        let mut scratch = take(&mut self.scratch);
        let mut sums = if norm.is_some() { take(&mut self.sums) } else { Vec::new() };
        sums.iter_mut().for_each(|sums| sums.reset(layout.stride()));
        let accumulate = self.written[slot];
        {
            let parts = Shards::new(&mut gradient[..self.batch() * sample], self.chunks.range(0, sample).len());
            let (scratch, sums) = (Shards::new(&mut scratch, 1), Shards::new(&mut sums, 1));
            let me = &*self;
            me.team.run(&me.chunks, |chunk| {
                // Every chunk takes its own parts.
                let (data, scratch, sums) =
                    unsafe { (parts.part(chunk), &mut scratch.part(chunk)[0], sums.part(chunk).first_mut()) };
                work(me, chunk, Sink { data, accumulate, sums }, scratch);
            });
        }
        self.stores[store] = gradient;
        self.scratch = scratch;
        self.written[slot] = true;
        if let Some(norm) = norm {
            self.turn_by(norm, sums.iter().take(self.chunks.count()));
            self.sums = sums;
        }
    }

    fn backward_conv(&mut self, i: usize) {
        let items = Arc::clone(&self.items);
        let Action::Conv { conv, .. } = &items.list[i].action else { return };
        let port = items.list[i].inputs[0];
        let State::Conv { partials, .. } = self.states[i] else { return };
        let mut parts = take(&mut self.partials[partials]);
        {
            let parts = Shards::new(&mut parts, 1);
            let work = |me: &Self, chunk: usize, sink: Option<Sink<'_, T>>, scratch: &mut conv::Scratch<T>| {
                let State::Conv { filters, .. } = &me.states[i] else { return };
                let partial = unsafe { &mut parts.part(chunk)[0] };
                partial.clear();
                conv::backward(
                    me.isa,
                    conv,
                    me.source(&port, chunk),
                    me.slope(i, chunk),
                    filters,
                    partial,
                    sink,
                    scratch,
                );
            };
            if self.decisions.needed[port.item] {
                self.send(i, &port, |me, chunk, sink, scratch| work(me, chunk, Some(sink), scratch));
            } else {
                let mut scratch = take(&mut self.scratch);
                let lent = Shards::new(&mut scratch, 1);
                let me = &*self;
                me.team.run(&me.chunks, |chunk| work(me, chunk, None, unsafe { &mut lent.part(chunk)[0] }));
                self.scratch = scratch;
            }
        }
        if let State::Conv { gradient: Some(gradient), .. } = &mut self.states[i] {
            gradient.clear();
            parts.iter().take(self.chunks.count()).for_each(|part| gradient.add(part));
        }
        self.partials[partials] = parts;
        self.reached[i] = true;
    }

    fn backward_sum(&mut self, i: usize) {
        let norms = take(&mut self.decisions.turned_with[i]);
        self.turn(&norms);
        self.decisions.turned_with[i] = norms;
        let whole = self.arrived(i);
        let items = Arc::clone(&self.items);
        for &port in &items.list[i].inputs {
            if !self.decisions.needed[port.item] || whole == Some(self.slot(&self.decisions.readings[port.item])) {
                continue;
            }
            self.send(i, &port, |me, chunk, sink, _| {
                let slope = me.slope(i, chunk);
                let mut source = me.source(&port, chunk);
                if source.activation.is_none() && sink.sums.is_none() {
                    // Nothing looks at the value, and it may be gone.
                    source.data = slope.data;
                }
                elementwise::spread(me.isa, source, slope, sink);
            });
        }
    }

    /// Finds the way back through batch norms whose gradients stand in one slot.
    fn turn(&mut self, norms: &[usize]) {
        let mut turning = take(&mut self.turning);
        let slot_of = |norm: usize| self.slot(&self.decisions.readings[norm]);
        let open = |&norm: &usize| !self.turned[norm] && self.written[slot_of(norm)];
        turning.clear();
        turning.extend(norms.iter().copied().filter(open));
        turning.chunks(TERMS).for_each(|norms| self.turn_together(norms));
        self.turning = turning;
    }

    /// The same for a few norms, all of which are open.
    fn turn_together(&mut self, norms: &[usize]) {
        let Some(&first) = norms.first() else { return };
        let base_of = |me: &Self, norm: usize| me.decisions.readings[norm].base;
        let layout = self.items.list[base_of(self, first)].layout;
        let mut sums = take(&mut self.sums);
        let needed = self.chunks.count() * norms.len();
        sums.resize_with(sums.len().max(needed), Sums::default);
        sums.iter_mut().for_each(|sums| sums.reset(layout.stride()));
        {
            let parts = Shards::new(&mut sums, norms.len());
            let me = &*self;
            me.team.run(&me.chunks, |chunk| {
                // Every chunk takes its own part.
                let sums = unsafe { parts.part(chunk) };
                let mut maps: [&[T]; TERMS] = [&[]; TERMS];
                maps.iter_mut().zip(norms).for_each(|(map, &norm)| *map = me.value_of(base_of(me, norm), chunk));
                let d = me.gradient_of(base_of(me, first), Some(first), chunk);
                norm::reduce(me.isa, d, layout, &maps[..norms.len()], &mut sums[..norms.len()]);
            });
        }
        for (position, &norm) in norms.iter().enumerate() {
            self.turn_by(norm, sums[..needed].iter().skip(position).step_by(norms.len()));
        }
        self.sums = sums;
    }

    /// The same for one norm, from the sums of every chunk.
    fn turn_by<'s>(&mut self, i: usize, sums: impl Iterator<Item = &'s Sums>) {
        let layout = self.items.list[self.decisions.readings[i].base].layout;
        self.total.reset(layout.stride());
        sums.for_each(|sums| self.total.add(sums));
        let (count, mode) = (self.batch() * layout.positions(), self.plan.mode);
        if let State::Norm { norm, parameters } = &mut self.states[i] {
            norm.turn(&self.total, count, &parameters[0], mode);
        }
        self.turned[i] = true;
        self.reached[i] = true;
    }

    fn backward_norm(&mut self, i: usize) {
        let base = self.decisions.readings[i].base;
        if !self.decisions.slots.contains_key(&(base, Some(i))) {
            return;
        }
        self.turn(&[i]);
        let merged = Reading { base, norm: None, activation: None };
        if !self.turned[i] || self.decisions.through[base] == Some(i) || !self.decisions.needed[base] {
            return;
        }
        let port = Port { item: base, layout: self.items.list[base].layout };
        self.send_to(&merged, None, |me, chunk, sink, _| {
            let slope = Slope { data: me.gradient_of(base, Some(i), chunk), through: Some(me.through(i, chunk)) };
            elementwise::spread(me.isa, me.source(&port, chunk), slope, sink);
        });
    }

    fn backward_other(&mut self, i: usize) {
        let items = Arc::clone(&self.items);
        let item = &items.list[i];
        let mut offset = 0;
        match item.action {
            Action::Attention(_) => {
                self.count(i, 2);
                return self.backward_attention(i);
            }
            Action::FeatureNorm(kind) => return self.backward_feature_norm(i, kind),
            Action::Embedding { .. } => return self.backward_embedding(i),
            Action::Place | Action::Prepend => self.backward_table(i),
            _ => {}
        }
        for (which, port) in item.inputs.iter().enumerate() {
            let channels = port.layout.channels;
            if self.decisions.needed[port.item] {
                self.send(i, port, |me, chunk, sink, scratch| {
                    let d = me.slope(i, chunk).data;
                    let source = me.source(port, chunk);
                    let isa = me.isa;
                    match &item.action {
                        Action::Pool(_) => {
                            if let State::Pool(pooling) = &me.states[i] {
                                pooling.backward(isa, source, d, sink, &mut scratch.x);
                            }
                        }
                        Action::Mean => mean::mean_backward(isa, source, d, sink),
                        Action::Product => me.with_factors(i, chunk, |factors| {
                            elementwise::product_backward(isa, factors, which, d, sink);
                        }),
                        Action::Concat => relayout::copy_channels_backward(isa, source, d, item.layout, offset, sink),
                        Action::Upsample { .. } => {
                            if let State::Upsample(enlargement) = &me.states[i] {
                                enlargement.backward(isa, d, sink.data, sink.accumulate);
                            }
                        }
                        Action::PixelShuffle { scale } => {
                            resample::pixel_shuffle_backward(*scale, d, port.layout, sink.data, sink.accumulate);
                        }
                        Action::Reshape { from, to } => {
                            relayout::reshape(d, *to, sink.data, *from, sink.accumulate);
                        }
                        Action::Place => relayout::copy(d, sink.data, sink.accumulate),
                        Action::Prepend => {
                            let before = item.layout.height - port.layout.height;
                            let (data, tokens) = (sink.data, Axis::Tokens);
                            relayout::slice(d, item.layout, data, port.layout, tokens, before, sink.accumulate);
                        }
                        Action::Slice { axis, start } => relayout::slice_backward(
                            d,
                            item.layout,
                            sink.data,
                            port.layout,
                            *axis,
                            *start,
                            sink.accumulate,
                        ),
                        Action::Shuffle { groups } => {
                            let back = item.layout.channels / groups;
                            relayout::shuffle(d, item.layout, back, sink.data, sink.accumulate);
                        }
                        Action::Softmax => {
                            let y = me.value_of(i, chunk);
                            tokens::softmax_backward(isa, y, item.layout, d, sink.data, sink.accumulate);
                        }
                        _ => {}
                    }
                });
            }
            offset += channels;
        }
    }

    /// A norm over features sends back the gradient of its input and those of its scale and shift.
    fn backward_feature_norm(&mut self, i: usize, kind: FeatureNorm) {
        let port = self.items.list[i].inputs[0];
        let layout = self.items.list[i].layout;
        let mut sums = take(&mut self.sums);
        sums.iter_mut().for_each(|sums| sums.reset(layout.stride()));
        {
            let shards = Shards::new(&mut sums, 1);
            let work = |me: &Self, chunk: usize, dx: &mut [T], accumulate: bool, buffer: &mut Vec<T>| {
                // Every chunk takes its own part.
                let sums = unsafe { &mut shards.part(chunk)[0] };
                let State::Features { parameters, .. } = &me.states[i] else { return };
                let (x, d) = (me.source(&port, chunk).data, me.slope(i, chunk).data);
                tokens::norm_backward(me.isa, kind, x, layout, &parameters[0], d, dx, accumulate, sums, buffer);
            };
            if self.decisions.needed[port.item] {
                self.send(i, &port, |me, chunk, sink, scratch| {
                    work(me, chunk, sink.data, sink.accumulate, &mut scratch.x);
                });
            } else {
                // Nobody wants the gradient of the input, but the kernel writes one.
                let mut scratch = take(&mut self.scratch);
                {
                    let lent = Shards::new(&mut scratch, 1);
                    let me = &*self;
                    me.team.run(&me.chunks, |chunk| {
                        // Every chunk takes its own part.
                        let conv::Scratch { x, gradient, .. } = unsafe { &mut lent.part(chunk)[0] };
                        let length = me.slope(i, chunk).data.len();
                        gradient.resize(gradient.len().max(length), T::ZERO);
                        work(me, chunk, &mut gradient[..length], false, x);
                    });
                }
                self.scratch = scratch;
            }
        }
        let mut total = take(&mut self.total);
        total.reset(layout.stride());
        sums.iter().take(self.chunks.count()).for_each(|sums| total.add(sums));
        if let State::Features { gradients, .. } = &mut self.states[i] {
            // Scale first: it has the sum of the products.
            for (gradient, sum) in gradients.iter_mut().zip([&total.second, &total.first]) {
                gradient.iter_mut().zip(sum).for_each(|(gradient, &sum)| *gradient = T::of(sum));
            }
        }
        self.sums = sums;
        self.total = total;
        self.reached[i] = true;
    }

    /// The gradient of a table is gathered by one thread: two tokens may be the same row.
    fn backward_embedding(&mut self, i: usize) {
        let item = &self.items.list[i];
        let (port, features) = (item.inputs[0], item.layout.channels);
        let State::Features { parameters, mut gradients } = take(&mut self.states[i]) else { return };
        gradients[0].fill(T::ZERO);
        for chunk in 0..self.chunks.count() {
            let ids = self.source(&port, chunk);
            tokens::embed_backward(ids.data, ids.layout, self.slope(i, chunk).data, features, &mut gradients[0]);
        }
        self.states[i] = State::Features { parameters, gradients };
        self.reached[i] = true;
    }

    /// The gradient of learned positions and tokens is that of the first tokens, over all samples.
    fn backward_table(&mut self, i: usize) {
        let layout = self.items.list[i].layout;
        let State::Features { parameters, mut gradients } = take(&mut self.states[i]) else { return };
        gradients[0].fill(T::ZERO);
        for chunk in 0..self.chunks.count() {
            tokens::table_backward(self.slope(i, chunk).data, layout, &mut gradients[0]);
        }
        self.states[i] = State::Features { parameters, gradients };
        self.reached[i] = true;
    }

    fn backward_attention(&mut self, i: usize) {
        let State::Attention { kernel, mut kept, mut apart } = take(&mut self.states[i]) else { return };
        let items = Arc::clone(&self.items);
        let ports = &items.list[i].inputs;
        let slots = [0, 1, 2].map(|port| {
            let wanted = self.decisions.needed[ports[port].item];
            wanted.then(|| self.slot(&self.decisions.readings[ports[port].item]))
        });
        // All three gradients come of one pass. It writes into the slots, unless two are the same.
        let twice = |port: usize| slots[port].is_some() && (0..port).any(|before| slots[before] == slots[port]);
        let direct = [0, 1, 2].map(|port| slots[port].filter(|_| !twice(1) && !twice(2)));
        let store_of = |slot: Option<usize>, me: &Self| slot.and_then(|slot| me.decisions.gradients[slot]);
        let sizes = [0, 1, 2].map(|port| self.batch() * ports[port].layout.sample());
        let mut gradients = [0, 1, 2].map(|port| match store_of(direct[port], self) {
            Some(store) => take(&mut self.stores[store]),
            None => {
                if slots[port].is_some() {
                    apart[port].resize(sizes[port], T::ZERO);
                }
                take(&mut apart[port])
            }
        });
        {
            let shards =
                |port: usize, gradient| Shards::new(gradient, self.chunks.range(0, ports[port].layout.sample()).len());
            let [dq, dk, dv] = &mut gradients;
            let cut = |gradient: &mut Vec<T>, port: usize| gradient.len().min(sizes[port]);
            let lengths = [cut(dq, 0), cut(dk, 1), cut(dv, 2)];
            let parts =
                [shards(0, &mut dq[..lengths[0]]), shards(1, &mut dk[..lengths[1]]), shards(2, &mut dv[..lengths[2]])];
            let kept = Shards::new(&mut kept, self.chunks.range(0, kernel.scratch_elements()).len());
            let me = &*self;
            me.team.run(&me.chunks, |chunk| {
                let v = me.source(&ports[2], chunk).data;
                // Every chunk takes its own parts.
                let sinks = [0, 1, 2].map(|port| {
                    let adds = direct[port].is_some_and(|slot| me.written[slot]);
                    slots[port].map(|_| (unsafe { parts[port].part(chunk) }, adds))
                });
                kernel.backward(me.isa, v, me.slope(i, chunk).data, unsafe { kept.part(chunk) }, sinks);
            });
        }
        for (port, gradient) in gradients.into_iter().enumerate() {
            if let (Some(store), Some(slot)) = (store_of(direct[port], self), direct[port]) {
                self.stores[store] = gradient;
                self.written[slot] = true;
            } else if slots[port].is_some() {
                let layout = ports[port].layout;
                self.send(i, &ports[port], |me, chunk, sink, _| {
                    let part = &gradient[me.chunks.range(chunk, layout.sample())];
                    relayout::copy(part, sink.data, sink.accumulate);
                });
                apart[port] = gradient;
            }
        }
        self.states[i] = State::Attention { kernel, kept, apart };
    }
}
