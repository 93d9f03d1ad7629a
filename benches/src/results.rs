//! One run, as the READMEs show it: the lines of `compare --json` and of `benches/weight --json`,
//! in tables and in a chart.

use std::fmt::Write;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

use crate::BoxError;
use crate::report::Row;

/// A run.
#[derive(Debug, Default)]
pub struct Run {
    /// The machine, its load at the start, and the day.
    pub machine: String,
    /// What `compare` measured.
    pub rows: Vec<Row>,
    /// What `weight` measured.
    pub weights: Vec<Weight>,
}

/// What a program pays for the credentials of a chain.
#[derive(Debug)]
pub struct Weight {
    program: String,
    version: String,
    crates: u64,
    /// The CPU seconds of a cold build, if it was built.
    cpu_s: Option<u64>,
    /// The size of the program, if it was built.
    bytes: Option<u64>,
}

/// A part of a weight, if it was measured.
type Part = fn(&Weight) -> Option<u64>;

impl Run {
    /// Reads the lines of both programs, in any order.
    ///
    /// # Errors
    ///
    /// If a line is of neither.
    pub fn parse(lines: &str) -> Result<Self, BoxError> {
        let mut run = Self::default();
        for line in lines.lines() {
            run.add(line)
                .map_err(|error| format!("{line} is not a line of a run: {error}"))?;
        }
        Ok(run)
    }

    fn add(&mut self, line: &str) -> Result<(), BoxError> {
        let value: Value = serde_json::from_str(line)?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let number = |name: &str| value[name].as_u64().ok_or_else(|| format!("no {name}"));
        if let Some(machine) = text("machine") {
            let (cores, load) = (number("cores")?, &value["load"]);
            let day = text("day").unwrap_or_default();
            self.machine = format!("{machine}, {cores} cores; load {load} at the start; {day}");
        } else if let Some(program) = text("program") {
            self.weights.push(Weight {
                program,
                version: text("version").ok_or("no version")?,
                crates: number("crates")?,
                cpu_s: value["cpu_s"].as_u64(),
                bytes: value["bytes"].as_u64(),
            });
        } else {
            self.rows.push(Row::from_json(&value)?);
        }
        Ok(())
    }

    fn row(&self, case: &str, peer: &str) -> Result<&Row, BoxError> {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| row.case == case && row.peer == peer);
        Ok(row.ok_or_else(|| format!("the run has no {case} with {peer}"))?)
    }

    fn weight(&self, program: &str) -> Result<&Weight, BoxError> {
        let mut weights = self.weights.iter();
        let weight = weights.find(|weight| weight.program == program);
        Ok(weight.ok_or_else(|| format!("the run has no weight of {program}"))?)
    }

    /// Formats all cases, except for those with two threads, as a Markdown table.
    pub fn table(&self) -> String {
        let mut table = String::from(
            "| case | peer | keyfob ns | peer ns | ratio | allocations | peer's |\n\
             |---|---|--:|--:|--:|--:|--:|\n",
        );
        let mut last = "";
        let rows = self.rows.iter();
        for row in rows.filter(|row| !row.case.starts_with("two-threads")) {
            let (mut case, mut ours, mut allocs) = Default::default();
            if row.case != last {
                case = format!("`{}`", row.case);
                ours = format!(" {}", thousands(row.keyfob_ns));
                allocs = format!(" {}", row.keyfob_allocs);
            }
            let _ = writeln!(
                table,
                "| {case} | {} | {ours} | {} | {:.2} | {allocs} | {} |",
                row.peer,
                thousands(row.peer_ns),
                row.ratio(),
                row.peer_allocs
            );
            last = &row.case;
        }
        table.replace("|  |", "| |").replace("|  ", "| ")
    }

    /// Formats the few cases of [`SHOWN`] and the weights as a Markdown table.
    ///
    /// # Errors
    ///
    /// If the run does not have them.
    pub fn summary(&self) -> Result<String, BoxError> {
        let mut table = String::from("| | Keyfob | beside it |\n|---|---|---|\n");
        for (what, case, peers) in SHOWN {
            let mut ours = String::new();
            let mut theirs = Vec::new();
            for peer in peers {
                let row = self.row(case, peer)?;
                ours = cost(row.keyfob_ns, row.keyfob_allocs);
                theirs.push(format!("{peer} {}", cost(row.peer_ns, row.peer_allocs)));
            }
            let _ = writeln!(table, "| {what} | {ours} | {} |", theirs.join("<br>"));
        }
        let cell = |weight: &Weight| {
            let mut text = format!("{} crates", weight.crates);
            if let Some(seconds) = weight.cpu_s {
                let _ = write!(text, ", {seconds} CPU s to build");
            }
            if let Some(bytes) = weight.bytes {
                let _ = write!(text, ", {:.1} MB", bytes as f64 / 1e6);
            }
            text
        };
        let ours = cell(self.weight("keyfob-chain")?);
        let peers = self
            .weights
            .iter()
            .filter(|weight| weight.program != "keyfob-chain");
        let theirs: Vec<_> = peers
            .map(|weight| format!("{} {}: {}", weight.program, weight.version, cell(weight)))
            .collect();
        let what = "a program that gets the credentials of a chain";
        let _ = writeln!(table, "| {what} | {ours} | {} |", theirs.join("<br>"));
        let _ = writeln!(table, "| the machine | {} | |", self.machine);
        Ok(table)
    }

    /// Draws what peers take, in multiples of what keyfob takes, as SVG.
    ///
    /// # Errors
    ///
    /// If the run does not have the cases.
    pub fn chart(&self) -> Result<String, BoxError> {
        let mut bars = Vec::new();
        for (what, case, peer) in BARS {
            bars.push((format!("{what}: {peer}"), self.row(case, peer)?.ratio()));
        }
        let (ours, theirs) = (self.weight("keyfob-chain")?, self.weight("aws-config")?);
        let values: [(&str, Part); 3] = [
            ("crates of a program", |weight| Some(weight.crates)),
            ("CPU time to build it", |weight| weight.cpu_s),
            ("size of it", |weight| weight.bytes),
        ];
        for (what, value) in values {
            if let (Some(ours), Some(theirs)) = (value(ours), value(theirs)) {
                bars.push((format!("{what}: aws-config"), theirs as f64 / ours as f64));
            }
        }
        let mut svg = String::new();
        draw(&mut svg, &bars)?;
        Ok(svg)
    }
}

