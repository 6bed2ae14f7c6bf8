//! Real clients and the real server in a world where time, network, disk and chance are simulated.
//! One seed is one world, on one thread, the same every time; nothing in it waits for real time.

mod archive;
mod chance;
mod clock;
mod crowd;
mod device;
mod faults;
mod host;
mod lies;
mod panics;
mod pipe;
mod stage;
mod story;
mod truth;
mod way;

pub use clock::Stopwatch;
pub use liao_check::dice::Dice;
pub use panics::keep as keep_panics;
pub use story::{Options, Outcome, run};
