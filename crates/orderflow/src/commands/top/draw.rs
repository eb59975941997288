//! The screen: a function of what is known, for any size of terminal. Nothing depends on colour alone.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row as TableRow, Table, Wrap};

use super::model::{Model, Row, TopicRow};
use crate::commands::lag::{age, records};
use crate::text::{number, span};

const HELP: &str = "\
MEMBERS  workers in the consumer group
TASKS    tasks that a member works on, of all
LAG      committed records not handled yet; \u{2264} where
         offsets are counted in place of records
OLDEST   age of the oldest of them, by its timestamp
IN/s     offsets that the group moves on by
OUT/s    offsets written to topics that no other
         processor writes to
DEAD     dead letters; `orderflow dlq list` names them

Commit markers have offsets, too: rates are a little
higher than the number of records.

q quit   s sort   p pause   ? closes this";

/// A column: its head, its width, and the width of the screen from which on it is shown.
struct Column {
    head: &'static str,
    width: u16,
    from: u16,
    cell: fn(&Row, i64) -> String,
}

const COLUMNS: &[Column] = &[
    Column { head: "MEMBERS", width: 7, from: 70, cell: |row, _| row.members.to_string() },
    Column { head: "TASKS", width: 7, from: 58, cell: |row, _| format!("{}/{}", row.tasks, row.tasks_of) },
    Column { head: "LAG", width: 9, from: 0, cell: |row, _| records(row.lag) },
    Column { head: "OLDEST", width: 11, from: 50, cell: |row, now_ms| age(row.lag, now_ms) },
    Column { head: "IN/s", width: 7, from: 0, cell: |row, _| rate(row.in_rate) },
    Column { head: "OUT/s", width: 7, from: 66, cell: |row, _| rate(row.out_rate) },
    Column { head: "DEAD", width: 6, from: 74, cell: |row, _| number(row.dead) },
];
/// From this width on there is room for a history.
const WIDE: u16 = 96;
/// From this height on there is room to spare.
const ROOMY: u16 = 18;

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, model: &Model, now_ms: i64) {
    let silent = model.silent_ms(now_ms);
    // One empty line where there is room for it.
    let gap = u16::from(frame.area().height >= ROOMY);
    let trouble = if silent.is_some() { 2 } else { gap };
    let processors = model.rows.len().max(1) as u16 + 2;
    let heights = [1, trouble, processors, 0, 1].map(Constraint::Length);
    let [title, alarm, above, below, keys] = {
        let mut heights = heights;
        heights[3] = Constraint::Min(0);
        Layout::vertical(heights).areas(frame.area())
    };
    frame.render_widget(head(model, now_ms), title);
    if let Some(silent) = silent {
        frame.render_widget(alert(model, silent), alarm);
    }
    if model.seen() {
        frame.render_widget(table(model, now_ms, above.width), above);
        if below.height > 2 {
            frame.render_widget(topics(model, below.width), below);
        }
    } else {
        let text = format!("asking {} …", model.bootstrap);
        frame.render_widget(Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM)), above);
    }
    frame.render_widget(foot(model), keys);
    if model.help {
        help(frame);
    }
}

fn head(model: &Model, now_ms: i64) -> Line<'static> {
    let time = crate::decode::time(now_ms);
    let clock = time.get(11..19).unwrap_or_default().to_owned();
    let mut spans = vec![
        Span::styled("orderflow top", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}  {clock} UTC", model.bootstrap)),
    ];
    if model.paused {
        spans.push(Span::styled("  PAUSED", Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)));
    }
    Line::from(spans)
}

fn alert(model: &Model, silent_ms: i64) -> Paragraph<'static> {
    let text = match &model.trouble {
        Some(why) => format!("{why} (for {})", span(silent_ms)),
        None => format!("the broker has not answered for {}", span(silent_ms)),
    };
    Paragraph::new(text).wrap(Wrap { trim: true }).style(Style::new().fg(Color::Red).add_modifier(Modifier::BOLD))
}

