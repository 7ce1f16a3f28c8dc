//! The small expression language of space files: arithmetic, comparison and
//! logic over names, and in constraints also `sum`, `count`, `any`, `all`,
//! `least` and `most` over every value whose path fits a pattern.
//!
//! An expression can be evaluated in part ([`Expr::absorb`], [`Expr::fold_in`]):
//! what is known is folded in, the rest stays. The remainder of a constraint
//! after some decisions is all that a state of the choice graph has to remember
//! of it, as the derivative of a regular expression is all that an automaton has
//! to remember (Brzozowski, 1964).

use std::fmt;

use super::Value;

mod parse;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A known value.
    Const(Value),
    /// A value by name or path.
    Name(String),
    /// Logical negation.
    Not(Box<Expr>),
    /// Arithmetic negation.
    Negate(Box<Expr>),
    /// An operation on two operands.
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// A function of its arguments.
    Call(Function, Vec<Expr>),
    /// A fold over all values whose path fits the pattern in `body`.
    Aggregate {
        /// The fold.
        fold: Fold,
        /// What is folded, with one pattern in it.
        body: Box<Expr>,
        /// The result over what is known so far.
        so_far: Option<Value>,
    },
}

/// Operations on two operands, by rising precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Either.
    Or,
    /// Both.
    And,
    /// Equal.
    Eq,
    /// Different.
    Ne,
    /// Less.
    Lt,
    /// At most.
    Le,
    /// Greater.
    Gt,
    /// At least.
    Ge,
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// Remainder.
    Rem,
}

impl Operator {
    /// Text and precedence of each.
    const ALL: [(&'static str, Self, u8); 13] = [
        ("or", Self::Or, 1),
        ("and", Self::And, 2),
        ("==", Self::Eq, 4),
        ("!=", Self::Ne, 4),
        ("<=", Self::Le, 4),
        (">=", Self::Ge, 4),
        ("<", Self::Lt, 4),
        (">", Self::Gt, 4),
        ("+", Self::Add, 5),
        ("-", Self::Sub, 5),
        ("*", Self::Mul, 6),
        ("/", Self::Div, 6),
        ("%", Self::Rem, 6),
    ];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(_, op, _)| *op == self).map_or("?", |(text, ..)| text)
    }
}

/// Functions of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Smallest argument.
    Min,
    /// Largest argument.
    Max,
    /// Nearest whole number.
    Round,
    /// Largest whole number not above.
    Floor,
    /// Smallest whole number not below.
    Ceil,
    /// `divisible(x, n)`: the multiple of n nearest to x, at least n, and never more than 10 % below x
    /// (the channel rounding of the MobileNet family).
    Divisible,
}

impl Function {
    /// Name, fewest and most arguments of each.
    const ALL: [(&'static str, Self, usize, usize); 6] = [
        ("min", Self::Min, 1, usize::MAX),
        ("max", Self::Max, 1, usize::MAX),
        ("round", Self::Round, 1, 1),
        ("floor", Self::Floor, 1, 1),
        ("ceil", Self::Ceil, 1, 1),
        ("divisible", Self::Divisible, 2, 2),
    ];
}

/// Folds over matching paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Total of numbers; 0 over nothing.
    Sum,
    /// How often a condition holds; 0 over nothing.
    Count,
    /// Whether a condition holds at least once; false over nothing.
    Any,
    /// Whether a condition always holds; true over nothing.
    All,
    /// Smallest number; has no value over nothing.
    Least,
    /// Largest number; has no value over nothing.
    Most,
}

impl Fold {
    const ALL: [(&'static str, Self); 6] = [
        ("sum", Self::Sum),
        ("count", Self::Count),
        ("any", Self::Any),
        ("all", Self::All),
        ("least", Self::Least),
        ("most", Self::Most),
    ];

    fn start(self) -> Option<Value> {
        match self {
            Self::Sum | Self::Count => Some(Value::Int(0)),
            Self::Any => Some(Value::Bool(false)),
            Self::All => Some(Value::Bool(true)),
            Self::Least | Self::Most => None,
        }
    }
}

/// Why an expression has no value. Displays as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// What is wrong.
    pub message: String,
    /// Byte within the expression where it is wrong.
    pub offset: usize,
    /// The remedy; may be empty.
    pub help: String,
}

