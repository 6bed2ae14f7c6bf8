//! The targets over their corpus, and values that hold secrets as they print.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod secrets;
