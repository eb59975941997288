//! The content hash: the same for what says the same, another for what does not.

use crate::canonical::content;
use crate::tests::shapes::{Color, Inner, Shapes};
use crate::{Accepted, Completed, PlaceOrder};

fn shapes() -> Shapes<'static> {
    Shapes {
        id: flow::Id([1; 16]),
        flag: true,
        small: 7,
        large: 0,
        ratio: 0.5,
        thin: 0.0,
        title: "none".into(),
        note: None,
        must: None,
        tags: Vec::new(),
        color: Color::Red,
        second: None,
        inner: None,
        inners: Vec::new(),
        colors: Vec::new(),
    }
}

/// The hash of the base with one edit.
fn with(edit: impl FnOnce(&mut Shapes<'static>)) -> u64 {
    let mut it = shapes();
    edit(&mut it);
    content("Shapes", &it)
}

#[test]
fn every_field_counts_and_no_two_edits_look_the_same() {
    let mut hashes = vec![
        with(|_| ()),
        with(|it| it.id.0[15] = 2),
        with(|it| it.flag = false),
        with(|it| it.small = 8),
        with(|it| it.large = 8),
        with(|it| it.ratio = 8.0),
        with(|it| it.thin = 8.0),
        with(|it| it.title = "".into()),
        with(|it| it.note = Some("".into())),
        with(|it| it.note = Some("x".into())),
        with(|it| it.must = Some(0)),
        with(|it| it.tags = vec!["".into()]),
        with(|it| it.tags = vec!["ab".into()]),
        with(|it| it.tags = vec!["a".into(), "b".into()]),
        with(|it| it.color = Color::Other),
        with(|it| it.second = Some(Color::Other)),
        with(|it| it.inner = Some(Inner { text: "".into() })),
        with(|it| it.inners = vec![Inner { text: "".into() }]),
        with(|it| it.inners = vec![Inner { text: "".into() }, Inner { text: "".into() }]),
        with(|it| it.colors = vec![Color::Red]),
    ];
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn the_name_of_the_record_counts() {
    let (order_id, request_id, requester) = ("o".into(), "r".into(), "s".into());
    let it = Accepted { order_id, request_id, requester };
    assert_ne!(content("Accepted", &it), content("Completed", &it));
}

/// The hash is in headers of stored records: it may not change.
#[test]
fn the_hash_is_what_it_always_was() {
    let order = PlaceOrder {
        order_id: "o-1".into(),
        request_id: "r-1".into(),
        requester: "shop-1".into(),
        reply_to: "order-replies.v1".into(),
        customer_id: "c-1".into(),
        lines: vec![crate::Line { line_no: 1, item_id: "i-1".into(), quantity: 2 }],
        wait_until: Some(1_000),
    };
    assert_eq!(format!("{:016x}", content("PlaceOrder", &order)), "278c804e725a6b41");
    let completed = Completed {
        order_id: "o-1".into(),
        request_id: "r-1".into(),
        requester: "shop-1".into(),
        total_minor: 1_234,
        currency: "EUR".into(),
    };
    assert_eq!(format!("{:016x}", content("Completed", &completed)), "9f0555a77a374127");
    assert_eq!(format!("{:016x}", content("Shapes", &shapes())), "27a15dc000ff09f6");
}
