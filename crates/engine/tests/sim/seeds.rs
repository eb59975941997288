//! Random runs. A seed that goes red is printed as the command line that repeats it.

use sim::chaos::Chaos;
use sim::plant::Plant;
use sim::rest::{Report, run};
use sim::world::Config;

/// Runs when nobody says otherwise.
const SEEDS: u64 = 200;

/// Seeds within which a planted bug must be found.
const PLANT_SEEDS: u64 = 40;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.trim().parse().ok())
}

/// Runs a seed again with its history as text, and fails with it.
fn tell(seed: u64, config: Config, report: &Report) -> ! {
    let wanted = number("ORDERFLOW_SIM_LINES").unwrap_or(60) as usize;
    if wanted > 0 {
        let lines = run(Config { verbose: true, ..config }).lines;
        let tail = lines.len().saturating_sub(wanted);
        eprintln!("{}", lines[tail..].join("\n"));
    }
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
        None => 0..number("ORDERFLOW_SIM_SEEDS").or_else(|| number("SEEDS")).unwrap_or(SEEDS),
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

#[test]
fn sim_planted_bugs_turn_red() {
    for plant in Plant::ALL {
        let red = (0..PLANT_SEEDS).find_map(|seed| {
            let report = run(Config { plant: Some(plant), ..Config::of_seed(seed) });
            (!report.wrong.is_empty()).then_some((seed, report.wrong))
        });
        let Some((seed, wrong)) = red else { panic!("{plant:?} stays green over {PLANT_SEEDS} seeds") };
        let names: Vec<&str> =
            wrong.iter().map(|why| why.split_once(':').map_or(why.as_str(), |(name, _)| name)).collect();
        eprintln!("{plant:?} is red at seed {seed}: {}", names.join(", "));
    }
}

#[test]
fn sim_the_same_seed_has_the_same_history() {
    for seed in 0..10 {
        assert_eq!(run(Config::of_seed(seed)), run(Config::of_seed(seed)), "seed {seed}");
    }
}
