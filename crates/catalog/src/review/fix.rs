//! What to do about an issue: in words, and as a patch where that is mechanical.

use crate::review::avro::{Body, Member};
use crate::review::issue::{Issue, Schemas, rule};
use crate::review::model::{Change, ChangeKind, Fix};
use crate::review::patch;
use crate::review::side::{Record, Side};

/// A record before and after, with everything that a repair looks at.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    pub before: &'s Side,
    pub after: &'s Side,
    pub old: &'s Record,
    pub new: &'s Record,
    pub schemas: Schemas<'s>,
}

impl<'s> Scene<'s> {
    /// The field of the new schema that an issue is about.
    pub fn member(&self, issue: &Issue) -> Option<&'s Member> {
        let field = issue.trail.field.as_ref()?;
        self.schemas.new.members(&issue.trail.owner).iter().find(|member| member.name == *field)
    }

    /// The changes at an issue's field.
    pub fn changes(&self, issue: &'s Issue, kind: ChangeKind) -> impl Iterator<Item = &'s Change> {
        let path = issue.trail.path.join(".");
        self.schemas.diff.iter().filter(move |change| change.kind == kind && change.path == path)
    }

    /// The repair of an issue; `in_order` when deploying readers first avoids it.
    pub fn fix(&self, issue: &Issue, in_order: bool) -> Fix {
        let name = issue.trail.field.clone().unwrap_or_default();
        match issue.rule {
            rule::FIELD_WITHOUT_DEFAULT => self.add_default(issue),
            _ if in_order && self.new.state => {
                words("stop every instance of the old version before the new one starts".to_owned())
            }
            rule::FIELD_RENAMED if in_order => words(format!(
                "deploy the readers first; as long as one of the old ones runs, or might come back, write \"{}\"",
                self.former(issue)
            )),
            _ if in_order => words("deploy the readers first, then the writers; or keep it as it was".to_owned()),
            rule::FIELD_REMOVED => self.put_back(issue),
            rule::FIELD_RENAMED => self.revert(issue, format!("keep the name \"{}\"", self.former(issue))),
            rule::SYMBOL_GONE => self.symbol_back(issue),
            rule::SYMBOL_NEW => words(
                "first give the enum a default, release that and deploy the readers; add the symbol after that".into(),
            ),
            rule::TYPE_RENAMED => self.name_alias(issue),
            rule::UNIT_CHANGED | rule::SCALE_CHANGED => self.revert(
                issue,
                format!("keep \"{name}\" as it was; add a field for the new unit under another name, with a default"),
            ),
            rule::UNKNOWN => words("correct the schema, so that both sides can be compared".into()),
            _ => self.revert(
                issue,
                format!("keep \"{name}\" as it was; add a field of the new type under another name, with a default"),
            ),
        }
    }

    /// The name that a renamed field had.
    fn former(&self, issue: &Issue) -> String {
        let renamed = self.changes(issue, ChangeKind::FieldRenamed).next();
        let old = renamed.and_then(|change| change.what.strip_prefix("was ")).and_then(|rest| rest.split(',').next());
        old.unwrap_or_default().to_owned()
    }

    /// Removed fields of the same type in the same record: the new one may be one of them.
    fn renamed_from(&self, issue: &Issue, member: &Member) -> Option<String> {
        let says = self.schemas.new.say(&member.ty);
        let parent = |path: &str| path.rsplit_once('.').map_or(String::new(), |(parent, _)| parent.to_owned());
        let here = parent(&issue.trail.path.join("."));
        let gone = |it: &&Change| it.kind == ChangeKind::FieldRemoved && parent(&it.path) == here && it.what == says;
        let mut found = self.schemas.diff.iter().filter(gone).filter_map(|it| it.path.rsplit('.').next());
        let first = found.next()?;
        found.next().is_none().then(|| first.to_owned())
    }

    fn add_default(&self, issue: &Issue) -> Fix {
        let Some(member) = self.member(issue) else { return words("add a default".into()) };
        let place = self.after.place(&self.new.file, &issue.trail.owner);
        let object = place.and_then(|(source, place)| Some((source, place.field(&member.name)?)));
        if let Some(old) = self.renamed_from(issue, member) {
            let words = format!(
                "if this is \"{old}\" under a new name, add \"aliases\": [\"{old}\"]; if it is another field, add a default"
            );
            let value = format!("[\"{old}\"]");
            let patch = object.and_then(|(source, range)| patch::add_key(source, &range, "aliases", &value));
            return Fix { words, patch };
        }
        match patch::nothing(self.schemas.new, &member.ty) {
            Some(value) => Fix {
                words: format!("add \"default\": {value}, or another value that readers can work with"),
                patch: object.and_then(|(source, range)| patch::add_key(source, &range, "default", &value.to_string())),
            },
            None => words(format!(
                "make \"{}\" optional: a union of null and its type, with \"default\": null",
                member.name
            )),
        }
    }

    fn put_back(&self, issue: &Issue) -> Fix {
        let field = issue.trail.field.clone().unwrap_or_default();
        let words = format!("put \"{field}\" back; stop using it first, and remove it in a major version");
        let owner = self.new_owner(&issue.trail.owner);
        let patch = self.before.place(&self.old.file, &issue.trail.owner).and_then(|(source, place)| {
            let text = source.slice(&place.field(&field)?);
            let (after, there) = self.after.place(&self.new.file, &owner)?;
            let at = place.fields.iter().position(|(name, _)| *name == field)?;
            let earlier = place.fields.get(..at)?.iter().rev().find_map(|(name, _)| there.field(name));
            patch::add_field(after, &earlier?, text)
        });
        Fix { words, patch }
    }

    /// The type of the new schema that an old one became.
    fn new_owner(&self, old: &str) -> String {
        if self.schemas.new.named.contains_key(old) || old != self.schemas.old.root {
            return old.to_owned();
        }
        self.schemas.new.root.clone()
    }

    /// Puts the old field's text in the place of the new one's.
    pub fn revert(&self, issue: &Issue, words: String) -> Fix {
        let patch = issue.trail.field.as_ref().and_then(|field| {
            let former = self.former(issue);
            let name = if former.is_empty() { field } else { &former };
            let (source, place) = self.before.place(&self.old.file, &issue.trail.owner)?;
            let text = source.slice(&place.field(name)?);
            let (after, there) = self.after.place(&self.new.file, &issue.trail.owner)?;
            patch::replace(after, there.field(field)?, text)
        });
        Fix { words, patch }
    }

    fn symbol_back(&self, issue: &Issue) -> Fix {
        let gone: Vec<String> = self.lost_symbols(&issue.trail.owner);
        let words = format!("put {} back, or give the enum a default", gone.join(", "));
        let patch = self
            .after
            .place(&self.new.file, &issue.trail.owner)
            .and_then(|(source, place)| patch::add_item(source, place.symbols.as_ref()?, &gone.join("\", \"")));
        Fix { words, patch }
    }

    /// The patch that puts removed symbols of an enum back.
    pub fn symbols_back(&self, full: &str) -> Option<String> {
        let (source, place) = self.after.place(&self.new.file, full)?;
        patch::add_item(source, place.symbols.as_ref()?, &self.lost_symbols(full).join("\", \""))
    }

    fn lost_symbols(&self, full: &str) -> Vec<String> {
        let symbols = |avro: &crate::review::avro::Avro| match avro.named.get(full).map(|it| it.body.clone()) {
            Some(Body::Enum { symbols, .. }) => symbols,
            _ => Vec::new(),
        };
        let new = symbols(self.schemas.new);
        symbols(self.schemas.old).into_iter().filter(|symbol| !new.contains(symbol)).collect()
    }

    fn name_alias(&self, issue: &Issue) -> Fix {
        let mut changed = self.changes(issue, ChangeKind::Name);
        let old = changed.next().and_then(|it| it.what.strip_prefix("type ")?.split(' ').next().map(str::to_owned));
        let Some(old) = old else { return words("keep the type's name, or add the old one as alias".into()) };
        let patch = self.after.place(&self.new.file, &issue.trail.owner).and_then(|(source, place)| {
            let name = source.slice(&place.name);
            patch::replace(source, place.name.clone(), &format!("{name}, \"aliases\": [\"{old}\"]"))
        });
        Fix { words: format!("keep the name {old}, or add it as alias and deploy the readers first"), patch }
    }
}

/// A repair that no patch can make.
pub fn words(words: String) -> Fix {
    Fix { words, patch: None }
}
