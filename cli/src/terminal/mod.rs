//! The terminal: output, prompts, and values in the form that people read.

mod console;
mod debug;
mod escape;
mod mask;
mod prompt;
mod shell;
#[cfg(unix)]
mod stop;

pub(crate) use self::{
    console::{Console, Screen, Style},
    debug::start as start_debugging,
    escape::{printable, printable_lines},
    mask::masked,
    prompt::Prompt,
    shell::{exports, quoted},
};
