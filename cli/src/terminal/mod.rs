//! The terminal: output, prompts, and values in the form that people read.

mod browser;
mod callback;
mod console;
mod debug;
mod escape;
#[cfg(unix)]
mod hidden;
mod mask;
mod prompt;
mod queue;
mod shell;
mod size;
#[cfg(unix)]
mod stop;
mod waiting;

pub(crate) use self::{
    browser::{is_web_page, open_in_browser, open_url},
    callback::{Callback, Parameters},
    console::{Console, Screen, Style},
    debug::start as start_debugging,
    escape::{printable, printable_lines, printable_path},
    mask::masked,
    prompt::Prompt,
    queue::{Queued, dropped as dropped_lines, queue_stderr},
    shell::{Shell, escaped, exports, quoted},
    size::readable_size,
    waiting::{
        Pace, Showing, Waiting, asking, now_waiting_for, showing, telling, told, waiting_for,
        waiting_for_attempt,
    },
};
