//! Screens of a terminal as one SVG: each is shown for a few seconds, one after the other; where nothing moves, the middle one stands still.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 14.0;
/// How long one screen is shown.
const SECONDS: usize = 4;

/// How a run of cells looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    color: Color,
    bold: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        Self {
            color: cell.fgcolor(),
            bold: cell.bold(),
            dim: cell.dim(),
        }
    }

    /// The classes of the style sheet.
    fn classes(self) -> String {
        let mut classes = Vec::new();
        match self.color {
            Color::Idx(index) if index < 16 => classes.push(format!("c{index}")),
            _ => {}
        }
        if self.bold {
            classes.push("b".to_owned());
        }
        if self.dim {
            classes.push("d".to_owned());
        }
        classes.join(" ")
    }
}

/// The picture of these screens. It brings its own background, so it reads the same on a light and on a dark page.
pub(super) fn picture(screens: &[&Screen]) -> String {
    let rows = screens.iter().map(|screen| lines(screen).len()).max();
    let rows = f64::from(u16::try_from(rows.unwrap_or(0)).unwrap());
    let columns = screens.iter().map(|screen| screen.size().1.get()).max();
    let width = f64::from(columns.unwrap_or_default()).mul_add(CELL.0, 2.0 * MARGIN);
    let height = rows.mul_add(CELL.1, 2.0 * MARGIN);

    let mut svg = String::new();
    let mut put = |line: &str| {
        svg.push_str(line);
        svg.push('\n');
    };
    put(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="A terminal: nomad-restart restarts five allocations in three batches">"#
    ));
    put(&style(screens.len()));
    put(&format!(
        r##"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="8" fill="#161b22" stroke="#6e7681"/>"##,
        width - 1.0,
        height - 1.0
    ));
    for (number, screen) in screens.iter().enumerate() {
        let still = if number == screens.len() / 2 {
            " still"
        } else {
            ""
        };
        put(&format!(r#"<g class="s s{number}{still}">"#));
        for (row, runs) in lines(screen).iter().enumerate() {
            for run in runs {
                put(&text(row, run));
            }
        }
        put("</g>");
    }
    put("</svg>");
    svg
}

/// Fonts, colours, and when each screen is seen.
fn style(screens: usize) -> String {
    let mut css = String::from(
        "<style>\n\
         text { font: 14px ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #e6edf3; white-space: pre }\n\
         .b { font-weight: bold } .d { opacity: .7 }\n\
         .c1, .c9 { fill: #ff7b72 } .c2, .c10 { fill: #7ee787 } .c3, .c11 { fill: #e3b341 } .c4, .c12 { fill: #79c0ff }\n\
         .c5, .c13 { fill: #d2a8ff } .c6, .c14 { fill: #76e3ea } .c8 { fill: #9198a1 }\n\
         .s { visibility: hidden } .still { visibility: visible }\n",
    );
    let whole = screens * SECONDS;
    let share = 100.0 / f64::from(u32::try_from(screens).unwrap());
    let _infallible = write!(
        css,
        "@media (prefers-reduced-motion: no-preference) {{\n\
         .s {{ visibility: hidden; animation: turn {whole}s step-end infinite }}\n\
         @keyframes turn {{ 0% {{ visibility: visible }} {share:.2}% {{ visibility: hidden }} }}\n"
    );
    for number in 0..screens {
        let _infallible = writeln!(
            css,
            ".s{number} {{ animation-delay: {}s }}",
            number * SECONDS
        );
    }
    css.push_str("}\n</style>");
    css
}

/// Text of one look, and the column in which it begins.
struct Run {
    column: u16,
    width: u16,
    look: Look,
    text: String,
}

/// The lines of a screen, without those at its end that are empty.
fn lines(screen: &Screen) -> Vec<Vec<Run>> {
    let (rows, columns) = screen.size();
    let mut lines: Vec<Vec<Run>> = (0..rows.get())
        .map(|row| line(screen, row, columns.get()))
        .collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

fn line(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen
            .cell(row, column)
            .filter(|it| !it.is_wide_continuation())
        else {
            continue;
        };
        let text = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        let look = Look::of(cell);
        match runs.last_mut() {
            // A space looks the same in every colour.
            Some(run) if run.look == look || text == " " => run.text.push_str(text),
            _ if text == " " => {}
            _ => runs.push(Run {
                column,
                width: 0,
                look,
                text: text.to_owned(),
            }),
        }
    }
    for run in &mut runs {
        run.text.truncate(run.text.trim_end().len());
        run.width = u16::try_from(run.text.chars().count()).unwrap();
    }
    runs
}

fn text(row: usize, run: &Run) -> String {
    let row = f64::from(u16::try_from(row).unwrap());
    let x = f64::from(run.column).mul_add(CELL.0, MARGIN);
    let y = (row + 0.75).mul_add(CELL.1, MARGIN);
    let length = f64::from(run.width) * CELL.0;
    let classes = run.look.classes();
    let class = if classes.is_empty() {
        String::new()
    } else {
        format!(r#" class="{classes}""#)
    };
    // The length makes columns stand below each other whatever the font.
    format!(
        r#"<text x="{x:.1}" y="{y:.1}" textLength="{length:.1}" xml:space="preserve"{class}>{}</text>"#,
        escaped(&run.text)
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
