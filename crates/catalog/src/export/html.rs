//! The event catalogue as one HTML page: no other file, no network; without its script everything is there to read.

use crate::catalog::Processor;
use crate::export::model::{Model, Party, RecordPage, TopicPage, kept, length};
use crate::export::schema::{Row, Version};
use crate::export::wire::{HEADERS, Identity};
use crate::{Catalog, TopicSpec, draw};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub fn html(catalog: &Catalog, model: &Model<'_>, version: &str) -> String {
    let (wire, state): (Vec<_>, Vec<_>) = model.records.iter().partition(|page| !page.state);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Event catalogue of orderflow</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<strong>Event catalogue</strong>\n\
         <label>Search <input type=\"search\" title=\"Topics, records, fields, processors; the key / leads here\" autocomplete=\"off\"></label>\n\
         <span class=\"hits\" role=\"status\"></span>\n<span class=\"soft\">orderflow {}</span>\n</header>\n<div class=\"room\">\n",
        escaped(version)
    );
    out.push_str(&nav(model, &wire, &state));
    out.push_str("<main>\n<h1>Event catalogue</h1>\n");
    out.push_str(&format!(
        "<p class=\"soft\">{} topics, {} records, {} processors. Generated from topics.yaml and schemas/ by \
         <code>orderflow catalog export</code>.</p>\n",
        model.topics.len(),
        wire.len(),
        model.processors.len()
    ));
    out.push_str(&format!("<h2 id=\"topology\">Topology</h2>\n<figure>\n{}</figure>\n", drawing(catalog)));
    out.push_str(&clients(model));
    out.push_str("<h2 id=\"topics\">Topics</h2>\n");
    model.topics.iter().for_each(|page| out.push_str(&topic(page, model)));
    out.push_str("<h2 id=\"records\">Records</h2>\n");
    out.push_str(&format!(
        "{}<p>Every record begins with the field <code>meta</code>, which has these.</p>\n{}</section>\n",
        heading("record", "Meta", "Meta", "in every record"),
        fields(&model.meta)
    ));
    wire.iter().for_each(|page| out.push_str(&record(page)));
    out.push_str("<h2 id=\"processors\">Processors</h2>\n");
    model.processors.iter().for_each(|it| out.push_str(&processor(it, catalog, model)));
    out.push_str("<h2 id=\"state\">State</h2>\n");
    state.iter().for_each(|page| out.push_str(&record(page)));
    format!("{out}</main>\n</div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n")
}

/// Without the comment in front, which is about the file in docs/.
fn drawing(catalog: &Catalog) -> String {
    let svg = draw::svg(catalog, draw::COMMITTED, &draw::Notes::new());
    svg.find("<svg").map_or_else(String::new, |at| svg[at..].to_owned())
}

fn nav(model: &Model<'_>, wire: &[&RecordPage<'_>], state: &[&RecordPage<'_>]) -> String {
    let list = |title: &str, links: Vec<String>| {
        let items: String = links.iter().map(|link| format!("<li>{link}</li>\n")).collect();
        format!("<h2>{title}</h2>\n<ul>\n{items}</ul>\n")
    };
    let mut out = String::from(
        "<nav aria-label=\"Contents\">\n<a href=\"#topology\">Topology</a>\n<a href=\"#clients\">Clients</a>\n",
    );
    out.push_str(&list("Topics", model.topics.iter().map(|page| link("topic", &page.topic.name)).collect()));
    out.push_str(&list(
        "Records",
        ["Meta"].into_iter().chain(wire.iter().map(|page| page.name)).map(|name| link("record", name)).collect(),
    ));
    out.push_str(&list("Processors", model.processors.iter().map(|it| link("processor", &it.name)).collect()));
    out.push_str(&list("State", state.iter().map(|page| link("state", page.name)).collect()));
    out + "</nav>\n"
}

