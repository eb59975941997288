//! One event: what can be said before it is decoded, the handler's call, its effects in the open transaction.

use flow::{Code, Id, Reject, Seen};

use crate::core::follow::HistoryGap;
use crate::core::guard::guarded;
use crate::core::headers;
use crate::core::ids;
use crate::core::io::{Action, DeadLetter, Framed, Handled, Record, Send, SpanId, Store, Target};
use crate::core::keys::{self, Wake};
use crate::core::logic::{Given, Outcome, RawSend};
use crate::core::order::Step;
use crate::core::overlay::View;

use super::{AHEAD_MS, Worker};

impl Worker {
    /// `recorded`: the verdict that the recorded order has on this record, while it is followed.
    pub(super) fn handle_record(
        &mut self,
        record: &Record<'_>,
        store: &dyn Store,
        actions: &mut Vec<Action>,
        recorded: Option<Code>,
    ) {
        self.begin(actions).records += 1;
        self.counts.records += 1;
        self.effects.clear();
        let result = match self.admit(record, recorded) {
            Err(reject) if reject.code == Code::TooOld && is_repeat(record) => self.drop_repeat(record.task),
            admitted => admitted.and_then(|()| self.process(record, store, actions)),
        };
        let handled = self.traced.then(|| self.handled(record, &result));
        let Some(task) = self.tasks.get_mut(&record.task) else { return };
        let input = record.input;
        if let (Some(past), None, Err(Reject { code: Code::SchemaUnknown, .. })) = (&task.follow, recorded, &result)
            && past.knows_verdicts()
        {
            // The registry of that day had it: today's has lost it.
            let gap =
                HistoryGap::Schema { task: task.id, topic: self.topology.inputs[input].topic, offset: record.offset };
            return self.quarantine(record.task, &gap, actions);
        }
        task.standing.positions[input] = record.offset + 1;
        task.standing.events += 1;
        task.counts.consumed += 1;
        task.dirty = true;
        let code = result.as_ref().err().map(|reject| reject.code);
        self.last_letter = code.map(|_| (record.task, input, record.offset));
        let rejected_ahead = code == Some(Code::TimeAhead);
        if task.follow.is_none() {
            let offset_next = record.offset + 1;
            match code {
                Some(Code::TimeAhead) => task.order.steps.push(Step::Ahead { input, offset_next }),
                Some(Code::OutputRefused) => task.order.steps.push(Step::Refused { input, offset_next }),
                Some(Code::SchemaUnknown) => task.order.steps.push(Step::Unknown { input, offset_next }),
                _ => task.order.run(input, offset_next),
            }
        }
        if !rejected_ahead {
            let standing = &mut task.standing;
            standing.log_time_ms[input] = standing.log_time_ms[input].max(record.timestamp_ms);
            standing.known_from_ms[input] =
                standing.known_from_ms[input].max(standing.log_time_ms[input].saturating_sub(self.topology.window_ms));
            standing.clock_ms = standing.clock_ms.max(record.timestamp_ms);
        }
        if let Err(reject) = result {
            self.dead_letter(record, reject, actions);
        }
        if let Some(handled) = handled {
            self.push(Action::Handled(Box::new(handled)), actions);
        }
    }

