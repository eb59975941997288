//! What everybody in the pretend world shares: broker, time, chance, history; and the hooks that faults come through.

use std::cell::{Cell, RefCell};
use std::fmt::Arguments;
use std::ops::Range;
use std::rc::Rc;

use engine::shell::restore::Internal;
use engine::shell::transport::Fault;
use flow::Topology;

use crate::broker::Broker;
use crate::chaos::Chaos;
use crate::clock::Time;
use crate::history::History;
use crate::ledger::TOPOLOGY;
use crate::restorer::Restores;
use crate::rng::Rng;
use crate::watch::Watch;

/// The text of the fault that stands for the death of a process.
pub const DEATH: &str = "the process died";

/// Transport calls of a run after which somebody goes round in circles.
const CALLS_MAX: u64 = 300_000;

/// How a call can be hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurt {
    /// Abort before or after it was carried out.
    Any,
    /// Abort only before: what was carried out must be reported as such.
    Before,
    /// Abort only after: it cannot fail without an effect.
    After,
    /// Nothing but the death of the process.
    Death,
}

/// What breaks into a call: another instance's turn, a rebalance, a marker.
type Interrupt = Rc<dyn Fn(usize)>;

/// The shared world.
pub struct Shared {
    pub broker: RefCell<Broker>,
    pub rng: RefCell<Rng>,
    pub time: Rc<Time>,
    pub chaos: Cell<Chaos>,
    pub history: RefCell<History>,
    /// What went against a rule while the run went on.
    pub breaches: RefCell<Vec<String>>,
    pub names: Internal,
    /// The map that a process starts with.
    pub topology: Cell<&'static Topology>,
    /// Some clock is wrong for good: what follows such a clock is early, and right.
    pub clocks_wrong: Cell<bool>,
    /// The broker refuses every record.
    pub refuse_all: Cell<bool>,
    /// The broker refuses dead letters of more bytes than this.
    pub letter_bytes: Cell<usize>,
    /// A record was refused for no reason of its own: a letter may be a stub of one that would have been taken.
    pub refused_by_chance: Cell<bool>,
    /// What a commit takes, in microseconds; by chance when it is 0.
    pub commit_us: Cell<u64>,
    /// When the next record arrives: no poll waits longer.
    pub arrival_us: Cell<u64>,
    /// Workers of one pod: numbered one after the other.
    workers: usize,
    /// Pods whose process died.
    dead: RefCell<Vec<bool>>,
    /// What is looked at after every turn.
    pub watch: Watch,
    /// The restores of each pod.
    restores: Vec<Restores>,
    interrupt: RefCell<Option<Interrupt>>,
    depth: Cell<u32>,
    calls: Cell<u64>,
}

impl Shared {
    /// A world without topics.
    pub fn new(seed: u64, instances: usize, workers: usize) -> Shared {
        Shared {
            broker: RefCell::default(),
            rng: RefCell::new(Rng::new(seed)),
            time: Rc::default(),
            chaos: Cell::new(Chaos::NONE),
            history: RefCell::default(),
            breaches: RefCell::default(),
            names: Internal::of(TOPOLOGY.name),
            topology: Cell::new(&TOPOLOGY),
            clocks_wrong: Cell::new(false),
            refuse_all: Cell::new(false),
            letter_bytes: Cell::new(usize::MAX),
            refused_by_chance: Cell::new(false),
            commit_us: Cell::new(0),
            arrival_us: Cell::new(u64::MAX),
            workers,
            watch: Watch::default(),
            dead: RefCell::new(vec![false; instances]),
            restores: (0..instances).map(|_| Restores::default()).collect(),
            interrupt: RefCell::default(),
            depth: Cell::new(0),
            calls: Cell::new(0),
        }
    }

    /// Notes an event.
    pub fn note(&self, event: Arguments<'_>) {
        self.history.borrow_mut().note(event);
    }

    /// Notes a breach of a rule that holds at every moment.
    pub fn breach(&self, what: String) {
        self.note(format_args!("BREACH {what}"));
        self.breaches.borrow_mut().push(what);
    }

    /// True in `per_mille` of 1,000 cases.
    pub fn chance(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.borrow_mut().chance(per_mille)
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.rng.borrow_mut().below(bound)
    }

    /// Sets what breaks into calls.
    pub fn on_interrupt(&self, interrupt: Option<Interrupt>) {
        *self.interrupt.borrow_mut() = interrupt;
    }

    /// The workers of this worker's pod.
    pub fn pod(&self, me: usize) -> Range<usize> {
        let first = me - me % self.workers;
        first..first + self.workers
    }

    /// The restores of this worker's pod.
    pub fn restores(&self, me: usize) -> &Restores {
        &self.restores[me / self.workers]
    }

    /// Whether the process of this worker died.
    pub fn is_dead(&self, me: usize) -> bool {
        self.dead.borrow()[me / self.workers]
    }

    /// Lets the process of this worker die, or live again.
    pub fn set_dead(&self, me: usize, dead: bool) {
        self.dead.borrow_mut()[me / self.workers] = dead;
    }

    fn death(&self, me: usize, when: &str, call: &str) -> Fault {
        self.note(format_args!("{me} dies {when} {call}"));
        self.set_dead(me, true);
        Fault::Fatal(DEATH.into())
    }

    /// Before a transport call of instance `me`.
    pub fn before(&self, me: usize, call: &str, hurt: Hurt) -> Result<(), Fault> {
        if self.is_dead(me) {
            return Err(Fault::Fatal(DEATH.into()));
        }
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() > CALLS_MAX {
            if self.calls.get() == CALLS_MAX + 1 {
                self.breach(format!("{me} goes round in circles at {call}"));
                self.history.borrow_mut().frozen = true;
            }
            self.set_dead(me, true);
            return Err(Fault::Fatal(DEATH.into()));
        }
        let chaos = self.chaos.get();
        if self.chance(chaos.interrupt) && self.depth.get() < 2 {
            let interrupt = self.interrupt.borrow().clone();
            if let Some(interrupt) = interrupt {
                self.depth.set(self.depth.get() + 1);
                interrupt(me);
                self.depth.set(self.depth.get() - 1);
            }
            if self.is_dead(me) {
                return Err(Fault::Fatal(DEATH.into()));
            }
        }
        if self.chance(chaos.crash_before) {
            return Err(self.death(me, "before", call));
        }
        if matches!(hurt, Hurt::Any | Hurt::Before) && self.chance(chaos.abort_before) {
            self.note(format_args!("{me} {call} fails"));
            return Err(Fault::Abort(format!("pretend fault before {call}")));
        }
        Ok(())
    }

    /// After a transport call that was carried out.
    pub fn after(&self, me: usize, call: &str, hurt: Hurt) -> Result<(), Fault> {
        let chaos = self.chaos.get();
        if self.chance(chaos.crash_after) {
            return Err(self.death(me, "after", call));
        }
        if matches!(hurt, Hurt::Any | Hurt::After) && self.chance(chaos.abort_after) {
            self.note(format_args!("{me} {call} is done but fails"));
            return Err(Fault::Abort(format!("pretend fault after {call}")));
        }
        Ok(())
    }
}
