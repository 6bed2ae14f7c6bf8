//! Light markup in messages: links, @names, `code`, **bold**, *italic* and fenced code blocks. Pure, and never
//! rejects anything: what does not parse is plain text, and every character of the input stays readable.

use ratatui::style::Style;

use super::wrap::Piece;

/// Characters of an @name looked at; a longer run is plain text.
const NAME_CHARS_MAX: usize = 32;
const FENCE: &str = "```";

/// What a stretch of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Ordinary words.
    Plain,
    /// Between backticks.
    Code,
    /// Between double asterisks.
    Bold,
    /// Between single asterisks.
    Italic,
    /// An http or https address.
    Link,
    /// `@` and a name; the caller decides whether that person exists.
    Mention,
}

/// A stretch of text with its mark, delimiters removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked<'a> {
    /// What it is.
    pub mark: Mark,
    /// What it says.
    pub text: &'a str,
}

/// A message is a sequence of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// Lines of running text.
    Text(Vec<Marked<'a>>),
    /// A fenced block of code, without its fences.
    Code {
        /// The word behind the opening fence, may be empty.
        language: &'a str,
        /// The lines between the fences.
        text: &'a str,
    },
}

/// Splits a message into running text and fenced code. A fence that is never closed is plain text.
#[must_use]
pub fn parse(text: &str) -> Vec<Block<'_>> {
    parse_knowing(text, &|_| false)
}

/// Like [`parse`], for a room whose people are known: Chinese is written without spaces, so that only a known
/// name tells where the mention in `@张三你好` ends.
#[must_use]
pub fn parse_knowing<'a>(text: &'a str, is_known: &dyn Fn(&str) -> bool) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((before, language, code, after)) = next_fence(rest) {
        push_text(&mut blocks, before.strip_suffix('\n').unwrap_or(before), is_known);
        blocks.push(Block::Code { language, text: code });
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    push_text(&mut blocks, rest, is_known);
    blocks
}

/// Styles marked text for wrapping.
pub fn pieces(marked: &[Marked<'_>], style_of: impl Fn(Mark) -> Style) -> Vec<Piece> {
    marked.iter().map(|part| Piece::new(style_of(part.mark), part.text)).collect()
}

/// The text without its marks, for places with room for one line.
#[must_use]
pub fn plain(text: &str) -> String {
    let blocks = parse(text).into_iter();
    let said = blocks.flat_map(|block| match block {
        Block::Text(marked) => marked.into_iter().map(|part| part.text).collect::<Vec<_>>(),
        Block::Code { text, .. } => vec![text],
    });
    said.collect()
}

/// The http and https addresses in a text, in order.
#[must_use]
pub fn links(text: &str) -> Vec<&str> {
    let marked = parse(text).into_iter().flat_map(|block| match block {
        Block::Text(marked) => marked,
        Block::Code { .. } => Vec::new(),
    });
    marked.filter(|part| part.mark == Mark::Link).map(|part| part.text).collect()
}

fn push_text<'a>(blocks: &mut Vec<Block<'a>>, text: &'a str, is_known: &dyn Fn(&str) -> bool) {
    if !text.is_empty() {
        blocks.push(Block::Text(inline(text, is_known)));
    }
}

type Fenced<'a> = (&'a str, &'a str, &'a str, &'a str);

fn next_fence(text: &str) -> Option<Fenced<'_>> {
    let open = line_starting_with_fence(text, 0)?;
    let inside = text.get(open + FENCE.len()..)?;
    let (language, body) = inside.split_once('\n')?;
    if language.contains('`') {
        return None;
    }
    let close = line_starting_with_fence(body, 0)?;
    let code = body.get(..close)?;
    let code = code.strip_suffix('\n').unwrap_or(code);
    Some((text.get(..open)?, language.trim(), code, body.get(close + FENCE.len()..)?))
}

