//! Two versions of a record, field by field, as people read it.

use std::collections::BTreeSet;

use crate::review::avro::{Avro, Body, Member, Named, Plain, Ty, namespace};
use crate::review::model::{Change, ChangeKind};
use crate::review::side::Side;

/// Two versions of a record and where they stand.
pub struct Differ<'s> {
    pub old: (&'s Side, &'s str, &'s Avro),
    pub new: (&'s Side, &'s str, &'s Avro),
    seen: BTreeSet<(String, String)>,
    out: Vec<Change>,
}

/// Every difference, in the order of the new fields; `old` and `new` are side, file and schema.
pub fn diff(old: (&Side, &str, &Avro), new: (&Side, &str, &Avro)) -> Vec<Change> {
    let mut differ = Differ { old, new, seen: BTreeSet::new(), out: Vec::new() };
    differ.named(&old.2.root, &new.2.root, "");
    differ.out
}

impl Differ<'_> {
    fn add(&mut self, kind: ChangeKind, sign: char, path: &str, owner: &str, field: Option<&str>, what: String) {
        let before = sign == '-';
        let (side, file, _) = if before { self.old } else { self.new };
        let (file, line) = side.line(file, owner, field);
        let (path, owner) = (path.to_owned(), owner.to_owned());
        self.out.push(Change { sign, path, what, file, line, before, kind, owner });
    }

    fn named(&mut self, old: &str, new: &str, path: &str) {
        if !self.seen.insert((old.to_owned(), new.to_owned())) {
            return;
        }
        let (Some(from), Some(to)) = (self.old.2.named.get(old), self.new.2.named.get(new)) else { return };
        if from.short() != to.short() {
            self.add(ChangeKind::Name, '~', path, new, None, format!("type {} is now {}", from.short(), to.short()));
        }
        if namespace(old) != namespace(new) {
            let what = format!("namespace {} is now {}", namespace(old), namespace(new));
            self.add(ChangeKind::Namespace, '~', path, new, None, what);
        }
        if from.doc != to.doc {
            self.add(ChangeKind::Doc, '~', path, new, None, "doc".to_owned());
        }
        match (&from.body, &to.body) {
            (Body::Record(old_members), Body::Record(new_members)) => {
                self.members(to, old_members, new_members, path, old)
            }
            (Body::Enum { .. }, Body::Enum { .. }) => self.symbols(from, to, path),
            (Body::Fixed { size, plain }, Body::Fixed { size: new_size, plain: new_plain }) => {
                if size != new_size {
                    let what = format!("{size} bytes are now {new_size}");
                    self.add(ChangeKind::TypeChanged, '~', path, new, None, what);
                }
                self.plain((plain, new_plain), path, new, None);
            }
            _ => {}
        }
    }

    fn members(&mut self, to: &Named, old: &[Member], new: &[Member], path: &str, old_full: &str) {
        for member in new {
            let here = join(path, &member.name);
            let of = |name: &String| old.iter().find(|other| other.name == *name);
            let field = Some(member.name.as_str());
            if let Some(same) = of(&member.name) {
                self.member(same, member, &here, &to.full);
            } else if let Some(source) = member.aliases.iter().find_map(of) {
                let what = format!("was {}, kept as alias", source.name);
                self.add(ChangeKind::FieldRenamed, '~', &here, &to.full, field, what);
                self.member(source, member, &here, &to.full);
            } else {
                let default = member.default.as_ref().map_or("no default".to_owned(), |it| format!("default {it}"));
                let what = format!("{}, {default}", self.new.2.say(&member.ty));
                self.add(ChangeKind::FieldAdded, '+', &here, &to.full, field, what);
            }
        }
        for member in old {
            if !new.iter().any(|other| other.name == member.name || other.aliases.contains(&member.name)) {
                let what = self.old.2.say(&member.ty);
                let here = join(path, &member.name);
                self.add(ChangeKind::FieldRemoved, '-', &here, old_full, Some(&member.name), what);
            }
        }
    }

    fn member(&mut self, old: &Member, new: &Member, path: &str, owner: &str) {
        let field = Some(new.name.as_str());
        if old.default != new.default {
            let say = |it: &Member| it.default.as_ref().map_or("none".to_owned(), ToString::to_string);
            let what = format!("default {} is now {}", say(old), say(new));
            self.add(ChangeKind::DefaultChanged, '~', path, owner, field, what);
        }
        let gone: Vec<&str> = old.aliases.iter().filter(|it| !new.aliases.contains(it)).map(String::as_str).collect();
        if !gone.is_empty() {
            self.add(ChangeKind::Alias, '~', path, owner, field, format!("alias {} is gone", gone.join(", ")));
        }
        if old.doc != new.doc {
            self.add(ChangeKind::Doc, '~', path, owner, field, "doc".to_owned());
        }
        self.ty(&old.ty, &new.ty, path, owner, field);
    }

    fn ty(&mut self, old: &Ty, new: &Ty, path: &str, owner: &str, field: Option<&str>) {
        match (old, new) {
            (Ty::Plain(old), Ty::Plain(new)) => self.plain((old, new), path, owner, field),
            (Ty::Array(old), Ty::Array(new)) | (Ty::Map(old), Ty::Map(new)) => self.ty(old, new, path, owner, field),
            (Ty::Union(old), Ty::Union(new)) if old.len() == new.len() => {
                for (old, new) in old.iter().zip(new) {
                    self.ty(old, new, path, owner, field);
                }
            }
            (Ty::Named(one), Ty::Named(other)) if self.alike(one, other) => self.named(one, other, path),
            _ => {
                let what = format!("{} is now {}", self.old.2.say(old), self.new.2.say(new));
                self.add(ChangeKind::TypeChanged, '~', path, owner, field, what);
            }
        }
    }

    /// Whether two names stand for types of the same sort, so that their parts can be compared.
    fn alike(&self, old: &str, new: &str) -> bool {
        let (Some(old), Some(new)) = (self.old.2.named.get(old), self.new.2.named.get(new)) else { return false };
        std::mem::discriminant(&old.body) == std::mem::discriminant(&new.body)
    }

    fn plain(&mut self, (old, new): (&Plain, &Plain), path: &str, owner: &str, field: Option<&str>) {
        if old != new {
            let kind = if old.name == new.name { ChangeKind::LogicalChanged } else { ChangeKind::TypeChanged };
            self.add(kind, '~', path, owner, field, format!("{old} is now {new}"));
        }
    }

    fn symbols(&mut self, from: &Named, to: &Named, path: &str) {
        let (Body::Enum { symbols: old, default: old_default }, Body::Enum { symbols: new, default: new_default }) =
            (&from.body, &to.body)
        else {
            return;
        };
        for symbol in new.iter().filter(|symbol| !old.contains(symbol)) {
            let what = format!("symbol {symbol} of {}", to.short());
            self.add(ChangeKind::SymbolAdded, '+', path, &to.full, None, what);
        }
        for symbol in old.iter().filter(|symbol| !new.contains(symbol)) {
            let what = format!("symbol {symbol} of {}", to.short());
            self.add(ChangeKind::SymbolRemoved, '-', path, &from.full, None, what);
        }
        if old_default != new_default {
            let say = |default: &Option<String>| default.clone().unwrap_or_else(|| "none".to_owned());
            let what = format!("default {} of {} is now {}", say(old_default), to.short(), say(new_default));
            self.add(ChangeKind::EnumDefault, '~', path, &to.full, None, what);
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
