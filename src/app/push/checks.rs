//! `checks` of the policy: the image that was read, before anything is sent.

use std::collections::BTreeMap;

use crate::{
    collect::image::Image,
    error::Error,
    model::{Digest, ImageName, ManifestKind, RawManifest, Tag},
    policy::{
        checks::{self, Findings, PlatformContent},
        rules::Checks,
    },
    ports::{ImageSource, RegistryWriter, SourceHistory},
    report::{Report, words},
};

use super::Push;

impl<W: RegistryWriter, H: SourceHistory, S: ImageSource> Push<'_, W, H, S> {
    /// Ends the run if the image lacks a platform or is too large; warns if it is larger than it should be.
    pub(super) fn check_image(&self, report: &mut Report) -> Result<(), Error> {
        let Some(checks) = &self.job.policy.checks else { return Ok(()) };
        let contents = contents(self.image);
        let platforms = self.image.platforms.keys().map(String::as_str);
        let Findings { mut missing, too_large, large } = checks::examine(checks, platforms, &contents);
        // Where every row joins an index, this is one of its parts: what the index lacks is seen once it is joined.
        if self.planned.tags.rows.iter().all(|row| row.index.is_some()) {
            missing.clear();
        }
        for large in &large {
            report.warn(words::large(large));
        }
        if missing.is_empty() && too_large.is_empty() {
            return Ok(());
        }
        let mut error = Error::failed("publish the image: it is not what `checks` of the policy asks for");
        if !missing.is_empty() {
            error = error.with_detail(words::missing_platforms(&missing, self.image.platforms.keys()));
        }
        for large in &too_large {
            error = error.with_detail(large.to_string());
        }
        if !missing.is_empty() {
            error =
                error.with_hint(format!("build it for {} as well, or change `checks.platforms`", missing.join(", ")));
        }
        if !too_large.is_empty() {
            error = error.with_hint("make the named layers smaller, or raise `checks.size.max`");
        }
        Err(error.with_hint("nothing was pushed"))
    }

    /// Notes the platforms that an index does not have yet.
    pub(super) fn check_joined(&self, name: &ImageName, index: &Tag, manifest: &RawManifest, report: &mut Report) {
        let Some(checks) = &self.job.policy.checks else { return };
        let missing = missing_of_index(checks, manifest);
        if !missing.is_empty() {
            let notice = words::joined_without(name, index, &missing);
            if !report.notices.contains(&notice) {
                report.notices.push(notice);
            }
        }
    }
}

fn missing_of_index(checks: &Checks, manifest: &RawManifest) -> Vec<String> {
    let platforms: Vec<String> = match manifest.parse().map(|manifest| manifest.kind) {
        Ok(ManifestKind::Index { manifests }) => {
            manifests.into_iter().filter_map(|child| Some(child.platform?.to_string())).collect()
        }
        Ok(ManifestKind::Image { .. }) | Err(_) => return Vec::new(),
    };
    checks::missing(checks, platforms.iter().map(String::as_str))
}

/// Returns what each platform of an image consists of; of one without a platform what its own manifest lists.
fn contents(image: &Image) -> Vec<PlatformContent> {
    let mut platforms: BTreeMap<&Digest, &str> = BTreeMap::new();
    for (platform, digest) in &image.platforms {
        platforms.entry(digest).or_insert(platform);
    }
    let root = &image.root().digest;
    image
        .parts
        .iter()
        .filter_map(|part| {
            let digest = &part.manifest.digest;
            let platform = platforms.get(digest).map(|platform| (*platform).to_owned());
            if platform.is_none() && digest != root {
                return None;
            }
            match part.manifest.parse().ok()?.kind {
                ManifestKind::Image { config, layers } => Some(PlatformContent { platform, config: *config, layers }),
                ManifestKind::Index { .. } => None,
            }
        })
        .collect()
}
