//! Names as Java reads them: short, full, and the letters that they are made of.

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

/// Java looks at UTF-16 units: beyond them nothing is a letter. Numerals such as Ⅷ are alphabetic but no letters.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || u32::from(c) <= 0xFFFF && c.is_alphabetic() && !c.is_numeric() && !is_mark(c)
}

/// Where the decimal digits of a script begin; ten follow each other.
const ZEROS: [u16; 37] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
];

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || ZEROS.iter().any(|zero| (u32::from(*zero)..u32::from(*zero) + 10).contains(&u32::from(c)))
}

/// Circled letters are symbols.
fn is_mark(c: char) -> bool {
    ('\u{24B6}'..='\u{24E9}').contains(&c)
}
