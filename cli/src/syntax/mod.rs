//! The notations of arguments: files, shorthand and JSON as in `aws`, headers and URLs as in curl.

mod file_argument;
#[cfg(test)]
mod fuzz;
mod header;
mod shorthand;
mod url;

pub(crate) use self::{
    file_argument::{expand, read_limited, standard_input},
    header::parse_header,
    shorthand::{parse_strings, parse_structures},
    url::{authority, has_dot_segments, to_wire_form},
};
