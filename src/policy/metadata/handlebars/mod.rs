//! Handlebars 4.7, the template language of docker/metadata-action's inputs: read, freed of blanks around standalone parts,
//! and filled in. Written here since the language's corners show in outputs: functions as values, `{{#if}}` and `{{#each}}`
//! over them, blanks, and which mistakes stop a run. It has no partials, decorators or helpers but the built-in ones, for
//! there is no way to define any in those inputs.

mod lexer;
mod parser;
mod render;
mod value;
mod whitespace;

pub(super) use self::{
    render::render,
    value::{Functions, Value},
};

/// Tells whether a template is nothing but `{{raw}}`, in any spelling.
pub(super) fn is_raw_statement(template: &str) -> bool {
    match parser::parse(template) {
        Ok(program) => match program.body.as_slice() {
            [parser::Statement::Mustache { call, .. }] => {
                matches!(&call.name, parser::Expression::Path(path) if path.parts == ["raw"])
            }
            _ => false,
        },
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests;
