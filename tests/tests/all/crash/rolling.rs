//! A rolling restart under load: SIGTERM and start again, one instance after the other.

use anyhow::{Result, ensure};
use engine::shell::kafka::Admin;
use tests::{Flow, Kafka, written};

use super::{LIMIT, alone, reached, slowly, text, two_of_each, verify};

#[test]
fn crash_rolling_restart() -> Result<()> {
    let _turn = alone();
    let kafka = Kafka::start()?;
    Flow::new(&kafka.bootstrap())?.judge(|flow| {
        two_of_each(flow)?;
        let admin = Admin::open(&flow.settings())?;
        let (manifest, states) = (flow.path("manifest.json"), flow.path("states"));
        let slowly = slowly(5);
        let input = ["load", "tpch", "--scale", "0.003", "--late", "0.05", "--manifest", text(&manifest)?];
        let mut load = flow.begin(&[&input[..], &slowly.each_ref().map(String::as_str)].concat())?;
        reached(flow, &admin, &["order-events.v1"], 500)?;
        let mut seen = Vec::new();
        for at in 0..flow.instances.len() {
            let process = &mut flow.instances[at];
            process.stop()?;
            process.start()?;
            process.assigned()?;
            let name = process.name.clone();
            seen.push(written(&admin, &["order-events.v1"])?);
            flow.say(&format!("{name} stopped, started and has its tasks again; {} offsets", seen[at]));
        }
        load.wait(LIMIT)?.expect(0)?;
        verify(flow, &manifest, &states)?;
        let all = written(&admin, &["order-events.v1"])?;
        ensure!(seen[seen.len() / 2] < all, "the flow was at its end after half of the restarts: {seen:?} of {all}");
        flow.stop()
    })
}
