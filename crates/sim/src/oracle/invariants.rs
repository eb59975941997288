//! What must hold when a run has come to rest. Each function is one invariant; its first line says it in words.

use std::collections::{BTreeMap, BTreeSet};

use engine::core::io::Segment;
use engine::core::order::{Step, Steps};
use engine::core::record::TaskRecord;
use engine::core::{headers, ids, keys};
use flow::Id;

use super::facts::{Facts, Output, TaskFacts};
use super::model::Expected;
use crate::broker::Deed;
use crate::disk::ROT;
use crate::inputs::{ASK_ID, ENTRY_ID, SLOW_ENTRY_IDS, STRANGER_ID};
use crate::ledger::wire::{self, Read};
use crate::ledger::{ACCOUNT, DOUBLED, PARKED, TOPOLOGY};

/// An invariant: says what is wrong.
pub type Invariant = fn(&Facts) -> Result<(), String>;

/// All invariants by name.
pub const ALL: &[(&str, Invariant)] = &[
    ("no_rule_was_broken_on_the_way", no_rule_was_broken_on_the_way),
    ("transactions_are_whole", transactions_are_whole),
    ("the_recorded_order_has_no_gap", the_recorded_order_has_no_gap),
    ("positions_end_where_the_inputs_end", positions_end_where_the_inputs_end),
    ("outputs_are_the_models", outputs_are_the_models),
    ("dead_letters_are_exactly_the_poison", dead_letters_are_exactly_the_poison),
    ("the_changelog_is_the_models_state", the_changelog_is_the_models_state),
    ("the_store_is_the_changelog", the_store_is_the_changelog),
    ("no_record_lies_where_a_task_passed_nothing", no_record_lies_where_a_task_passed_nothing),
    ("accepted_ids_are_the_models", accepted_ids_are_the_models),
    ("dedup_segments_are_bounded", dedup_segments_are_bounded),
    ("chunks_are_the_changelogs", chunks_are_the_changelogs),
    ("an_event_id_has_one_content", an_event_id_has_one_content),
    ("an_event_id_comes_out_once", an_event_id_comes_out_once),
    ("sequence_numbers_of_a_key_have_no_gap", sequence_numbers_of_a_key_have_no_gap),
    ("money_is_conserved", money_is_conserved),
    ("what_a_reset_sends_again_is_marked", what_a_reset_sends_again_is_marked),
    ("only_what_the_registry_lacks_is_unknown", only_what_the_registry_lacks_is_unknown),
];

/// Checks all of them; what is wrong, by name.
pub fn check(facts: &Facts) -> Vec<String> {
    ALL.iter().filter_map(|(name, holds)| holds(facts).err().map(|why| format!("{name}: {why}"))).collect()
}

/// A window has eight segments, and the one that it begins in the middle of; what lies before is gone from the disk with the
/// transaction after the one that brought it.
pub fn dedup_segments_are_bounded(facts: &Facts) -> Result<(), String> {
    const MOST: usize = 9;
    let many = facts.tasks.iter().find(|task| task.segments > MOST);
    many.map_or(Ok(()), |task| Err(format!("task {} has {} dedup segments of one input", task.task, task.segments)))
}

/// What the changelog holds of ids the owner's store holds, too. No chunk that a transaction could have ended is left in it.
pub fn chunks_are_the_changelogs(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let missing = task.chunks.iter().find(|(at, bytes)| task.stored_chunks.get(at) != Some(bytes));
        ensure(missing.is_none(), || {
            format!("task {}: the store lacks chunk {:?}", task.task, missing.map(|it| it.0))
        })?;
        let Some(record) = task.changelog.get(&keys::task()).and_then(|bytes| TaskRecord::decode(bytes)) else {
            continue;
        };
        for known in &record.inputs {
            // A build that was started since may have a shorter window.
            let begin_ms = known.log_time_ms.saturating_sub(DOUBLED.window_ms);
            let left = |(input, segment, at): &&(u32, Segment, i64)| {
                *input == ids::topic(&known.topic) && segment.until_ms <= begin_ms && *at != known.offset_next
            };
            let left = task.chunks.keys().find(left);
            ensure(left.is_none(), || format!("task {}: chunk {left:?} has not ended at {begin_ms}", task.task))?;
        }
    }
    Ok(())
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// Rules that hold at every moment (the protocol of transactions, which faults may end a worker) were kept.
pub fn no_rule_was_broken_on_the_way(facts: &Facts) -> Result<(), String> {
    ensure(facts.breaches.is_empty(), || facts.breaches.join("; "))
}

