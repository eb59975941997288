//! Random runs. A seed that goes red is printed as the command line that repeats it.

use sim::chaos::Chaos;
use sim::rest::{Report, run};
use sim::world::Config;

/// Runs when nobody says otherwise.
const SEEDS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.trim().parse().ok())
}

/// Runs a seed again with its history as text, and fails with it.
fn tell(seed: u64, config: Config, report: &Report) -> ! {
    let again = run(Config { verbose: true, ..config });
    let lines: Vec<String> = again.lines;
    let tail = lines.len().saturating_sub(number("ORDERFLOW_SIM_LINES").unwrap_or(60) as usize);
    eprintln!("{}", lines[tail..].join("\n"));
    panic!("the simulation is red:\n{}\nrepeat it with: make sim SEED={seed}\n", report.wrong.join("\n"));
}

#[test]
fn sim_calm() {
    for seed in 0..20 {
        let config = Config { chaos: Chaos::NONE, instances: 1, reset: false, ..Config::of_seed(seed) };
        let report = run(config.clone());
        if !report.wrong.is_empty() {
            tell(seed, config, &report);
        }
    }
}

#[test]
fn sim_random_seeds() {
    let one = number("ORDERFLOW_SIM_SEED").or_else(|| number("SEED"));
    let seeds = match one {
        Some(seed) => seed..seed + 1,
        None => 0..number("ORDERFLOW_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let began = std::time::Instant::now();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let config = Config::of_seed(seed);
        let report = run(config.clone());
        if !report.wrong.is_empty() {
            tell(seed, config, &report);
        }
    }
    eprintln!("{count} seeds, {:.0} a second", count as f64 / began.elapsed().as_secs_f64());
}