    /// A record of a sender that was reset, older than the window: it was handled, or rejected, when it came first.
    fn drop_repeat(&mut self, id: u32) -> Result<Outcome, Reject> {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.counts.repeats += 1;
        }
        Ok(Outcome::Duplicate)
    }

    /// What can be said of a record before it is decoded.
    pub(super) fn admit(&self, record: &Record<'_>, recorded: Option<Code>) -> Result<(), Reject> {
        let task = &self.tasks[&record.task];
        // While following, the recorded verdict counts: today's clock and today's broker are others.
        if let Some(code) = recorded {
            return Err(Reject::new(code, "so the recorded order says of the first time"));
        }
        if let Some(why) = self.condemned.get(&(record.task, record.input, record.offset)) {
            return Err(Reject::new(Code::OutputRefused, why.clone()));
        }
        let wall_ms = self.clock.wall_ms(self.now);
        if task.follow.is_none() && record.timestamp_ms > wall_ms.saturating_add(AHEAD_MS) {
            let detail = format!("timestamp {} ms, the clock says {wall_ms} ms", record.timestamp_ms);
            return Err(Reject::new(Code::TimeAhead, detail));
        }
        let log_time_ms = task.standing.log_time_ms[record.input];
        let window_ms = self.topology.window_ms;
        let compacted = self.topology.inputs[record.input].compacted;
        let begin_ms = log_time_ms.saturating_sub(window_ms).max(task.standing.known_from_ms[record.input]);
        if !compacted && record.timestamp_ms < begin_ms {
            let detail = format!(
                "timestamp {} ms lies before the dedup window from {begin_ms} to {log_time_ms} ms",
                record.timestamp_ms
            );
            return Err(Reject::new(Code::TooOld, detail));
        }
        let body = record.value.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len);
        let size = body + headers::bytes(record.headers.iter().copied());
        if size > self.limits.record_bytes {
            let limit = self.limits.record_bytes;
            let detail = format!("{size} bytes with key and headers, the limit is {limit}");
            return Err(Reject::new(Code::TooLarge, detail));
        }
        Ok(())
    }

    pub(super) fn process(
        &mut self,
        record: &Record<'_>,
        store: &dyn Store,
        actions: &mut Vec<Action>,
    ) -> Result<Outcome, Reject> {
        let key = match record.key.map(std::str::from_utf8) {
            Some(Ok(key)) if key.len() <= usize::from(u16::MAX) => key,
            Some(_) => return Err(Reject::new(Code::KeyMismatch, "the key is not UTF-8 of at most 65,535 bytes")),
            None => return Err(Reject::new(Code::KeyMismatch, "the record has no key")),
        };
        check_partition(key, record.task, self.topology.partitions)?;
        let given = match (record.value, record.framed) {
            (None, _) => {
                let cause = format!("{}/{}/{}", self.topology.inputs[record.input].topic, record.task, record.offset);
                let id = ids::identity("tombstone", "", &cause);
                Given::Tombstone { input: record.input, key, id, time_ms: record.timestamp_ms }
            }
            (Some(value), Framed::Known(schema)) => {
                check_fingerprint(record, schema.fingerprint)?;
                let body = &value[5..];
                Given::Record { input: record.input, key, schema, body, time_ms: record.timestamp_ms }
            }
            (Some(_), Framed::Unknown(id)) => {
                return Err(Reject::new(
                    Code::SchemaUnknown,
                    format!("schema id {id}: the registry has no such schema"),
                ));
            }
            (Some(value), Framed::Unframed) => {
                let detail = format!("{} bytes without Confluent framing (magic 0, 4-byte schema id)", value.len());
                return Err(Reject::new(Code::Undecodable, detail));
            }
        };
        let inherited = trace_context(record).map(|(trace_id, _)| trace_id);
        self.call(record.task, Some(record.input), key, given, record.timestamp_ms, inherited, store, actions)
    }

    /// Fires what is due by the wall clock, one due time after another. The task's clock moves from due time to due time and
    /// never beyond: what a wall clock says at the moment is nothing that a replay could repeat.
    pub(super) fn fire_until(&mut self, id: u32, wall_ms: i64, store: &dyn Store, actions: &mut Vec<Action>) {
        while !self.full() {
            let Some(task) = self.tasks.get_mut(&id) else { return };
            if task.next_due.is_none_or(|due_ms| due_ms > task.standing.clock_ms) {
                // It may have been that of a timer that is cancelled by now.
                task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
                let Some(due_ms) = task.next_due.filter(|due_ms| *due_ms <= wall_ms) else { return };
                if task.standing.clock_ms < due_ms {
                    task.standing.clock_ms = due_ms;
                    task.order.steps.push(Step::Clock { now_ms: due_ms });
                }
            }
            self.fire(id, store, actions);
        }
    }

    pub(super) fn fire(&mut self, id: u32, store: &dyn Store, actions: &mut Vec<Action>) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let clock_ms = task.standing.clock_ms;
        let Some(wake) = task.earliest_wake(store).filter(|wake| wake.due_ms <= clock_ms) else {
            task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
            return;
        };
        task.wakes_from = wake.encode();
        task.building.0.insert(wake.encode(), None);
        task.dirty = true;
        task.counts.wakes += 1;
        task.standing.events += 1;
        self.begin(actions).records += 1;
        let Wake { due_ms, kind, key, sub } = &wake;
        let given = Given::Wake { key, due_ms: *due_ms, kind: *kind, sub };
        let result = self.call(id, None, key, given, *due_ms, None, store, actions);
        let handled = self.traced.then(|| {
            let (event_id, ticket_id) = self.effects.lineage.unwrap_or_default();
            Handled {
                task: id,
                input: None,
                offset: -1,
                timestamp_ms: *due_ms,
                record: String::new(),
                event_id,
                ticket_id,
                trace_id: trace_of(ticket_id, None, event_id),
                parent: None,
                link: None,
                outcome: result.as_ref().copied().map_err(|reject| reject.code),
            }
        });
        if let Err(reject) = result {
            let letter = DeadLetter::of_timer(id, wake, reject);
            self.count_reject(id, letter.reject.code);
            self.push(Action::DeadLetter(letter), actions);
        }
        if let Some(handled) = handled {
            self.push(Action::Handled(Box::new(handled)), actions);
        }
        if let Some(task) = self.tasks.get_mut(&id) {
            task.next_due = task.earliest_wake(store).map(|wake| wake.due_ms);
        }
    }

    /// Calls the handler and carries its effects into the open transaction: all of them or none.
    #[expect(clippy::too_many_arguments, reason = "what an event is made of")]
    pub(super) fn call(
        &mut self,
        id: u32,
        input: Option<usize>,
        key: &str,
        given: Given<'_>,
        time_ms: i64,
        inherited: Option<Id>,
        store: &dyn Store,
        actions: &mut Vec<Action>,
    ) -> Result<Outcome, Reject> {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(Outcome::Handled) };
        self.effects.clear();
        let view = View { layers: task.layers(store), key, unreadable: None.into() };
        let (windows, log_time_ms) = (&task.windows, &task.standing.log_time_ms);
        let mut seen = |id: Id, content: u64| {
            input.map_or(Seen::New, |input| windows[input].check(id, content, log_time_ms[input], store))
        };
        let (logic, effects) = (&mut self.logic, &mut self.effects);
        // A panic is a bug in the handler: its event is set aside, the partition goes on.
        let outcome = guarded(|| logic.process(given, &mut seen, &view, effects))
            .unwrap_or_else(|panic| Err(Reject::new(Code::Bug, panic_text(panic.as_ref()))));
        if let Some(why) = view.unreadable.into_inner() {
            actions.push(Action::Rebuild { task: id, why });
            return Ok(Outcome::Handled);
        }
        let outcome = outcome?;
        match outcome {
            Outcome::Duplicate => {
                self.counts.duplicates += 1;
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.counts.duplicates += 1;
                }
            }
            Outcome::Handled => {
                self.check_sends()?;
                self.apply(id, input, key, time_ms, inherited, actions);
            }
        }
        Ok(outcome)
    }

    pub(super) fn check_sends(&self) -> Result<(), Reject> {
        for send in &self.effects.sends {
            // As its reader counts it, or that one rejects what was sent here.
            let size = send.value.len() + send.key.len() + headers::OUTPUT_BYTES_MAX;
            if size > self.limits.record_bytes {
                let (record, limit) = (send.record, self.limits.record_bytes);
                let detail =
                    format!("record \"{record}\" would be {size} bytes with key and headers, the limit is {limit}");
                return Err(Reject::new(Code::OutputTooLarge, detail));
            }
            if !self.wire_ids.contains_key(&send.fingerprint) {
                let detail = format!("record \"{}\" {} has no registry id", send.record, send.version);
                return Err(Reject::new(Code::Bug, detail));
            }
        }
        Ok(())
    }

    pub(super) fn apply(
        &mut self,
        id: u32,
        input: Option<usize>,
        key: &str,
        time_ms: i64,
        inherited: Option<Id>,
        actions: &mut Vec<Action>,
    ) {
        let mut bytes = 0;
        let sends: Vec<RawSend> = self.effects.sends.drain(..).collect();
        let emitted = sends.len() as u64;
        for send in sends {
            bytes += send.value.len() + send.key.len();
            let action = Action::Send(self.finish(id, send, time_ms, inherited));
            self.push(action, actions);
        }
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.counts.emitted += emitted;
        for (table, sub, value) in self.effects.changes.drain(..) {
            let mut store_key = keys::table(table, key.as_bytes());
            store_key.extend(sub);
            bytes += store_key.len() + value.as_ref().map_or(0, Vec::len);
            task.building.0.insert(store_key, value);
        }
        for wake in self.effects.wakes.drain(..) {
            let at = Wake { due_ms: wake.at_ms, kind: wake.kind, key: key.to_owned(), sub: wake.sub };
            let (due_ms, store_key) = (at.due_ms, at.encode());
            if !wake.cancel {
                if store_key < task.wakes_from {
                    task.wakes_from.clone_from(&store_key);
                }
                task.next_due = Some(task.next_due.map_or(due_ms, |next| next.min(due_ms)));
            }
            task.building.0.insert(store_key, (!wake.cancel).then(Vec::new));
        }
        if let (Some(input), Some((event, content))) = (input, self.effects.fresh.take()) {
            task.windows[input].add(event, content, task.standing.log_time_ms[input].max(time_ms));
        }
        if let Some(open) = &mut self.open {
            open.bytes += bytes;
        }
    }

    /// Fills in the registry id, the partition and the trace.
    pub(super) fn finish(&self, task: u32, mut send: RawSend, time_ms: i64, inherited: Option<Id>) -> Send {
        let wire_id = self.wire_ids.get(&send.fingerprint).copied().unwrap_or_default();
        send.value[1..5].copy_from_slice(&wire_id.to_be_bytes());
        let topic = match send.target {
            Target::Output(output) => self.topology.outputs[output],
            Target::Reply(reply) => self.topology.replies[reply],
        };
        let trace_id = trace_of(send.meta.ticket_id, inherited, send.meta.cause);
        Send {
            task,
            topic: topic.name,
            partition: ids::partition(send.key.as_bytes(), topic.partitions),
            key: send.key,
            value: send.value,
            timestamp_ms: time_ms,
            meta: send.meta,
            record: send.record,
            version: send.version,
            fingerprint: send.fingerprint,
            content: send.content,
            trace_id,
            repeat: self.tasks.get(&task).is_some_and(|task| task.follow.is_some()),
        }
    }

    /// What became of a record, as far as it could be read: the headers tell of one that could not be decoded.
    fn handled(&self, record: &Record<'_>, result: &Result<Outcome, Reject>) -> Handled {
        let topic = self.topology.inputs[record.input].topic;
        let (event_id, ticket_id) = self.effects.lineage.unwrap_or_else(|| {
            let of = |name| headers::id(record.headers.iter().copied(), name);
            let event_id = of(headers::EVENT_ID);
            let ticket_id = of(headers::TICKET_ID).unwrap_or(Id::NIL);
            (event_id.unwrap_or_else(|| ids::place(topic, record.task, record.offset)), ticket_id)
        });
        let context = trace_context(record);
        let trace_id = trace_of(ticket_id, context.map(|(trace_id, _)| trace_id), event_id);
        let (parent, link) = match context {
            Some((of, span)) if of == trace_id => (Some(span), None),
            foreign => (None, foreign),
        };
        Handled {
            task: record.task,
            input: Some(record.input),
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            record: match record.framed {
                Framed::Known(schema) => schema.record.clone(),
                Framed::Unframed | Framed::Unknown(_) => String::new(),
            },
            event_id,
            ticket_id,
            trace_id,
            parent,
            link,
            outcome: result.as_ref().copied().map_err(|reject| reject.code),
        }
    }

    fn count_reject(&mut self, id: u32, code: Code) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.counts.reject(code);
        }
    }

    pub(super) fn dead_letter(&mut self, record: &Record<'_>, reject: Reject, actions: &mut Vec<Action>) {
        let letter = DeadLetter::of_record(record, reject);
        let letter =
            if self.stubs.contains(&(record.task, record.input, record.offset)) { letter.stub() } else { letter };
        self.count_reject(record.task, letter.reject.code);
        if let Some(open) = &mut self.open {
            open.bytes += letter.value.as_ref().map_or(0, Vec::len);
        }
        self.push(Action::DeadLetter(letter), actions);
    }
}

