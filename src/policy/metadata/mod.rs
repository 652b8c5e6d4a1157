//! docker/metadata-action's language: its inputs read, its rules tried, its outputs worked out, traps included.

mod apply;
mod collation;
mod compile;
mod csv;
mod error;
mod expressions;
mod extension;
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
mod rows;
mod semver;

pub(in crate::policy) use self::apply::{apply, apply_latest, sanitised};
pub use self::{
    apply::{Given, Skipped},
    compile::{Compiled, Settings, asks_commit_date, compile, searches},
    csv::CsvError,
    error::MetadataError,
    extension::Extension,
    facts::Facts,
    flavor::{Flavor, Latest},
    labels::{Labels, labels},
    outputs::{Content, Items, Metadata, MetadataInputs, OUTPUT_NAMES, Output, environment_name, outputs},
    rows::{DEFAULT_ROWS, Kind, Rule, Unknown},
};
