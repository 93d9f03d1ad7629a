//! The terminal: output, prompts, and values in the form that people read.

mod console;
mod debug;
mod duration;
mod escape;
mod mask;
mod prompt;
mod shell;

pub(crate) use self::{
    console::{Console, Style},
    debug::start as start_debugging,
    duration::time_left,
    escape::{printable, printable_lines},
    mask::masked,
    prompt::Prompt,
    shell::{exports, quoted},
};