/// Outputs, changelog, recorded order and offsets of a task are committed together, and say the same.
pub fn transactions_are_whole(facts: &Facts) -> Result<(), String> {
    for deed in &facts.deeds {
        let reset = facts.tasks.iter().any(|task| !task.resets.is_empty());
        whole(deed, reset).map_err(|why| format!("{why} in {deed:?}"))?;
    }
    Ok(())
}

fn whole(deed: &Deed, reset: bool) -> Result<(), String> {
    ensure(deed.after.len() == TOPOLOGY.inputs.len(), || "offsets of some input are missing".into())?;
    ensure(deed.changelog > 0, || "no changelog".into())?;
    for (input, before) in &deed.before {
        ensure(deed.after[input] >= *before, || format!("input {input} goes back"))?;
    }
    let Some(steps) = deed.order.as_deref().and_then(|bytes| Steps::decode(bytes).ok()) else { return Ok(()) };
    let after: Vec<i64> = deed.after.values().copied().collect();
    ensure(steps.end() == after, || format!("the order ends at {:?}", steps.end()))?;
    let before: Vec<i64> = deed.before.values().copied().collect();
    // After a reset nothing is recorded until the recorded past is over, in the middle of a transaction perhaps.
    let later = steps.begin.iter().zip(&before).all(|(begin, before)| begin >= before);
    ensure(before.is_empty() || steps.begin == before || reset && later, || {
        format!("the order begins at {:?}", steps.begin)
    })
}

/// Each record of the recorded order begins where the one before it ended.
pub fn the_recorded_order_has_no_gap(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let mut at: Option<Vec<i64>> = None;
        for steps in &task.order {
            if let Some(at) = &at {
                ensure(*at == steps.begin, || format!("task {}: {at:?}, then {:?}", task.task, steps.begin))?;
            }
            at = Some(steps.end());
        }
    }
    Ok(())
}

/// At rest the group's offsets stand behind the last record of every input, and so does the recorded order.
pub fn positions_end_where_the_inputs_end(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let ends: Vec<Option<i64>> = task.inputs.iter().map(|input| input.last().map(|last| last.offset + 1)).collect();
        let order = task.order.last().map(Steps::end);
        for (input, end) in ends.iter().enumerate().filter_map(|(input, end)| Some((input, (*end)?))) {
            let at = task.offsets[input];
            ensure(at == Some(end), || format!("task {} input {input} at {at:?} of {end}", task.task))?;
            let recorded = order.as_ref().map(|order| order[input]);
            ensure(recorded == Some(end), || {
                format!("task {} input {input} recorded {recorded:?} of {end}", task.task)
            })?;
        }
    }
    Ok(())
}

/// The same sequence, or after a reset what had come out by then and all of it again, byte for byte.
fn again<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &[T],
    expected: &[T],
    resets: &[usize],
) -> Result<(), String> {
    let mut wanted: Vec<&T> = Vec::new();
    let mut begin = 0;
    for end in resets {
        wanted.extend(expected.iter().take(end - begin));
        begin = *end;
    }
    wanted.extend(expected);
    let differs = found.iter().zip(&wanted).position(|(found, wanted)| found != *wanted);
    let at = differs.unwrap_or(found.len().min(wanted.len()));
    ensure(differs.is_none() && found.len() == wanted.len(), || {
        let (have, want) = (found.get(at), wanted.get(at));
        format!(
            "{what} {at} of {} (should be {}, resets at {resets:?}): {have:?}\n  should be {want:?}",
            found.len(),
            wanted.len()
        )
    })
}

