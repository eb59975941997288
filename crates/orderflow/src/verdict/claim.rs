//! The laws by name, and what was found against each.

/// How many examples of each kind of finding are kept.
const EXAMPLES_MAX: usize = 5;

macro_rules! claims {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// What must hold of a history. Names are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Claim { $($(#[doc = $doc])* $name,)* }

        impl Claim {
            /// All laws, in the order in which a person wants to read them.
            pub const ALL: &'static [Claim] = &[$(Claim::$name,)*];

            /// The name in JSON and on screen.
            pub fn name(self) -> &'static str {
                match self { $(Claim::$name => $text,)* }
            }

            /// One sentence.
            pub fn doc(self) -> &'static str {
                match self { $(Claim::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

claims! {
    /// Every order has exactly one final answer, the one that its last event says, and nobody else has any.
    OneFinalAnswer = "one-final-answer";
    /// Every order is accepted once, and each copy of its command is answered with that same acceptance.
    OneAcceptance = "one-acceptance";
    /// Of every item, stock received = on hand + reserved + shipped, move by move and without a gap.
    Conservation = "conservation";
    /// Everything that must follow from what was sent is there.
    NothingLost = "nothing-lost";
    /// Nothing happened twice, and nothing that nobody asked for.
    NothingTwice = "nothing-twice";
    /// Every line costs what TPC-H itself says, and every order the sum of its lines.
    Prices = "prices";
    /// All garbage stands in the dead letters once, byte for byte, and nothing else does.
    Garbage = "garbage";
    /// What was reserved for a rejected order was given back, once; nothing of a completed one was.
    Releases = "releases";
    /// Lines that waited for their item went on in the order in which they came, and none waits any more.
    ParkedReleased = "parked-released";
    /// Only items that are scarce were refused, and orders were rejected only for them.
    Scarce = "scarce";
    /// Every record can be decoded with the schema that it names, and agrees with its key, its headers and the others.
    Readable = "readable";
}

/// What was found against one law.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub count: u64,
    pub examples: Vec<String>,
}

/// What was found against all laws.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Found>);

impl Findings {
    /// Notes a breach.
    pub fn add(&mut self, claim: Claim, example: impl FnOnce() -> String) {
        self.0.resize_with(Claim::ALL.len(), Found::default);
        let found = &mut self.0[claim as usize];
        found.count += 1;
        if found.examples.len() < EXAMPLES_MAX {
            found.examples.push(example());
        }
    }

    /// Notes a breach when there is one.
    pub fn unless(&mut self, holds: bool, claim: Claim, example: impl FnOnce() -> String) {
        if !holds {
            self.add(claim, example);
        }
    }

    /// What was found against a law.
    pub fn of(&self, claim: Claim) -> Found {
        self.0.get(claim as usize).cloned().unwrap_or_default()
    }
}
