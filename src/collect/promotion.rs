//! The image that a branch build of this commit left in a registry.

use crate::{
    model::{Digest, ImageName, Tag},
    policy::{
        promotion::{Candidate, Search, Tried, Wanted},
        rules::Row,
    },
    ports::{PortError, RegistryReader},
};

use super::published::Evidence;

/// An image to promote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Where it is.
    pub image: ImageName,
    /// The tag that it was found by.
    pub tag: Tag,
    /// Its digest.
    pub digest: Digest,
    /// The row whose build it is; none where a template named the tag.
    pub row: Option<Row>,
}

/// Looks for the image to promote in each of these, in their order.
///
/// # Errors
/// If a tag list or a manifest cannot be read: what cannot be seen is never taken for absent.
pub async fn find_build<R: RegistryReader>(
    reader: &R,
    images: &[ImageName],
    wanted: &Wanted<'_>,
) -> Result<Result<Build, Vec<(ImageName, Tried)>>, PortError> {
    let mut in_vain = Vec::new();
    for image in images {
        let tags = reader.tags(image).await?;
        let Search { candidates, tried } = wanted.search(&tags);
        in_vain.extend(tried.into_iter().map(|tried| (image.clone(), tried)));
        let mut evidence = Evidence::new(reader, image, wanted.policy, tags);
        for Candidate { tag, row } in candidates {
            evidence.look_up([&tag].into_iter(), None).await?;
            match evidence.current.get(&tag) {
                Some(digest) => {
                    return Ok(Ok(Build { image: image.clone(), digest: digest.clone(), tag, row }));
                }
                // Listed, and yet no image: that is what a placeholder is, or a tag that went away just now.
                None if evidence.tags.contains(&tag) => in_vain.push((image.clone(), Tried::Placeholder { tag })),
                None => in_vain.push((image.clone(), Tried::Absent { tag })),
            }
        }
    }
    Ok(Err(in_vain))
}