fn error(message: impl Into<String>) -> ExprError {
    ExprError { message: message.into(), offset: 0, help: String::new() }
}

/// Whether a dotted path fits a pattern: the pattern's segments equal the last segments of the path,
/// `*` standing for any one segment.
pub fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.rsplit('.');
    pattern.rsplit('.').all(|wanted| segments.next().is_some_and(|given| wanted == "*" || wanted == given))
}

/// How names are looked up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

impl Expr {
    /// The value, with names looked up by `lookup`. A simple name that is not known stands for itself, as a word.
    ///
    /// # Errors
    /// Operations on the wrong kind of value, overflow, division by zero.
    pub fn evaluate(&self, lookup: Lookup) -> Result<Value, ExprError> {
        let settled =
            self.absorb(&|name| lookup(name).or_else(|| (!name.contains('.')).then(|| Value::Word(name.to_owned()))))?;
        match settled {
            Self::Const(value) => Ok(value),
            open => Err(error(format!("`{open}` has no value here"))),
        }
    }

    /// Folds in every name that `lookup` knows and simplifies; what is unknown stays.
    ///
    /// # Errors
    /// As for [`Expr::evaluate`].
    pub fn absorb(&self, lookup: Lookup) -> Result<Self, ExprError> {
        match self {
            Self::Const(_) | Self::Aggregate { .. } => Ok(self.clone()),
            Self::Name(name) => Ok(lookup(name).map_or_else(|| self.clone(), Self::Const)),
            Self::Not(inner) => match inner.absorb(lookup)? {
                Self::Const(value) => Ok(Self::Const(Value::Bool(!truth(&value)?))),
                open => Ok(Self::Not(Box::new(open))),
            },
            Self::Negate(inner) => match inner.absorb(lookup)? {
                Self::Const(value) => arithmetic(Operator::Sub, &Value::Int(0), &value).map(Self::Const),
                open => Ok(Self::Negate(Box::new(open))),
            },
            Self::Binary(op, left, right) => binary(*op, left.absorb(lookup)?, right.absorb(lookup)?),
            Self::Call(function, arguments) => {
                let arguments = arguments.iter().map(|a| a.absorb(lookup)).collect::<Result<Vec<_>, _>>()?;
                let known: Option<Vec<&Value>> = arguments.iter().map(Self::constant).collect();
                match known {
                    Some(values) => call(*function, &values).map(Self::Const),
                    None => Ok(Self::Call(*function, arguments)),
                }
            }
        }
    }

    /// The value, if it is settled.
    pub fn constant(&self) -> Option<&Value> {
        match self {
            Self::Const(value) => Some(value),
            _ => None,
        }
    }

    /// Folds one more fact into every aggregate whose pattern it fits.
    ///
    /// # Errors
    /// As for [`Expr::evaluate`].
    pub fn fold_in(&mut self, path: &str, value: &Value) -> Result<(), ExprError> {
        if let Self::Aggregate { fold, body, so_far } = self {
            if body.names().iter().any(|name| fits(name, path)) {
                let next = body.evaluate(&|name| fits(name, path).then(|| value.clone()))?;
                *so_far = Some(extend(*fold, so_far.take(), next)?);
            }
            return Ok(());
        }
        self.children_mut().into_iter().try_for_each(|child| child.fold_in(path, value))
    }

    /// Replaces every aggregate whose pattern `closed` holds for by its result.
    pub fn close(&mut self, closed: &dyn Fn(&str) -> bool) {
        if let Self::Aggregate { body, so_far, .. } = self {
            if let Some(value) = so_far
                && body.names().iter().all(|name| closed(name))
            {
                *self = Self::Const(value.clone());
            }
            return;
        }
        self.children_mut().into_iter().for_each(|child| child.close(closed));
    }

