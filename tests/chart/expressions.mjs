// Every expression of a dashboard as a recording rule, so that promtool reads it: expressions.mjs DASHBOARD [NAME=VALUE...]
// With values for Grafana's variables; those that are not given get one that fits.
import { readFileSync } from "node:fs";

const [file, ...given] = process.argv.slice(2);
const values = { job: ".+", processor: "fulfilment", task: "0", __rate_interval: "1m", __range: "1h" };
for (const pair of given) {
  const at = pair.indexOf("=");
  values[pair.slice(0, at)] = pair.slice(at + 1);
}
const panels = JSON.parse(readFileSync(file, "utf8")).panels.filter((panel) => panel.targets);
const rules = panels.flatMap((panel) =>
  panel.targets.map(({ refId, expr }) => ({
    record: `panel_${panel.id}:${refId}`,
    expr: expr.replace(/\$(\w+)/g, (whole, name) => values[name] ?? whole),
    labels: { panel: panel.title },
  })),
);
// JSON is YAML, too.
console.log(JSON.stringify({ groups: [{ name: "dashboard", rules }] }, null, 1));