fn seen(output: &Output) -> Expected {
    let message = &output.stored.message;
    Expected {
        topic: output.topic,
        partition: output.partition,
        timestamp_ms: message.timestamp_ms,
        key: String::from_utf8_lossy(message.key.as_deref().unwrap_or_default()).into_owned(),
        value: message.value.clone().unwrap_or_default(),
    }
}

/// What each task sent is, in order and byte for byte, what the model says; after a reset, once more the same.
pub fn outputs_are_the_models(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let found: Vec<Expected> = task.outputs.iter().map(seen).collect();
        let resets: Vec<usize> = task.resets.iter().map(|mark| mark.outputs).collect();
        again(&format!("task {}: output", task.task), &found, &task.model.outputs, &resets)?;
    }
    Ok(())
}

/// Dead letters are the inputs that the model cannot handle, in order, with their bytes; and no others.
pub fn dead_letters_are_exactly_the_poison(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let resets: Vec<usize> = task.resets.iter().map(|mark| mark.letters).collect();
        again(&format!("task {}: dead letter", task.task), &task.letters, &task.model.letters, &resets)?;
    }
    Ok(())
}

/// The task's own record, with `passed_to` as the model has it; whether it is true is asked elsewhere.
fn record_of(state: &BTreeMap<Vec<u8>, Vec<u8>>) -> Option<TaskRecord> {
    let mut record = TaskRecord::decode(state.get(&keys::task())?)?;
    record.inputs.iter_mut().for_each(|input| input.passed_to = input.offset_next);
    Some(record)
}

fn same_state(what: &str, task: &TaskFacts, found: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), String> {
    let mut wanted = task.model.state();
    if task.order.is_empty() && found.is_empty() {
        return Ok(());
    }
    let end = task.order.last().map(Steps::end).unwrap_or_default();
    let (record, said) = (task.model.record(&end, &task.changelog_id), record_of(found));
    ensure(said.as_ref() == Some(&record), || {
        format!("{what} of task {}: {said:?}\n  should be {record:?}", task.task)
    })?;
    wanted.extend(found.get_key_value(&keys::task()).map(|(key, value)| (key.clone(), value.clone())));
    let keys: BTreeSet<&Vec<u8>> = wanted.keys().chain(found.keys()).collect();
    for key in keys {
        let (found, wanted) = (found.get(key), wanted.get(key));
        let name = String::from_utf8_lossy(key);
        ensure(found == wanted, || {
            format!("{what} of task {}, {name:?}: {found:?}\n  should be {wanted:?}", task.task)
        })?;
    }
    Ok(())
}

/// The compacted changelog holds exactly the model's state, timers and clocks.
pub fn the_changelog_is_the_models_state(facts: &Facts) -> Result<(), String> {
    facts.tasks.iter().try_for_each(|task| same_state("changelog", task, &task.changelog))
}

/// The owner's store holds exactly what the changelog says, but for rot that nobody has read yet.
pub fn the_store_is_the_changelog(facts: &Facts) -> Result<(), String> {
    facts.tasks.iter().try_for_each(|task| match &task.store {
        Some(store) => {
            let mut store = store.clone();
            for (key, value) in store.iter_mut().filter(|(_, value)| **value == ROT) {
                value.clone_from(task.changelog.get(key).unwrap_or(&Vec::new()));
            }
            same_state("store", task, &store)
        }
        None => Err(format!("task {} has no owner", task.task)),
    })
}

/// Where a task's record says that nothing follows its position, there is no record.
pub fn no_record_lies_where_a_task_passed_nothing(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let Some(record) = task.changelog.get(&keys::task()).and_then(|bytes| TaskRecord::decode(bytes)) else {
            continue;
        };
        for (input, known) in record.inputs.iter().enumerate() {
            let passed = known.offset_next..known.passed_to;
            let missed = task.inputs[input].iter().find(|stored| passed.contains(&stored.offset));
            ensure(missed.is_none(), || format!("task {} input {input} says {passed:?} is empty", task.task))?;
        }
    }
    Ok(())
}

