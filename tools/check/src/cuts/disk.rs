//! A disk as the kernel sees it and as a power cut would leave it. Owns every byte that was written,
//! and knows which of them, and which names, were synced.
//!
//! The model: what was synced is there. Of the rest, each sector holds what some moment since the last
//! sync had put there, the length is that of some moment, and each folder has lost the newest of its
//! changes. A file that moves between folders is never lost by that alone.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use anyhow::{Context as _, Result};

use super::trace::Call;
use crate::Dice;

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// How much of what was not synced is found after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Nothing,
    Some,
    All,
}

/// How a cut treats content and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) content: Kept,
    pub(crate) names: Kept,
}

/// Files and folders by their paths below the root; folders have no content.
pub(crate) type Image = BTreeMap<String, Option<Vec<u8>>>;

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

#[derive(Clone)]
enum Named {
    Set { name: String, node: usize, pair: usize },
    Rename { from: String, to: String },
    Remove { name: String, pair: usize },
}

#[derive(Clone)]
enum Node {
    File { live: Vec<u8>, synced: Vec<u8>, changes: Vec<Change> },
    Folder { live: BTreeMap<String, usize>, synced: BTreeMap<String, usize>, changes: Vec<Named> },
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Disk {
    root: String,
    nodes: Vec<Node>,
    by_inode: HashMap<u64, usize>,
    pairs: usize,
}

const ROOT: usize = 0;

fn file(content: Vec<u8>) -> Node {
    Node::File { synced: content.clone(), live: content, changes: Vec::new() }
}

fn folder() -> Node {
    Node::Folder { live: BTreeMap::new(), synced: BTreeMap::new(), changes: Vec::new() }
}

impl Disk {
    /// The disk below `root` as it is now, all of it synced.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let shown = root.to_str().context("a path that is not text")?.to_owned();
        let mut disk =
            Self { root: shown, nodes: vec![folder()], by_inode: HashMap::new(), pairs: 0 };
        disk.by_inode.insert(fs::metadata(root)?.ino(), ROOT);
        disk.load_folder(root, ROOT)?;
        Ok(disk)
    }

