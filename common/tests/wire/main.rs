//! The wire against its golden files, its document and its promises to later versions.
//! One list of frames (`cases`) serves all three; nothing here holds state.
//! `cfg(test)` stands on the modules for the lints, which allow `unwrap` under it only.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod document;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod json;
#[cfg(test)]
mod tolerance;
