//! The pretend consumer group: who owns which task, by member epochs as in KIP-848, with static members.

use std::collections::BTreeMap;

/// A member's session and the epoch that its offset commits must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub session: u64,
    pub epoch: u64,
}

/// What a heartbeat tells a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub revoked: Vec<u32>,
    pub assigned: Vec<u32>,
}

/// The group.
#[derive(Debug, Default)]
pub struct Group {
    members: BTreeMap<usize, Membership>,
    /// Who is to own a task.
    pub target: BTreeMap<u32, usize>,
    /// Who owns it now: member and session.
    pub owners: BTreeMap<u32, (usize, u64)>,
    /// Tasks whose owner was asked to give them up.
    asked: BTreeMap<u32, u64>,
    sessions: u64,
    /// Committed `offset_next` by (task, input).
    pub offsets: BTreeMap<(u32, usize), i64>,
    /// The metadata of an offset and what it stands beside: another offset, whoever has set it, has none.
    pub events: BTreeMap<(u32, usize), (i64, u64)>,
    /// Transactions that hold undecided offsets of a task.
    pub pending: BTreeMap<u32, Vec<u64>>,
}

impl Group {
    /// Joins, or comes back as the same static member: an older session of it is fenced and owns nothing any more.
    pub fn join(&mut self, member: usize) -> Membership {
        self.leave(member);
        self.sessions += 1;
        let membership = Membership { session: self.sessions, epoch: self.sessions };
        self.members.insert(member, membership);
        membership
    }

    /// Throws a member out: its tasks are free at once, its commits are refused.
    pub fn leave(&mut self, member: usize) {
        if self.members.remove(&member).is_some() {
            self.owners.retain(|_, (owner, _)| *owner != member);
            self.asked.retain(|task, _| self.owners.contains_key(task));
        }
    }

    /// Members that are in.
    pub fn members(&self) -> Vec<usize> {
        self.members.keys().copied().collect()
    }

    /// The member's standing; `None` when the session is over.
    pub fn standing(&self, member: usize, session: u64) -> Option<Membership> {
        self.members.get(&member).copied().filter(|membership| membership.session == session)
    }

    /// Whether offsets may be committed under this session and epoch.
    pub fn admits(&self, member: usize, session: u64, epoch: u64) -> bool {
        self.standing(member, session).is_some_and(|membership| membership.epoch == epoch)
    }

    /// A new epoch for a member: commits that carry the old one are refused until its next heartbeat.
    pub fn bump(&mut self, member: usize) {
        self.sessions += 1;
        if let Some(membership) = self.members.get_mut(&member) {
            membership.epoch = self.sessions;
        }
    }

    /// Sets who is to own what; members whose part changes get a new epoch.
    pub fn assign(&mut self, target: BTreeMap<u32, usize>) {
        for member in self.members() {
            let part = |of: &BTreeMap<u32, usize>| -> Vec<u32> {
                of.iter().filter(|(_, owner)| **owner == member).map(|(task, _)| *task).collect()
            };
            if part(&self.target) != part(&target) {
                self.bump(member);
            }
        }
        self.target = target;
    }

    /// A heartbeat: what the member is to give up, and what it gets.
    pub fn heartbeat(&mut self, member: usize, session: u64) -> Plan {
        let mut plan = Plan::default();
        let tasks: Vec<u32> = self.target.keys().copied().collect();
        for task in tasks {
            let mine = self.target[&task] == member;
            match self.owners.get(&task) {
                Some(owner) if *owner == (member, session) && !mine => {
                    let asked_before = self.asked.insert(task, session) == Some(session);
                    plan.revoked.extend((!asked_before).then_some(task));
                }
                None if mine => {
                    self.owners.insert(task, (member, session));
                    plan.assigned.push(task);
                }
                _ => {}
            }
        }
        plan
    }

    /// The member gives tasks up.
    pub fn release(&mut self, member: usize, session: u64, tasks: &[u32]) {
        for task in tasks {
            if self.owners.get(task) == Some(&(member, session)) {
                self.owners.remove(task);
                self.asked.remove(task);
            }
        }
    }
}
