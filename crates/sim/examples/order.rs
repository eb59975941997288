use sim::world::*; use sim::oracle::facts;
fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let task: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let mut world = World::new(Config::of_seed(seed));
    println!("{:?}", world.config);
    world.run(); println!("{:?}", world.rest_and_check()); if world.config.reset { world.reset(); world.run(); world.rest_and_check(); }
    let f = facts::gather(&world);
    for s in &f.tasks[task].order { println!("{:?}", s); }
}
