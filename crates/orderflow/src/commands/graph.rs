//! `orderflow graph`: the map of topics and processors as a picture.

use std::path::PathBuf;

use anyhow::Context;
use catalog::draw;

use crate::options::Place;
use crate::processors;
use crate::survey::Surveyor;

/// Of each partition so many waiting records are counted.
const COUNT_MAX: u64 = 1_000;

/// Draws topics and processors, as topics.yaml says; with --live what a cluster says of them, too
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Form of the picture
    #[arg(long, value_name = "FORM", default_value = "svg")]
    format: Format,
    /// File to write; standard output without it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder with topics.yaml and schemas/; without it, the contract that this binary was built with
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Adds members and lag of each processor, from the cluster that --bootstrap names
    #[arg(long)]
    live: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One file without scripts, links or fonts
    Svg,
    /// A flowchart for places that render it, such as Markdown on GitHub
    Mermaid,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let catalog = match &args.root {
        Some(root) => super::catalog::load(root)?,
        None => super::catalog::built_in()?,
    };
    let (origin, notes) = if args.live {
        (format!("orderflow graph, live at {}", crate::decode::time(crate::envelope::now_ms())), live(place)?)
    } else {
        ("orderflow graph".to_owned(), draw::Notes::new())
    };
    let picture = match args.format {
        Format::Svg => draw::svg(&catalog, &origin, &notes),
        Format::Mermaid => draw::mermaid(&catalog, &origin, &notes),
    };
    match &args.output {
        None => out!("{picture}"),
        Some(path) => {
            std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
            outln!("{}", path.display());
        }
    }
    Ok(())
}

fn live(place: &Place) -> anyhow::Result<draw::Notes> {
    let topologies = processors::ALL.iter().map(|known| known.topology()).collect();
    let mut surveyor = Surveyor::open(&place.kafka_only("tool")?, topologies)?;
    surveyor.check()?;
    let now_ms = crate::envelope::now_ms();
    let standings = surveyor.look(COUNT_MAX)?;
    let note = |standing: &crate::survey::Standing| {
        let lag = standing.lag();
        let mut line = format!("lag {}", super::lag::records(lag));
        if lag.oldest_ms.is_some() {
            line = format!("{line}, {}", super::lag::age(lag, now_ms));
        }
        (standing.topology.name.to_owned(), vec![standing.state(), line])
    };
    Ok(standings.iter().map(note).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_binary_draws_what_is_committed() {
        let catalog = super::super::catalog::built_in().expect("it was linted when it was generated");
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let body = |text: &str| text.split_once('\n').map(|(_, body)| body.to_owned());
        let notes = draw::Notes::new();
        for (file, drawn) in
            [("topology.svg", draw::svg(&catalog, "x", &notes)), ("topology.mmd", draw::mermaid(&catalog, "x", &notes))]
        {
            let committed = std::fs::read_to_string(root.join(file)).expect("it is committed");
            assert_eq!(body(&drawn), body(&committed), "{file}");
        }
        let notes = draw::Notes::from([("fulfilment".to_owned(), vec!["lag 7".to_owned()])]);
        let svg = draw::svg(&catalog, "graph --live", &notes);
        assert!(svg.contains(">lag 7</text>") && svg.starts_with("<!-- graph -live -->"), "no hyphens in pairs");
        assert!(draw::mermaid(&catalog, "x", &notes).contains("<br/>lag 7\""));
    }
}
