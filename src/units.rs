//! Quantities with a unit: no bare number crosses a module border as one.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($inner:ty), $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The unit as files and axes name it.
            pub const UNIT: &'static str = $unit;
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
                values.fold(Self::default(), Add::add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)?;
                if Self::UNIT != "1" {
                    write!(f, " {}", Self::UNIT)?;
                }
                Ok(())
            }
        }
    };
}

quantity!(
    /// A duration in milliseconds.
    Millis(f64), "ms");
quantity!(
    /// Multiply-accumulate operations (one multiply and one add count as one).
    Macs(u64), "1");
quantity!(
    /// Trainable parameters, scales and shifts of norms included.
    Params(u64), "1");
quantity!(
    /// Memory in bytes.
    Bytes(u64), "B");

/// A count with its noun: `1 member`, `12 members`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
