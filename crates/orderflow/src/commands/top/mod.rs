//! `orderflow top`: the flow at work, second by second, in a terminal.

mod draw;
mod model;
#[cfg(test)]
mod tests;
mod watch;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::envelope::now_ms;
use crate::failure::Failure;
use crate::options::Place;
use model::Model;

/// Between two looks at the keyboard.
const TICK: Duration = Duration::from_millis(100);

/// Shows processors and topics at work: members, lag, rates, dead letters; q ends it, ? tells what is what
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds between two looks at the cluster
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let settings = place.kafka_only("top")?;
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let hint = "`orderflow lag` prints the same once, and with --json for programs";
        return Err(Failure::usage("no-terminal", "this command needs a terminal", hint).into());
    }
    let asked_to_stop = signals()?;
    let interval = Duration::from_secs(args.interval);
    let mut model = Model::new(&settings.bootstrap, interval, now_ms());
    let updates = watch::start(settings, interval)?;
    // From here on a panic, too, gives the terminal back.
    let mut terminal = ratatui::try_init()?;
    let done = show(&mut terminal, &mut model, &updates, &asked_to_stop);
    ratatui::restore();
    done
}

fn show(
    terminal: &mut DefaultTerminal,
    model: &mut Model,
    updates: &watch::Updates,
    asked_to_stop: &AtomicBool,
) -> anyhow::Result<()> {
    while !asked_to_stop.load(Ordering::Relaxed) {
        for update in updates.try_iter() {
            model.take(update, now_ms());
        }
        terminal.draw(|frame| draw::draw(frame, model, now_ms()))?;
        if event::poll(TICK)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && pressed(model, key)
        {
            break;
        }
    }
    Ok(())
}

/// Whether this key ends it.
fn pressed(model: &mut Model, key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => return true,
        KeyCode::Esc if model.help => model.help = false,
        KeyCode::Char('q') | KeyCode::Esc => return true,
        KeyCode::Char('s') => model.sort = model.sort.next(),
        KeyCode::Char('p' | ' ') => model.paused = !model.paused,
        KeyCode::Char('?' | 'h') => model.help = !model.help,
        _ => {}
    }
    false
}

/// Set when somebody ends this process from outside: the terminal is given back first.
fn signals() -> anyhow::Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let asked = Arc::new(AtomicBool::new(false));
    let set = asked.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            let kinds =
                (signal(SignalKind::terminate()), signal(SignalKind::hangup()), signal(SignalKind::interrupt()));
            if let (Ok(mut term), Ok(mut hangup), Ok(mut int)) = kinds {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = hangup.recv() => {}
                    _ = int.recv() => {}
                }
                set.store(true, Ordering::Relaxed);
            }
        });
    })?;
    Ok(asked)
}