    fn load_folder(&mut self, path: &Path, node: usize) -> Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let (facts, name) = (entry.metadata()?, entry.file_name());
            let below = if facts.is_dir() {
                let below = self.add(folder(), facts.ino());
                self.load_folder(&entry.path(), below)?;
                below
            } else if facts.is_file() {
                self.add(file(fs::read(entry.path())?), facts.ino())
            } else {
                continue;
            };
            if let Node::Folder { live, synced, .. } = &mut self.nodes[node] {
                let name = name.to_string_lossy().into_owned();
                live.insert(name.clone(), below);
                synced.insert(name, below);
            }
        }
        Ok(())
    }

    fn add(&mut self, node: Node, inode: u64) -> usize {
        self.nodes.push(node);
        self.by_inode.insert(inode, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Does what the server did.
    pub(crate) fn apply(&mut self, call: &Call) -> Result<()> {
        match call {
            Call::Create { path, inode } => {
                let node = self.add(file(Vec::new()), *inode);
                self.name(path, node)
            }
            Call::Mkdir { path, inode } => {
                let node = self.add(folder(), *inode);
                self.name(path, node)
            }
            Call::Rename { from, to } => self.rename(from, to),
            Call::Unlink { path } => {
                let (parent, name) = self.place(path)?;
                self.change_names(parent, Named::Remove { name, pair: 0 })
            }
            Call::Write { inode, at, bytes } => {
                self.change(*inode, Change::Write(*at, bytes.clone()))
            }
            Call::SetLen { inode, len } => self.change(*inode, Change::SetLen(*len)),
            Call::Sync { inode } => self.sync(*inode),
        }
    }

    fn name(&mut self, path: &str, node: usize) -> Result<()> {
        let (parent, name) = self.place(path)?;
        self.change_names(parent, Named::Set { name, node, pair: 0 })
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let ((old, from), (new, to)) = (self.place(from)?, self.place(to)?);
        if old == new {
            return self.change_names(old, Named::Rename { from, to });
        }
        let node = self.child(old, &from)?;
        self.pairs += 1;
        let pair = self.pairs;
        self.change_names(new, Named::Set { name: to, node, pair })?;
        self.change_names(old, Named::Remove { name: from, pair })
    }

    fn place(&self, path: &str) -> Result<(usize, String)> {
        let below =
            path.strip_prefix(&self.root).with_context(|| format!("{path} is elsewhere"))?;
        let mut parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        let name = parts.pop().context("the root itself")?;
        let parent = parts.iter().try_fold(ROOT, |node, part| self.child(node, part))?;
        Ok((parent, name.to_owned()))
    }

    fn child(&self, node: usize, name: &str) -> Result<usize> {
        match &self.nodes[node] {
            Node::Folder { live, .. } => live.get(name).copied(),
            Node::File { .. } => None,
        }
        .with_context(|| format!("{name} was never made"))
    }

    fn change_names(&mut self, node: usize, change: Named) -> Result<()> {
        let Node::Folder { live, changes, .. } = &mut self.nodes[node] else {
            anyhow::bail!("a file in place of a folder")
        };
        change.apply(live);
        changes.push(change);
        Ok(())
    }

    fn node(&mut self, inode: u64) -> Result<&mut Node> {
        let node = self.by_inode.get(&inode).context("a file that was never opened")?;
        Ok(&mut self.nodes[*node])
    }

    fn change(&mut self, inode: u64, change: Change) -> Result<()> {
        let Node::File { live, changes, .. } = self.node(inode)? else {
            anyhow::bail!("a folder in place of a file")
        };
        change.apply(live);
        changes.push(change);
        Ok(())
    }

    fn sync(&mut self, inode: u64) -> Result<()> {
        match self.node(inode)? {
            Node::File { synced, changes, .. } => {
                changes.drain(..).for_each(|change| change.apply(synced));
            }
            Node::Folder { synced, changes, .. } => {
                changes.drain(..).for_each(|change| change.apply(synced));
            }
        }
        Ok(())
    }

    /// All files and folders as a program sees them.
    pub(crate) fn live(&self) -> Image {
        let names = |node: usize| match &self.nodes[node] {
            Node::Folder { live, .. } => live.clone(),
            Node::File { .. } => BTreeMap::new(),
        };
        let content = |node: &Node| match node {
            Node::File { live, .. } => live.clone(),
            Node::Folder { .. } => Vec::new(),
        };
        self.image(&names, &mut |node| content(node))
    }

    /// What would be found if the power went now.
    pub(crate) fn cut(&self, cut: Cut, dice: &mut Dice) -> Image {
        let names = self.names_after(cut.names, dice);
        let names = |node: usize| names.get(&node).cloned().unwrap_or_default();
        self.image(&names, &mut |node| match node {
            Node::File { live, synced, changes } => match cut.content {
                Kept::All => live.clone(),
                Kept::Nothing if cut.names == Kept::Nothing => synced.clone(),
                content => torn(synced, changes, content, dice),
            },
            Node::Folder { .. } => Vec::new(),
        })
    }

    fn image(
        &self,
        names: &dyn Fn(usize) -> BTreeMap<String, usize>,
        content: &mut dyn FnMut(&Node) -> Vec<u8>,
    ) -> Image {
        let mut image = Image::new();
        let mut todo = vec![(String::new(), ROOT)];
        while let Some((path, node)) = todo.pop() {
            for (name, below) in names(node) {
                let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                let is_folder = matches!(self.nodes[below], Node::Folder { .. });
                if is_folder {
                    todo.push((path.clone(), below));
                }
                image.insert(path, (!is_folder).then(|| content(&self.nodes[below])));
            }
        }
        image
    }

    /// The names in each folder after a cut.
    fn names_after(&self, kept: Kept, dice: &mut Dice) -> HashMap<usize, BTreeMap<String, usize>> {
        let mut keep: Vec<usize> = self
            .nodes
            .iter()
            .map(|node| match (node, kept) {
                (Node::Folder { changes, .. }, Kept::All) => changes.len(),
                (Node::Folder { changes, .. }, Kept::Some) => dice.place(changes.len() + 1),
                _ => 0,
            })
            .collect();
        while self.withdraw_halves(&mut keep) {}
        let folders = self.nodes.iter().zip(keep).enumerate().filter_map(|(at, (node, keep))| {
            let Node::Folder { synced, changes, .. } = node else { return None };
            let mut names = synced.clone();
            changes.iter().take(keep).for_each(|change| change.apply(&mut names));
            Some((at, names))
        });
        folders.collect()
    }

    /// A file that moved has its old name as long as the new one is not there.
    fn withdraw_halves(&self, keep: &mut [usize]) -> bool {
        let pending = |at: usize| match &self.nodes[at] {
            Node::Folder { changes, .. } => changes.as_slice(),
            Node::File { .. } => &[],
        };
        let mut missing = HashSet::new();
        for (at, kept) in keep.iter().enumerate() {
            for change in pending(at).iter().skip(*kept) {
                if let Named::Set { pair, .. } = change
                    && *pair > 0
                {
                    missing.insert(*pair);
                }
            }
        }
        let mut withdrew = false;
        for (at, kept) in keep.iter_mut().enumerate() {
            let half = |change: &Named| matches!(change, Named::Remove { pair, .. } if missing.contains(pair));
            if let Some(first) = pending(at).iter().take(*kept).position(half) {
                (*kept, withdrew) = (first, true);
            }
        }
        withdrew
    }
}

impl Named {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set { name, node, .. } => drop(names.insert(name.clone(), *node)),
            Self::Rename { from, to } => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove { name, .. } => drop(names.remove(name)),
        }
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => {
                content.resize(content.len().max(at + bytes.len()), 0);
                content[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::SetLen(len) => content.resize(*len, 0),
        }
    }

    fn len_after(&self, len: usize) -> usize {
        match self {
            Self::Write(at, bytes) => len.max(at + bytes.len()),
            Self::SetLen(len) => *len,
        }
    }

    /// The bytes it touches in a file of this length.
    fn span(&self, len: usize) -> (usize, usize) {
        match self {
            Self::Write(at, bytes) => (*at, at + bytes.len()),
            Self::SetLen(to) => ((*to).min(len), (*to).max(len)),
        }
    }
}

