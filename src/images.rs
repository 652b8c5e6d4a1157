//! Wires what moves images: sources, promotion, copies to another registry.

use std::collections::BTreeMap;

use ghcr_lifecycle::{
    adapters::{
        history::History,
        http::HttpClient,
        registry::{BasicFor, CredentialOptions, DockerConfig, RegistryClient},
        runner::{self, ThisRun},
        sources::{NamedSource, Opener, Source, SourceSpecError},
    },
    app::{
        self, Finished,
        mirror::Mirroring,
        plan::{self, Job},
        push::Promotion,
        rules::Rules,
    },
    error::Error,
    inputs::Inputs,
    model::ImageName,
    report::Report,
};

use crate::wrong_input;

/// Publishes what input `source` names, or what `promote-from` finds.
pub(crate) async fn push(
    job: &Job<'_>,
    inputs: &Inputs,
    registry: &RegistryClient,
    history: &History,
    variables: &BTreeMap<String, String>,
) -> Result<Report, Error> {
    let Some(from) = &inputs.promote_from else {
        let named = named(&inputs.sources)?;
        return app::push::push(job, registry, history, || open(&named, registry, variables)).await;
    };
    let promotion = Promotion { from, has_source: !inputs.sources.is_empty() };
    let opened = |found: Option<String>| {
        let sources = found.map_or_else(|| inputs.sources.clone(), |name| vec![name]);
        async move { open(&named(&sources)?, registry, variables).await }
    };
    app::push::promote(job, &promotion, registry, history, opened).await
}

/// Reads what input `source` names.
fn named(sources: &[String]) -> Result<Vec<NamedSource>, Error> {
    if sources.is_empty() {
        return Err(Error::input("mode `push` needs input `source`: the image to push").with_hint(
            "an archive that `docker buildx build -o type=oci,dest=image.tar` or `docker save` wrote, or an image in a registry",
        ));
    }
    let wrong = |error: SourceSpecError| Error::input(format!("input `source`: {error}")).with_hint(error.hint());
    sources.iter().map(|text| NamedSource::parse(text).map_err(wrong)).collect()
}

/// Opens sources.
async fn open(
    named: &[NamedSource],
    registry: &RegistryClient,
    variables: &BTreeMap<String, String>,
) -> Result<Source, Error> {
    let opened = Opener::new(registry, variables)
        .open_all(named)
        .await
        .map_err(|error| if error.is_unavailable() { error.into() } else { wrong_input(error) })?;
    Ok(Source::of(opened).await?)
}

/// Copies the tags of one image. `rules` are asked where input `image` does not say where to in full.
pub(crate) async fn mirror(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    http: HttpClient,
    run: &ThisRun,
    rules: Option<&Rules>,
) -> Result<Finished, Error> {
    let from = mirrored(&inputs.sources)?;
    let to = match (target(inputs), rules) {
        (Some(to), _) => to,
        (None, None) => {
            return Err(Error::input("mode `mirror` needs input `image`: where the copies go")
                .with_hint("name it in full, as in `ghcr.io/acme/app`"));
        }
        (None, Some(rules)) => {
            let mut images = plan::choose_images(&rules.policy, inputs.image.as_deref())?;
            match (images.pop(), images.is_empty()) {
                (Some(image), true) => image,
                _ => return Err(Error::input("mode `mirror` copies to one image; input `image` names several")),
            }
        }
    };
    let registry = RegistryClient::new(http, credentials(inputs, variables)?);
    let dry_run = inputs.cleanup.dry_run == Some(true);
    let mirroring = Mirroring { from: &from, to: &to, inputs: &inputs.mirror, dry_run };
    app::mirror::mirror(&mirroring, &registry, run).await
}

/// Returns the image that input `image` names in full.
pub(crate) fn target(inputs: &Inputs) -> Option<ImageName> {
    inputs.image.as_deref().and_then(|name| name.parse().ok())
}

fn mirrored(sources: &[String]) -> Result<ImageName, Error> {
    const HINT: &str = "write it without a tag, as in `source: docker.io/acme/app`; `only` chooses tags";
    match sources {
        [one] => one
            .strip_prefix("docker://")
            .unwrap_or(one)
            .parse()
            .map_err(|error| Error::input(format!("input `source`: {error}")).with_hint(HINT)),
        _ => {
            Err(Error::input("mode `mirror` needs input `source`: the one image whose tags are copied").with_hint(HINT))
        }
    }
}

/// The root of GitHub's web pages.
pub(crate) fn server_url(variables: &BTreeMap<String, String>) -> &str {
    let given = variables.get("GITHUB_SERVER_URL").map(|url| url.trim_end_matches('/')).filter(|url| !url.is_empty());
    given.unwrap_or("https://github.com")
}

/// The credentials that the inputs give, and after them the docker configuration.
pub(crate) fn credentials(inputs: &Inputs, variables: &BTreeMap<String, String>) -> Result<CredentialOptions, Error> {
    let basic = match (&inputs.registry, &inputs.username, &inputs.password) {
        (Some(registry), Some(username), Some(password)) => {
            Some(BasicFor { registry: registry.clone(), username: username.clone(), password: password.clone() })
        }
        _ => None,
    };
    let docker = match runner::docker_config(variables)? {
        Some(bytes) => DockerConfig::parse(&bytes).map_err(|problem| {
            Error::input(format!("the docker configuration cannot be read: {problem}"))
                .with_hint("it is config.json in the folder that DOCKER_CONFIG names, else in `~/.docker`")
        })?,
        None => DockerConfig::default(),
    };
    Ok(CredentialOptions {
        github_token: inputs.github_token.clone(),
        ghcr_host: inputs.ghcr_host.clone(),
        server_url: server_url(variables).to_owned(),
        basic,
        registries: inputs.registries.clone(),
        docker,
    })
}
