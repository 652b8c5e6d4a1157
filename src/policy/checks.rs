//! `checks`: what an image must be before a tag may point at it. Whether it has each platform, and how large each is.

use std::{collections::BTreeSet, fmt};

use super::rules::Checks;
use crate::model::{Descriptor, Digest, untrusted::shown};

/// How many layers are named of an image that is too large.
const NAMED_LAYERS: usize = 3;

/// What one platform of an image consists of.
#[derive(Clone, Debug)]
pub struct PlatformContent {
    /// The platform; none if nothing says it.
    pub platform: Option<String>,
    /// The image configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
}

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The platforms that the policy asks for and the image does not have.
    pub missing: Vec<String>,
    /// The platforms above `max`.
    pub too_large: Vec<Large>,
    /// The platforms above `target`, and not above `max`.
    pub large: Vec<Large>,
}

/// A platform that is larger than the policy wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// The platform; none if nothing says it.
    pub platform: Option<String>,
    /// What a pull transfers, in bytes.
    pub size: u64,
    /// What the policy allows, in bytes.
    pub limit: u64,
    /// How many layers there are.
    pub layers: usize,
    /// The largest of them, largest first.
    pub largest: Vec<Layer>,
}

/// A layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its place, from 1 for the lowest.
    pub number: usize,
    /// Its digest.
    pub digest: Digest,
    /// Its size as it is transferred, in bytes.
    pub size: u64,
}

impl fmt::Display for Large {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform, size, limit, layers, largest } = self;
        let platform = platform.as_deref().map_or_else(|| "the image".to_owned(), shown);
        write!(formatter, "{platform} has {}, and may have {}", Bytes::above(*size), Bytes::exact(*limit))?;
        for (at, Layer { number, digest, size }) in largest.iter().enumerate() {
            formatter.write_str(if at == 0 { "; its largest: " } else { ", " })?;
            write!(formatter, "layer {number} of {layers} ({}, {})", digest.short(), Bytes::above(*size))?;
        }
        Ok(())
    }
}

/// A size as people write it.
struct Bytes {
    size: u64,
    is_exact: bool,
}

impl Bytes {
    /// A size that is rounded up, so that what is above a limit is shown above it.
    const fn above(size: u64) -> Self {
        Self { size, is_exact: false }
    }

    const fn exact(size: u64) -> Self {
        Self { size, is_exact: true }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, is_exact } = *self;
        let (unit, name) = match size {
            0..1_000 => return write!(formatter, "{size} bytes"),
            1_000..1_000_000 => (1_000, "kB"),
            1_000_000..1_000_000_000 => (1_000_000, "MB"),
            _ => (1_000_000_000, "GB"),
        };
        if is_exact && size % (unit / 10) != 0 {
            let binary = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
            return match binary.into_iter().find(|(unit, _)| size % unit == 0) {
                Some((unit, name)) => write!(formatter, "{} {name}", size / unit),
                None => write!(formatter, "{size} bytes"),
            };
        }
        let tenths = size.div_ceil(unit / 10);
        match tenths % 10 {
            0 => write!(formatter, "{} {name}", tenths / 10),
            tenth => write!(formatter, "{}.{tenth} {name}", tenths / 10),
        }
    }
}

/// Examines an image. `sizes` are its platforms with what they consist of, `platforms` all that it has.
pub fn examine<'a>(
    checks: &Checks,
    platforms: impl IntoIterator<Item = &'a str>,
    sizes: &[PlatformContent],
) -> Findings {
    let mut findings = Findings { missing: missing(checks, platforms), ..Findings::default() };
    for content in sizes {
        let size = transferred(content);
        let large = |limit| Large {
            platform: content.platform.clone(),
            size,
            limit,
            layers: content.layers.len(),
            largest: largest(&content.layers),
        };
        match (checks.size_max, checks.size_target) {
            (Some(max), _) if size > max => findings.too_large.push(large(max)),
            (_, Some(target)) if size > target => findings.large.push(large(target)),
            _ => {}
        }
    }
    findings
}

/// Returns the platforms that the policy asks for and that are not among `platforms`.
pub fn missing<'a>(checks: &Checks, platforms: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let has: Vec<&str> = platforms.into_iter().collect();
    checks.platforms.iter().filter(|wanted| !has.iter().any(|has| is_met(wanted, has))).cloned().collect()
}

/// Tells whether a platform is the one that is wanted. One that is wanted without a variant may have any; one that has none
/// has the usual one.
fn is_met(wanted: &str, has: &str) -> bool {
    let ((wanted, wanted_variant), (has, variant)) = (split(wanted), split(has));
    let usual = match has.rsplit('/').next() {
        Some("arm64") => "v8",
        Some("amd64") => "v1",
        Some("arm") => "v7",
        _ => "",
    };
    wanted == has && wanted_variant.is_none_or(|wanted| wanted == variant.unwrap_or(usual))
}

/// Splits off the variant.
fn split(platform: &str) -> (&str, Option<&str>) {
    match platform.match_indices('/').nth(1) {
        Some((at, _)) => (&platform[..at], Some(&platform[at + 1..])),
        None => (platform, None),
    }
}

/// Returns what a pull transfers, in bytes: what is listed twice comes once, and other hosts' layers are left out.
fn transferred(content: &PlatformContent) -> u64 {
    let mut seen = BTreeSet::new();
    std::iter::once(&content.config)
        .chain(&content.layers)
        .filter(|blob| !blob.is_foreign() && seen.insert(&blob.digest))
        .fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
}

fn largest(layers: &[Descriptor]) -> Vec<Layer> {
    let mut seen = BTreeSet::new();
    let mut layers: Vec<Layer> = layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| !layer.is_foreign() && seen.insert(&layer.digest))
        .map(|(at, layer)| Layer { number: at + 1, digest: layer.digest.clone(), size: layer.size })
        .collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.size));
    layers.truncate(NAMED_LAYERS);
    layers
}

#[cfg(test)]
mod tests;
