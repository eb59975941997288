//! Names as Java reads them: short, full, and other ones.

use super::letters::{is_digit, is_letter};

/// The name of a record, an enum or a fixed.
#[derive(Debug, Clone)]
pub struct Name {
    pub short: String,
    pub space: Option<String>,
    pub full: String,
    /// As the reader's names are asked for a writer's full name. Without a namespace in a type that has one, an alias
    /// begins with a dot and so never matches: Java's behaviour.
    pub aliases: Vec<String>,
}

impl Name {
    /// A name with a dot brings its own namespace; another one is in the namespace given.
    ///
    /// # Errors
    /// Why the short name is none.
    pub fn new(name: &str, space: Option<&str>) -> Result<Name, String> {
        let (space, short) = match name.rsplit_once('.') {
            Some((space, short)) => (Some(space), short),
            None => (space, name),
        };
        valid(short)?;
        let space = space.filter(|space| !space.is_empty()).map(str::to_owned);
        let full = space.as_ref().map_or_else(|| short.to_owned(), |space| format!("{space}.{short}"));
        Ok(Name { short: short.to_owned(), space, full, aliases: Vec::new() })
    }

    /// Adds an alias; without a dot it is in the name's own namespace.
    ///
    /// # Errors
    /// Why the alias is none.
    pub fn add_alias(&mut self, alias: &str) -> Result<(), String> {
        let alias = Name::new(alias, self.space.as_deref())?;
        let known_as =
            if alias.space.is_none() && self.space.is_some() { format!(".{}", alias.short) } else { alias.full };
        self.aliases.push(known_as);
        Ok(())
    }
}

/// Java's `NameValidator.UTF_VALIDATOR`, which a parser uses unless told otherwise.
///
/// # Errors
/// Why the name is none.
pub fn valid(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let Some(first) = chars.next() else { return Err("the name is empty".to_owned()) };
    if !(is_letter(first) || first == '_') {
        return Err(format!("the name \"{name}\" does not begin with a letter or _"));
    }
    if !chars.all(|c| is_letter(c) || is_digit(c) || c == '_') {
        return Err(format!("the name \"{name}\" has a character that is no letter, digit or _"));
    }
    Ok(())
}