fn line_starting_with_fence(text: &str, from: usize) -> Option<usize> {
    text.match_indices(FENCE)
        .map(|(at, _)| at)
        .find(|at| *at >= from && (*at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n')))
}

/// Marks the stretches of running text.
fn inline<'a>(text: &'a str, is_known: &dyn Fn(&str) -> bool) -> Vec<Marked<'a>> {
    let mut parts = Vec::new();
    let mut plain_from = 0;
    let mut at = 0;
    let mut before = None;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some((mark, shown, len)) = special(rest, before, is_known) else {
            before = rest.chars().next();
            at += before.map_or(1, char::len_utf8);
            continue;
        };
        push_plain(&mut parts, text, plain_from, at);
        parts.push(Marked { mark, text: shown });
        at += len;
        plain_from = at;
        before = shown.chars().last();
    }
    push_plain(&mut parts, text, plain_from, text.len());
    parts
}

fn push_plain<'a>(parts: &mut Vec<Marked<'a>>, text: &'a str, from: usize, to: usize) {
    if let Some(plain) = text.get(from..to).filter(|plain| !plain.is_empty()) {
        parts.push(Marked { mark: Mark::Plain, text: plain });
    }
}

/// The special stretch at the beginning of `rest`: its mark, what is shown, and the bytes it takes.
fn special<'a>(
    rest: &'a str,
    before: Option<char>,
    is_known: &dyn Fn(&str) -> bool,
) -> Option<(Mark, &'a str, usize)> {
    let joined = before.is_some_and(|before| before.is_ascii_alphanumeric());
    match rest.as_bytes().first()? {
        b'`' => delimited(rest, "`", Mark::Code),
        b'*' if rest.starts_with("**") => delimited(rest, "**", Mark::Bold),
        b'*' if !joined => delimited(rest, "*", Mark::Italic),
        b'@' if !joined => mention(rest, is_known),
        b'h' | b'H' if !joined => link(rest),
        _ => None,
    }
}

fn delimited<'a>(rest: &'a str, delimiter: &str, mark: Mark) -> Option<(Mark, &'a str, usize)> {
    let inside = rest.strip_prefix(delimiter)?;
    let line = inside.split('\n').next()?;
    let len = line.find(delimiter)?;
    let shown = line.get(..len).filter(|shown| !shown.is_empty())?;
    let tight = mark == Mark::Code || shown.trim() == shown && !shown.contains('*');
    let closed = mark != Mark::Italic || !line.get(len + 1..)?.starts_with(char::is_alphanumeric);
    (tight && closed).then_some((mark, shown, len + 2 * delimiter.len()))
}

fn mention<'a>(rest: &'a str, is_known: &dyn Fn(&str) -> bool) -> Option<(Mark, &'a str, usize)> {
    let run = rest.strip_prefix('@')?;
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let run = run.get(..run.find(|c: char| !belongs(c)).unwrap_or(run.len()))?;
    let ends = run.char_indices().map(|(at, c)| at + c.len_utf8()).take(NAME_CHARS_MAX);
    let known = ends.filter(|end| run.get(..*end).is_some_and(is_known)).last();
    let len = known.or_else(|| likely_name(run))?;
    Some((Mark::Mention, rest.get(..1 + len)?, 1 + len))
}

/// A Latin name ends where Chinese text goes on without a space, and the other way round.
fn likely_name(run: &str) -> Option<usize> {
    let is_latin = run.starts_with(|first: char| first.is_ascii());
    let other = |c: char| c.is_alphanumeric() && c.is_ascii() != is_latin;
    let name = run.get(..run.find(other).unwrap_or(run.len()))?.trim_end_matches(['.', '-']);
    (!name.is_empty() && name.chars().count() <= NAME_CHARS_MAX).then_some(name.len())
}

