//! Fills a template in, as the functions that Handlebars compiles a template to do.

use std::rc::Rc;

use super::{
    parser::{self, Block, BlockKind, Call, Expression, Path, Program, Statement},
    value::{Functions, Value},
};

/// What an output may come to, in bytes: `{{#each}}` in `{{#each}}` multiplies.
const LONGEST: usize = 1 << 20;

/// Fills a template in over `root`, the properties of the template's data.
///
/// # Errors
/// If the template is none, a helper is missing, or a function has no value.
pub(in super::super) fn render(
    template: &str,
    root: Vec<(String, Value)>,
    functions: &dyn Functions,
) -> Result<String, String> {
    let program = parser::parse_for_rendering(template)?;
    let root = Value::Object(Rc::new(root));
    let mut renderer = Renderer { functions, contexts: vec![root.clone()], params: Vec::new(), data: Vec::new(), root };
    let mut output = String::new();
    renderer.program(&program, &mut output)?;
    Ok(output)
}

struct Renderer<'a> {
    functions: &'a dyn Functions,
    root: Value,
    /// The contexts from the outermost to the innermost.
    contexts: Vec<Value>,
    /// The names that blocks gave to values (`as |name|`), innermost last.
    params: Vec<Vec<(String, Value)>>,
    /// The variables of `{{#each}}`, innermost last.
    data: Vec<Vec<(&'static str, Value)>>,
}

/// What a name with its arguments came to.
struct Called {
    value: Value,
    /// Whether a block is done with it, rather than to be filled in over it.
    is_final: bool,
}

/// The two halves of a block.
#[derive(Clone, Copy)]
struct Halves<'b> {
    program: Option<&'b Program>,
    inverse: Option<&'b Program>,
}

const BUILT_IN: [&str; 8] = ["if", "unless", "with", "each", "lookup", "log", "helperMissing", "blockHelperMissing"];

