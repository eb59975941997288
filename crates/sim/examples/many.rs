use sim::{rest::run, world::Config};
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    for seed in a[0]..a[1] {
        let t = std::time::Instant::now();
        eprint!("\r{seed} ");
        let r = run(Config::of_seed(seed));
        if t.elapsed().as_millis() > 1500 { eprintln!("slow {seed} {:?} events {}", t.elapsed(), r.events); }
        if !r.wrong.is_empty() { let w: String = r.wrong.join(" | ").chars().take(400).collect(); eprintln!("RED {seed}: {w}"); }
    }
}
