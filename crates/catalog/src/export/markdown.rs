//! The event catalogue as one Markdown page, as GitHub renders it.

use crate::Catalog;
use crate::draw;
use crate::export::model::{Model, Party, RecordPage, TopicPage, capital, kept, length};
use crate::export::schema::{Inner, Row, Version};
use crate::export::wire::{HEADERS, prose};

/// The page.
pub fn markdown(catalog: &Catalog, model: &Model<'_>, version: &str) -> String {
    let wire = model.records.iter().filter(|page| !page.state).count();
    let mut out = format!(
        "# Event catalogue\n\nOf orderflow {version}: {} topics, {wire} records, {} processors. Generated from topics.yaml \
         and schemas/ by `orderflow catalog export`; do not edit.\n\n## Topology\n\n```mermaid\n",
        model.topics.len(),
        model.processors.len()
    );
    let drawing = draw::mermaid(catalog, draw::COMMITTED, &draw::Notes::new());
    drawing.lines().filter(|line| !line.starts_with("%%")).for_each(|line| out.push_str(&format!("{line}\n")));
    out.push_str("```\n\n## Clients\n\nWhat a sender or reader has to do, besides reading the schemas.\n\n");
    model.rules.iter().for_each(|(about, rule)| out.push_str(&format!("- **{about}**: {}\n", prose(rule))));
    out.push_str("\n| header | what it holds |\n|---|---|\n");
    HEADERS.iter().for_each(|(name, about)| out.push_str(&format!("| `{name}` | {} |\n", cell(about))));
    out.push_str("\n## Topics\n\n| topic | kind | key | partitions | kept | written by | read by |\n");
    out.push_str("|---|---|---|---:|---|---|---|\n");
    for page in &model.topics {
        let topic = page.topic;
        let cells = [
            link(&topic.name),
            page.spec.kind.as_str().to_owned(),
            format!("`{}`", topic.key),
            topic.partitions.to_string(),
            kept(&page.spec),
            parties(&page.writers),
            parties(&page.readers),
        ];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    model.topics.iter().for_each(|page| out.push_str(&topic(page, model)));
    out.push_str(
        "\n## Records\n\nEvery record begins with `meta`: event id, ticket, cause, time and schema version.\n",
    );
    model.records.iter().filter(|page| !page.state).for_each(|page| out.push_str(&record(page)));
    out.push_str("\n## Processors\n");
    for it in model.processors {
        out.push_str(&format!("\n### {}\n\n{}\n\n", it.name, prose(&it.about)));
        let links = |names: &[String]| list(names.iter().map(|name| link(name)));
        out.push_str(&format!("- reads: {}\n- writes: {}\n", links(&it.inputs), links(&it.outputs)));
        if !it.replies.is_empty() {
            out.push_str(&format!("- replies: {}\n", links(&it.replies)));
        }
        if let Some(state) = &it.state {
            let full = [&state.record].into_iter().chain(state.tables.iter().map(|table| &table.record));
            let names = full.map(|full| link_to(short(full), &format!("{}-state", short(full))));
            out.push_str(&format!("- remembers: {}\n", list(names)));
        }
        out.push_str(&format!("- knows duplicates for: {}\n", length(&it.window_ms.to_string())));
    }
    out.push_str("\n## State\n\nWhat processors remember of a key. Nobody else reads it.\n");
    model.records.iter().filter(|page| page.state).for_each(|page| out.push_str(&record(page)));
    out.push_str("\n## Internal topics\n\n| topic | kind | partitions | kept |\n|---|---|---:|---|\n");
    for spec in &model.internal {
        let (name, kind, partitions) = (&spec.name, spec.kind.as_str(), spec.partitions);
        out.push_str(&format!("| {name} | {kind} | {partitions} | {} |\n", kept(spec)));
    }
    out
}

fn topic(page: &TopicPage<'_>, model: &Model<'_>) -> String {
    let topic = page.topic;
    let kind = capital(page.spec.kind.as_str());
    let mut out = format!("\n### {}\n\n{}\n\n", topic.name, prose(&topic.about));
    out.push_str(&format!("- {kind} topic of {}, by `{}`\n", topic.owner, topic.key));
    out.push_str(&format!("- written by: {}\n- read by: {}\n", parties(&page.writers), parties(&page.readers)));
    for it in &page.identities {
        let (processor, window) = (link(&it.processor), length(&it.window_ms.to_string()));
        let fields = list(it.fields.iter().map(|field| format!("`{field}`")));
        out.push_str(&format!("- a repetition is recognised by {processor}: {fields}, for {window}\n"));
    }
    out.push_str("\n| record | version | written by | what it says |\n|---|---|---|---|\n");
    let carried = |it: &&RecordPage<'_>| it.topic.is_some_and(|other| other.name == topic.name);
    for it in model.records.iter().filter(carried) {
        let newest = it.versions.first().map_or("", |version| version.version.as_str());
        out.push_str(&format!("| {} | {newest} | {} | {} |\n", link(it.name), parties(&it.writers), cell(it.doc)));
    }
    out
}

fn record(page: &RecordPage<'_>) -> String {
    let title = if page.state { format!("{} state", page.name) } else { page.name.to_owned() };
    let mut out = format!("\n### {title}\n\n");
    if !page.doc.is_empty() {
        out.push_str(&format!("{}\n\n", prose(page.doc)));
    }
    if let Some(topic) = page.topic {
        out.push_str(&format!(
            "On {}, written by {}, read by {}. Source: `{}`.\n\n",
            link(&topic.name),
            parties(&page.writers),
            parties(&page.readers),
            page.file
        ));
    } else {
        out.push_str(&format!("Of {}. Source: `{}`.\n\n", parties(&page.writers), page.file));
    }
    for (at, version) in page.versions.iter().enumerate() {
        let (number, fingerprint) = (&version.version, &version.fingerprint);
        if at == 0 {
            let id = page.topic.map_or_else(String::new, |_| format!(", local schema id {}", page.local_id));
            out.push_str(&format!("**{number}**, the newest; fingerprint `{fingerprint}`{id}\n\n{}", fields(version)));
        } else {
            let body = fields(version);
            out.push_str(&format!(
                "\n<details><summary>{number}, fingerprint {fingerprint}</summary>\n\n{body}\n</details>\n"
            ));
        }
    }
    out
}

fn fields(version: &Version) -> String {
    let mut out = table(&version.rows);
    if !version.removed.is_empty() {
        out.push_str(&format!(
            "\nNo longer there: {}.\n",
            list(version.removed.iter().map(|name| format!("`{name}`")))
        ));
    }
    version.inner.iter().for_each(|inner| out.push_str(&nested(inner)));
    out
}

fn nested(inner: &Inner) -> String {
    let doc = if inner.doc.is_empty() { String::new() } else { format!(": {}", prose(&inner.doc)) };
    let mut out = format!("\n`{}`{doc}\n\n", inner.name);
    if inner.symbols.is_empty() {
        out.push_str(&table(&inner.rows));
    } else {
        let symbols = list(inner.symbols.iter().map(|symbol| format!("`{symbol}`")));
        out.push_str(&format!("One of {symbols}; readers take one they do not know for `{}`.\n", inner.default));
    }
    out
}

fn table(rows: &[Row]) -> String {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.ty != "Meta").collect();
    if rows.is_empty() {
        return "No field of its own.\n".to_owned();
    }
    let mut out = String::from("| field | type | default | what it says |\n|---|---|---|---|\n");
    for row in rows {
        let mark = if row.mark.is_empty() { String::new() } else { format!(" *({})*", row.mark) };
        let default =
            if row.default.is_empty() { String::new() } else { format!("`{}`", row.default.replace('|', "\\|")) };
        out.push_str(&format!("| `{}`{mark} | {} | {default} | {} |\n", row.name, cell(&row.ty), cell(&row.doc)));
    }
    out
}

fn parties(parties: &[Party]) -> String {
    let one = |party: &Party| if party.outside { format!("{} (outside)", party.name) } else { link(&party.name) };
    list(parties.iter().map(one))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "–".to_owned() } else { items.join(", ") }
}

/// A link to the heading of this name, whose anchor GitHub makes of its letters, digits and hyphens.
fn link(name: &str) -> String {
    link_to(name, name)
}

fn link_to(text: &str, heading: &str) -> String {
    let anchor: String = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
    format!("[{text}](#{anchor})")
}

/// The same in a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|").replace('\n', " ")
}

fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}
