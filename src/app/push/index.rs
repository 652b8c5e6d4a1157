//! `index` rows: the tag that joins this run's tag and its siblings, read back as rolling tags are, so that of two runs
//! which add one at once neither is lost.

use crate::{
    collect::siblings::{Siblings, read_siblings},
    error::Error,
    execute::publish,
    model::{ImageName, Tag},
    policy::{
        join::{self, Joined},
        publish::Change,
        tagging::RowPlan,
    },
    ports::{ImageSource, RegistryWriter, SourceHistory},
    report::{Report, TagLine, words},
};

use super::{LOOKS, Push};
use crate::app::plan::{Job, Planned};

/// Checks that every index can be named.
pub(super) fn check_indexes(job: &Job<'_>, planned: &Planned) -> Result<(), Error> {
    for row in &planned.tags.rows {
        let Some(index) = &row.index else { continue };
        let place = &job.policy.rules[row.rule].row;
        if row.tag.iter().all(|tag| join::split(tag).is_none()) {
            return Err(Error::failed(format!(
                "join `{index}`: no `tag` of {place} ends in an architecture, so nothing tells its siblings"
            ))
            .with_hint("let the row's `tag` end in it, as in `v{{version}}-riscv64`")
            .with_hint("nothing was pushed"));
        }
        let taken = planned.tags.rows.iter().find(|other| other.tags().any(|(_, tag)| tag == index));
        if let Some(other) = taken {
            return Err(Error::failed(format!(
                "join `{index}` by {place}: {} gives the image itself that tag",
                job.policy.rules[other.rule].row
            ))
            .with_hint("give the index a name of its own")
            .with_hint("nothing was pushed"));
        }
    }
    Ok(())
}

impl<W: RegistryWriter, H: SourceHistory, S: ImageSource> Push<'_, W, H, S> {
    /// Joins a row's index: writes it and looks again until what is under the tag is what the siblings make.
    pub(super) async fn join_index(
        &self,
        name: &ImageName,
        row: &RowPlan,
        index: &Tag,
        report: &mut Report,
    ) -> Result<Option<TagLine>, Error> {
        let mut change = None;
        for _ in 0..LOOKS {
            let Siblings { siblings, mut left_out, current } =
                read_siblings(self.writer, name, &row.tag, index).await?;
            let joined = join::join(&siblings).map_err(|bytes| {
                Error::failed(format!("join {name}:{index}: it would have {bytes} bytes, and registries take 4 MiB"))
            })?;
            let Joined { manifest, tags, left_out: unfit } = joined;
            left_out.extend(unfit);
            let change = change.get_or_insert_with(|| match (&current, &manifest) {
                (None, _) => Change::Create,
                (Some(now), Some(manifest)) if *now == manifest.digest => Change::Unchanged,
                (Some(now), _) => Change::Move { from: now.clone() },
            });
            let Some(manifest) = manifest else {
                report.warn(words::nothing_joined(name, index, &left_out));
                return Ok(None);
            };
            if current.as_ref() == Some(&manifest.digest) {
                for (tag, why) in &left_out {
                    report.warn(words::not_joined(name, index, tag, why));
                }
                self.check_joined(name, index, &manifest, report);
                let place = self.job.policy.rules[row.rule].row.clone();
                return Ok(Some(TagLine::joined(index, place, &manifest, change, &tags)));
            }
            publish::point(self.writer, name, index, &manifest).await?;
        }
        Err(Error::failed(format!(
            "settle the index {name}:{index}: other runs changed it or its siblings after each of {LOOKS} looks"
        ))
        .with_hint("let the workflow's runs share a `concurrency` group"))
    }
}
