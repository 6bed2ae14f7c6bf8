//! Text as a terminal shows it: columns, line breaking, styled rows, links and light markup.
//! Nothing here owns state. All screens measure with this module, so that text and caret agree.

pub mod linebreak;
pub mod markup;
pub mod width;
pub mod wrap;
