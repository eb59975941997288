// Judges AsyncAPI documents: node validate.js HOME FILE ..., where HOME/node_modules has what package.json lists.
// Exit 1 and a line per error, or exit 0 and a line that says what was looked at.
"use strict";
const fs = require("node:fs");
const { createRequire } = require("node:module");

const [home, ...files] = process.argv.slice(2);
const needed = createRequire(`${home}/package.json`);
const { Parser } = needed("@asyncapi/parser");
const { AvroSchemaParser } = needed("@asyncapi/avro-schema-parser");
const yaml = needed("js-yaml");

const ERROR = 0;
const avro = AvroSchemaParser();

// For documents of version 3 the parser reads Avro without checking it: the same plug-in does it here.
async function avroErrors(file, text) {
  const found = [];
  for (const [name, { payload }] of Object.entries(yaml.load(text).components?.messages ?? {})) {
    const where = `at components / messages / ${name} / payload`;
    if (!avro.getMimeTypes().includes(payload?.schemaFormat)) {
      found.push(`${file}:1:1: error[avro]: schema format "${payload?.schemaFormat}" is not Avro's (${where})`);
      continue;
    }
    for (const it of await avro.validate({ data: payload.schema, path: [] })) {
      found.push(`${file}:1:1: error[avro]: ${it.message} (${where})`);
    }
  }
  return found;
}

async function judge(file) {
  const parser = new Parser();
  parser.registerSchemaParser(AvroSchemaParser());
  const text = fs.readFileSync(file, "utf8");
  const { document, diagnostics } = await parser.parse(text, { source: file });
  const errors = diagnostics.filter((it) => it.severity === ERROR);
  for (const it of errors) {
    const { line, character } = it.range.start;
    console.log(`${file}:${line + 1}:${character + 1}: error[${it.code}]: ${it.message} (at ${it.path.join(" / ")})`);
  }
  const inside = await avroErrors(file, text);
  inside.forEach((line) => console.log(line));
  if (errors.length + inside.length > 0) return false;
  if (document === undefined) {
    console.log(`${file}:1:1: error: no document came out, and nothing says why`);
    return false;
  }
  const counts = ["channels", "operations", "messages"].map((what) => `${document[what]().all().length} ${what}`);
  console.log(`${file}: AsyncAPI ${document.version()}, ${counts.join(", ")}`);
  return true;
}

(async () => {
  let fine = files.length > 0;
  for (const file of files) fine = (await judge(file)) && fine;
  process.exitCode = fine ? 0 : 1;
})();
