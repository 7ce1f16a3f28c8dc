//! From text to [`Expr`]: a tokenizer and a precedence-climbing parser.

use super::{Expr, ExprError, Fold, Function, Operator, Value, error};
use crate::yaml::nearest;

/// Deeper nesting than this is refused, so that no input can exhaust the stack.
const DEPTH: usize = 64;
/// And so is anything longer: operators of one precedence nest to the left without end.
const TOKENS: usize = 512;

impl Expr {
    /// Parses an expression. Folds over patterns are understood only where `folds` is set.
    ///
    /// # Errors
    /// With the byte at which the text stops making sense.
    pub fn parse(text: &str, folds: bool) -> Result<Self, ExprError> {
        let tokens = tokens(text)?;
        if tokens.len() > TOKENS {
            return Err(error(format!("the expression has {} parts; {TOKENS} are allowed", tokens.len())));
        }
        let mut parser = Parser { tokens: &tokens, at: 0, end: text.len(), folds, depth: 0 };
        let expr = parser.expression(0)?;
        match parser.peek() {
            None => Ok(expr),
            Some(_) => Err(parser.error("an operator or the end was expected here")),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(Value),
    Name(String),
    Quoted(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 14] = ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ExprError> {
    let mut tokens: Vec<(Token, usize)> = Vec::new();
    let mut offset = 0;
    loop {
        offset += text[offset..].len() - text[offset..].trim_start().len();
        let rest = &text[offset..];
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let fail = |message: String, help: &str| ExprError { message, offset, help: help.to_owned() };
        // After an operand `*` multiplies; elsewhere `*.kernel` is a pattern.
        let operand_before = match tokens.last() {
            Some((Token::Symbol(symbol), _)) => *symbol == ")",
            Some((Token::Name(name), _)) => !matches!(name.as_str(), "and" | "or" | "not"),
            Some(_) => true,
            None => false,
        };
        let (token, len) = if first.is_ascii_digit() {
            let len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let digits = &rest[..len];
            let value = match (digits.parse::<i64>(), digits.parse::<f64>()) {
                (Ok(int), _) => Value::Int(int),
                (_, Ok(real)) => Value::Real(real),
                _ => return Err(fail(format!("`{digits}` is not a number"), "")),
            };
            (Token::Number(value), len)
        } else if first == '\'' || first == '"' {
            match rest[1..].find(first) {
                Some(end) => (Token::Quoted(rest[1..=end].to_owned()), end + 2),
                None => return Err(fail("the quote is not closed".to_owned(), "")),
            }
        } else if first.is_ascii_alphabetic() || first == '_' || (!operand_before && rest.starts_with("*.")) {
            let len = path_len(rest);
            (Token::Name(rest[..len].to_owned()), len)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let help = if first == '=' { "compare with `==`" } else { "" };
            return Err(fail(format!("`{first}` means nothing in an expression"), help));
        };
        tokens.push((token, offset));
        offset += len;
    }
}

/// Length of a dotted path at the start of `text`: words, numbers and `*` between dots.
fn path_len(text: &str) -> usize {
    let mut len = 0;
    loop {
        let segment = &text[len..];
        len += match segment.strip_prefix('*') {
            Some(_) => 1,
            None => segment.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(segment.len()),
        };
        let more = text[len..].strip_prefix('.').and_then(|next| next.chars().next());
        match more {
            Some(c) if c.is_ascii_alphanumeric() || c == '_' || c == '*' => len += 1,
            _ => return len,
        }
    }
}

struct Parser<'a> {
    tokens: &'a [(Token, usize)],
    at: usize,
    end: usize,
    folds: bool,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn error(&self, message: impl Into<String>) -> ExprError {
        let offset = self.tokens.get(self.at).map_or(self.end, |(_, offset)| *offset);
        ExprError { offset, ..error(message) }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let text = match self.peek()? {
            Token::Symbol(symbol) => symbol,
            Token::Name(name) => name.as_str(),
            _ => return None,
        };
        Operator::ALL.iter().find(|(t, ..)| *t == text).map(|(_, op, precedence)| (*op, *precedence))
    }

    fn expression(&mut self, least: u8) -> Result<Expr, ExprError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.error(format!("the expression nests more than {DEPTH} deep")));
        }
        let mut left = self.operand()?;
        while let Some((op, precedence)) = self.operator().filter(|(_, precedence)| *precedence > least) {
            self.at += 1;
            let right = self.expression(precedence)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expr, ExprError> {
        let Some((token, _)) = self.tokens.get(self.at) else {
            return Err(self.error("the expression ends where a value was expected"));
        };
        match token {
            Token::Number(value) => {
                self.at += 1;
                Ok(Expr::Const(value.clone()))
            }
            Token::Quoted(word) => {
                self.at += 1;
                Ok(Expr::Const(Value::Word(word.clone())))
            }
            Token::Symbol("-") => {
                self.at += 1;
                Ok(Expr::Negate(Box::new(self.expression(6)?)))
            }
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression(0)?;
                if self.accept(")") { Ok(inner) } else { Err(self.error("a closing parenthesis was expected here")) }
            }
            Token::Symbol(_) => Err(self.error("a value was expected here")),
            Token::Name(name) => match name.as_str() {
                "not" => {
                    self.at += 1;
                    Ok(Expr::Not(Box::new(self.expression(3)?)))
                }
                "true" | "false" => {
                    self.at += 1;
                    Ok(Expr::Const(Value::Bool(name == "true")))
                }
                "and" | "or" => Err(self.error("a value was expected here")),
                _ if matches!(self.tokens.get(self.at + 1), Some((Token::Symbol("("), _))) => self.function(name),
                _ => {
                    self.at += 1;
                    Ok(Expr::Name(name.clone()))
                }
            },
        }
    }

    fn function(&mut self, name: &str) -> Result<Expr, ExprError> {
        let fold = Fold::ALL.iter().find(|(text, _)| self.folds && *text == name).map(|(_, fold)| *fold);
        let function = Function::ALL.iter().find(|(text, ..)| *text == name);
        let start = self.at;
        self.at += 2;
        let mut arguments = vec![self.expression(0)?];
        while self.accept(",") {
            arguments.push(self.expression(0)?);
        }
        if !self.accept(")") {
            return Err(self.error("a comma or a closing parenthesis was expected here"));
        }
        let end = std::mem::replace(&mut self.at, start);
        let count = arguments.len();
        let parsed = match (function, fold) {
            (Some((_, function, least, most)), _) if (*least..=*most).contains(&count) => {
                Expr::Call(*function, arguments)
            }
            (None, Some(fold)) if count == 1 => {
                Expr::Aggregate { fold, body: Box::new(arguments.remove(0)), so_far: fold.start() }
            }
            (None, None) => {
                let folds = Fold::ALL.iter().map(|(text, _)| *text).filter(|_| self.folds);
                let help = nearest(name, Function::ALL.iter().map(|(text, ..)| *text).chain(folds));
                return Err(ExprError { help, ..self.error(format!("there is no function `{name}`")) });
            }
            (known, _) => {
                let takes = known.map_or(1, |(_, _, least, _)| *least);
                return Err(self.error(format!("`{name}` takes {takes} argument(s), not {count}")));
            }
        };
        self.at = end;
        Ok(parsed)
    }
}