/// The changelog holds the ids of handled inputs, each in its turn, and none of an aborted transaction.
pub fn accepted_ids_are_the_models(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        for input in 0..TOPOLOGY.inputs.len() {
            let resets: Vec<usize> = task.resets.iter().map(|mark| mark.accepted[input]).collect();
            let what = format!("task {}: accepted id of input {input},", task.task);
            again(&what, &task.accepted[input], &task.model.accepted[input], &resets)?;
        }
    }
    Ok(())
}

fn outputs(facts: &Facts) -> impl Iterator<Item = &Output> {
    facts.tasks.iter().flat_map(|task| &task.outputs)
}

/// Two outputs with the same event id are the same, byte for byte.
pub fn an_event_id_has_one_content(facts: &Facts) -> Result<(), String> {
    let mut first: BTreeMap<Id, &Option<Vec<u8>>> = BTreeMap::new();
    let again = sent_again_after_the_window(facts);
    for output in outputs(facts).filter(|output| !is_answer(output) && !again.contains(&output.meta.cause)) {
        let value = &output.stored.message.value;
        let before = first.entry(output.meta.event_id).or_insert(value);
        ensure(*before == value, || format!("event {} has two contents", output.meta.event_id))?;
    }
    Ok(())
}

/// Inputs that the outside world sent once more, with a new timestamp, when the dedup window had passed: new ones again.
fn sent_again_after_the_window(facts: &Facts) -> BTreeSet<Id> {
    let mut first = BTreeSet::new();
    let accepted = facts.tasks.iter().flat_map(|task| task.model.accepted.iter().flatten());
    accepted.filter(|(id, _)| !first.insert(*id)).map(|(id, _)| *id).collect()
}

fn is_answer(output: &Output) -> bool {
    TOPOLOGY.replies.iter().any(|topic| topic.name == output.topic)
}

/// No event comes out twice, but for answers to duplicates and for what a reset sends again.
pub fn an_event_id_comes_out_once(facts: &Facts) -> Result<(), String> {
    let again = sent_again_after_the_window(facts);
    for task in &facts.tasks {
        let last = task.resets.last().map_or(0, |mark| mark.outputs);
        let mut ids = BTreeSet::new();
        let once = task.outputs.iter().skip(last).filter(|output| !is_answer(output));
        for output in once.filter(|output| !again.contains(&output.meta.cause)) {
            ensure(ids.insert(output.meta.event_id), || format!("event {} came out twice", output.meta.event_id))?;
        }
    }
    Ok(())
}

/// Of each key the outputs carry the sequence numbers 1, 2, 3 … and a sum that follows from the one before.
pub fn sequence_numbers_of_a_key_have_no_gap(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let last = task.resets.last().map_or(0, |mark| mark.outputs);
        let mut at: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for output in task.outputs.iter().skip(last).filter(|output| output.topic == TOPOLOGY.outputs[0].name) {
            let Some((record, (key, seq, sum, amount, _))) = read(output) else {
                return Err("unreadable output".into());
            };
            let (before, total) = at.get(&key).copied().unwrap_or_default();
            let step = match record {
                "Added" | "Released" => amount,
                "Moved" => -amount,
                _ => 0,
            };
            ensure(seq == before + 1, || format!("key {key}: {seq} after {before}"))?;
            ensure(sum == total + step, || format!("key {key}: sum {sum} after {total} and {record} {amount}"))?;
            at.insert(key, (seq, sum));
        }
    }
    Ok(())
}

type Body = (String, u64, i64, i64, String);

fn read(output: &Output) -> Option<(&str, Body)> {
    let record = headers::find(headers::lend(&output.stored.message.headers), headers::RECORD)?;
    let mut body = Read(output.stored.message.value.as_ref()?.get(5..)?);
    wire::meta(&mut body)?;
    Some((std::str::from_utf8(record).ok()?, wire::out(body)?))
}

