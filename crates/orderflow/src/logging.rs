//! What is logged, in which form, and how that is changed while the process runs.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;

/// How often --log-file is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Flags of every command.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// What is logged to stderr: error, warn, info, debug, or a filter such as "engine=debug"
    #[arg(long, env = "ORDERFLOW_LOG", value_name = "FILTER", global = true)]
    log: Option<String>,
    /// File with such a filter, in place of --log; what is written to it later holds a few seconds after
    #[arg(long, env = "ORDERFLOW_LOG_FILE", value_name = "FILE", global = true)]
    log_file: Option<PathBuf>,
    /// Form of the log
    #[arg(long, env = "ORDERFLOW_LOG_FORMAT", value_name = "FORM", default_value = "text", global = true)]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Logs from here on; `default` where neither flag says what.
pub fn start(args: &Args, default: &str) -> anyhow::Result<()> {
    let named = args.log.as_deref().unwrap_or(default);
    let wrong = |why: String| Failure::usage("bad-log-filter", why, "such as: info, or warn,engine=debug");
    let text = match &args.log_file {
        Some(path) => read(path).map_err(wrong)?,
        None => named.to_owned(),
    };
    let filter = filter(&text).map_err(wrong)?;
    let (filter, handle) = reload::Layer::new(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let layer = match args.log_format {
        Format::Json => layer.json().flatten_event(true).boxed(),
        Format::Text => layer.with_ansi(std::io::stderr().is_terminal()).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).init();
    if let Some(path) = args.log_file.clone() {
        std::thread::Builder::new().name("log-file".to_owned()).spawn(move || follow(&path, text, &handle))?;
    }
    Ok(())
}

/// What sled and rdkafka run into is said by us, once; naming them in the filter shows their own lines, too.
fn filter(text: &str) -> Result<EnvFilter, String> {
    let all = format!("sled=off,rdkafka=off,{text}");
    EnvFilter::try_new(all).map_err(|error| format!("log filter \"{text}\": {error}"))
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("log file \"{}\": {error}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Applies what is written to the file. What cannot be applied is said once and changes nothing.
fn follow(path: &Path, mut last: String, handle: &Handle<EnvFilter, Registry>) {
    loop {
        std::thread::sleep(LOOK);
        // A file that is being replaced is not there for a moment.
        let Ok(text) = read(path) else { continue };
        if text == last {
            continue;
        }
        match filter(&text) {
            Ok(filter) => {
                if handle.reload(filter).is_err() {
                    return;
                }
                tracing::info!("log filter is now \"{text}\"");
            }
            Err(why) => tracing::warn!("{why}; the former one stays"),
        }
        last = text;
    }
}