/// The length of some moment, and of each sector the content of some moment.
fn torn(synced: &[u8], changes: &[Change], kept: Kept, dice: &mut Dice) -> Vec<u8> {
    let sized = dice.place(changes.len() + 1);
    let len = changes.iter().take(sized).fold(synced.len(), |len, change| change.len_after(len));
    let mut found = synced.to_vec();
    found.resize(len, 0);
    if kept == Kept::Nothing {
        return found;
    }
    let block = if dice.once_in(2) { SECTOR_BYTES } else { 8 * SECTOR_BYTES };
    let mut touched: BTreeMap<usize, Vec<&Change>> = BTreeMap::new();
    let mut before = synced.len();
    for change in changes {
        let (from, to) = change.span(before);
        for at in from / block..to.div_ceil(block) {
            touched.entry(at).or_default().push(change);
        }
        before = change.len_after(before);
    }
    for (at, changes) in touched {
        let (from, to) = ((at * block).min(len), ((at + 1) * block).min(len));
        let some = dice.place(changes.len() + 1);
        changes.iter().take(some).for_each(|change| change.apply_within(&mut found, from, to));
    }
    found
}

impl Change {
    fn apply_within(&self, found: &mut [u8], from: usize, to: usize) {
        match self {
            Self::Write(at, bytes) => {
                let (start, end) = ((*at).max(from), (at + bytes.len()).min(to));
                if start < end {
                    found[start..end].copy_from_slice(&bytes[start - at..end - at]);
                }
            }
            Self::SetLen(len) => {
                let start = (*len).clamp(from, to);
                found[start..to].fill(0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
