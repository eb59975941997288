//! A plan as a person reads it.

use std::fmt;

use crate::plan::{Plan, keep};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.create {
            let plural = if it.partitions == 1 { "" } else { "s" };
            writeln!(f, "create   {} ({}, {} partition{plural})", it.topic, it.kind, it.partitions)?;
            let config: Vec<String> = it.config.iter().map(|(name, value)| keep::said(name, value)).collect();
            writeln!(f, "         {}", config.join(", "))?;
        }
        for it in &self.change {
            let (from, to) = (keep::value(&it.property, &it.from), keep::value(&it.property, &it.to));
            writeln!(f, "change   {}: {} from {from} to {to}", it.topic, it.property)?;
            writeln!(f, "         why: {}", it.why)?;
        }
        for it in &self.drift {
            writeln!(f, "drift    {} {}", it.topic, it.what)?;
            writeln!(f, "         why: {}", it.why)?;
        }
        for it in &self.refused {
            writeln!(f, "refused  {} {}", it.topic, it.what)?;
            writeln!(f, "         why: {}", it.why)?;
            writeln!(f, "         hint: {}", it.hint)?;
        }
        let (create, change, drift, refused) =
            (self.create.len(), self.change.len(), self.drift.len(), self.refused.len());
        writeln!(
            f,
            "{create} to create, {change} to change, {refused} refused, {drift} drifted, {} as declared; {} other \
             topics are not ours",
            self.as_declared, self.foreign
        )
    }
}