/// What the README of the workspace shows: what is done, the case, and the peers.
const SHOWN: [(&str, &str, &[&str]); 6] = [
    (
        "sign a small request",
        "small-get",
        &["aws-sigv4", "reqsign-aws-v4"],
    ),
    (
        "presign a URL of S3",
        "presign-s3-get",
        &["aws-sigv4", "reqsign-aws-v4", "rusty-s3"],
    ),
    (
        "verify a small request",
        "verify-small-get",
        &["scratchstack"],
    ),
    (
        "call AssumeRole, except for the network",
        "call-assume-role",
        &["aws-sdk-sts"],
    ),
    (
        "read cached credentials",
        "cached-read",
        &["aws-smithy-runtime"],
    ),
    (
        "ask instance metadata, except for the network",
        "imds-credentials",
        &["reqsign-aws-v4"],
    ),
];

/// What the chart shows: one peer for each.
const BARS: [(&str, &str, &str); 5] = [
    ("sign", "small-get", "aws-sigv4"),
    ("presign", "presign-s3-get", "aws-sigv4"),
    ("verify", "verify-small-get", "scratchstack"),
    ("AssumeRole", "call-assume-role", "aws-sdk-sts"),
    ("instance metadata", "imds-credentials", "reqsign-aws-v4"),
];

/// As wide as a phone, so that a phone shows the type as large as it is here. The sizes of plotters
/// are a quarter above those of SVG.
const WIDTH: u32 = 360;
const BAR: u32 = 48;
const OURS: RGBColor = RGBColor(0x2e, 0x9e, 0x5b);
const THEIRS: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);

fn draw(svg: &mut String, bars: &[(String, f64)]) -> Result<(), BoxError> {
    let size = (WIDTH, 96 + BAR * bars.len() as u32);
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    let title = ("sans-serif", 21).into_font().color(&BLACK);
    root.draw(&Text::new("What it costs beside Keyfob", (12, 10), title))?;
    let subtitle = ("sans-serif", 18).into_font().color(&OURS);
    root.draw(&Text::new(
        "the line at 1 is Keyfob; longer costs more",
        (12, 33),
        subtitle,
    ))?;
    let longest = bars.iter().map(|(_, ratio)| *ratio).fold(1.0, f64::max);
    let right = longest.ceil() + 1.0;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(58)
        .margin_left(12)
        .margin_right(12)
        .x_label_area_size(30)
        .build_cartesian_2d(0.0..right, 0..bars.len() as i32 * 100)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_labels(right as usize + 1)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .x_label_style(("sans-serif", 18))
        .x_max_light_lines(0)
        .draw()?;
    // Under the text.
    let line = [(1.0, 0), (1.0, bars.len() as i32 * 100)];
    chart.draw_series(LineSeries::new(line, OURS.stroke_width(2)))?;
    let name = ("sans-serif", 18).into_font().color(&BLACK);
    let name = name.pos(Pos::new(HPos::Left, VPos::Center));
    for (n, (text, ratio)) in bars.iter().enumerate() {
        let top = (bars.len() - n) as i32 * 100;
        let bar = [(0.0, top - 46), (*ratio, top - 88)];
        let middle = top - 67;
        chart.draw_series([Rectangle::new(bar, THEIRS.filled())])?;
        let value = format!("{ratio:.1} ×");
        chart.draw_series([
            Text::new(text.clone(), (0.0, top - 26), name.clone()),
            Text::new(value, (ratio + right / 60.0, middle), name.clone()),
        ])?;
    }
    root.present()?;
    Ok(())
}

/// Formats a time and a number of allocations.
fn cost(nanoseconds: f64, allocations: usize) -> String {
    let time = match nanoseconds {
        ..100.0 => format!("{nanoseconds:.0} ns"),
        ..10_000.0 => format!("{:.2} µs", nanoseconds / 1e3),
        _ => format!("{:.1} µs", nanoseconds / 1e3),
    };
    format!(
        "{time}, {allocations} allocation{}",
        if allocations == 1 { "" } else { "s" }
    )
}

/// Formats a number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let (mut text, length) = (String::new(), digits.len());
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (length - n) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
