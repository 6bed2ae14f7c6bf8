//! What each part of the screen knows and does. Pure: no drawing, no await, no files. The truth is the model's; here
//! is only how one looks at it.

pub mod areas;
pub mod changing;
pub mod chat;
mod choosing;
pub mod completion;
pub mod confirm;
mod deeds;
pub mod devices;
pub mod dialog;
pub mod door;
pub mod drafts;
pub mod entry;
pub mod files;
mod going;
pub mod help;
pub mod hit;
mod invited;
mod line_keys;
pub mod list;
pub mod main;
pub mod menu;
mod mouse;
pub mod moves;
pub mod overlay;
pub mod reasons;
pub mod remark;
pub mod rooms;
pub mod server;
pub mod sidebar;
mod stopped;
pub mod switcher;
pub mod timeline;
pub mod told;
pub mod trust;
mod waiting;
pub mod write;
