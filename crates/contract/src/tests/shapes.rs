// Generated from topics.yaml and schemas/ by `make contract`; do not edit.
//! Types that several records share.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::codec::{self, Canonical, Hasher};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub enum Color {
    /// Stands for symbols that this build does not know, too.
    #[default]
    #[serde(rename = "OTHER")]
    Other,
    #[serde(rename = "RED")]
    Red,
    #[serde(rename = "DARK_BLUE")]
    DarkBlue,
}

impl Color {
    /// The symbol as it stands in the schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Color::Other => "OTHER",
            Color::Red => "RED",
            Color::DarkBlue => "DARK_BLUE",
        }
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        codec::symbol(deserializer, |symbol| match symbol {
            "RED" => Color::Red,
            "DARK_BLUE" => Color::DarkBlue,
            _ => Color::Other,
        })
    }
}

impl Canonical for Color {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.text(self.as_str());
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inner<'a> {
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

impl Canonical for Inner<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.field("text", &self.text);
        hasher.end();
    }
}

/// Every shape of field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shapes<'a> {
    #[serde(with = "codec::uuid")]
    pub id: flow::Id,
    #[serde(default = "default_shapes_flag")]
    pub flag: bool,
    #[serde(default = "default_shapes_small")]
    pub small: i32,
    #[serde(default)]
    pub large: i64,
    #[serde(default = "default_shapes_ratio")]
    pub ratio: f64,
    pub thin: f32,
    #[serde(borrow, default = "default_shapes_title", alias = "name", alias = "label")]
    pub title: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "codec::optional_str", default)]
    pub note: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "codec::optional")]
    pub must: Option<i64>,
    #[serde(borrow, deserialize_with = "codec::strs", default)]
    pub tags: Vec<Cow<'a, str>>,
    #[serde(default = "default_shapes_color")]
    pub color: Color,
    #[serde(deserialize_with = "codec::optional", default)]
    pub second: Option<Color>,
    #[serde(borrow, deserialize_with = "codec::optional", default)]
    pub inner: Option<Inner<'a>>,
    #[serde(borrow)]
    pub inners: Vec<Inner<'a>>,
    pub colors: Vec<Color>,
}

fn default_shapes_flag() -> bool {
    true
}

fn default_shapes_small() -> i32 {
    7
}

fn default_shapes_ratio() -> f64 {
    0.5
}

fn default_shapes_title<'a>() -> Cow<'a, str> {
    Cow::Borrowed("none")
}

fn default_shapes_color() -> Color {
    Color::Red
}

impl Canonical for Shapes<'_> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        if self.color != Color::Red {
            hasher.field("color", &self.color);
        }
        hasher.field("colors", &self.colors);
        if !self.flag {
            hasher.field("flag", &self.flag);
        }
        hasher.field("id", &self.id);
        if self.inner.is_some() {
            hasher.field("inner", &self.inner);
        }
        hasher.field("inners", &self.inners);
        if self.large != 0 {
            hasher.field("large", &self.large);
        }
        hasher.field("must", &self.must);
        if self.note.is_some() {
            hasher.field("note", &self.note);
        }
        if self.ratio != 0.5 {
            hasher.field("ratio", &self.ratio);
        }
        if self.second.is_some() {
            hasher.field("second", &self.second);
        }
        if self.small != 7 {
            hasher.field("small", &self.small);
        }
        if !self.tags.is_empty() {
            hasher.field("tags", &self.tags);
        }
        hasher.field("thin", &self.thin);
        if self.title != "none" {
            hasher.field("title", &self.title);
        }
        hasher.end();
    }
}

