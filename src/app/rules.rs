//! What gives the tags: a policy, or docker/metadata-action's rows of the inputs.

use crate::{
    error::Error,
    inputs::{Inputs, Mode},
    model::{ImageName, untrusted::shown},
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
        let texts = inputs.drop_in.texts.clone();
        let items = Items::read(&texts)?;
        images_agree(&policy, &texts)?;
        Ok(Self { policy, source: source.to_owned(), names: Vec::new(), inputs: texts, items })
    }

    /// Reads the rows of the inputs, or the default ones.
    ///
    /// # Errors
    /// At the first mistake, and if the registry has to be asked or written to and an image does not say where it is.
    pub fn of_inputs(inputs: &Inputs) -> Result<Self, Error> {
        let texts = inputs.drop_in.texts.clone();
        let settings = Settings {
            pull_request_head: inputs.drop_in.pull_request_head,
            short_sha_length: inputs.drop_in.short_sha_length.clone(),
        };
        let compiled = compile(&texts, settings)?;
        if inputs.mode == Mode::Push
            || !inputs.sources.is_empty()
            || inputs.promote_from.is_some()
            || compiled.asks_registry()
        {
            images_are_known(&compiled)?;
        }
        let Compiled { policy, names, items } = compiled;
        Ok(Self { policy, source: "input `tags`".to_owned(), names, inputs: texts, items })
    }
}

/// Checks that input `images` names no other image than the policy, which decides.
fn images_agree(policy: &Policy, texts: &MetadataInputs) -> Result<(), Error> {
    let only_images = MetadataInputs { images: texts.images.clone(), ..MetadataInputs::default() };
    let names = compile(&only_images, Settings::default())?.names;
    let is_listed = |name: &String| name.parse().is_ok_and(|name: ImageName| policy.images.contains(&name));
    match names.iter().find(|name| !is_listed(name)) {
        None => Ok(()),
        Some(other) => Err(Error::input(format!(
            "input `images` has `{}`, and the policy, which gives the tags, does not list it",
            shown(other)
        ))
        .with_hint(
            "add it to the policy's `images`, leave the input out, or give `tags` as well, which go before a policy",
        )),
    }
}

/// Checks that every image says which registry it is in: the registry has to be asked or written to.
///
/// # Errors
/// If there is no image, or the name of one has no registry.
fn images_are_known(compiled: &Compiled) -> Result<(), Error> {
    const WHY: &str = "`rolling`, `immutable`, `latest=forward` and a `source` need the registry";
    if let Some(name) = compiled.unqualified() {
        let hub = format!("docker.io/{name}");
        let whole = if hub.parse::<ImageName>().is_ok() { hub } else { "ghcr.io/owner/name".to_owned() };
        return Err(Error::input(format!(
            "input `images` has `{}`, which is no name of an image with its registry",
            shown(name)
        ))
        .with_hint(format!("write it in full, as in `{whole}`: {WHY}")));
    }
    if compiled.names.is_empty() {
        return Err(Error::input("input `images` names no image that is enabled")
            .with_hint(format!("add `images: ghcr.io/owner/name`: {WHY}")));
    }
    Ok(())
}