/// A key lies where every client with Kafka's default partitioner looks for it. Elsewhere the state of the key is not.
fn check_partition(key: &str, partition: u32, partitions: u32) -> Result<(), Reject> {
    let own = ids::partition(key.as_bytes(), partitions);
    if own == partition {
        return Ok(());
    }
    let detail =
        format!("key \"{key}\" belongs to partition {own} of {partitions} (murmur2), the record lies in {partition}");
    Err(Reject::new(Code::WrongPartition, detail))
}

fn is_repeat(record: &Record<'_>) -> bool {
    headers::find(record.headers.iter().copied(), headers::REPEAT) == Some(b"true")
}

fn check_fingerprint(record: &Record<'_>, known: u64) -> Result<(), Reject> {
    let Some(header) = headers::find(record.headers.iter().copied(), headers::FINGERPRINT) else {
        return Ok(());
    };
    let said = std::str::from_utf8(header).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
    if said == Some(known) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(header);
    Err(Reject::new(Code::SchemaMismatch, format!("the id's schema is {known:016x}, the header says {said}")))
}

/// A trace is a ticket (docs/adr/0010-a-trace-is-a-ticket.md); without one it goes on as it came, or begins.
fn trace_of(ticket_id: Id, inherited: Option<Id>, event_id: Id) -> Id {
    if ticket_id == Id::NIL { inherited.unwrap_or(event_id) } else { ticket_id }
}

/// Trace and span of an incoming W3C traceparent (`00-<32 hex>-<16 hex>-<2 hex>`), when there is a valid one.
fn trace_context(record: &Record<'_>) -> Option<(Id, SpanId)> {
    let value = headers::find(record.headers.iter().copied(), headers::TRACEPARENT)?;
    let mut parts = std::str::from_utf8(value).ok()?.splitn(4, '-');
    let mut hex = |digits: usize| parts.next().filter(|part| part.len() == digits && !part.starts_with('+'));
    let (version, trace, span) = (hex(2)?, hex(32)?, hex(16)?);
    let trace = u128::from_str_radix(trace, 16).ok().filter(|number| *number != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|number| *number != 0)?;
    (version != "ff").then(|| (Id(trace.to_be_bytes()), span.to_be_bytes()))
}

fn panic_text(panic: &(dyn std::any::Any + std::marker::Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the handler panicked: {}", text.unwrap_or("without a message"))
}
