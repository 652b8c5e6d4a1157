//! Mode `schema`: the policy language as a JSON Schema for editors, or as a page for people.

use crate::{inputs::Format, policy::schema, report::reference};

/// Returns the schema; as Markdown, the reference of the language. Both end in a line end.
#[must_use]
pub fn schema(format: Format) -> String {
    match format {
        Format::Text | Format::Json => format!("{:#}\n", schema::schema()),
        Format::Markdown => reference::reference(),
    }
}