/// Added + parked = sum + still parked + refused + moved, over all keys; and what is moved arrives.
pub fn money_is_conserved(facts: &Facts) -> Result<(), String> {
    let mut amounts: BTreeMap<String, i64> = BTreeMap::new();
    for task in &facts.tasks {
        let last = task.resets.last().map_or(0, |mark| mark.outputs);
        for output in task.outputs.iter().skip(last).filter(|output| !is_answer(output)) {
            let Some((record, (_, _, _, amount, _))) = read(output) else { return Err("unreadable output".into()) };
            *amounts.entry(record.to_owned()).or_default() += amount;
        }
    }
    let of = |record: &str| amounts.get(record).copied().unwrap_or(0);
    let (mut sums, mut parked) = (0, 0);
    for (key, value) in facts.tasks.iter().flat_map(|task| &task.changelog) {
        match key.get(..2) {
            Some([2, ACCOUNT]) => sums += wire::account(value).map_or(0, |account| account.sum),
            Some([2, PARKED]) => parked += wire::parked(value).map_or(0, |parked| parked.amount),
            _ => {}
        }
    }
    let (come, gone) = (of("Added") + of("Parked"), sums + parked + of("Refused") + of("Moved"));
    ensure(come == gone, || {
        format!("{come} came, {gone} is there or went; {amounts:?}, sums {sums}, parked {parked}")
    })?;
    ensure(of("Moved") == of("Received"), || format!("{amounts:?}"))
}

/// After a reset outputs bear the mark of a repeat until the recorded past is over, and at no other time.
///
/// The past is over where the history ends. Timers that were due by then may have fired the first time or not: what the last of
/// them send may bear the mark or not.
pub fn what_a_reset_sends_again_is_marked(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        let of_record = |stored: &crate::broker::log::Stored| {
            Some(Id(stored.message.value.as_ref()?.get(5..21)?.try_into().ok()?))
        };
        let records: BTreeSet<Id> = task.inputs.iter().flatten().filter_map(of_record).collect();
        // How much came out of the recorded past, and where the present life began.
        let (mut past, mut begin) = (0, 0);
        for end in task.resets.iter().map(|mark| mark.outputs).chain([task.outputs.len()]) {
            let again = &task.outputs[begin..end][..past.min(end - begin)];
            let by_timers = again.iter().rev().take_while(|output| !records.contains(&output.meta.cause)).count();
            for (at, output) in task.outputs[begin..end].iter().enumerate() {
                let header = headers::find(headers::lend(&output.stored.message.headers), headers::REPEAT);
                let (marked, either) = (header == Some(b"true"), (again.len() - by_timers..again.len()).contains(&at));
                ensure(either || marked == (at < past), || {
                    format!("task {}: output {} has the mark: {marked}", task.task, begin + at)
                })?;
            }
            past = past.max(end - begin);
            begin = end;
        }
    }
    Ok(())
}

/// A record is rejected for its schema only when the registry has said that there is no such schema.
pub fn only_what_the_registry_lacks_is_unknown(facts: &Facts) -> Result<(), String> {
    for task in &facts.tasks {
        for step in task.order.iter().flat_map(|steps| &steps.steps) {
            let Step::Unknown { input, offset_next } = step else { continue };
            let record = task.inputs[*input].iter().rfind(|stored| stored.offset < *offset_next);
            let Some(id) = record.and_then(|stored| stored.message.value.as_ref()?.get(1..5)?.try_into().ok()) else {
                continue;
            };
            let id = u32::from_be_bytes(id);
            let known = [ENTRY_ID, ASK_ID, STRANGER_ID].contains(&id) || SLOW_ENTRY_IDS.contains(&id);
            ensure(!known, || format!("task {} input {input}: schema {id} at {}", task.task, offset_next - 1))?;
        }
    }
    Ok(())
}
