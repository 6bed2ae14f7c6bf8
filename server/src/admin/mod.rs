//! What an operator does to a server: on the running one through a socket in the data folder that
//! only its owner can open, on a stopped one by opening the folder.

pub mod account;
pub mod backup;
pub mod check;
pub mod client;
pub mod invite;
pub(crate) mod socket;
