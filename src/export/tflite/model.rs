//! The tables of a TFLite model by their numbers in the schema: tensors, operators, buffers.

use super::flatbuffer::{Item, Table, file};

/// Offsets have 31 bits; weights have to leave some of it to the rest.
pub(super) const LIMIT: u64 = (1 << 31) - (64 << 20);

/// A tensor, by its number.
pub(super) type Tensor = i32;

/// The operators in use, by the schema's `BuiltinOperator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Code {
    Add = 0,
    AveragePool = 1,
    Concatenation = 2,
    Conv = 3,
    DepthwiseConv = 4,
    DepthToSpace = 5,
    FullyConnected = 9,
    Logistic = 14,
    MaxPool = 17,
    Mul = 18,
    Relu = 19,
    Relu6 = 21,
    Reshape = 22,
    ResizeBilinear = 23,
    Softmax = 25,
    Pad = 34,
    Mean = 40,
    ResizeNearest = 97,
    HardSwish = 117,
    /// 150 in the schema, which does not fit the old field of a byte.
    Gelu = 150,
}

/// The attributes of an operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Options {
    None,
    Conv { same: bool, stride: i32, dilation: i32, fused: u8, multiplier: Option<i32> },
    Pool { same: bool, stride: i32, window: i32 },
    FullyConnected { fused: u8, keep_dimensions: bool },
    Fused(u8),
    Axis(i32),
    Resize { bilinear: bool },
    Reshape(Vec<i32>),
    KeepDimensions(bool),
    BlockSize(i32),
    Softmax,
}

/// The schema's `Padding`.
fn padding(same: bool) -> Item {
    Item::Byte(u8::from(!same))
}

fn flag(value: bool) -> Item {
    Item::Byte(u8::from(value))
}

impl Options {
    /// The schema's `BuiltinOptions` and the table; nothing for operators without attributes.
    fn table(self, code: Code) -> Option<(u8, Table)> {
        let table = Table::default();
        Some(match self {
            Self::None => return None,
            Self::Conv { same, stride, dilation, fused, multiplier } => {
                let table = table.with(0, padding(same)).with(1, Item::Int(stride)).with(2, Item::Int(stride));
                match multiplier {
                    None => {
                        let table = table.with(3, Item::Byte(fused));
                        (1, table.with(4, Item::Int(dilation)).with(5, Item::Int(dilation)))
                    }
                    Some(multiplier) => {
                        let table = table.with(3, Item::Int(multiplier)).with(4, Item::Byte(fused));
                        (2, table.with(5, Item::Int(dilation)).with(6, Item::Int(dilation)))
                    }
                }
            }
            Self::Pool { same, stride, window } => {
                let table = table.with(0, padding(same)).with(1, Item::Int(stride)).with(2, Item::Int(stride));
                (5, table.with(3, Item::Int(window)).with(4, Item::Int(window)))
            }
            Self::FullyConnected { fused, keep_dimensions } => {
                (8, table.with(0, Item::Byte(fused)).with(2, flag(keep_dimensions)))
            }
            Self::Fused(fused) => (if code == Code::Mul { 21 } else { 11 }, table.with(0, Item::Byte(fused))),
            Self::Axis(axis) => (10, table.with(0, Item::Int(axis))),
            Self::Resize { bilinear: true } => (15, table.with(3, flag(true))),
            Self::Resize { bilinear: false } => (74, table.with(0, flag(false))),
            Self::Reshape(shape) => (17, table.with(0, Item::Ints(shape))),
            Self::KeepDimensions(keep) => (27, table.with(0, flag(keep))),
            Self::BlockSize(size) => (94, table.with(0, Item::Int(size))),
            Self::Softmax => (9, table.with(0, Item::Float(1.0))),
        })
    }
}

/// The schema's `TensorType`.
const FLOAT32: u8 = 0;
const INT32: u8 = 2;

