//! What a template works with: JavaScript's values, as far as they show.

use std::rc::Rc;

use super::super::javascript;

/// A value.
#[derive(Clone, Debug)]
pub(in super::super) enum Value {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Rc<Vec<Value>>),
    /// An object with its own properties.
    Object(Rc<Vec<(String, Value)>>),
    /// A function of the template's data, by its name.
    Function(&'static str),
}

/// The functions that a template may call.
pub(in super::super) trait Functions {
    /// Calls a function. `hash` is missing where it is called without any arguments at all, as a plain value is;
    /// `on_root` tells whether it is called on the template's own data.
    ///
    /// # Errors
    /// Why it has no value.
    fn call(
        &self,
        name: &'static str,
        arguments: &[Value],
        hash: Option<&[(String, Value)]>,
        on_root: bool,
    ) -> Result<Value, String>;

    /// Returns how many arguments a function is declared with.
    fn arity(&self, name: &'static str) -> u32;
}

impl Value {
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// Tells whether JavaScript takes the value for true.
    pub(super) fn is_truthy(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::List(_) | Self::Object(_) | Self::Function(_) => true,
        }
    }

    /// Tells whether Handlebars takes the value for empty.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Number(number) => number.is_nan(),
            other => !other.is_truthy(),
        }
    }

    /// Returns a property that the value itself has.
    pub(super) fn property(&self, name: &str, functions: &dyn Functions) -> Self {
        match self {
            Self::Object(properties) => {
                properties.iter().find(|(key, _)| key == name).map_or(Self::Undefined, |(_, value)| value.clone())
            }
            Self::List(items) => match javascript::array_index(name) {
                Some(index) => items.get(index as usize).cloned().unwrap_or(Self::Undefined),
                None if name == "length" => number(items.len()),
                None => Self::Undefined,
            },
            Self::Text(text) => match javascript::array_index(name) {
                Some(index) => text.chars().nth(index as usize).map_or(Self::Undefined, |c| Self::Text(c.to_string())),
                None if name == "length" => number(text.encode_utf16().count()),
                None => Self::Undefined,
            },
            Self::Function(function) => match name {
                "length" => Self::Number(f64::from(functions.arity(function))),
                "name" => Self::Text((*function).to_owned()),
                _ => Self::Undefined,
            },
            Self::Undefined | Self::Null | Self::Bool(_) | Self::Number(_) => Self::Undefined,
        }
    }

    /// Tells whether two values are the same, as `==` does for what a template can compare.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(one), Self::Object(other)) => Rc::ptr_eq(one, other),
            (Self::List(one), Self::List(other)) => Rc::ptr_eq(one, other),
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Function(one), Self::Function(other)) => one == other,
            (one, other) => one.is_nothing() && other.is_nothing(),
        }
    }

    /// Returns the value as JavaScript joins it to a text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Undefined => "undefined".into(),
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => javascript::number_text(*number),
            Self::Text(text) => text.clone(),
            Self::List(items) => items
                .iter()
                .map(|item| if item.is_nothing() { String::new() } else { item.text() })
                .collect::<Vec<_>>()
                .join(","),
            Self::Object(_) => "[object Object]".into(),
            Self::Function(name) => format!("function {name}"),
        }
    }

    /// Returns the value as it goes into the output.
    pub(super) fn output(&self, escaped: bool) -> String {
        match self {
            Self::Undefined | Self::Null => String::new(),
            value if escaped => escape(&value.text()),
            value => value.text(),
        }
    }
}

fn number(length: usize) -> Value {
    Value::Number(u32::try_from(length).map_or(f64::INFINITY, f64::from))
}

/// Escapes what has a meaning in HTML
/// (<https://github.com/handlebars-lang/handlebars.js/blob/4.x/lib/handlebars/utils.js>).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '`' => escaped.push_str("&#x60;"),
            '=' => escaped.push_str("&#x3D;"),
            other => escaped.push(other),
        }
    }
    escaped
}