/// What a sender or reader has to do.
fn clients(model: &Model<'_>) -> String {
    let row = |name: &str, about: &str| format!("<tr><td>{name}</td><td>{}</td></tr>\n", escaped(about));
    let rules: String = model.rules.iter().map(|(about, rule)| row(about, rule)).collect();
    let headers: String = HEADERS.iter().map(|(name, about)| row(&format!("<code>{name}</code>"), about)).collect();
    format!(
        "<h2 id=\"clients\">Clients</h2>\n<p>What a sender or reader has to do, besides reading the schemas.</p>\n{}{}",
        table(&["about", "rule"], &rules),
        table(&["header", "what it holds"], &headers)
    )
}

fn topic(page: &TopicPage<'_>, model: &Model<'_>) -> String {
    let topic = page.topic;
    let carried = |it: &&RecordPage<'_>| it.topic.is_some_and(|other| other.name == topic.name);
    let rows: String = model
        .records
        .iter()
        .filter(carried)
        .map(|it| {
            let newest = it.versions.first().map_or("", |version| version.version.as_str());
            let (name, writers) = (link("record", it.name), parties(&it.writers));
            format!("<tr><td>{name}</td><td>{newest}</td><td>{writers}</td><td>{}</td></tr>\n", escaped(it.doc))
        })
        .collect();
    let facts = [
        ("key", format!("<code>{}</code>", escaped(&topic.key))),
        ("owner", escaped(&topic.owner)),
        ("written by", parties(&page.writers)),
        ("read by", parties(&page.readers)),
        ("partitions", topic.partitions.to_string()),
        ("kept", kept(&page.spec)),
        ("a repetition is recognised by", list(page.identities.iter().map(identity))),
    ];
    let head = heading("topic", &topic.name, &topic.name, page.spec.kind.as_str());
    let table = table(&["record", "version", "written by", "what it says"], &rows);
    format!("{head}<p>{}</p>\n{}{table}</section>\n", escaped(&topic.about), facts_list(&facts))
}

fn identity(identity: &Identity) -> String {
    let fields = list(identity.fields.iter().map(|field| format!("<code>{}</code>", escaped(field))));
    let (processor, window) = (link("processor", &identity.processor), length(&identity.window_ms.to_string()));
    format!("{processor} by {fields}, for {window}")
}

fn record(page: &RecordPage<'_>) -> String {
    let (kind, badge) = if page.state { ("state", "state") } else { ("record", "record") };
    let mut out = heading(kind, page.name, page.name, badge);
    if !page.doc.is_empty() {
        out.push_str(&format!("<p>{}</p>\n", escaped(page.doc)));
    }
    let mut facts = Vec::new();
    match page.topic {
        Some(topic) => {
            facts.push(("on", link("topic", &topic.name)));
            facts.push(("written by", parties(&page.writers)));
            facts.push(("read by", parties(&page.readers)));
            facts.push(("local schema id", page.local_id.to_string()));
        }
        None => facts.push(("of", parties(&page.writers))),
    }
    facts.push(("source", format!("<code>{}</code>", escaped(page.file))));
    out.push_str(&facts_list(&facts));
    for (at, it) in page.versions.iter().enumerate() {
        let (attributes, newest) = if at == 0 { (" open", ", the newest") } else { (" class=\"older\"", "") };
        out.push_str(&format!(
            "<details{attributes}><summary><strong>{}</strong>{newest} <span class=\"soft\">fingerprint <code>{}</code></span>\
             </summary>\n{}</details>\n",
            escaped(&it.version),
            it.fingerprint,
            version(it)
        ));
    }
    out + "</section>\n"
}

fn version(version: &Version) -> String {
    let mut out = fields(&version.rows);
    if !version.removed.is_empty() {
        let names: Vec<String> = version.removed.iter().map(|name| format!("<code>{}</code>", escaped(name))).collect();
        out.push_str(&format!("<p>No longer there: {}.</p>\n", names.join(", ")));
    }
    for inner in &version.inner {
        out.push_str(&format!("<h4>{}</h4>\n", escaped(&inner.name)));
        if !inner.doc.is_empty() {
            out.push_str(&format!("<p>{}</p>\n", escaped(&inner.doc)));
        }
        if inner.symbols.is_empty() {
            out.push_str(&fields(&inner.rows));
        } else {
            let symbols: Vec<String> =
                inner.symbols.iter().map(|symbol| format!("<code>{}</code>", escaped(symbol))).collect();
            out.push_str(&format!(
                "<p>One of {}; readers take one they do not know for <code>{}</code>.</p>\n",
                symbols.join(", "),
                escaped(&inner.default)
            ));
        }
    }
    out
}

