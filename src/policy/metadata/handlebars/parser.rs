//! Tokens into a tree, by the grammar of Handlebars
//! (<https://github.com/handlebars-lang/handlebars-parser/blob/master/src/handlebars.yy>).

use super::{
    super::javascript,
    lexer::{self, Token, TokenKind},
    value::Value,
    whitespace,
};

/// Blocks and sub-expressions inside each other; nobody writes more, and the stack has an end.
const DEEPEST: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub body: Vec<Statement>,
    pub block_params: Vec<String>,
    /// Whether it is the one block of an `{{else if}}`.
    pub chained: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strip {
    pub open: bool,
    pub close: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Content { original: String, value: String, left_stripped: bool, right_stripped: bool },
    Comment { strip: Strip },
    Mustache { call: Call, escaped: bool, decorator: bool, strip: Strip },
    Partial { strip: Strip },
    Block(Box<Block>),
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub call: Call,
    pub kind: BlockKind,
    pub program: Option<Program>,
    pub inverse: Option<Program>,
    pub open_strip: Strip,
    pub inverse_strip: Strip,
    pub close_strip: Strip,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BlockKind {
    Plain,
    Decorator,
    /// `{{#> name}}`: what it holds stands for a partial that does not exist.
    Partial,
}

/// A name with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub name: Expression,
    pub params: Vec<Expression>,
    pub hash: Option<Vec<(String, Expression)>>,
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Path(Path),
    /// A literal, and its text where it stands for a name.
    Literal(Value, String),
    Sub(Box<Call>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub data: bool,
    pub depth: usize,
    pub parts: Vec<String>,
    pub original: String,
}

impl Path {
    /// Tells whether the path begins with `.` or `this`, so that it is no helper's name.
    pub(super) fn is_scoped(&self) -> bool {
        self.original.starts_with('.')
            || self
                .original
                .strip_prefix("this")
                .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    }

    /// Tells whether it may be a helper's name.
    pub(super) fn is_simple(&self) -> bool {
        self.parts.len() == 1 && !self.is_scoped() && self.depth == 0
    }
}

/// Reads a template as written, blanks and all.
///
/// # Errors
/// If the template is none.
pub(super) fn parse(template: &str) -> Result<Program, String> {
    let mut parser = Parser { tokens: lexer::tokens(template)?, at: 0, depth: 0 };
    let program = parser.program()?;
    match parser.peek() {
        None => Ok(program),
        Some(_) => Err("a part of it closes or continues a block that is not open".into()),
    }
}

/// Reads a template and drops the blanks around its standalone parts.
///
/// # Errors
/// If the template is none.
pub(super) fn parse_for_rendering(template: &str) -> Result<Program, String> {
    let mut program = parse(template)?;
    whitespace::control(&mut program);
    Ok(program)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// The opening of a block.
struct Opening {
    call: Call,
    block_params: Vec<String>,
    strip: Strip,
}

struct Else {
    strip: Strip,
    program: Program,
    chain: bool,
}

impl Parser {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn expect(&mut self, kind: &TokenKind, what: &str) -> Result<Token, String> {
        let token = self.next()?;
        if token.kind == *kind { Ok(token) } else { Err(format!("{what} is expected")) }
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth == DEEPEST {
            return Err("it is nested too deeply".into());
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn program(&mut self) -> Result<Program, String> {
        self.deeper(|parser| {
            let mut body = Vec::new();
            while let Some(statement) = parser.statement()? {
                body.push(statement);
            }
            Ok(Program { body, ..Program::default() })
        })
    }

    fn statement(&mut self) -> Result<Option<Statement>, String> {
        let Some(kind) = self.peek().cloned() else { return Ok(None) };
        Ok(Some(match kind {
            TokenKind::Content(text) => {
                self.at += 1;
                content(text)
            }
            TokenKind::Comment => {
                let token = self.next()?;
                Statement::Comment { strip: Strip { open: token.strip_before, close: token.strip_after } }
            }
            TokenKind::Open { escaped, decorator } => self.mustache(escaped, decorator, &TokenKind::Close)?,
            TokenKind::OpenUnescaped => self.mustache(false, false, &TokenKind::CloseUnescaped)?,
            TokenKind::OpenPartial => {
                let open = self.next()?;
                self.call(true)?;
                let close = self.expect(&TokenKind::Close, "`}}`")?;
                Statement::Partial { strip: Strip { open: open.strip_before, close: close.strip_after } }
            }
            TokenKind::OpenPartialBlock => {
                let open = self.opening(true)?;
                let program = self.program()?;
                let close_strip = self.closing(&open)?;
                block(open, BlockKind::Partial, Some(program), None, Strip::default(), close_strip)
            }
            TokenKind::OpenBlock { decorator } => self.block(decorator)?,
            TokenKind::OpenInverse => self.inverse_block()?,
            TokenKind::OpenRawBlock => self.raw_block()?,
            _ => return Ok(None),
        }))
    }

    fn mustache(&mut self, escaped: bool, decorator: bool, end: &TokenKind) -> Result<Statement, String> {
        let open = self.next()?;
        let call = self.call(false)?;
        let close = self.expect(end, "the end of the braces")?;
        let strip = Strip { open: open.strip_before, close: close.strip_after };
        Ok(Statement::Mustache { call, escaped, decorator, strip })
    }

    fn opening(&mut self, partial: bool) -> Result<Opening, String> {
        let open = self.next()?;
        let call = self.call(partial)?;
        let mut block_params = Vec::new();
        if self.peek() == Some(&TokenKind::OpenBlockParams) && !partial {
            self.at += 1;
            loop {
                match self.next()?.kind {
                    TokenKind::Id(name, _) => block_params.push(name),
                    TokenKind::CloseBlockParams if !block_params.is_empty() => break,
                    _ => return Err("names are expected between `|` and `|`".into()),
                }
            }
        }
        let close = self.expect(&TokenKind::Close, "`}}`")?;
        Ok(Opening { call, block_params, strip: Strip { open: open.strip_before, close: close.strip_after } })
    }

    fn block(&mut self, decorator: bool) -> Result<Statement, String> {
        let open = self.opening(false)?;
        let mut program = self.program()?;
        program.block_params.clone_from(&open.block_params);
        let mut inverse = self.inverse_chain()?;
        let close_strip = self.closing(&open)?;
        if decorator && inverse.is_some() {
            return Err("a decorator has no `{{else}}`".into());
        }
        if let Some(part) = inverse.as_mut().filter(|part| part.chain) {
            close_chain(&mut part.program, close_strip);
        }
        let inverse_strip = inverse.as_ref().map(|part| part.strip).unwrap_or_default();
        let kind = if decorator { BlockKind::Decorator } else { BlockKind::Plain };
        Ok(block(open, kind, Some(program), inverse.map(|part| part.program), inverse_strip, close_strip))
    }

    fn inverse_block(&mut self) -> Result<Statement, String> {
        let open = self.opening(false)?;
        let mut inverse = self.program()?;
        inverse.block_params.clone_from(&open.block_params);
        let otherwise = match self.peek() {
            Some(TokenKind::Inverse) => Some(self.inverse_and_program()?),
            _ => None,
        };
        let close_strip = self.closing(&open)?;
        let inverse_strip = otherwise.as_ref().map(|part| part.strip).unwrap_or_default();
        let program = otherwise.map(|part| part.program);
        Ok(block(open, BlockKind::Plain, program, Some(inverse), inverse_strip, close_strip))
    }

    fn inverse_and_program(&mut self) -> Result<Else, String> {
        let token = self.next()?;
        let strip = Strip { open: token.strip_before, close: token.strip_after };
        Ok(Else { strip, program: self.program()?, chain: false })
    }

    fn inverse_chain(&mut self) -> Result<Option<Else>, String> {
        match self.peek() {
            Some(TokenKind::Inverse) => Ok(Some(self.inverse_and_program()?)),
            Some(TokenKind::OpenInverseChain) => self.deeper(|parser| {
                let open = parser.opening(false)?;
                let strip = open.strip;
                let mut program = parser.program()?;
                program.block_params.clone_from(&open.block_params);
                let mut inverse = parser.inverse_chain()?;
                let close_strip = inverse.as_ref().map(|part| part.strip).unwrap_or_default();
                if let Some(part) = inverse.as_mut().filter(|part| part.chain) {
                    close_chain(&mut part.program, close_strip);
                }
                let inverse = inverse.map(|part| part.program);
                let inner = block(open, BlockKind::Plain, Some(program), inverse, close_strip, close_strip);
                let program = Program { body: vec![inner], chained: true, ..Program::default() };
                Ok(Some(Else { strip, program, chain: true }))
            }),
            _ => Ok(None),
        }
    }

    fn closing(&mut self, open: &Opening) -> Result<Strip, String> {
        let token = self.next()?;
        if token.kind != TokenKind::OpenEndBlock {
            return Err("a block is never closed".into());
        }
        let name = self.name()?;
        let close = self.expect(&TokenKind::Close, "`}}`")?;
        if original(&name) != original(&open.call.name) {
            return Err(format!("`{}` is closed by `{}`", original(&open.call.name), original(&name)));
        }
        Ok(Strip { open: token.strip_before, close: close.strip_after })
    }

    fn raw_block(&mut self) -> Result<Statement, String> {
        self.at += 1;
        let call = self.call(false)?;
        self.expect(&TokenKind::CloseRawBlock, "`}}}}`")?;
        let mut body = Vec::new();
        loop {
            match self.next()?.kind {
                TokenKind::Content(text) => body.push(content(text)),
                TokenKind::EndRawBlock(name) if name == original(&call.name) => break,
                _ => return Err("a raw block is closed by another name".into()),
            }
        }
        let program = Program { body, ..Program::default() };
        let open = Opening { call, block_params: Vec::new(), strip: Strip::default() };
        Ok(block(open, BlockKind::Plain, Some(program), None, Strip::default(), Strip::default()))
    }

    fn call(&mut self, partial: bool) -> Result<Call, String> {
        let name = match self.peek() {
            Some(TokenKind::OpenSubexpression) if partial => self.expression()?,
            _ => self.name()?,
        };
        let mut params = Vec::new();
        let mut hash: Option<Vec<(String, Expression)>> = None;
        loop {
            let is_pair = matches!(self.peek(), Some(TokenKind::Id(..)))
                && self.tokens.get(self.at + 1).is_some_and(|token| token.kind == TokenKind::Equals);
            if is_pair {
                let TokenKind::Id(key, _) = self.next()?.kind else { continue };
                self.at += 1;
                let value = self.expression()?;
                hash.get_or_insert_default().push((key, value));
            } else if hash.is_none() && self.starts_expression() {
                params.push(self.expression()?);
            } else {
                return Ok(Call { name, params, hash });
            }
        }
    }

    fn starts_expression(&self) -> bool {
        matches!(
            self.peek(),
            Some(
                TokenKind::Id(..)
                    | TokenKind::Data
                    | TokenKind::Text(_)
                    | TokenKind::Number(_)
                    | TokenKind::True
                    | TokenKind::False
                    | TokenKind::Undefined
                    | TokenKind::Null
                    | TokenKind::OpenSubexpression
            )
        )
    }

    fn expression(&mut self) -> Result<Expression, String> {
        if self.peek() != Some(&TokenKind::OpenSubexpression) {
            return self.name();
        }
        self.deeper(|parser| {
            parser.at += 1;
            let call = parser.call(false)?;
            parser.expect(&TokenKind::CloseSubexpression, "`)`")?;
            Ok(Expression::Sub(Box::new(call)))
        })
    }

    /// A path, a data variable or a literal.
    fn name(&mut self) -> Result<Expression, String> {
        let literal = |value, text: &str| Ok(Expression::Literal(value, text.to_owned()));
        match self.next()?.kind {
            TokenKind::Text(text) => Ok(Expression::Literal(Value::Text(text.clone()), text)),
            TokenKind::Number(text) => {
                let number = javascript::number(&text);
                Ok(Expression::Literal(Value::Number(number), javascript::number_text(number)))
            }
            TokenKind::True => literal(Value::Bool(true), "true"),
            TokenKind::False => literal(Value::Bool(false), "false"),
            TokenKind::Undefined => literal(Value::Undefined, "undefined"),
            TokenKind::Null => literal(Value::Null, "null"),
            TokenKind::Data => match self.next()?.kind {
                TokenKind::Id(name, quoted) => self.path(true, name, quoted),
                _ => Err("a name is expected after `@`".into()),
            },
            TokenKind::Id(name, quoted) => self.path(false, name, quoted),
            _ => Err("a name or a value is expected".into()),
        }
    }

    fn path(&mut self, data: bool, name: String, quoted: bool) -> Result<Expression, String> {
        let mut path = Path { data, original: if data { "@".into() } else { String::new() }, ..Path::default() };
        let (mut name, mut quoted) = (name, quoted);
        loop {
            path.original.push_str(&name);
            match name.as_str() {
                ".." | "." | "this" if !quoted => {
                    if !path.parts.is_empty() {
                        return Err(format!("the path `{}` is invalid", path.original));
                    }
                    path.depth += usize::from(name == "..");
                }
                _ => path.parts.push(name),
            }
            if self.peek() != Some(&TokenKind::Separator) {
                return Ok(Expression::Path(path));
            }
            self.at += 1;
            path.original.push('/');
            match self.next()?.kind {
                TokenKind::Id(next, next_quoted) => (name, quoted) = (next, next_quoted),
                _ => return Err("a name is expected after `.` or `/`".into()),
            }
        }
    }
}

fn content(text: String) -> Statement {
    Statement::Content { value: text.clone(), original: text, left_stripped: false, right_stripped: false }
}

fn block(
    open: Opening,
    kind: BlockKind,
    program: Option<Program>,
    inverse: Option<Program>,
    inverse_strip: Strip,
    close_strip: Strip,
) -> Statement {
    let Opening { call, strip, .. } = open;
    Statement::Block(Box::new(Block { call, kind, program, inverse, open_strip: strip, inverse_strip, close_strip }))
}

fn close_chain(program: &mut Program, close: Strip) {
    if let Some(Statement::Block(first)) = program.body.first_mut() {
        first.close_strip = close;
    }
}

fn original(name: &Expression) -> &str {
    match name {
        Expression::Path(path) => &path.original,
        Expression::Literal(_, text) => text,
        Expression::Sub(_) => "",
    }
}
