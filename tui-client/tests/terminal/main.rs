//! The real program in a pseudo-terminal, from the first screen to the last byte it writes: what people do with
//! their keyboards, and what stands before them then. Every wait is for a fact and has a deadline.

#[cfg(test)]
mod changing;
#[cfg(test)]
mod door;
#[cfg(test)]
mod driver;
#[cfg(test)]
mod escape;
#[cfg(test)]
mod files;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod invites;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod link;
#[cfg(test)]
mod people;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shade;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod trust;
