//! Where each file of a tar lies. Names are trusted with nothing: they are only ever compared with the few that an image
//! layout has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
};

use tar::{EntryType, Header};

use super::root;
use crate::{model::untrusted::shown, ports::PortError};

/// The most entries that are indexed, extended headers included; an image of 127 layers has under 200.
const MAX_ENTRIES: usize = 100_000;

/// The largest extended header (a long name, PAX records) that is read, in bytes.
const MAX_EXTENSION_BYTES: u64 = 64 * 1024;

/// The most that all names together may take, in bytes: those of 100,000 entries of an image do.
const MAX_NAMES_BYTES: usize = 16 * 1024 * 1024;

/// The unit of tar.
const BLOCK: u64 = 512;

/// Where the bytes of a file lie in the tar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The first byte.
    pub(super) offset: u64,
    /// How many there are.
    pub(super) size: u64,
}

/// What a tar holds. Links and folders are no files; anything else makes it unreadable.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The regular files.
    pub(super) files: BTreeMap<String, Entry>,
    /// The symbolic links, with what they say that they point at.
    pub(super) symbolic_links: BTreeMap<String, Vec<u8>>,
    /// The hard links.
    pub(super) hard_links: BTreeSet<String>,
}

impl Entries {
    /// Refuses links, which an image layout has none of.
    pub(super) fn without_links(&self, path: &Path) -> Result<(), PortError> {
        let refuse = |name: &str, what: &str| {
            Err(root::malformed(path, format!("the entry `{}` is a {what} link", shown(name))))
        };
        match (self.symbolic_links.first_key_value(), self.hard_links.first()) {
            (Some((name, _)), _) => refuse(name, "symbolic"),
            (None, Some(name)) => refuse(name, "hard"),
            (None, None) => Ok(()),
        }
    }

    /// Finds a file, also behind one symbolic link: engines write a layer that they have written before as a link to it.
    pub(super) fn find(&self, path: &Path, name: &str) -> Result<Option<Entry>, PortError> {
        let refuse = |why: &str| Err(root::malformed(path, format!("`{}` {why}", shown(name))));
        let Some(plain) = plain_name(name.as_bytes()) else {
            return refuse("leads out of the archive, or is no valid name");
        };
        if let Some(entry) = self.files.get(&plain) {
            return Ok(Some(*entry));
        }
        if self.hard_links.contains(&plain) {
            return refuse("is a hard link");
        }
        let Some(target) = self.symbolic_links.get(&plain) else {
            return Ok(None);
        };
        let folder = plain.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(target) = resolve(folder, target) else {
            return refuse("is a symbolic link that leads out of the archive");
        };
        match self.files.get(&target) {
            Some(entry) => Ok(Some(*entry)),
            None => refuse("is a symbolic link to what is no file of the archive"),
        }
    }
}

/// What extended headers say of the entry that follows them.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Indexes a tar of `length` bytes.
pub(super) fn read(path: &Path, file: &File, length: u64) -> Result<Entries, PortError> {
    let mut scan = Scan { path, file, length, position: 0, entries: Entries::default(), names: 0 };
    scan.run()?;
    Ok(scan.entries)
}

struct Scan<'a> {
    path: &'a Path,
    file: &'a File,
    length: u64,
    position: u64,
    entries: Entries,
    /// Bytes of names so far.
    names: usize,
}

