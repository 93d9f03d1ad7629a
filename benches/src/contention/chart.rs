//! Draws the plots as SVG.

use std::path::Path;

use plotters::prelude::*;

use super::report::StudyLine;
use super::study::Backoff;
use super::throttled::Outcome;
use crate::BoxError;

const SIZE: (u32, u32) = (960, 420);
const COLORS: [RGBColor; 10] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0x2e, 0x9e, 0x5b),
    RGBColor(0x17, 0xa2, 0xb8),
    RGBColor(0xc9, 0x4c, 0x4c),
    RGBColor(0xe0, 0x8e, 0x1b),
    RGBColor(0x8e, 0x5e, 0xa2),
    RGBColor(0x6b, 0x6b, 0x6b),
    RGBColor(0xb5, 0xa1, 0x42),
    RGBColor(0x33, 0x33, 0x99),
    RGBColor(0x99, 0x33, 0x66),
];

struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// Draws calls and time by the number of clients, side by side.
///
/// # Errors
///
/// If the file cannot be written.
pub fn study(path: &Path, lines: &[StudyLine]) -> Result<(), BoxError> {
    let series = |value: fn(&super::study::Outcome) -> f64| -> Vec<Line> {
        let points = |n: usize| {
            lines
                .iter()
                .map(move |line| (line.clients as f64, value(&line.outcomes[n])))
        };
        Backoff::ALL
            .iter()
            .enumerate()
            .map(|(n, backoff)| Line {
                name: backoff.name(),
                points: points(n).collect(),
            })
            .collect()
    };
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(SIZE.0 / 2);
    lines_chart(
        &left,
        "calls until all are done: fewer is better",
        "clients",
        &series(|outcome| outcome.calls),
    )?;
    lines_chart(
        &right,
        "seconds until all are done: fewer is better",
        "clients",
        &series(|outcome| outcome.finish_ms / 1e3),
    )?;
    root.present()?;
    Ok(())
}

/// Draws the calls that have reached the service, by time, in the first 30 s.
///
/// # Errors
///
/// If the file cannot be written.
pub fn arrivals(path: &Path, outcomes: &[Outcome]) -> Result<(), BoxError> {
    const UNTIL: f64 = 30.0;
    let series: Vec<Line> = outcomes
        .iter()
        .map(|outcome| {
            let count = outcome.arrivals.iter().enumerate();
            let points = count.map(|(n, at)| (at.as_secs_f64(), n as f64 + 1.0));
            Line {
                name: outcome.name,
                points: thinned(points.take_while(|(at, _)| *at <= UNTIL).collect()),
            }
        })
        .collect();
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    lines_chart(
        &root,
        "calls that have reached the service: lower is better, if it ends no later",
        "seconds",
        &series,
    )?;
    root.present()?;
    Ok(())
}

/// Draws the time to finish against the wasted calls, one named point for each schedule. Each point
/// is its name, the finish divided by the best possible, and the wasted calls.
///
/// # Errors
///
/// If the file cannot be written.
pub fn pareto(
    path: &Path,
    case: &str,
    points: &[(&'static str, f64, f64)],
) -> Result<(), BoxError> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let right = points
        .iter()
        .map(|(_, finish, _)| *finish)
        .fold(2.0, f64::max);
    let top = points
        .iter()
        .map(|(_, _, wasted)| *wasted)
        .fold(1.0, f64::max);
    let title = format!("{case}: nearer to the lower left is better");
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        // From below 1 on, so that no point is on an axis.
        .build_cartesian_2d((0.8..right * 1.5).log_scale(), (0.6..top * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("finish, in multiples of the best possible (logarithmic)")
        .y_desc("wasted calls (logarithmic)")
        .x_label_formatter(&whole)
        .y_label_formatter(&whole)
        .light_line_style(WHITE)
        .draw()?;
    let mut names: Vec<(std::ops::Range<i32>, i32)> = Vec::new();
    for (n, ((name, finish, wasted), color)) in points.iter().zip(COLORS).enumerate() {
        let at = (finish.max(1.0), wasted.max(1.0));
        // Each is smaller than the one that it may cover.
        let radius = 4 + (points.len() - 1 - n) as i32 / 2;
        chart.draw_series([Circle::new(at, radius, color.filled())])?;
        // Its name is right of it, and below those that are there already.
        let (x, mut y) = chart.backend_coord(&at);
        let end = x + 7 * name.len() as i32;
        let overlaps = |y: i32| {
            let mut names = names.iter();
            names.any(|(other, at)| other.start < end && x < other.end && (at - y).abs() < 14)
        };
        while overlaps(y) {
            y += 1;
        }
        names.push((x..end, y));
        let style = ("sans-serif", 13).into_font().color(&color);
        root.draw(&Text::new(*name, (x + 12, y - 6), style))?;
    }
    root.present()?;
    Ok(())
}

/// Formats the whole ticks; a logarithmic scale has others below 1.
fn whole(tick: &f64) -> String {
    if (tick - tick.round()).abs() < 1e-6 {
        format!("{tick:.0}")
    } else {
        String::new()
    }
}

/// Keeps at most a few hundred points, including the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(400).max(1);
    let last = points.len().saturating_sub(1);
    points
        .into_iter()
        .enumerate()
        .filter(|(n, _)| n % step == 0 || *n == last)
        .map(|(_, point)| point)
        .collect()
}

/// Draws lines on a logarithmic scale, because the schedules are orders of magnitude apart.
fn lines_chart<B>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    title: &str,
    x_label: &str,
    series: &[Line],
) -> Result<(), BoxError>
where
    B: DrawingBackend,
    B::ErrorType: 'static,
{
    let points = || series.iter().flat_map(|line| line.points.iter());
    let right = points().map(|(x, _)| *x).fold(1.0, f64::max);
    let top = points().map(|(_, y)| *y).fold(1.0, f64::max) * 1.5;
    let bottom = points().map(|(_, y)| *y).fold(top, f64::min);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right, (bottom..top).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x_label)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    for (n, (Line { name, points }, color)) in series.iter().zip(COLORS).enumerate() {
        // Each is thinner than the one that it may cover.
        let style = color.stroke_width(2 + (series.len() - 1 - n) as u32);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}
