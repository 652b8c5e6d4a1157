//! docker/metadata-action's language: its inputs read, its rules tried, its outputs worked out, traps included.

mod collation;
mod csv;
mod error;
mod expressions;
mod facts;
mod flavor;
mod handlebars;
mod images;
mod javascript;
mod labels;
mod moment;
mod outputs;
mod pattern;
mod pep440;
mod plan;
mod rows;
mod semver;

pub use self::images::parse as parse_images;
pub use self::{
    csv::{CsvError, items},
    error::MetadataError,
    facts::{Facts, PayloadDate, Repository},
    flavor::{Flavor, Latest},
    images::Image,
    labels::labels,
    outputs::{Metadata, MetadataInputs, Output, environment_name, metadata},
    plan::{MetadataPlan, Skipped, plan, sanitised},
    rows::{DEFAULT_ROWS, Kind, Rule, parse as parse_rules},
};
