//! The one file that asks for random bytes: the operating system's generator, nothing else.

/// Random bytes.
///
/// # Errors
/// When the operating system has none to give.
pub(crate) fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(std::io::Error::other)?;
    Ok(out)
}
