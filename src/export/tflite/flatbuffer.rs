//! FlatBuffers, as far as writing a model needs them: tables, vectors and text, written front to back
//! (<https://flatbuffers.dev/internals/>). All offsets point forward, except that from a table to the fields' places
//! in front of it.

/// A field of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A byte, a truth value or a small enumeration.
    Byte(u8),
    /// A whole number of 32 bits.
    Int(i32),
    /// A number of 32 bits.
    Float(f32),
    /// A table.
    Table(Table),
    /// A vector of whole numbers.
    Ints(Vec<i32>),
    /// A vector of tables.
    Tables(Vec<Table>),
    /// Text.
    Text(String),
    /// Bytes that start at a multiple of 16, as the data of tensors has to.
    Data(Vec<u8>),
}

impl Item {
    fn size(&self) -> usize {
        if matches!(self, Self::Byte(_)) { 1 } else { 4 }
    }
}

/// A table: its fields by their number in the schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table(Vec<(usize, Item)>);

impl Table {
    /// The same with one more field.
    pub fn with(mut self, field: usize, item: Item) -> Self {
        self.0.push((field, item));
        self
    }
}

/// The bytes of a file with that root and identifier.
pub(super) fn file(root: &Table, identifier: [u8; 4]) -> Vec<u8> {
    let mut writer = Writer { bytes: vec![0; 4] };
    writer.bytes.extend(identifier);
    let at = writer.table(root);
    writer.refer(0, at);
    writer.bytes
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    fn int(&mut self, value: i32) {
        self.bytes.extend(value.to_le_bytes());
    }

    /// Fills a place with the distance to where something stands. Files are checked to stay below 2 GiB.
    fn refer(&mut self, place: usize, target: usize) {
        let distance = ((target - place) as u32).to_le_bytes();
        self.bytes[place..place + 4].copy_from_slice(&distance);
    }

    /// Writes a table and all below it; where it stands.
    fn table(&mut self, table: &Table) -> usize {
        // Where each field lies behind the start of the table, whose first four bytes lead to this list.
        let fields = table.0.iter().map(|(field, _)| field + 1).max().unwrap_or(0);
        let mut offsets = vec![0u16; fields];
        let mut end = 4usize;
        for (field, item) in &table.0 {
            end = end.next_multiple_of(item.size());
            offsets[*field] = end as u16;
            end += item.size();
        }
        let list = (4 + 2 * fields) as u16;
        self.align(2);
        // The table itself is to start at a multiple of four.
        if !(self.bytes.len() + usize::from(list)).is_multiple_of(4) {
            self.bytes.extend([0, 0]);
        }
        self.bytes.extend(list.to_le_bytes());
        self.bytes.extend((end as u16).to_le_bytes());
        offsets.iter().for_each(|offset| self.bytes.extend(offset.to_le_bytes()));
        let start = self.bytes.len();
        self.int(i32::from(list));
        self.bytes.resize(start + end, 0);
        let mut below = Vec::new();
        for (field, item) in &table.0 {
            let place = start + usize::from(offsets[*field]);
            match item {
                Item::Byte(value) => self.bytes[place] = *value,
                Item::Int(value) => self.bytes[place..place + 4].copy_from_slice(&value.to_le_bytes()),
                Item::Float(value) => self.bytes[place..place + 4].copy_from_slice(&value.to_le_bytes()),
                _ => below.push((place, item)),
            }
        }
        for (place, item) in below {
            let at = self.behind(item);
            self.refer(place, at);
        }
        start
    }

    /// Writes what a field only refers to; where it stands.
    fn behind(&mut self, item: &Item) -> usize {
        if let Item::Table(table) = item {
            return self.table(table);
        }
        self.align(4);
        if let Item::Data(_) = item {
            while !(self.bytes.len() + 4).is_multiple_of(16) {
                self.int(0);
            }
        }
        let at = self.bytes.len();
        match item {
            Item::Ints(values) => {
                self.int(values.len() as i32);
                values.iter().for_each(|&value| self.int(value));
            }
            Item::Tables(tables) => {
                self.int(tables.len() as i32);
                let first = self.bytes.len();
                self.bytes.resize(first + 4 * tables.len(), 0);
                for (index, table) in tables.iter().enumerate() {
                    let to = self.table(table);
                    self.refer(first + 4 * index, to);
                }
            }
            Item::Text(text) => {
                self.int(text.len() as i32);
                self.bytes.extend(text.as_bytes());
                self.bytes.push(0);
            }
            Item::Data(data) => {
                self.int(data.len() as i32);
                self.bytes.extend(data);
            }
            Item::Byte(_) | Item::Int(_) | Item::Float(_) | Item::Table(_) => {}
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, from the description of the format.
    #[test]
    fn a_small_file_byte_for_byte() {
        let root = Table::default().with(2, Item::Byte(7)).with(0, Item::Int(-2)).with(3, Item::Text("hi".to_owned()));
        let wanted: Vec<u8> = [
            &[20, 0, 0, 0][..], // the root stands at 20
            b"TEST",
            &[12, 0],                   // the list of fields: its size,
            &[16, 0],                   // the table's,
            &[8, 0, 0, 0, 4, 0, 12, 0], // where each field lies; none is 0
            &[12, 0, 0, 0],             // back to that list
            &[7, 0, 0, 0],
            &[0xfe, 0xff, 0xff, 0xff],
            &[4, 0, 0, 0], // the text follows
            &[2, 0, 0, 0, b'h', b'i', 0],
        ]
        .concat();
        assert_eq!(file(&root, *b"TEST"), wanted);
    }

    #[test]
    fn data_starts_at_a_multiple_of_sixteen() {
        for text in ["", "a", "abc", "abcdefghijk"] {
            let inner = Table::default().with(0, Item::Data(vec![0xab; 5]));
            let root = Table::default().with(0, Item::Text(text.to_owned())).with(1, Item::Tables(vec![inner]));
            let bytes = file(&root, *b"TEST");
            let at = bytes.windows(5).position(|window| window == [0xab; 5]);
            assert_eq!(at.map(|at| at % 16), Some(0), "{text}");
        }
    }
}
