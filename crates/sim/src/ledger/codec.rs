//! The ledger behind bytes: what `contract` generates for a real processor, here by hand.

use std::borrow::Cow;

use flow::{Codec, CodecError, Decoded, Encoded, Meta, StateRead};

use super::wire::{self, Read};
use super::{ASKS, CONTINUE, Change, DEADLINE, ENTRIES, In, Ledger, Out, Reply, State, Wake};

fn bad(what: &str) -> CodecError {
    CodecError(what.to_owned())
}

fn encoded(record: &'static str, body: &[u8]) -> Encoded {
    Encoded { record, version: "1.0.0", fingerprint: wire::fingerprint(record), content: wire::hash(body) }
}

impl Codec for Ledger {
    type Schema = ();

    fn schema(text: &str) -> Result<(), CodecError> {
        if text.is_empty() { Err(bad("no schema")) } else { Ok(()) }
    }

    fn decode<'a>(input: usize, record: &str, (): &(), body: &'a [u8]) -> Result<Decoded<'a, Self>, CodecError> {
        let mut read = Read(body);
        let meta = wire::meta(&mut read).ok_or_else(|| bad("meta"))?;
        let content = wire::hash(read.0);
        let (key, input) = match (input, record) {
            (ENTRIES, "Entry") => {
                let entry = wire::entry(read).ok_or_else(|| bad("body"))?;
                (entry.key.clone(), In::Entry(entry))
            }
            (ASKS, "Ask") => {
                let ask = wire::ask(read).ok_or_else(|| bad("body"))?;
                (ask.key.clone(), In::Ask(ask))
            }
            _ => return Err(bad("record")),
        };
        Ok(Decoded { meta, key: Cow::Owned(key), identity: None, content, input })
    }

    fn tombstone<'a>(_input: usize) -> Option<In<'a>> {
        None
    }

    fn wake<'a>(kind: u8, sub: &'a str) -> Option<In<'a>> {
        matches!(kind, DEADLINE | CONTINUE).then_some(In::Wake { kind, sub })
    }

    fn wake_kind(wake: Wake) -> u8 {
        match wake {
            Wake::Deadline => DEADLINE,
            Wake::Continue => CONTINUE,
        }
    }

    fn route(out: &Out) -> (usize, &'static str, &str) {
        (out.topic, out.record, &out.key)
    }

    fn encode(out: &Out, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        wire::put_meta(meta, buffer);
        let body = buffer.len();
        wire::put_out(out, buffer);
        Ok(encoded(out.record, &buffer[body..]))
    }

    fn route_reply(reply: &Reply) -> (&'static str, &str) {
        ("Answered", &reply.key)
    }

    fn encode_reply(reply: &Reply, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        wire::put_meta(meta, buffer);
        let body = buffer.len();
        wire::put_reply(reply, buffer);
        Ok(encoded("Answered", &buffer[body..]))
    }

    fn change(change: &Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {
        Ok(match change {
            Change::Account(account) => (super::ACCOUNT, &[], Some(wire::put_account(account))),
            Change::Park(number, parked) => (super::PARKED, number, Some(wire::put_parked(parked))),
            Change::Unpark(number) => (super::PARKED, number, None),
        })
    }

    fn state(read: &dyn StateRead) -> State<'_> {
        State(read)
    }
}