    fn children_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Const(_) | Self::Name(_) => Vec::new(),
            Self::Not(inner) | Self::Negate(inner) | Self::Aggregate { body: inner, .. } => vec![inner],
            Self::Binary(_, left, right) => vec![left, right],
            Self::Call(_, arguments) => arguments.iter_mut().collect(),
        }
    }

    /// Turns names for which `word` holds into the word itself.
    pub fn settle_words(&mut self, word: &dyn Fn(&str) -> bool) {
        match self {
            Self::Name(name) if word(name) => *self = Self::Const(Value::Word(std::mem::take(name))),
            _ => self.children_mut().into_iter().for_each(|child| child.settle_words(word)),
        }
    }

    /// Names outside and inside aggregates.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |expr, _| {
            if let Self::Name(name) = expr {
                names.push(name.as_str());
            }
        });
        names
    }

    /// Calls `see` with every sub-expression, and whether it stands inside an aggregate.
    pub fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Expr, bool)) {
        fn go<'a>(expr: &'a Expr, inside: bool, see: &mut dyn FnMut(&'a Expr, bool)) {
            see(expr, inside);
            match expr {
                Expr::Const(_) | Expr::Name(_) => {}
                Expr::Not(inner) | Expr::Negate(inner) => go(inner, inside, see),
                Expr::Aggregate { body, .. } => go(body, true, see),
                Expr::Binary(_, left, right) => {
                    go(left, inside, see);
                    go(right, inside, see);
                }
                Expr::Call(_, arguments) => arguments.iter().for_each(|a| go(a, inside, see)),
            }
        }
        go(self, false, see);
    }
}

/// The truth value of a condition.
pub(super) fn truth(value: &Value) -> Result<bool, ExprError> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        other => Err(error(format!("a condition must be true or false, but `{other}` is {}", other.kind()))),
    }
}

fn number(value: &Value) -> Result<f64, ExprError> {
    value.number().ok_or_else(|| match value {
        Value::Word(word) => error(format!("`{word}` is not known here, or not a number")),
        other => error(format!("`{other}` is not a number")),
    })
}

fn binary(op: Operator, left: Expr, right: Expr) -> Result<Expr, ExprError> {
    if matches!(op, Operator::And | Operator::Or) {
        // `or` is settled by true, `and` by false; otherwise the other side decides.
        let settling = op == Operator::Or;
        return match (left.constant(), right.constant()) {
            (Some(known), _) if truth(known)? == settling => Ok(left),
            (Some(_), _) => Ok(right),
            (None, Some(known)) if truth(known)? == settling => Ok(right),
            (None, Some(_)) => Ok(left),
            (None, None) => Ok(Expr::Binary(op, Box::new(left), Box::new(right))),
        };
    }
    match (left.constant(), right.constant()) {
        (Some(a), Some(b)) => compute(op, a, b).map(Expr::Const),
        _ => Ok(Expr::Binary(op, Box::new(left), Box::new(right))),
    }
}

fn compute(op: Operator, a: &Value, b: &Value) -> Result<Value, ExprError> {
    match op {
        Operator::Eq | Operator::Ne => {
            let equal = match (a.number(), b.number()) {
                (Some(a), Some(b)) => a == b,
                _ if a.kind() == b.kind() => a == b,
                _ => {
                    let message = format!("`{a}` is {} and `{b}` is {}: they can never be equal", a.kind(), b.kind());
                    return Err(error(message));
                }
            };
            Ok(Value::Bool(equal == (op == Operator::Eq)))
        }
        Operator::Lt => Ok(Value::Bool(number(a)? < number(b)?)),
        Operator::Le => Ok(Value::Bool(number(a)? <= number(b)?)),
        Operator::Gt => Ok(Value::Bool(number(a)? > number(b)?)),
        Operator::Ge => Ok(Value::Bool(number(a)? >= number(b)?)),
        _ => arithmetic(op, a, b),
    }
}