fn link(rest: &str) -> Option<(Mark, &str, usize)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let ends = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || "<>\"`「」『』（）《》【】，。、；：！？“”‘’".contains(c)
    };
    let len = rest.find(ends).unwrap_or(rest.len());
    let mut url = rest.get(..len)?;
    // Punctuation of the sentence around the address is not part of it, a bracket that it opened is.
    while let Some(last) = url.chars().last() {
        let unopened = (last == ')' && !url.contains('(')) || (last == ']' && !url.contains('['));
        if !unopened && !matches!(last, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*') {
            break;
        }
        url = url.get(..url.len() - last.len_utf8())?;
    }
    (url.len() > scheme.len()).then_some((Mark::Link, url, url.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks(text: &str) -> Vec<(Mark, &str)> {
        inline(text, &|_| false).into_iter().map(|part| (part.mark, part.text)).collect()
    }

    #[test]
    fn inline_marks_are_found() {
        use Mark::{Bold, Code, Italic, Link, Mention, Plain};
        for (text, expected) in [
            ("just words", vec![(Plain, "just words")]),
            ("run `ls -l` now", vec![(Plain, "run "), (Code, "ls -l"), (Plain, " now")]),
            ("**yes** or *no*", vec![(Bold, "yes"), (Plain, " or "), (Italic, "no")]),
            ("2 * 3 * 4", vec![(Plain, "2 * 3 * 4")]),
            ("a*b*c", vec![(Plain, "a*b*c")]),
            ("`open", vec![(Plain, "`open")]),
            ("``", vec![(Plain, "``")]),
            ("@alice hi", vec![(Mention, "@alice"), (Plain, " hi")]),
            ("你好@张三，看看", vec![(Plain, "你好"), (Mention, "@张三"), (Plain, "，看看")]),
            ("@bob你看", vec![(Mention, "@bob"), (Plain, "你看")]),
            ("me@example.org", vec![(Plain, "me@example.org")]),
            ("@alice.", vec![(Mention, "@alice"), (Plain, ".")]),
            ("@", vec![(Plain, "@")]),
            (
                "看https://a.org/x?y=1，好",
                vec![(Plain, "看"), (Link, "https://a.org/x?y=1"), (Plain, "，好")],
            ),
            ("(http://a.org/b)", vec![(Plain, "("), (Link, "http://a.org/b"), (Plain, ")")]),
            ("http://a.org/b_(c).", vec![(Link, "http://a.org/b_(c)"), (Plain, ".")]),
            ("https://", vec![(Plain, "https://")]),
        ] {
            assert_eq!(marks(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_known_name_tells_where_a_mention_ends() {
        let known = |name: &str| matches!(name, "张三" | "张三丰" | "bob2号");
        for (text, expected) in [
            ("@张三你好", "@张三"),
            ("@张三丰好", "@张三丰"),
            ("@bob2号来", "@bob2号"),
            ("@李四你好", "@李四你好"),
            ("@carol你好", "@carol"),
        ] {
            let found = inline(text, &known);
            assert_eq!((found[0].mark, found[0].text), (Mark::Mention, expected), "{text}");
        }
    }

    #[test]
    fn fenced_code_is_a_block() {
        let code = |language, text| Block::Code { language, text };
        let plain = |text| Block::Text(vec![Marked { mark: Mark::Plain, text }]);
        for (text, expected) in [
            ("```\na\nb\n```", vec![code("", "a\nb")]),
            (
                "see\n```rust\nfn *x*\n```\ndone",
                vec![plain("see"), code("rust", "fn *x*"), plain("done")],
            ),
            ("```\nnever closed", vec![plain("```\nnever closed")]),
            ("", vec![]),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn links_are_listed_without_those_in_code() {
        let text = "http://a.org and `http://no.org` and https://b.org/c.";
        assert_eq!(links(text), ["http://a.org", "https://b.org/c"]);
    }

    proptest! {
        #[test]
        fn anything_parses_and_letters_stay(text in "([a-z@`*\n/:. ]|http://|\\PC){0,40}") {
            let mut shown = String::new();
            for block in parse(&text) {
                match block {
                    Block::Text(parts) => parts.iter().for_each(|part| shown.push_str(part.text)),
                    Block::Code { language, text } => { shown.push_str(language); shown.push_str(text); }
                }
            }
            let letters = |s: &str| s.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(letters(&shown), letters(&text));
        }
    }
}
