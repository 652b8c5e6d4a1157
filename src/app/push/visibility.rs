//! `visibility: public`: what was pushed is asked for as a stranger would. It never fails the push.

use crate::{
    app::plan::Job,
    model::{ImageName, ManifestReference, untrusted::shown},
    policy::rules::Visibility,
    ports::{PackagePages, PortError, PortErrorKind, RegistryReader},
    report::{Report, words},
};

/// Asks for each image without credentials. `anonymous` shows none; `pages` knows the settings of packages on `ghcr_host`.
pub async fn try_anonymous_pull<R: RegistryReader, P: PackagePages>(
    job: &Job<'_>,
    report: &mut Report,
    anonymous: &R,
    pages: &P,
    ghcr_host: &str,
) {
    if job.policy.visibility != Some(Visibility::Public) {
        return;
    }
    let mut warnings = Vec::new();
    for image in &report.images {
        let (Ok(name), Some(digest)) = (image.image.parse::<ImageName>(), &image.digest) else { continue };
        let said = match anonymous.manifest_digest(&name, &ManifestReference::Digest(digest.clone())).await {
            Ok(Some(_)) => continue,
            Ok(None) => "the registry tells strangers that it does not exist".to_owned(),
            Err(PortError { kind: PortErrorKind::Denied | PortErrorKind::NotFound, detail, .. }) => shown(&detail),
            Err(error) => {
                warnings.push(words::not_tried(&name, &shown(&error.to_string())));
                continue;
            }
        };
        let page =
            if name.registry().eq_ignore_ascii_case(ghcr_host) { pages.settings_page(&name).await.ok() } else { None };
        warnings.push(words::not_public(&name, &said, page.as_deref()));
    }
    for warning in warnings {
        report.warn(warning);
    }
}
