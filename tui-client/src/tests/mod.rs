//! The full screen without a terminal: keys go in, pictures and effects come out. Pictures lie beside the tests, one
//! file each; with `LIAO_BLESS=1` they are written instead of compared.

mod changing;
mod colours;
mod deeds;
mod devices;
mod door;
mod door_scenes;
mod driver;
mod marking;
mod offline;
mod order;
mod pages;
mod paths;
mod pictures;
mod reading;
mod remarks;
mod searching;
mod straying;
mod waiting;
