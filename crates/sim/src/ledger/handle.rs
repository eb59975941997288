//! The ledger's handler.

use flow::{Code, Effects, Event, Handled, Reject, Seen};

use super::{
    Account, Ask, CONTINUE, Change, DEADLINE, Entry, In, Ledger, Op, Out, Parked, Reply, State, Wake, continue_sub,
    deadline_sub,
};

/// Parked amounts with this remainder of 100 make their deadline's handler panic.
pub const PANICS_AT_DEADLINE: i64 = 13;
/// A parked amount whose deadline sends a record that the pretend broker refuses. No random run parks so much.
pub const REFUSED_AT_DEADLINE: i64 = 1_000_000;
/// The note of a record that the pretend broker refuses.
pub const CURSED: &str = "cursed";
/// Length of a note that no size limit of a run allows.
pub const HUGE: usize = 5_000;

/// Handles one event.
pub fn handle<'a>(event: Event<'a, Ledger>, state: &State<'_>) -> Handled<'a, Ledger> {
    let mut book = Book { key: event.key, time_ms: event.time_ms, account: state.account(), effects: Effects::new() };
    match &event.input {
        In::Entry(entry) => book.entry(entry)?,
        In::Ask(ask) => {
            let accepted = event.seen != Seen::Conflict;
            book.effects.reply(ask.reply_to.clone(), Reply { key: ask.key.clone(), accepted });
            if event.seen == Seen::New && ask.chunk > 0 {
                book.release(ask.chunk, state);
            }
        }
        In::Wake { kind: DEADLINE, sub } => book.deadline(sub, state)?,
        In::Wake { kind: CONTINUE, sub } => {
            let chunk = sub.split_once('.').and_then(|(_, chunk)| chunk.parse().ok());
            book.release(chunk.ok_or_else(|| Reject::new(Code::Invalid, "timer"))?, state);
        }
        In::Wake { .. } => return Err(Reject::new(Code::Invalid, "timer")),
    }
    Ok(book.done(&event.input))
}

struct Book<'a> {
    key: &'a str,
    time_ms: i64,
    account: Account,
    effects: Effects<'a, Ledger>,
}

impl<'a> Book<'a> {
    fn emit(&mut self, record: &'static str, amount: i64, note: String) {
        self.account.seq += 1;
        let Account { seq, sum, .. } = self.account;
        self.effects.emit(Out { topic: 0, record, key: self.key.to_owned(), seq, sum, amount, note });
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Reject> {
        match entry.op {
            Op::Add => {
                self.account.sum += entry.amount;
                self.emit("Added", entry.amount, String::new());
            }
            Op::Park => {
                let number = self.account.parked_next;
                self.account.parked_next += 1;
                let due_ms = self.time_ms + entry.delay_ms;
                self.effects.change(Change::Park(number.to_be_bytes(), Parked { amount: entry.amount, due_ms }));
                self.effects.wake_at(due_ms, Wake::Deadline, deadline_sub(number));
                self.emit("Parked", entry.amount, String::new());
            }
            Op::Move => {
                self.account.sum -= entry.amount;
                self.emit("Moved", entry.amount, entry.to.clone());
                let Account { seq, sum, .. } = self.account;
                let (key, note) = (entry.to.clone(), self.key.to_owned());
                self.effects.emit(Out { topic: 1, record: "Received", key, seq, sum, amount: entry.amount, note });
            }
            Op::Invalid => return Err(Reject::new(Code::Invalid, "the entry says so")),
            Op::Panic => {
                self.emit("Added", entry.amount, "must never be seen".to_owned());
                panic();
            }
            Op::Cursed => self.emit("Added", 0, CURSED.to_owned()),
            Op::Huge => self.emit("Added", 0, "x".repeat(HUGE)),
        }
        Ok(())
    }

    fn release(&mut self, chunk: u64, state: &State<'_>) {
        let found = state.first_parked(chunk as usize + 1);
        for (number, parked) in found.iter().take(chunk as usize) {
            self.effects.change(Change::Unpark(number.to_be_bytes()));
            self.effects.cancel_wake(parked.due_ms, Wake::Deadline, deadline_sub(*number));
            self.account.sum += parked.amount;
            self.emit("Released", parked.amount, String::new());
        }
        if found.len() > chunk as usize {
            self.effects.wake_at(self.time_ms, Wake::Continue, continue_sub(self.account.seq, chunk));
        }
    }

    fn deadline(&mut self, sub: &str, state: &State<'_>) -> Result<(), Reject> {
        let number = u64::from_str_radix(sub, 16).map_err(|_| Reject::new(Code::Invalid, "timer"))?;
        // A deadline of a released amount was cancelled; one that fires nevertheless is to show.
        let Some(parked) = state.parked(number) else {
            self.emit("Ghost", 0, sub.to_owned());
            return Ok(());
        };
        self.effects.change(Change::Unpark(number.to_be_bytes()));
        let note = if parked.amount == REFUSED_AT_DEADLINE { CURSED } else { "" };
        self.emit("Refused", parked.amount, note.to_owned());
        if parked.amount % 100 == PANICS_AT_DEADLINE {
            panic();
        }
        Ok(())
    }

    fn done(mut self, input: &super::In<'_>) -> Effects<'a, Ledger> {
        if !matches!(input, In::Ask(Ask { chunk: 0, .. })) {
            self.effects.change(Change::Account(self.account));
        }
        self.effects
    }
}

/// A bug of the handler. Unwinds without the panic hook, which would fill the test's output.
fn panic() -> ! {
    std::panic::resume_unwind(Box::new("the entry says so"))
}