impl Scan<'_> {
    fn fail<T>(&self, detail: impl Into<String>) -> Result<T, PortError> {
        Err(root::malformed(self.path, detail))
    }

    fn run(&mut self) -> Result<(), PortError> {
        let mut extension = Extension::default();
        for _ in 0..MAX_ENTRIES {
            let Some(header) = self.header()? else {
                return Ok(());
            };
            let kind = header.entry_type();
            let mut size = match header.entry_size() {
                Ok(size) => size,
                Err(_) => return self.fail("the size of an entry cannot be read"),
            };
            match kind {
                EntryType::XHeader => {
                    let records = self.extension_bytes(size)?;
                    self.read_records(&records, &mut extension)?;
                }
                EntryType::XGlobalHeader => {
                    let mut global = Extension::default();
                    let records = self.extension_bytes(size)?;
                    self.read_records(&records, &mut global)?;
                    if global.name.is_some() || global.target.is_some() || global.size.is_some() {
                        return self.fail("a global header gives all entries one name or size");
                    }
                }
                EntryType::GNULongName => {
                    let mut name = self.extension_bytes(size)?;
                    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                    name.truncate(end);
                    extension.name = Some(name);
                }
                _ => {
                    let Extension { name, target, size: extended } = std::mem::take(&mut extension);
                    size = extended.unwrap_or(size);
                    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                    let target = target.or_else(|| header.link_name_bytes().map(|target| target.into_owned()));
                    self.entry(kind, &name, size, target.unwrap_or_default())?;
                }
            }
        }
        self.fail(format!("it has more than {MAX_ENTRIES} entries"))
    }

    /// Reads the next header. `None` at the end mark.
    fn header(&mut self) -> Result<Option<Header>, PortError> {
        let mut block = [0; BLOCK as usize];
        let left = self.length - self.position;
        let readable = left.min(BLOCK) as usize;
        self.file
            .read_exact_at(&mut block[..readable], self.position)
            .map_err(|error| root::failed(self.path, "the file", error))?;
        if self.position == 0
            && let Some((name, program)) = root::compression(&block[..readable])
        {
            return Err(root::malformed(
                self.path,
                format!("the archive is compressed with {name}; only gzip is read, and that once"),
            )
            .with_hint(format!("unpack it with `{program}`, or {}", root::HOW_TO_WRITE)));
        }
        if left < BLOCK {
            return self.fail(if self.position == 0 {
                "this is no tar archive"
            } else {
                "the archive is cut off: it has no end mark"
            });
        }
        self.position += BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = Header::from_byte_slice(&block).clone();
        // The checksum field (bytes 148 to 155) counts as spaces.
        let sum: u32 = block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        if header.cksum().ok() == Some(sum) {
            Ok(Some(header))
        } else if self.position == BLOCK {
            Err(root::malformed(self.path, "this is no tar archive").with_hint(root::HOW_TO_WRITE))
        } else {
            self.fail("a header of the archive is damaged")
        }
    }

    /// Steps over the bytes of an entry and returns where they lie.
    fn skip(&mut self, size: u64, name: &str) -> Result<Entry, PortError> {
        let offset = self.position;
        let end = size.checked_next_multiple_of(BLOCK).and_then(|padded| offset.checked_add(padded));
        match end {
            Some(end) if end <= self.length => {
                self.position = end;
                Ok(Entry { offset, size })
            }
            _ => self.fail(format!("the archive is cut off: {name} runs past its end")),
        }
    }

    fn extension_bytes(&mut self, size: u64) -> Result<Vec<u8>, PortError> {
        if size > MAX_EXTENSION_BYTES {
            return self.fail(format!("an extended header has {size} bytes; at most {MAX_EXTENSION_BYTES} are read"));
        }
        let Entry { offset, size } = self.skip(size, "an extended header")?;
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| root::failed(self.path, "the file", error))?;
        Ok(bytes)
    }

    /// Reads PAX records, `LENGTH KEY=VALUE\n`.
    fn read_records(&self, mut records: &[u8], extension: &mut Extension) -> Result<(), PortError> {
        while !records.is_empty() {
            let Some((key, value, rest)) = next_record(records) else {
                return self.fail("an extended header cannot be read");
            };
            records = rest;
            match key {
                b"path" => extension.name = Some(value.to_vec()),
                b"linkpath" => extension.target = Some(value.to_vec()),
                b"size" => match str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                    Some(size) => extension.size = Some(size),
                    None => return self.fail("an extended header gives a size that is no number"),
                },
                _ if key.starts_with(b"GNU.sparse.") => return self.fail("it has a sparse file"),
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, kind: EntryType, name: &[u8], size: u64, target: Vec<u8>) -> Result<(), PortError> {
        self.names += name.len() + target.len();
        if self.names > MAX_NAMES_BYTES {
            return self.fail(format!("the names of its entries take more than {MAX_NAMES_BYTES} bytes"));
        }
        let quoted = format!("`{}`", shown(&String::from_utf8_lossy(name)));
        let Some(plain) = plain_name(name) else {
            return self.fail(format!("the entry {quoted} leads out of the archive, or has no valid name"));
        };
        let refused = match kind {
            EntryType::Regular | EntryType::Continuous => {
                let entry = self.skip(size, &quoted)?;
                // Before POSIX, a folder was a file whose name ends in a slash.
                if name.ends_with(b"/") && size == 0 {
                    return Ok(());
                }
                if !self.is_taken(&plain) {
                    self.entries.files.insert(plain, entry);
                    return Ok(());
                }
                return self.fail(format!("the entry {quoted} occurs twice"));
            }
            // Links have no bytes, whatever their size says.
            EntryType::Symlink | EntryType::Link => {
                if self.is_taken(&plain) {
                    return self.fail(format!("the entry {quoted} occurs twice"));
                }
                if kind == EntryType::Symlink {
                    self.entries.symbolic_links.insert(plain, target);
                } else {
                    self.entries.hard_links.insert(plain);
                }
                return Ok(());
            }
            EntryType::Directory if size == 0 => return Ok(()),
            EntryType::Directory => "a folder with contents of its own",
            EntryType::Char | EntryType::Block | EntryType::Fifo => "a device or pipe",
            EntryType::GNUSparse => "a sparse file",
            _ => "of an unknown kind",
        };
        self.fail(format!("the entry {quoted} is {refused}"))
    }

    fn is_taken(&self, name: &str) -> bool {
        let Entries { files, symbolic_links, hard_links } = &self.entries;
        files.contains_key(name) || symbolic_links.contains_key(name) || hard_links.contains(name)
    }
}

fn next_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

/// Returns a name without `./` and doubled slashes; the root folder is the empty name. `None` for absolute names, those
/// with `..`, and those that are not UTF-8 or hold NUL.
fn plain_name(name: &[u8]) -> Option<String> {
    let name = str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains('\0'))?;
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!name.starts_with('/') && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// Follows a link's target from the folder that the link is in. `None` if it leads out of the archive.
fn resolve(folder: &str, target: &[u8]) -> Option<String> {
    let target = str::from_utf8(target).ok().filter(|target| !target.is_empty() && !target.starts_with('/'))?;
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