fn arithmetic(op: Operator, a: &Value, b: &Value) -> Result<Value, ExprError> {
    if let (Value::Int(a), Value::Int(b)) = (a, b) {
        let exact = match op {
            Operator::Add => a.checked_add(*b),
            Operator::Sub => a.checked_sub(*b),
            Operator::Mul => a.checked_mul(*b),
            Operator::Rem => a.checked_rem(*b),
            _ => a.checked_div(*b).filter(|quotient| quotient * b == *a),
        };
        if let Some(exact) = exact {
            return Ok(Value::Int(exact));
        }
    }
    let (x, y) = (number(a)?, number(b)?);
    let result = match op {
        Operator::Add => x + y,
        Operator::Sub => x - y,
        Operator::Mul => x * y,
        Operator::Rem => x % y,
        _ => x / y,
    };
    if result.is_finite() {
        Ok(Value::Real(result))
    } else {
        Err(error(format!("`{a} {} {b}` has no finite value", op.text())))
    }
}

fn call(function: Function, values: &[&Value]) -> Result<Value, ExprError> {
    let numbers = values.iter().map(|v| number(v)).collect::<Result<Vec<f64>, _>>()?;
    let extreme = |sign: f64| {
        let mut best = 0;
        for (index, &candidate) in numbers.iter().enumerate() {
            if sign * candidate > sign * numbers[best] {
                best = index;
            }
        }
        values[best].clone()
    };
    match function {
        Function::Min => Ok(extreme(-1.0)),
        Function::Max => Ok(extreme(1.0)),
        Function::Round => whole(numbers[0].round()),
        Function::Floor => whole(numbers[0].floor()),
        Function::Ceil => whole(numbers[0].ceil()),
        Function::Divisible => {
            let (x, n) = (numbers[0], numbers[1]);
            if n < 1.0 {
                return Err(error(format!("divisible(x, n) needs n of at least 1, not {n}")));
            }
            let rounded = (((x + n / 2.0) / n).floor() * n).max(n);
            whole(if rounded < 0.9 * x { rounded + n } else { rounded })
        }
    }
}

fn whole(number: f64) -> Result<Value, ExprError> {
    if number.abs() < 9e15 { Ok(Value::Int(number as i64)) } else { Err(error(format!("{number} is too large"))) }
}

fn extend(fold: Fold, so_far: Option<Value>, next: Value) -> Result<Value, ExprError> {
    let Some(so_far) = so_far.or_else(|| fold.start()) else { return number(&next).map(|_| next) };
    match fold {
        Fold::Sum => arithmetic(Operator::Add, &so_far, &next),
        Fold::Count => arithmetic(Operator::Add, &so_far, &Value::Int(i64::from(truth(&next)?))),
        Fold::Any => Ok(Value::Bool(truth(&so_far)? | truth(&next)?)),
        Fold::All => Ok(Value::Bool(truth(&so_far)? & truth(&next)?)),
        Fold::Least => call(Function::Min, &[&so_far, &next]),
        Fold::Most => call(Function::Max, &[&so_far, &next]),
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(value) => write!(f, "{value}"),
            Self::Name(name) => f.write_str(name),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::Binary(op, left, right) => write!(f, "({left} {} {right})", op.text()),
            Self::Call(function, arguments) => {
                let name = Function::ALL.iter().find(|(_, g, ..)| g == function).map_or("?", |(name, ..)| name);
                let arguments: Vec<String> = arguments.iter().map(Expr::to_string).collect();
                write!(f, "{name}({})", arguments.join(", "))
            }
            Self::Aggregate { fold, body, so_far } => {
                let name = Fold::ALL.iter().find(|(_, g)| g == fold).map_or("?", |(name, _)| name);
                match so_far {
                    Some(value) => write!(f, "{name}({body}; {value} so far)"),
                    None => write!(f, "{name}({body})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
