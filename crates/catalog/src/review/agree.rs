//! Whether what was read means what was written: schema resolution as Avro's specification has it, and units of time.

use serde_json::Value;

use crate::review::avro::{Avro, Body, Plain, Ty};
use crate::review::data::{Datum, is_null};
use crate::review::reader::Read;

/// A value that was read as another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Differs {
    /// Names of the reader's fields, from the outside in.
    pub path: Vec<String>,
    /// Written and read logical type, where the number is right and its unit is not.
    pub units: Option<(String, String)>,
    pub written: String,
    pub read: String,
}

/// The reader's and the writer's schema.
#[derive(Clone, Copy)]
pub struct Pair<'s> {
    pub reader: &'s Avro,
    pub writer: &'s Avro,
}

impl Pair<'_> {
    /// Collects where a whole record was read as something else.
    pub fn compare(self, written: &Datum, read: &Read) -> Vec<Differs> {
        let mut out = Vec::new();
        let (to, from) = (Ty::Named(self.reader.root.clone()), Ty::Named(self.writer.root.clone()));
        self.value((&to, read), (&from, written), &mut Vec::new(), &mut out);
        out
    }

    fn value(self, to: (&Ty, &Read), from: (&Ty, &Datum), path: &mut Vec<String>, out: &mut Vec<Differs>) {
        match (to, from) {
            (_, (Ty::Union(branches), Datum::Branch(at, inner))) => {
                if let Some(branch) = branches.get(*at) {
                    self.value(to, (branch, inner), path, out);
                }
            }
            ((Ty::Union(_), Read::None), (_, Datum::Null)) => {}
            ((Ty::Union(branches), Read::Some(read)), _) => {
                if let Some(branch) = branches.iter().find(|branch| !is_null(branch)) {
                    self.value((branch, read), from, path, out);
                }
            }
            ((Ty::Array(to), Read::Items(read)), (Ty::Array(from), Datum::Items(items)))
                if read.len() == items.len() =>
            {
                for (read, item) in read.iter().zip(items) {
                    self.value((to, read), (from, item), path, out);
                }
            }
            ((Ty::Named(to), Read::Record(read)), (Ty::Named(from), Datum::Record(values))) => {
                self.record((to, read), (from, values), path, out);
            }
            ((Ty::Named(to), Read::Symbol(read)), (Ty::Named(from), Datum::Symbol(at))) => {
                let written = self.symbol(from, *at);
                if self.expected(to, &written) != *read {
                    out.push(differs(path, None, written, read.clone()));
                }
            }
            ((Ty::Plain(to), Read::Number(read)), (Ty::Plain(from), Datum::Number(written))) => {
                let units = units(from, to).filter(|_| *written != 0);
                if units.is_some() || read != written {
                    out.push(differs(path, units, written.to_string(), read.to_string()));
                }
            }
            _ if alike(to.1, from.1) => {}
            _ => out.push(differs(path, None, format!("{:?}", from.1), format!("{:?}", to.1))),
        }
    }

    fn record(
        self,
        to: (&str, &[(String, Read)]),
        from: (&str, &[Datum]),
        path: &mut Vec<String>,
        out: &mut Vec<Differs>,
    ) {
        let written = self.writer.members(from.0);
        for member in self.reader.members(to.0) {
            let Some((_, read)) = to.1.iter().find(|(name, _)| *name == member.name) else { continue };
            let of = |name: &String| written.iter().position(|other| other.name == *name);
            let source = std::iter::once(&member.name).chain(&member.aliases).find_map(of);
            path.push(member.name.clone());
            match source {
                Some(at) => {
                    if let (Some(source), Some(value)) = (written.get(at), from.1.get(at)) {
                        self.value((&member.ty, read), (&source.ty, value), path, out);
                    }
                }
                None => match &member.default {
                    Some(default) if is_default(read, default) => {}
                    default => {
                        let default = default.as_ref().map_or("nothing".to_owned(), Value::to_string);
                        out.push(differs(path, None, default, format!("{read:?}")));
                    }
                },
            }
            path.pop();
        }
    }

    fn symbol(self, full: &str, at: usize) -> String {
        match self.writer.named.get(full).map(|named| &named.body) {
            Some(Body::Enum { symbols, .. }) => symbols.get(at).cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// Avro specification, "Schema Resolution": an unknown symbol is the default of the reader's enum.
    fn expected(self, full: &str, written: &str) -> String {
        match self.reader.named.get(full).map(|named| &named.body) {
            Some(Body::Enum { symbols, default: Some(default) }) if !symbols.iter().any(|it| it == written) => {
                default.clone()
            }
            _ => written.to_owned(),
        }
    }
}

fn differs(path: &[String], units: Option<(String, String)>, written: String, read: String) -> Differs {
    Differs { path: path.to_vec(), units, written, read }
}

/// Two logical types that count time in different units, or from different beginnings.
pub fn units(from: &Plain, to: &Plain) -> Option<(String, String)> {
    const TIMES: [&str; 9] = [
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
        "time-millis",
        "time-micros",
        "date",
    ];
    let time = |plain: &Plain| plain.logical.clone().filter(|logical| TIMES.contains(&logical.as_str()));
    let (from, to) = (time(from)?, time(to)?);
    (from != to).then_some((from, to))
}

/// A moment as people say it, in the unit of its logical type; the bare number where that is none.
pub fn moment(number: &str, logical: &str) -> String {
    let micros = match (logical.rsplit('-').next(), number.parse::<i64>()) {
        (Some("millis"), Ok(number)) if logical.contains("timestamp") => number.saturating_mul(1000),
        (Some("micros"), Ok(number)) if logical.contains("timestamp") => number,
        (Some("nanos"), Ok(number)) if logical.contains("timestamp") => number / 1000,
        _ => return format!("{number} ({logical})"),
    };
    let (year, month, day) = civil(micros.div_euclid(86_400_000_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// A day since 1970-01-01 in the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// The same value, in a wider type if need be.
fn alike(read: &Read, written: &Datum) -> bool {
    match (read, written) {
        (Read::Boolean(read), Datum::Boolean(written)) => read == written,
        // What is lost by rounding is a warning of its own.
        (Read::Real(read), Datum::Number(written)) => *read == *written as f64 || *read == f64::from(*written as f32),
        (Read::Real(read), Datum::Float(written)) => *read == f64::from(*written),
        (Read::Real(read), Datum::Double(written)) => read == written,
        (Read::Text(read), Datum::Text(written)) => read == written,
        (Read::Text(read), Datum::Bytes(written)) => read.as_bytes() == written,
        (Read::Id(read), Datum::Bytes(written)) => read == written,
        _ => false,
    }
}

fn is_default(read: &Read, default: &Value) -> bool {
    match (read, default) {
        (Read::None, Value::Null) => true,
        (Read::Boolean(read), Value::Bool(default)) => read == default,
        (Read::Number(read), Value::Number(default)) => Some(*read) == default.as_i64(),
        (Read::Real(read), Value::Number(default)) => {
            default.as_f64().is_some_and(|default| *read == default || *read == f64::from(default as f32))
        }
        (Read::Text(read) | Read::Symbol(read), Value::String(default)) => read == default,
        (Read::Items(read), Value::Array(default)) => read.is_empty() && default.is_empty(),
        _ => false,
    }
}
