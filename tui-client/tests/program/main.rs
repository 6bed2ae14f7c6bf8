//! The program from the outside: line mode as a script drives it, and the private server as several
//! runs share it. Waiting is for facts, with a deadline.

#[cfg(test)]
mod forget;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod private;
#[cfg(test)]
mod screen;
#[cfg(test)]
mod support;
