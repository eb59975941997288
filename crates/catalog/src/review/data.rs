//! Random data of a schema, the same in every run, and their Avro encoding.

use crate::review::avro::{Avro, Body, Plain, Ty};

/// A value as a writer has it.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    Null,
    Boolean(bool),
    /// int and long.
    Number(i64),
    Float(f32),
    Double(f64),
    /// bytes and fixed.
    Bytes(Vec<u8>),
    Text(String),
    Symbol(usize),
    Items(Vec<Datum>),
    Entries(Vec<(String, Datum)>),
    Branch(usize, Box<Datum>),
    Record(Vec<Datum>),
}

/// Values nest no deeper where the schema leaves a choice, and never deeper than twice this.
const DEPTH_MAX: usize = 8;
/// Values of one schema; more only if an enum or a union has more to choose from.
const SAMPLES_MIN: usize = 24;
const SAMPLES_MAX: usize = 256;

/// How many values show every symbol and every branch.
pub fn samples(avro: &Avro) -> usize {
    let choices = avro.named.values().map(|named| match &named.body {
        Body::Enum { symbols, .. } => symbols.len(),
        Body::Record(members) => members.iter().map(|member| branches(&member.ty)).max().unwrap_or_default(),
        Body::Fixed { .. } => 0,
    });
    choices.max().unwrap_or_default().clamp(SAMPLES_MIN, SAMPLES_MAX)
}

fn branches(ty: &Ty) -> usize {
    match ty {
        Ty::Union(branches) => branches.len(),
        Ty::Array(inner) | Ty::Map(inner) => branches(inner),
        _ => 0,
    }
}

/// The value number `sample` of a schema.
pub fn value(avro: &Avro, sample: usize) -> Option<Datum> {
    let mut dice = Dice { state: 0x9e37_79b9_7f4a_7c15 ^ (sample as u64 + 1), sample };
    dice.of(avro, &Ty::Named(avro.root.clone()), 0, 0)
}

/// xorshift64*; quality does not matter, being the same everywhere does.
struct Dice {
    state: u64,
    sample: usize,
}

impl Dice {
    fn roll(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// One of `count` by turns: every place sees each of them.
    fn turn(&self, site: usize, count: usize) -> usize {
        if count == 0 { 0 } else { (self.sample + site) % count }
    }

    /// Nothing where the type has no end.
    fn of(&mut self, avro: &Avro, ty: &Ty, site: usize, depth: usize) -> Option<Datum> {
        if depth > 2 * DEPTH_MAX {
            return None;
        }
        Some(match ty {
            Ty::Plain(plain) => self.plain(plain, site),
            Ty::Array(inner) => {
                let count = if depth > DEPTH_MAX { 0 } else { self.turn(site, 3) };
                let items = (0..count).map(|at| self.of(avro, inner, site + at, depth + 1));
                Datum::Items(items.collect::<Option<_>>()?)
            }
            Ty::Map(inner) => {
                let count = if depth > DEPTH_MAX { 0 } else { self.turn(site, 3) };
                let pairs = (0..count).map(|at| Some((format!("k{at}"), self.of(avro, inner, site + at, depth + 1)?)));
                Datum::Entries(pairs.collect::<Option<_>>()?)
            }
            Ty::Union(branches) => {
                let first = self.turn(site, branches.len());
                let null = branches.iter().position(is_null);
                let at = if depth > DEPTH_MAX { null.unwrap_or(first) } else { first };
                Datum::Branch(at, Box::new(self.of(avro, branches.get(at)?, site, depth + 1)?))
            }
            Ty::Named(full) => match &avro.named.get(full)?.body {
                Body::Enum { symbols, .. } => Datum::Symbol(self.turn(site, symbols.len())),
                Body::Fixed { size, .. } => Datum::Bytes((0..*size).map(|_| self.roll() as u8).collect()),
                Body::Record(members) => {
                    let places = members.iter().enumerate();
                    let values = places.map(|(at, member)| self.of(avro, &member.ty, site * 7 + at, depth + 1));
                    Datum::Record(values.collect::<Option<_>>()?)
                }
            },
        })
    }

    fn plain(&mut self, plain: &Plain, site: usize) -> Datum {
        let roll = self.roll();
        let small = (roll % 2_000_001) as i64 - 1_000_000;
        let turn = self.turn(site, 6);
        match plain.name.as_str() {
            "boolean" => Datum::Boolean(turn.is_multiple_of(2)),
            "int" => Datum::Number(match turn {
                0 => i32::MAX.into(),
                1 => i32::MIN.into(),
                2 => 0,
                _ => small,
            }),
            "long" if plain.logical.is_some() => Datum::Number(1_700_000_000_000 + small.abs()),
            "long" => Datum::Number(match turn {
                0 => i64::MAX,
                1 => i64::MIN,
                2 => 0,
                3 => roll as i64,
                _ => small,
            }),
            "float" => Datum::Float(small as f32 / 8.0),
            "double" => Datum::Double(small as f64 / 3.0),
            "bytes" => Datum::Bytes((0..turn).map(|at| (roll >> (8 * at)) as u8 | 0x80).collect()),
            "string" => Datum::Text(["", "a", "Grüße", "x\ny", "0", "lamp-17"][turn].to_owned()),
            _ => Datum::Null,
        }
    }
}

/// Whether a type is null.
pub fn is_null(ty: &Ty) -> bool {
    matches!(ty, Ty::Plain(plain) if plain.name == "null")
}

/// Appends a value as Avro's binary encoding has it (Avro specification, "Binary Encoding").
pub fn encode(avro: &Avro, ty: &Ty, datum: &Datum, out: &mut Vec<u8>) {
    match (ty, datum) {
        (_, Datum::Boolean(value)) => out.push(u8::from(*value)),
        (_, Datum::Number(value)) => number(*value, out),
        (_, Datum::Float(value)) => out.extend(value.to_le_bytes()),
        (_, Datum::Double(value)) => out.extend(value.to_le_bytes()),
        (Ty::Named(_), Datum::Bytes(bytes)) => out.extend(bytes),
        (_, Datum::Bytes(bytes)) => {
            number(bytes.len() as i64, out);
            out.extend(bytes);
        }
        (_, Datum::Text(text)) => {
            number(text.len() as i64, out);
            out.extend(text.as_bytes());
        }
        (_, Datum::Symbol(at)) => number(*at as i64, out),
        (Ty::Array(inner), Datum::Items(items)) => {
            block(items.len(), out);
            items.iter().for_each(|item| encode(avro, inner, item, out));
            out.extend((!items.is_empty()).then_some(0));
        }
        (Ty::Map(inner), Datum::Entries(pairs)) => {
            block(pairs.len(), out);
            for (key, value) in pairs {
                encode(avro, inner, &Datum::Text(key.clone()), out);
                encode(avro, inner, value, out);
            }
            out.extend((!pairs.is_empty()).then_some(0));
        }
        (Ty::Union(branches), Datum::Branch(at, inner)) => {
            number(*at as i64, out);
            branches.get(*at).into_iter().for_each(|branch| encode(avro, branch, inner, out));
        }
        (Ty::Named(full), Datum::Record(values)) => {
            let members = avro.members(full).iter().zip(values);
            members.for_each(|(member, value)| encode(avro, &member.ty, value, out));
        }
        _ => {}
    }
}

fn block(count: usize, out: &mut Vec<u8>) {
    number(count as i64, out);
}

fn number(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
