//! The terminal: what is written to it, what is asked at it, and the forms that people read.

mod console;
mod debug;
mod mask;
mod prompt;
mod shell;

pub(crate) use self::{
    console::{Console, Style},
    debug::start as start_debugging,
    mask::masked,
    prompt::Prompt,
    shell::{exports, quoted},
};
