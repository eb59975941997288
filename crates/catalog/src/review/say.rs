//! The sentences of a review: what changed, who breaks and why, and who is deployed first.

use crate::review::fix::Scene;
use crate::review::issue::{Issue, rule};
use crate::review::model::{ChangeKind, Order, Use};
use crate::review::uses::{listed, once};

/// Who uses a record before and after.
pub struct Say<'s> {
    pub before: &'s [Use],
    pub after: &'s [Use],
    pub state: bool,
    pub order: Order,
}

impl Say<'_> {
    fn readers(&self, uses: &[Use]) -> String {
        let names = once(uses.iter().flat_map(|it| it.readers.iter().chain(&it.readers_outside)));
        if names.is_empty() { "whoever reads it outside of topics.yaml".to_owned() } else { listed(&names) }
    }

    fn writers(&self) -> String {
        let names = once(self.after.iter().flat_map(|it| it.writers.iter().chain(&it.writers_outside)));
        if names.is_empty() { "whoever writes it".to_owned() } else { listed(&names) }
    }

    /// Topics with what they still hold.
    fn holds(&self) -> String {
        let uses = if self.before.is_empty() { self.after } else { self.before };
        let places: Vec<String> = uses.iter().map(held).collect();
        if places.is_empty() { "its topic".to_owned() } else { listed(&places) }
    }

    /// Who is deployed first.
    pub fn deployment(&self) -> String {
        let (readers, writers) = (self.readers(self.before), self.writers());
        if self.state {
            return match self.order {
                Order::Any => "any order; an instance of the old version reads what a new one remembers".to_owned(),
                Order::ReadersFirst => format!(
                    "stop every instance of {readers} before the new version starts; there is no way back after it has run"
                ),
                _ => format!("not possible: {readers} could not read what it remembers"),
            };
        }
        match self.order {
            Order::Any => "any order".to_owned(),
            Order::ReadersFirst => format!("readers first: {readers}; then the writers: {writers}"),
            Order::WritersFirst => format!(
                "writers first: {writers}; then the readers: {}, but only when nothing older is left in {}; \
                 a replay of older data stays impossible",
                self.readers(self.after),
                self.holds()
            ),
            Order::NewTopic => format!(
                "no order helps: {} would read data of both shapes from {}; put the new shape on a new major version of \
                 the topic, and remove the old one when it is drained",
                self.readers(if self.after.is_empty() { self.before } else { self.after }),
                self.holds()
            ),
        }
    }

    /// What an issue is, and what it leads to.
    pub fn issue(&self, scene: Scene<'_>, issue: &Issue) -> (String, String) {
        (self.what(scene, issue), self.why(issue))
    }

    fn what(&self, scene: Scene<'_>, issue: &Issue) -> String {
        let path = issue.trail.path.join(".");
        let mut changes = scene.schemas.diff.iter().filter(|change| change.path == path);
        let mut change = |kinds: &[ChangeKind]| {
            changes.find(|it| kinds.contains(&it.kind)).map_or(issue.said.clone(), |it| it.what.clone())
        };
        match issue.rule {
            rule::FIELD_WITHOUT_DEFAULT => {
                let ty =
                    scene.member(issue).map_or(String::new(), |it| format!(" ({})", scene.schemas.new.say(&it.ty)));
                format!("field \"{path}\"{ty} has no default")
            }
            rule::FIELD_REMOVED => format!("field \"{path}\" is removed and had no default"),
            rule::FIELD_RENAMED => format!("field \"{path}\" {}", change(&[ChangeKind::FieldRenamed])),
            rule::SYMBOL_GONE => format!("enum of \"{path}\" lost {}, and has no default", issue.said),
            rule::SYMBOL_NEW => format!("enum of \"{path}\" has more than readers know: {}", issue.said),
            rule::UNIT_CHANGED => format!("field \"{path}\": {}", change(&[ChangeKind::LogicalChanged])),
            rule::SCALE_CHANGED => format!("field \"{path}\": {}", change(&[ChangeKind::LogicalChanged])),
            rule::UNKNOWN => format!("the schemas cannot be compared: {}", issue.said),
            _ if path.is_empty() => change(&[ChangeKind::Name]),
            _ => {
                let said = change(&[ChangeKind::TypeChanged, ChangeKind::LogicalChanged, ChangeKind::Name]);
                format!("field \"{path}\": {said}")
            }
        }
    }

    fn why(&self, issue: &Issue) -> String {
        let mut parts = Vec::new();
        let silently = matches!(issue.rule, rule::UNIT_CHANGED | rule::VALUE_CHANGED | rule::SCALE_CHANGED);
        let verb = if silently { "would misread" } else { "cannot read" };
        if !issue.data.is_empty() {
            let (readers, versions) = (self.readers(self.after), listed(&issue.data));
            parts.push(format!("once deployed, {readers} {verb} the data of {versions} in {}", self.holds()));
        }
        if !issue.readers.is_empty() {
            let writes = match self.state {
                true => "the new version remembers".to_owned(),
                false => format!("{} will write", self.writers()),
            };
            let (readers, versions) = (self.readers(self.before), listed(&issue.readers));
            parts.push(format!("as deployed ({versions}), {readers} {verb} what {writes}"));
        }
        match issue.rule {
            rule::RUST_CANNOT_READ => {
                parts.push(format!("Java and the registry accept it, generated Rust says: {}", issue.said));
            }
            rule::UNIT_CHANGED | rule::VALUE_CHANGED | rule::SCALE_CHANGED => {
                parts.push(format!("Java and the registry accept it: {}", issue.said));
            }
            rule::FIELD_RENAMED if issue.data.is_empty() => {
                parts.push("new readers know both names, old ones do not".to_owned());
            }
            _ => {}
        }
        parts.join("; ")
    }
}

/// A place and how long it keeps what it has.
pub fn held(place: &Use) -> String {
    let article = if place.place.starts_with("state of ") { "the " } else { "" };
    format!("{article}{} (kept {})", place.place, place.retained)
}