fn foot(model: &Model) -> Line<'static> {
    let text =
        format!("q quit  s sort: {}  p {}  ? help", model.sort.name(), if model.paused { "go on" } else { "pause" });
    Line::styled(text, Style::new().add_modifier(Modifier::DIM))
}

/// A rate without needless digits.
fn rate(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => number(rate.round() as u64),
    }
}

fn titles(heads: Vec<Cell<'static>>) -> TableRow<'static> {
    TableRow::new(heads).style(Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED))
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).alignment(Alignment::Right))
}

fn table(model: &Model, now_ms: i64, width: u16) -> Table<'static> {
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| width >= column.from).collect();
    let mut heads = vec![Cell::from("PROCESSOR")];
    heads.extend(columns.iter().map(|column| right(column.head.to_owned())));
    let mut widths = vec![Constraint::Min(12)];
    widths.extend(columns.iter().map(|column| Constraint::Length(column.width)));
    if width >= WIDE {
        heads.push(Cell::from(" IN/s, LAST 60 LOOKS"));
        widths[0] = Constraint::Length(14);
        widths.push(Constraint::Min(18));
    }
    let rows = model.sorted().into_iter().map(|row| {
        let mut cells = vec![Cell::from(row.name)];
        cells.extend(columns.iter().map(|column| right((column.cell)(row, now_ms))));
        if width >= WIDE {
            let used: u16 = 14 + columns.iter().map(|column| column.width + 1).sum::<u16>() + 3;
            cells.push(bars(&row.history, width.saturating_sub(used)));
        }
        let style = match () {
            () if row.members == 0 => Style::new().fg(Color::Red),
            () if row.tasks < row.tasks_of as usize => Style::new().fg(Color::Yellow),
            () => Style::new(),
        };
        TableRow::new(cells).style(style)
    });
    Table::new(rows.collect::<Vec<_>>(), widths).header(titles(heads))
}

fn topics(model: &Model, width: u16) -> Table<'static> {
    let mut heads = vec![Cell::from("TOPIC"), right("WRITTEN/s".to_owned())];
    let mut widths = vec![Constraint::Min(18), Constraint::Length(9)];
    let (offsets, wide) = (width >= 50, width >= WIDE);
    if offsets {
        heads.push(right("OFFSETS".to_owned()));
        widths.push(Constraint::Length(13));
    }
    if wide {
        heads.push(Cell::from(" WRITTEN/s, LAST 60 LOOKS"));
        widths[0] = Constraint::Length(20);
        widths.push(Constraint::Min(20));
    }
    let row = |topic: &TopicRow| {
        let mut cells = vec![Cell::from(topic.name), right(rate(topic.rate))];
        if offsets {
            cells.push(right(number(topic.offsets.unsigned_abs())));
        }
        if wide {
            cells.push(bars(&topic.history, width.saturating_sub(46)));
        }
        TableRow::new(cells)
    };
    Table::new(model.topics.iter().map(row).collect::<Vec<_>>(), widths).header(titles(heads))
}

/// The latest values as little bars, the highest of them a full one.
fn bars(history: &VecDeque<f64>, width: u16) -> Cell<'static> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = history.iter().copied().fold(0.0, f64::max);
    let skip = history.len().saturating_sub(width.into());
    let bar = |value: &f64| match most > 0.0 {
        true => BARS[((value / most) * 7.0).round() as usize % 8],
        false => BARS[0],
    };
    let bars: String = history.iter().skip(skip).map(bar).collect();
    Cell::from(Span::styled(format!(" {bars}"), Style::new().fg(Color::Cyan)))
}

fn help(frame: &mut Frame<'_>) {
    let (area, lines) = (frame.area(), HELP.lines().count() as u16 + 2);
    let widest = HELP.lines().map(|line| line.chars().count() as u16).max().unwrap_or_default() + 4;
    let (width, height) = (widest.min(area.width), lines.min(area.height));
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    let text = Paragraph::new(HELP).wrap(Wrap { trim: false });
    frame.render_widget(text.block(Block::bordered().title(" what is what ")), place);
}