fn fields(rows: &[Row]) -> String {
    let rows: String = rows
        .iter()
        .filter(|row| row.ty != "Meta")
        .map(|row| {
            let mark = if row.mark.is_empty() {
                String::new()
            } else {
                format!(" <span class=\"mark {0}\">{0}</span>", row.mark)
            };
            let default =
                if row.default.is_empty() { String::new() } else { format!("<code>{}</code>", escaped(&row.default)) };
            let (name, ty, doc) = (escaped(&row.name), escaped(&row.ty), escaped(&row.doc));
            format!("<tr><td><code>{name}</code>{mark}</td><td>{ty}</td><td>{default}</td><td>{doc}</td></tr>\n")
        })
        .collect();
    if rows.is_empty() {
        return "<p class=\"soft\">No field of its own.</p>\n".to_owned();
    }
    table(&["field", "type", "default", "what it says"], &rows)
}

fn processor(it: &Processor, catalog: &Catalog, model: &Model<'_>) -> String {
    let topics = |names: &[String]| list(names.iter().map(|name| link("topic", name)));
    let mut facts = vec![("reads", topics(&it.inputs)), ("writes", topics(&it.outputs))];
    if !it.replies.is_empty() {
        facts.push(("replies", list(it.replies.iter().map(|name| link("record", name)))));
    }
    if let Some(state) = &it.state {
        let full = [&state.record].into_iter().chain(state.tables.iter().map(|table| &table.record));
        let names = full.filter_map(|full| catalog.schemas.get(full)).map(|found| link("state", &found.name));
        facts.push(("remembers", list(names)));
    }
    if !it.wakes.is_empty() {
        facts.push(("timers", list(it.wakes.iter().map(|wake| format!("<code>{}</code>", escaped(wake))))));
    }
    facts.push(("knows duplicates for", length(&it.window_ms.to_string())));
    let own = |spec: &&TopicSpec| spec.name.rsplit_once('-').is_some_and(|(name, _)| name == it.name);
    let row = |spec: &TopicSpec| {
        let (name, kind) = (escaped(&spec.name), spec.kind.as_str());
        format!("<tr><td>{name}</td><td>{kind}</td><td>{}</td><td>{}</td></tr>\n", spec.partitions, kept(spec))
    };
    let rows: String = model.internal.iter().filter(own).map(row).collect();
    let table = table(&["topic of its own", "kind", "partitions", "kept"], &rows);
    let head = heading("processor", &it.name, &it.name, "processor");
    format!("{head}<p>{}</p>\n{}{table}</section>\n", escaped(&it.about), facts_list(&facts))
}

fn heading(kind: &str, id: &str, title: &str, badge: &str) -> String {
    let (id, title) = (escaped(id), escaped(title));
    format!(
        "<section id=\"{kind}-{id}\">\n<h3><a href=\"#{kind}-{id}\">{title}</a><span class=\"kind\">{badge}</span></h3>\n"
    )
}

fn facts_list(facts: &[(&str, String)]) -> String {
    let items: String =
        facts.iter().map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n")).collect();
    format!("<dl>\n{items}</dl>\n")
}

fn table(heads: &[&str], rows: &str) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    format!("<div class=\"scroll\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}

fn parties(parties: &[Party]) -> String {
    list(parties.iter().map(|party| {
        if party.outside {
            format!("{} <span class=\"soft\">(outside)</span>", escaped(&party.name))
        } else {
            link("processor", &party.name)
        }
    }))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "–".to_owned() } else { items.join(", ") }
}

fn link(kind: &str, name: &str) -> String {
    let name = escaped(name);
    format!("<a href=\"#{kind}-{name}\">{name}</a>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
