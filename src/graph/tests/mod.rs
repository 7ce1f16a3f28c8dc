#![allow(clippy::unwrap_used)]
mod blocks;
mod cost;
mod files;
mod fuzz;
mod hash;
mod live;
mod random;
mod shape;

use super::*;

/// Adds an operator to a network whose shapes are known to fit.
fn add(net: &mut Builder, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
    net.add(name, op, inputs).unwrap()
}

fn input(net: &mut Builder, shape: Shape) -> NodeId {
    add(net, "input", Op::Input { shape }, &[])
}

fn relu() -> Op {
    Op::Activation { function: Activation::Relu }
}

fn conv(channels: usize, kernel: usize) -> Op {
    Op::Conv2d(Conv2d::square(channels, kernel, 1))
}

fn map(channels: usize, height: usize, width: usize) -> Shape {
    Shape::Map { channels, height, width }
}

fn tokens(tokens: usize, features: usize) -> Shape {
    Shape::Tokens { tokens, features }
}

fn attention(heads: usize, kv_heads: usize) -> Attention {
    Attention { heads, kv_heads, causal: false, rotary: None }
}

fn vector(features: usize) -> Shape {
    Shape::Vector { features }
}