/// A model under construction.
#[derive(Debug)]
pub(super) struct Model {
    codes: Vec<Code>,
    tensors: Vec<Table>,
    operators: Vec<Table>,
    buffers: Vec<Table>,
    inputs: Vec<Tensor>,
}

impl Default for Model {
    fn default() -> Self {
        // The first buffer is that of everything computed: empty.
        let buffers = vec![Table::default()];
        Self { codes: Vec::new(), tensors: Vec::new(), operators: Vec::new(), buffers, inputs: Vec::new() }
    }
}

impl Model {
    fn tensor(&mut self, shape: &[i32], kind: u8, buffer: usize) -> Tensor {
        let number = self.tensors.len() as i32;
        let table = Table::default()
            .with(0, Item::Ints(shape.to_vec()))
            .with(1, Item::Byte(kind))
            .with(2, Item::Int(buffer as i32))
            .with(3, Item::Text(format!("t{number}")));
        self.tensors.push(table);
        number
    }

    /// An input of the model.
    pub fn input(&mut self, shape: &[i32]) -> Tensor {
        let tensor = self.tensor(shape, FLOAT32, 0);
        self.inputs.push(tensor);
        tensor
    }

    /// Weights of no meaning: small numbers of both signs, none of them zero, so that nothing can be skipped.
    pub fn weights(&mut self, shape: &[i32]) -> Tensor {
        let count: usize = shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).product();
        let value = |index: usize| ((index * 37 % 251) as f32 - 124.5) / 2000.0;
        self.constant(shape, FLOAT32, (0..count).flat_map(|index| value(index).to_le_bytes()).collect())
    }

    /// A list of whole numbers.
    pub fn numbers(&mut self, values: &[i32]) -> Tensor {
        self.shaped_numbers(values, &[values.len() as i32])
    }

    /// Whole numbers in another shape than a list.
    pub fn shaped_numbers(&mut self, values: &[i32], shape: &[i32]) -> Tensor {
        self.constant(shape, INT32, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn constant(&mut self, shape: &[i32], kind: u8, bytes: Vec<u8>) -> Tensor {
        self.buffers.push(Table::default().with(0, Item::Data(bytes)));
        self.tensor(shape, kind, self.buffers.len() - 1)
    }

    /// An operator; the tensor that it makes.
    pub fn operator(&mut self, code: Code, inputs: &[Tensor], shape: &[i32], options: Options) -> Tensor {
        let output = self.tensor(shape, FLOAT32, 0);
        let known = self.codes.iter().position(|known| *known == code);
        let index = known.unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        let mut table = Table::default()
            .with(0, Item::Int(index as i32))
            .with(1, Item::Ints(inputs.to_vec()))
            .with(2, Item::Ints(vec![output]));
        if let Some((kind, options)) = options.table(code) {
            table = table.with(3, Item::Byte(kind)).with(4, Item::Table(options));
        }
        self.operators.push(table);
        output
    }

    /// The bytes of the file.
    pub fn finish(self, outputs: &[Tensor]) -> Vec<u8> {
        let code = |code: &Code| {
            let number = *code as u8;
            // Readers of before 2020 know the first field only; 127 there sends others to the last.
            let table = Table::default().with(0, Item::Byte(number.min(127))).with(2, Item::Int(1));
            table.with(3, Item::Int(i32::from(number)))
        };
        let graph = Table::default()
            .with(0, Item::Tables(self.tensors))
            .with(1, Item::Ints(self.inputs))
            .with(2, Item::Ints(outputs.to_vec()))
            .with(3, Item::Tables(self.operators));
        let root = Table::default()
            .with(0, Item::Int(3))
            .with(1, Item::Tables(self.codes.iter().map(code).collect()))
            .with(2, Item::Tables(vec![graph]))
            .with(3, Item::Text(format!("pocketnas {}: for its speed alone", env!("CARGO_PKG_VERSION"))))
            .with(4, Item::Tables(self.buffers));
        file(&root, *b"TFL3")
    }
}
