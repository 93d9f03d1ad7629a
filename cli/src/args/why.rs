use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use keyfob_chain::Order;

use super::KEYFOB_OPTIONS_HEADING;

#[derive(Debug, clap::Args)]
pub(crate) struct WhyArgs {
    /// Print JSON (the same as `--output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
    /// Explain what this SDK would use, by its rules
    #[arg(
        long = "as",
        value_name = "SDK",
        value_parser = order_parser(),
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) order: Option<Order>,
    /// Draw the chain as a picture in this file, or with - on standard output instead of the text
    #[arg(long, value_name = "FILE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) svg: Option<PathBuf>,
}

/// Returns a parser of the short names of orders.
fn order_parser() -> impl TypedValueParser<Value = Order> {
    let names = Order::ALL.iter().map(|order| order.name());
    PossibleValuesParser::new(names).map(|name| {
        let mut all = Order::ALL.iter().copied();
        // The parser has no other name.
        all.find(|order| order.name() == name).unwrap_or_default()
    })
}
