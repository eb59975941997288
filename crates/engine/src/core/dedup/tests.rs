//! What the window knows, and how its chunks end.

use super::*;

/// Chunks, and nothing else.
pub(in crate::core) struct Kept(pub(in crate::core) Vec<Chunk>);

impl Store for Kept {
    fn get(&self, _: u32, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn scan(&self, _: u32, _: &[u8], _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) {}

    fn chunk(&self, _: u32, input: u32, segment: Segment, at: i64) -> Option<Vec<u8>> {
        let chunk = self.0.iter().find(|of| (of.input, of.segment, of.at) == (input, segment, at));
        chunk.map(|chunk| chunk.bytes.clone())
    }

    fn chunks(&self, _: u32, visit: &mut dyn FnMut(Chunk)) {
        self.0.iter().cloned().for_each(visit);
    }
}

fn id(number: u8) -> Id {
    Id([number; 16])
}

/// A transaction that leaves the input at `at`; what it writes, and the segments that nothing is left of.
fn commit(window: &mut Window, store: &mut Kept, at: i64, log_time_ms: i64) -> (Records, Vec<Segment>) {
    let mut records = Vec::new();
    window.seal(at, log_time_ms, &mut records);
    let (chunks, over) = window.committed(log_time_ms);
    let written = records.iter().filter(|(_, value)| value.is_some());
    let read: Vec<Chunk> = written.filter_map(|(key, value)| read(key, value.as_deref())).collect();
    assert_eq!(read, chunks, "what is written reads back");
    store.0.extend(chunks);
    (records, over)
}

fn segment(from_ms: i64, until_ms: i64) -> Segment {
    Segment { from_ms, until_ms }
}

#[test]
fn an_id_is_found_in_whatever_chunk_it_stands_until_its_segment_expires() {
    let mut window = Window::new(0, 0, 80);
    // The numbers of ids begin again at 0 in the middle of the second chunk.
    window.next = u32::MAX - 4;
    let mut store = Kept(Vec::new());
    for (log_time_ms, ids) in [(0i64, 0..3u8), (10, 3..8), (20, 8..9)] {
        ids.for_each(|number| window.add(id(number), u64::from(number), log_time_ms));
        assert_eq!(commit(&mut window, &mut store, log_time_ms, log_time_ms).0.len(), 1);
    }
    for number in 0..9 {
        assert_eq!(window.check(id(number), u64::from(number), 20, &store), Seen::Duplicate, "{number}");
        assert_eq!(window.check(id(number), 99, 20, &store), Seen::Conflict, "{number}");
    }
    assert_eq!(window.check(id(9), 9, 20, &store), Seen::New);
    let (ended, over) = commit(&mut window, &mut store, 21, 90);
    assert_eq!(ended, [(keys::chunk(0, segment(0, 10), 0), None)]);
    assert_eq!((over, window.len()), (vec![segment(0, 10)], 6));
    assert_eq!(window.oldest_ms(), Some(10), "the segment that is left begins there");
    assert_eq!(window.check(id(2), 2, 90, &store), Seen::New, "its segment has expired");
    assert_eq!(window.check(id(3), 3, 90, &store), Seen::Duplicate);
    assert_eq!(window.check(id(8), 8, 90, &store), Seen::Duplicate);
    let (ended, over) = commit(&mut window, &mut store, 22, 1_000);
    assert_eq!((ended.len(), over), (2, vec![segment(10, 20), segment(20, 30)]));
    assert!(window.is_empty() && window.oldest_ms().is_none());
    assert_eq!(commit(&mut window, &mut store, 23, 2_000), (Vec::new(), Vec::new()), "each ends once");
}

#[test]
fn a_segment_is_given_up_when_all_of_its_chunks_have_ended() {
    let mut window = Window::new(0, 7, 80);
    let mut store = Kept(Vec::new());
    let many = ENDED_AT_ONCE as i64 + 40;
    for at in 0..many {
        window.add(Id((at as u128).to_le_bytes()), 0, 5);
        commit(&mut window, &mut store, at, 5);
    }
    window.seal(many, 200, &mut Vec::new());
    window.abort();
    let (ended, over) = commit(&mut window, &mut store, many, 200);
    assert_eq!((ended.len(), over.len()), (ENDED_AT_ONCE, 0), "what an abort ended is ended again");
    assert_eq!(window.len(), many as usize);
    // A restart knows the chunks that are there: those that have ended already end once more.
    let mut again = Memory::read(0, &[7], 80, &store);
    assert_eq!(commit(&mut again.windows[0], &mut store, many, 200).0.len(), ENDED_AT_ONCE);
    window.add(id(1), 0, 200);
    let (ended, over) = commit(&mut window, &mut store, many + 1, 200);
    assert_eq!((ended.len(), over), (1 + 40, vec![segment(0, 10)]));
    assert_eq!(ended.iter().filter(|(_, value)| value.is_none()).count(), 40);
    assert_eq!(window.len(), 1);
    assert_eq!(window.check(id(1), 0, 200, &store), Seen::Duplicate);
}

/// A window of 800 ms in which an id was handled every 10 ms from 0 to 1,000; its chunks.
fn filled() -> Kept {
    let mut window = Window::new(0, 7, 800);
    let mut store = Kept(Vec::new());
    for number in 0..=100u8 {
        let log_time_ms = i64::from(number) * 10;
        window.add(id(number), 0, log_time_ms);
        commit(&mut window, &mut store, i64::from(number), log_time_ms);
    }
    store
}

#[test]
fn an_id_outlives_a_change_of_the_window_for_as_long_as_the_new_window_says() {
    for window_ms in [100, 400, 800, 1_600, 80_000] {
        let mut store = filled();
        let mut window = Window::new(0, 7, window_ms);
        store.0.sort_by_key(|chunk| (chunk.segment, chunk.at));
        store.0.iter().for_each(|chunk| window.load(chunk));
        for log_time_ms in (1_000..3_000).step_by(50) {
            // Memory is given back now and then: it makes no difference.
            if log_time_ms % 200 == 0 {
                commit(&mut window, &mut store, 0, log_time_ms);
            }
            for number in 0..=100u8 {
                let handled_ms = i64::from(number) * 10;
                let known = window.check(id(number), 0, log_time_ms, &store) == Seen::Duplicate;
                let (within, eighth_ms) = (|ms: i64| ms > log_time_ms - window_ms, 100);
                assert!(known || !within(handled_ms), "{window_ms}: {number} is forgotten at {log_time_ms}");
                assert!(!known || within(handled_ms + eighth_ms), "{window_ms}: {number} is known at {log_time_ms}");
            }
        }
    }
}

#[test]
fn what_is_still_needed_does_not_end_after_a_change_of_the_window() {
    let mut store = filled();
    let mut window = Window::new(0, 7, 400);
    store.0.iter().for_each(|chunk| window.load(chunk));
    // The segment of the wider window, [1000, 1100), outlives that of the narrower one, [1000, 1050).
    window.add(id(200), 0, 1_010);
    commit(&mut window, &mut store, 200, 1_010);
    let mut again = Window::new(0, 7, 400);
    store.0.sort_by_key(|chunk| (chunk.segment, chunk.at));
    store.0.iter().for_each(|chunk| again.load(chunk));
    for window in [&mut window, &mut again] {
        let mut left: Vec<Segment> = vec![segment(1_000, 1_050), segment(1_000, 1_100)];
        for (log_time_ms, wide, narrow) in [(1_400, true, true), (1_460, true, false), (1_500, false, false)] {
            left.retain(|of| !commit(window, &mut store, 201, log_time_ms).1.contains(of));
            let seen = |number| window.check(id(number), 0, log_time_ms, &store) == Seen::Duplicate;
            assert_eq!((seen(100), seen(200)), (wide, narrow), "{log_time_ms}");
            assert!(!wide || left.contains(&segment(1_000, 1_100)), "given up at {log_time_ms}");
        }
    }
}

#[test]
fn an_id_that_is_not_committed_yet_expires_with_its_segment_too() {
    let mut window = Window::new(0, 0, 80);
    window.add(id(1), 1, 5);
    let nothing = Kept(Vec::new());
    assert_eq!(window.check(id(1), 1, 89, &nothing), Seen::Duplicate);
    assert_eq!(window.check(id(1), 1, 90, &nothing), Seen::New, "its segment ends at 10, the window begins there");
}

#[test]
fn bytes_that_are_no_chunk_are_told_from_one() {
    let key = keys::chunk(3, segment(0, 10), 9);
    let value = encode(&[5; ENTRY]);
    let chunk = Chunk { input: 3, segment: segment(0, 10), at: 9, bytes: vec![5; ENTRY] };
    assert_eq!(read(&key, Some(&value)), Some(chunk.clone()));
    assert_eq!(read(&key, None), Some(Chunk { bytes: Vec::new(), ..chunk }), "it has ended");
    assert_eq!(read(&keys::task(), Some(&value)), None, "another record");
    assert_eq!(read(&key, Some(&[&[VERSION + 1], &value[1..]].concat())), None, "of a version that is not known");
    for cut in (0..value.len()).filter(|cut| *cut != 1) {
        assert_eq!(read(&key, Some(&value[..cut])), None, "torn at {cut}");
    }
    assert_eq!(read(&key, Some(&value[..1])), None, "a chunk holds something");
}
