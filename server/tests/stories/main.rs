//! Stories: what people do with a server, told through the real client core against the real server.
//! Each story has a server of its own in a folder of its own; waiting is for facts, with a deadline.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod ages;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod large;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod operating;
#[cfg(test)]
mod order;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod program;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod register;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod room;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod siege;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod staff;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod tomorrow;
#[cfg(test)]
mod turns;
