//! What gives the tags: a policy, or docker/metadata-action's rows of the inputs.

use crate::{
    error::Error,
    inputs::{Inputs, Mode},
    model::untrusted::shown,
    policy::{
        metadata::{Compiled, Items, MetadataInputs, Settings, compile},
        rules::Policy,
    },
};

use super::read_policy;

/// The rules of a run, with the inputs that go with them.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The rules.
    pub policy: Policy,
    /// Where they come from, for messages.
    pub source: String,
    /// The names in input `images`, where its rows decide.
    pub names: Vec<String>,
    /// The inputs that outputs depend on.
    pub inputs: MetadataInputs,
    /// The items of `labels` and `annotations`.
    pub items: Items,
}

impl Rules {
    /// Reads a policy.
    ///
    /// # Errors
    /// With every mistake of it, and of what the inputs say beside it.
    pub fn of_policy(source: &str, bytes: &[u8], inputs: &Inputs) -> Result<Self, Error> {
        let policy = read_policy(source, bytes)?;
        inputs.check_for_policy()?;
        let texts = inputs.drop_in.metadata_inputs();
        let items = Items::read(&texts)?;
        Ok(Self { policy, source: source.to_owned(), names: Vec::new(), inputs: texts, items })
    }

    /// Reads the rows of the inputs, or the default ones.
    ///
    /// # Errors
    /// At the first mistake, and if the registry has to be asked or written to and an image does not say where it is.
    pub fn of_inputs(inputs: &Inputs) -> Result<Self, Error> {
        let texts = inputs.drop_in.metadata_inputs();
        let settings = Settings {
            pull_request_head: inputs.drop_in.pull_request_head,
            short_sha_length: inputs.drop_in.short_sha_length.clone(),
        };
        let compiled = compile(&texts, settings)?;
        if inputs.mode == Mode::Push || inputs.source.is_some() || compiled.asks_registry() {
            images_are_known(&compiled)?;
        }
        let Compiled { policy, names, items } = compiled;
        Ok(Self { policy, source: "input `tags`".to_owned(), names, inputs: texts, items })
    }
}

/// Checks that every image says which registry it is in: the registry has to be asked or written to.
///
/// # Errors
/// If there is no image, or the name of one has no registry.
fn images_are_known(compiled: &Compiled) -> Result<(), Error> {
    const WHY: &str = "`rolling`, `immutable`, `latest=forward` and a `source` need the registry";
    if let Some(name) = compiled.unqualified() {
        return Err(Error::input(format!(
            "input `images` has `{}`, which does not say which registry it is in",
            shown(name)
        ))
        .with_hint(format!("write it as `ghcr.io/owner/name`: {WHY}")));
    }
    if compiled.names.is_empty() {
        return Err(Error::input("input `images` names no image that is enabled")
            .with_hint(format!("add `images: ghcr.io/owner/name`: {WHY}")));
    }
    Ok(())
}
