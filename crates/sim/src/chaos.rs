//! How unkind a run is: chances per thousand transport calls, drawn anew for each seed so that runs differ in kind.

use crate::rng::Rng;

/// Chances of faults, per thousand calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chaos {
    /// The call is not carried out and fails with `Fault::Abort`.
    pub abort_before: u32,
    /// The call is carried out and fails with `Fault::Abort` nevertheless.
    pub abort_after: u32,
    /// The process dies before the call.
    pub crash_before: u32,
    /// The process dies after the call.
    pub crash_after: u32,
    /// Something else happens first: another instance takes a turn, the group moves tasks, a marker arrives.
    pub interrupt: u32,
    /// A restore meets an end of partition before the end of the log.
    pub early_end: u32,
    /// The outcome of a commit stays unknown.
    pub commit_unknown: u32,
    /// Another producer is initialised under the same id.
    pub twin: u32,
    /// The broker refuses a record for no reason of the record's, once.
    pub refuse: u32,
    /// A disk access fails soon.
    pub disk: u32,
    /// A stored value becomes undecodable.
    pub rot: u32,
    /// A restart finds an empty disk.
    pub disk_lost: u32,
    /// Per thousand steps of the world: a wall clock jumps, and is right again within minutes.
    pub clock_jump: u32,
    /// Per thousand steps of the world: a wall clock is wrong from now on.
    pub clock_wrong: u32,
    /// Per thousand steps of the world: the group moves tasks.
    pub rebalance: u32,
    /// Per thousand steps of the world: a member is thrown out.
    pub kick: u32,
}

impl Chaos {
    /// No fault at all.
    pub const NONE: Chaos = Chaos {
        abort_before: 0,
        abort_after: 0,
        crash_before: 0,
        crash_after: 0,
        interrupt: 0,
        commit_unknown: 0,
        early_end: 0,
        twin: 0,
        refuse: 0,
        disk: 0,
        rot: 0,
        disk_lost: 0,
        clock_jump: 0,
        clock_wrong: 0,
        rebalance: 0,
        kick: 0,
    };

    /// Each kind is off in about half of the runs.
    pub fn draw(rng: &mut Rng) -> Chaos {
        let mut rate = |most: u64| if rng.chance(500) { 0 } else { 1 + rng.below(most) as u32 };
        Chaos {
            abort_before: rate(20),
            abort_after: rate(20),
            crash_before: rate(4),
            crash_after: rate(4),
            interrupt: rate(60),
            commit_unknown: rate(30),
            twin: rate(2),
            refuse: rate(3),
            disk: rate(3),
            rot: rate(2),
            disk_lost: rate(200),
            clock_jump: rate(10),
            clock_wrong: rate(10),
            rebalance: rate(20),
            kick: rate(10),
            early_end: rate(300),
        }
    }
}
