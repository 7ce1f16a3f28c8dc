//! The messages of an ONNX file, with the field numbers of `onnx.proto3` (IR version 10). They encode and decode: what a
//! later version of the schema adds is passed over, as Protocol Buffers have it.
//!
//! Left out are training information, types other than tensors, and all of functions and sparse tensors but their names,
//! by which messages tell that a file has them: no file of ours does.

use prost::{Enumeration, Message, Oneof};

/// A whole file.
#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    /// The version of this schema.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The program that wrote it.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// The version of that program.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The namespace of the model, reversed.
    #[prost(string, tag = "4")]
    pub domain: String,
    /// The version of the model.
    #[prost(int64, tag = "5")]
    pub model_version: i64,
    /// What a person should know.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// The sets of operators that it uses.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// What a program may want to know.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
    /// Operators that are made of others.
    #[prost(message, repeated, tag = "25")]
    pub functions: Vec<FunctionProto>,
}

/// The name of an operator that is made of others.
#[derive(Clone, PartialEq, Message)]
pub struct FunctionProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its namespace.
    #[prost(string, tag = "10")]
    pub domain: String,
}

/// A set of operators.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetIdProto {
    /// Its namespace; empty for the standard operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Its version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A named piece of text.
#[derive(Clone, PartialEq, Message)]
pub struct StringStringEntryProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A network: nodes in topological order over named tensors.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// The nodes.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Tensors whose values are in the file.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// What a person should know.
    #[prost(string, tag = "10")]
    pub doc_string: String,
    /// What goes in.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// What comes out.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    /// The types of the tensors in between.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfoProto>,
    /// Tensors of which the file holds what is not zero.
    #[prost(message, repeated, tag = "15")]
    pub sparse_initializer: Vec<SparseTensorProto>,
}

/// A tensor of which most is zero.
#[derive(Clone, PartialEq, Message)]
pub struct SparseTensorProto {
    /// What is not zero, under the name of the tensor.
    #[prost(message, optional, tag = "1")]
    pub values: Option<TensorProto>,
}

/// One operator in its place.
#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    /// The tensors it reads; an empty name stands for an input that is left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// The tensors it writes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Its operator.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// The attributes of the operator.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    /// What a person should know.
    #[prost(string, tag = "6")]
    pub doc_string: String,
    /// The namespace of the operator; empty for the standard ones.
    #[prost(string, tag = "7")]
    pub domain: String,
    /// What a program may want to know.
    #[prost(message, repeated, tag = "9")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// A named attribute; `type` says which of the fields holds it.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number. Zero is written too, for readers that look whether it is there.
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// A whole number.
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// Text.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    /// A graph.
    #[prost(message, optional, tag = "6")]
    pub g: Option<GraphProto>,
    /// Numbers.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Whole numbers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Texts.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    /// Tensors.
    #[prost(message, repeated, tag = "10")]
    pub tensors: Vec<TensorProto>,
    /// Graphs.
    #[prost(message, repeated, tag = "11")]
    pub graphs: Vec<GraphProto>,
    /// What a person should know.
    #[prost(string, tag = "13")]
    pub doc_string: String,
    /// Which field holds it.
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub r#type: i32,
    /// Inside a function, the attribute of the function that it takes its value from.
    #[prost(string, tag = "21")]
    pub ref_attr_name: String,
}

/// Which field of an [`AttributeProto`] holds its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum AttributeType {
    /// None; not valid.
    Undefined = 0,
    /// `f`.
    Float = 1,
    /// `i`.
    Int = 2,
    /// `s`.
    String = 3,
    /// `t`.
    Tensor = 4,
    /// `g`.
    Graph = 5,
    /// `floats`.
    Floats = 6,
    /// `ints`.
    Ints = 7,
    /// `strings`.
    Strings = 8,
    /// `tensors`.
    Tensors = 9,
    /// `graphs`.
    Graphs = 10,
}

/// A tensor with its values.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// Its sizes.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// The type of its elements.
    #[prost(enumeration = "DataType", tag = "2")]
    pub data_type: i32,
    /// The values, where they are of type `Float` and not in `raw_data`.
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    /// The values, where they are of a small whole type and not in `raw_data`.
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    /// The values, where they are of type `Int64` and not in `raw_data`.
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The values as bytes, little end first.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
    /// The values, where they are of type `Double` and not in `raw_data`.
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    /// What a person should know.
    #[prost(string, tag = "12")]
    pub doc_string: String,
    /// Where in another file the values are: `location`, `offset`, `length`.
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<StringStringEntryProto>,
    /// Whether the values are in this file.
    #[prost(enumeration = "DataLocation", tag = "14")]
    pub data_location: i32,
}

/// The type of the elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum DataType {
    /// None; not valid.
    Undefined = 0,
    /// 32-bit floating point.
    Float = 1,
    /// 8-bit whole numbers without sign.
    Uint8 = 2,
    /// 8-bit whole numbers.
    Int8 = 3,
    /// 32-bit whole numbers.
    Int32 = 6,
    /// 64-bit whole numbers.
    Int64 = 7,
    /// Truth values.
    Bool = 9,
    /// 16-bit floating point.
    Float16 = 10,
    /// 64-bit floating point.
    Double = 11,
    /// 16-bit floating point with the range of 32 bits.
    Bfloat16 = 16,
}

/// Where the values of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum DataLocation {
    /// In this file.
    Default = 0,
    /// In another file.
    External = 1,
}

/// A tensor's name and type.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfoProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
    /// What a person should know.
    #[prost(string, tag = "3")]
    pub doc_string: String,
}

/// A type.
#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    /// The type itself; nothing where it is none that is known here.
    #[prost(oneof = "type_proto::Value", tags = "1")]
    pub value: Option<type_proto::Value>,
    /// What the tensor stands for, such as `IMAGE`.
    #[prost(string, tag = "6")]
    pub denotation: String,
}

/// The parts of a [`TypeProto`].
pub mod type_proto {
    use super::{DataType, Message, Oneof, TensorShapeProto};

    /// The kinds of types.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        /// A tensor.
        #[prost(message, tag = "1")]
        TensorType(Tensor),
    }

    /// The type of a tensor.
    #[derive(Clone, PartialEq, Message)]
    pub struct Tensor {
        /// The type of its elements.
        #[prost(enumeration = "DataType", tag = "1")]
        pub elem_type: i32,
        /// Its shape, where it is known.
        #[prost(message, optional, tag = "2")]
        pub shape: Option<TensorShapeProto>,
    }
}

/// The shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// Its sizes, outermost first.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<tensor_shape_proto::Dimension>,
}

/// The parts of a [`TensorShapeProto`].
pub mod tensor_shape_proto {
    use super::{Message, Oneof};

    /// One size; nothing where it is not known.
    #[derive(Clone, PartialEq, Message)]
    pub struct Dimension {
        /// The size.
        #[prost(oneof = "Value", tags = "1, 2")]
        pub value: Option<Value>,
        /// What it stands for, such as `DATA_BATCH`.
        #[prost(string, tag = "3")]
        pub denotation: String,
    }

    /// A size that is fixed, or one that has a name.
    #[derive(Clone, PartialEq, Oneof)]
    pub enum Value {
        /// The size.
        #[prost(int64, tag = "1")]
        DimValue(i64),
        /// The name that all equal sizes share.
        #[prost(string, tag = "2")]
        DimParam(String),
    }
}
