use sim::{rest::run, world::Config};
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let began = std::time::Instant::now();
    let (mut deeds, mut events, mut n) = (0, 0, 0);
    for seed in a[0]..a[1] {
        let t = std::time::Instant::now();
        if a.get(2).is_some_and(|max| began.elapsed().as_secs() > *max) { break; }
        let r = run(Config::of_seed(seed));
        n += 1; deeds += r.deeds; events += r.events;
        if t.elapsed().as_millis() > 3000 { println!("slow {seed} {:?} events {}", t.elapsed(), r.events); }
        if !r.wrong.is_empty() { let w: String = r.wrong.join(" | ").chars().take(600).collect(); println!("RED {seed}: {w}"); }
    }
    println!("{n} seeds, {:.1}/s, deeds {} events {} per seed", n as f64 / began.elapsed().as_secs_f64(), deeds as u64 / n, events / n);
}