impl Renderer<'_> {
    fn program(&mut self, program: &Program, output: &mut String) -> Result<(), String> {
        for statement in &program.body {
            match statement {
                Statement::Content { value, .. } => output.push_str(value),
                Statement::Comment { .. } => {}
                Statement::Mustache { decorator: true, .. } => return Err("there are no decorators".into()),
                Statement::Mustache { call, escaped, .. } => {
                    let mut sink = String::new();
                    let called = self.call(call, None, false, &mut sink)?;
                    output.push_str(&called.value.output(*escaped));
                }
                Statement::Partial { .. } => return Err("there are no partials".into()),
                Statement::Block(block) => self.block(block, output)?,
            }
            if output.len() > LONGEST {
                return Err("what it gives is too long".into());
            }
        }
        Ok(())
    }

    fn block(&mut self, block: &Block, output: &mut String) -> Result<(), String> {
        match block.kind {
            BlockKind::Decorator => return Err("there are no decorators".into()),
            BlockKind::Partial => {
                return block.program.as_ref().map_or(Ok(()), |program| self.program(program, output));
            }
            BlockKind::Plain => {}
        }
        let halves = Halves { program: block.program.as_ref(), inverse: block.inverse.as_ref() };
        let called = self.call(&block.call, Some(halves), false, output)?;
        if called.is_final {
            output.push_str(&called.value.output(false));
            return Ok(());
        }
        match called.value {
            Value::Bool(true) => self.half(halves.program, None, Vec::new(), output),
            Value::Bool(false) | Value::Undefined | Value::Null => self.half(halves.inverse, None, Vec::new(), output),
            Value::List(items) if items.is_empty() => self.half(halves.inverse, None, Vec::new(), output),
            list @ Value::List(_) => self.each(&list, halves, output),
            value => self.half(halves.program, Some(value), Vec::new(), output),
        }
    }

    /// Fills in one half of a block, over another context if there is one.
    fn half(
        &mut self,
        program: Option<&Program>,
        context: Option<Value>,
        values: Vec<Value>,
        output: &mut String,
    ) -> Result<(), String> {
        let Some(program) = program else { return Ok(()) };
        let context = context.filter(|context| !context.is_same(&self.context()));
        let pushed = context.is_some();
        self.contexts.extend(context);
        self.params.push(program.block_params.iter().cloned().zip(values).collect());
        let done = self.program(program, output);
        self.params.pop();
        if pushed {
            self.contexts.pop();
        }
        done
    }

    fn context(&self) -> Value {
        self.contexts.last().cloned().unwrap_or(Value::Undefined)
    }

    fn call(
        &mut self,
        call: &Call,
        halves: Option<Halves<'_>>,
        is_sub: bool,
        output: &mut String,
    ) -> Result<Called, String> {
        let literal;
        let path = match &call.name {
            Expression::Path(path) => path,
            Expression::Literal(_, text) => {
                literal = Path { parts: vec![text.clone()], original: text.clone(), ..Path::default() };
                &literal
            }
            Expression::Sub(_) => return Err("a name is expected".into()),
        };
        let is_param = self.block_param(path).is_some();
        let has_arguments = is_sub || !call.params.is_empty() || call.hash.is_some();
        let eligible = !is_param && (has_arguments || path.is_simple());
        if !eligible {
            let value = self.lookup(path);
            let value = match value {
                Value::Function(name) => self.functions.call(name, &[], None, self.is_on_root())?,
                value => value,
            };
            return Ok(Called { value, is_final: false });
        }
        if let Some(name) = path.parts.first().filter(|name| BUILT_IN.contains(&name.as_str())) {
            let params = self.values(&call.params)?;
            let hash = self.hash(call)?;
            let value = self.built_in(name, &params, &hash, halves, output)?;
            return Ok(Called { value, is_final: true });
        }
        let found = self.lookup(path);
        let params = self.values(&call.params)?;
        let hash = self.hash(call)?;
        match found {
            Value::Function(name) => {
                let value = self.functions.call(name, &params, Some(&hash), self.is_on_root())?;
                Ok(Called { value, is_final: has_arguments })
            }
            found if !has_arguments => Ok(Called { value: found, is_final: false }),
            found if found.is_truthy() => Err(format!("`{}` is no function", path.original)),
            _ if params.is_empty() => Ok(Called { value: Value::Undefined, is_final: true }),
            _ => Err(format!("there is no helper `{}`", path.original)),
        }
    }

    fn is_on_root(&self) -> bool {
        self.context().is_same(&self.root)
    }

    fn hash(&mut self, call: &Call) -> Result<Vec<(String, Value)>, String> {
        let mut hash: Vec<(String, Value)> = Vec::new();
        for (key, expression) in call.hash.iter().flatten() {
            let value = self.value(expression)?;
            // Of an attribute that is given twice the first counts.
            if !hash.iter().any(|(known, _)| known == key) {
                hash.push((key.clone(), value));
            }
        }
        Ok(hash)
    }

    fn values(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, String> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Path(path) => Ok(self.lookup(path)),
            Expression::Literal(value, _) => Ok(value.clone()),
            Expression::Sub(call) => {
                let mut sink = String::new();
                Ok(self.call(call, None, true, &mut sink)?.value)
            }
        }
    }

    fn block_param(&self, path: &Path) -> Option<Value> {
        let name = path.parts.first().filter(|_| path.depth == 0 && !path.is_scoped() && !path.data)?;
        self.params.iter().rev().flatten().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    fn lookup(&self, path: &Path) -> Value {
        let mut parts = path.parts.iter();
        let mut value = if let Some(value) = self.block_param(path) {
            parts.next();
            value
        } else if path.data {
            match parts.next().map(String::as_str) {
                Some("root") => self.root.clone(),
                Some(name) => self
                    .data
                    .iter()
                    .rev()
                    .flatten()
                    .find(|(known, _)| *known == name)
                    .map_or(Value::Undefined, |(_, value)| value.clone()),
                None => Value::Undefined,
            }
        } else {
            self.contexts
                .len()
                .checked_sub(path.depth + 1)
                .and_then(|at| self.contexts.get(at).cloned())
                .unwrap_or(Value::Undefined)
        };
        for part in parts {
            if value.is_nothing() {
                return value;
            }
            value = value.property(part, self.functions);
        }
        value
    }

    /// Calls a function where a helper asks for a value.
    fn resolved(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Function(name) => self.functions.call(name, &[], None, self.is_on_root()),
            value => Ok(value.clone()),
        }
    }

    fn built_in(
        &mut self,
        name: &str,
        params: &[Value],
        hash: &[(String, Value)],
        halves: Option<Halves<'_>>,
        output: &mut String,
    ) -> Result<Value, String> {
        let needs_block = || format!("`{name}` is a block: it begins with `{{{{#{name}`");
        match (name, params) {
            ("log", _) => {}
            ("lookup", [value, field, ..]) => {
                if !value.is_truthy() {
                    return Ok(value.clone());
                }
                return Ok(value.property(&field.text(), self.functions));
            }
            ("if" | "unless", [condition]) => {
                let condition = self.resolved(condition)?;
                let halves = halves.ok_or_else(needs_block)?;
                let zero = hash.iter().any(|(key, value)| key == "includeZero" && value.is_truthy());
                let holds = (zero || condition.is_truthy()) && !condition.is_empty();
                let half = if holds == (name == "if") { halves.program } else { halves.inverse };
                self.half(half, None, Vec::new(), output)?;
            }
            ("with", [context]) => {
                let context = self.resolved(context)?;
                let halves = halves.ok_or_else(needs_block)?;
                if context.is_empty() {
                    self.half(halves.inverse, None, Vec::new(), output)?;
                } else {
                    self.half(halves.program, Some(context.clone()), vec![context], output)?;
                }
            }
            ("each", [items, ..]) => {
                let items = self.resolved(items)?;
                self.each(&items, halves.ok_or_else(needs_block)?, output)?;
            }
            _ => return Err(format!("`{name}` does not take these arguments")),
        }
        Ok(Value::Undefined)
    }

    fn each(&mut self, items: &Value, halves: Halves<'_>, output: &mut String) -> Result<(), String> {
        let entries: Vec<(Value, Value)> = match items {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(at, item)| (Value::Number(u32::try_from(at).map_or(f64::NAN, f64::from)), item.clone()))
                .collect(),
            Value::Object(properties) => {
                properties.iter().map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect()
            }
            _ => Vec::new(),
        };
        if entries.is_empty() {
            return self.half(halves.inverse, None, Vec::new(), output);
        }
        let last = entries.len() - 1;
        for (at, (key, item)) in entries.into_iter().enumerate() {
            self.data.push(vec![
                ("index", Value::Number(u32::try_from(at).map_or(f64::NAN, f64::from))),
                ("key", key.clone()),
                ("first", Value::Bool(at == 0)),
                ("last", Value::Bool(at == last)),
            ]);
            let done = self.half(halves.program, Some(item.clone()), vec![item, key], output);
            self.data.pop();
            done?;
        }
        Ok(())
    }
}
