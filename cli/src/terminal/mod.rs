//! The terminal: output, prompts, and values in the form that people read.

mod console;
mod debug;
mod duration;
mod mask;
mod prompt;
mod shell;

pub(crate) use self::{
    console::{Console, Style},
    debug::start as start_debugging,
    duration::time_left,
    mask::masked,
    prompt::Prompt,
    shell::{exports, quoted},
};
