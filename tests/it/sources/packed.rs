//! Archives that gzip packed, and those that only look like it.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ghcr_lifecycle::adapters::sources::{ArchiveForm, ArchiveSource};
use tar::EntryType;

use super::{Files, Scratch, add, archive, archive_now, open_tar, read_all, refused, written};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_packed_layout_is_read_and_leaves_nothing_behind() {
    let files = Files::index(&[]);
    let (plain, packed) = (written(&files.tar()), written(&gzip(&files.tar())));
    let temporary = tempfile::tempdir().unwrap();
    let environment = [("RUNNER_TEMP".to_owned(), temporary.path().display().to_string())].into();
    let opened = ArchiveSource::open(packed.path(), None, ArchiveForm::Oci, &Scratch::new(&environment)).await.unwrap();
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    // The file is not needed any more.
    drop(packed);
    assert_eq!(read_all(&opened).await, read_all(&archive(plain.path(), None).await.unwrap()).await);
}

/// `pigz` and `cat a.gz b.gz` write several streams into one file.
#[tokio::test]
async fn several_gzip_streams_are_one_archive() {
    let tar = Files::index(&[]).tar();
    let (start, end) = tar.split_at(tar.len() / 2);
    let file = written(&[gzip(start), gzip(end)].concat());
    assert_eq!(read_all(&archive(file.path(), None).await.unwrap()).await.len(), 3);
}

#[test]
fn damaged_streams_are_refused() {
    let packed = gzip(&Files::index(&[]).tar());
    refused(open_tar(&packed[..packed.len() - 4]), "its gzip stream has no end");
    refused(open_tar(b"\x1f\x8b\x08\0"), "its gzip stream has no end");
    let mut flipped = packed.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    refused(open_tar(&flipped), "its gzip stream cannot be read");
    refused(open_tar(&[&packed[..], b"more"].concat()), "its gzip stream");
    refused(open_tar(&gzip(&packed)), "compressed with gzip; only gzip is read, and that once");
    refused(open_tar(&gzip(b"no tar")), "no tar archive");
}

/// 330 kB that unpack to 320 MiB.
#[test]
fn a_bomb_is_refused_before_it_fills_the_disk() {
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; 16 * 1024 * 1024]).unwrap();
    let bomb = written(&member.finish().unwrap().repeat(20));
    let error = refused(archive_now(bomb.path(), None), "more than 268435456 when it is unpacked");
    assert!(error.hint.unwrap().contains("bomb"));
}

#[test]
fn what_is_hostile_unpacked_is_hostile_packed() {
    let files = Files::index(&[]);
    let with = |name: &'static [u8], kind| open_tar(&gzip(&files.tar_with(|builder| add(builder, name, kind, b""))));
    refused(with(b"../evil", EntryType::Regular), "leads out of the archive");
    refused(with(b"link", EntryType::Symlink), "is a symbolic link");
    refused(with(b"link", EntryType::Link), "is a hard link");
    refused(with(b"sparse", EntryType::GNUSparse), "a sparse file");
    refused(with(b"index.json", EntryType::Regular), "occurs twice");
}

#[test]
fn a_disk_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let packed = written(&gzip(&Files::index(&[]).tar()));
    let below = file.path().join("folder");
    let scratch = Scratch::new(&[("RUNNER_TEMP".to_owned(), below.display().to_string())].into());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let opened = runtime.block_on(ArchiveSource::open(packed.path(), None, ArchiveForm::Any, &scratch));
    refused(opened, "point RUNNER_TEMP (or TMPDIR)");
}
