//! The notations of arguments: files, shorthand and JSON as in `aws`, headers and URLs as in curl.

mod file_argument;
#[cfg(test)]
mod fuzz;
mod header;
mod shorthand;
mod url;

pub(crate) use self::{
    file_argument::{
        expand, expand_bytes, expand_number, expand_secret, read_file, read_text_file,
        standard_input, standard_input_line,
    },
    header::parse_header,
    shorthand::{Form, parse_brackets, parse_value},
    url::{authority, has_dot_segments, to_wire_form},
};
