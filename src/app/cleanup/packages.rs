//! Which packages a clean-up is about: the policy's images, or what input `packages` names.

use std::collections::BTreeSet;

use crate::{
    error::Error,
    model::{ImageName, untrusted::shown},
    policy::{glob::Glob, rules::Policy},
    ports::{PackagesReader, Run},
};

/// Chooses the packages, in the order in which they are named, each once. Only images at `ghcr_host` have packages.
///
/// # Errors
/// If a name chooses none, a pattern's packages cannot be listed, or a signal arrives.
pub async fn choose<P: PackagesReader, U: Run>(
    policy: &Policy,
    ghcr_host: &str,
    names: &[String],
    packages: &P,
    run: &U,
) -> Result<Vec<ImageName>, Error> {
    let ended = |signal: &str| {
        Err(Error::failed(format!("finish: {signal} arrived")).with_hint("run it again: nothing was changed"))
    };
    tokio::select! {
        images = choose_all(policy, ghcr_host, names, packages) => images,
        signal = run.interruption() => ended(signal),
    }
}

async fn choose_all<P: PackagesReader>(
    policy: &Policy,
    ghcr_host: &str,
    names: &[String],
    packages: &P,
) -> Result<Vec<ImageName>, Error> {
    let own: Vec<&ImageName> = policy.images.iter().filter(|image| image.registry() == ghcr_host).collect();
    if names.is_empty() {
        if own.is_empty() {
            return Err(Error::input(format!("no image of the policy is at `{ghcr_host}`, where packages are"))
                .with_hint("set `ghcr-host`, or name packages in input `packages`"));
        }
        return Ok(own.into_iter().cloned().collect());
    }
    let mut chosen: Vec<ImageName> = Vec::new();
    let mut add = |images: Vec<ImageName>| {
        for image in images {
            if !chosen.contains(&image) {
                chosen.push(image);
            }
        }
    };
    for name in names {
        if name.contains(['*', '?', '[']) {
            add(matching(&own, ghcr_host, name, packages).await?);
        } else {
            add(vec![named(&own, ghcr_host, name)?]);
        }
    }
    Ok(chosen)
}

/// Finds one package: an image of the policy by its name or an unambiguous ending, or any by its whole name.
fn named(own: &[&ImageName], ghcr_host: &str, name: &str) -> Result<ImageName, Error> {
    let fitting: Vec<&&ImageName> = own.iter().filter(|image| image.ends_with(name)).collect();
    if let Some(whole) = fitting.iter().find(|image| image.to_string() == name.to_lowercase()) {
        return Ok((**whole).clone());
    }
    match fitting.as_slice() {
        [only] => return Ok((**only).clone()),
        [] => {}
        several => {
            let names: Vec<String> = several.iter().map(|image| format!("`{image}`")).collect();
            return Err(Error::input(format!(
                "input `packages` names `{}`, which several images of the policy end in",
                shown(name)
            ))
            .with_detail(format!("those are {}", names.join(", ")))
            .with_hint("write more of the name"));
        }
    }
    let whole = name.strip_prefix(ghcr_host).is_some_and(|rest| rest.starts_with('/'));
    match name.parse::<ImageName>() {
        Ok(image) if whole && image.repository().contains('/') => Ok(image),
        Ok(_) | Err(_) => Err(Error::input(format!(
            "input `packages` names `{}`, which is no image of the policy and no whole name",
            shown(name)
        ))
        .with_hint(format!("write the whole name: `{ghcr_host}/owner/name`"))),
    }
}

/// Lists the packages that a pattern matches: below `host/owner/`, or of every owner of the policy's images.
async fn matching<P: PackagesReader>(
    own: &[&ImageName],
    ghcr_host: &str,
    pattern: &str,
    packages: &P,
) -> Result<Vec<ImageName>, Error> {
    let wrong = |problem: &str| {
        Error::input(format!("input `packages` has the pattern `{}`, {problem}", shown(pattern)))
            .with_hint(format!("write `*` for all packages, or `{ghcr_host}/owner/charts/*`"))
    };
    let (owners, names) = match pattern.strip_prefix(ghcr_host).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => match rest.split_once('/') {
            Some((owner, names)) if !owner.contains(['*', '?', '[']) => (BTreeSet::from([owner.to_lowercase()]), names),
            _ => return Err(wrong("which names no owner")),
        },
        None => {
            let owners =
                own.iter().filter_map(|image| image.repository().split_once('/')).map(|(owner, _)| owner.to_owned());
            (owners.collect(), pattern)
        }
    };
    if owners.is_empty() {
        return Err(wrong("and no image of the policy says whose packages are meant"));
    }
    // A name with a slash is one name to GitHub, so `*` alone means every package.
    let names = if names == "*" { "**" } else { names };
    let glob: Glob = Glob::parse(names).map_err(|error| wrong(&format!("which is no pattern: {error}")))?;
    let mut found = Vec::new();
    for owner in owners {
        for name in packages.packages(&owner).await? {
            if glob.matches(&name)
                && let Ok(image) = format!("{ghcr_host}/{owner}/{}", name.to_lowercase()).parse()
            {
                found.push(image);
            }
        }
    }
    if found.is_empty() {
        return Err(Error::failed(format!("find the packages of input `packages`: `{}` matches none", shown(pattern)))
            .with_hint("does the token see them? A classic token needs the scope `read:packages`"));
    }
    Ok(found)
}
