//! Writing to files that people own: one writer at a time, and the old file or the new one, never
//! a part.

mod lock;
mod replace;

pub(crate) use lock::Lock;
pub(crate) use replace::{create_folder, follow, is_open_to_others, read, refuse_special, replace};
