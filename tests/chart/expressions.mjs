// The expressions of a dashboard, with values for Grafana's variables.
//
//   expressions.mjs rules DASHBOARD                     as recording rules, so that promtool reads them
//   expressions.mjs ask DASHBOARD PROMETHEUS FROM TO    puts them to a Prometheus for that time; exit 1 when one of them
//                                                       is not answered, or when a rule that it has loaded fails
import { readFileSync } from "node:fs";

const values = { job: ".+", processor: "fulfilment", task: "0", __rate_interval: "1m", __range: "1h" };
const [verb, file, prometheus, from, to] = process.argv.slice(2);
const panels = JSON.parse(readFileSync(file, "utf8")).panels.filter((panel) => panel.targets);
const all = panels.flatMap((panel) =>
  panel.targets.map(({ refId, expr }) => ({
    panel: panel.title,
    record: `panel_${panel.id}:${refId}`,
    expr: expr.replace(/\$(\w+)/g, (whole, name) => values[name] ?? whole),
  })),
);

async function get(path, query) {
  const answer = await (await fetch(`${prometheus}${path}?${new URLSearchParams(query)}`)).json();
  if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
  return answer.data;
}

if (verb === "rules") {
  // JSON is YAML, too.
  const rules = all.map(({ record, expr, panel }) => ({ record, expr, labels: { panel } }));
  console.log(JSON.stringify({ groups: [{ name: "dashboard", rules }] }, null, 1));
} else if (verb === "ask") {
  for (const { panel, record, expr } of all) {
    const { result } = await get("/api/v1/query_range", { query: expr, start: from, end: to, step: 1 });
    const numbers = result.flatMap((series) => series.values.map(([, value]) => Number(value))).filter((it) => !Number.isNaN(it));
    const most = numbers.length ? Math.max(...numbers) : "nothing";
    console.log(`${panel} (${record.split(":")[1]}): ${result.length} series, ${numbers.length} values, highest ${most}`);
    if (numbers.length === 0) {
      console.error(`error: no answer to ${expr}`);
      process.exitCode = 1;
    }
  }
  const { groups } = await get("/api/v1/rules", {});
  const rules = groups.flatMap((group) => group.rules);
  for (const rule of rules.filter((rule) => rule.health !== "ok")) {
    console.error(`error: alert ${rule.name} is ${rule.health}: ${rule.lastError ?? ""}`);
    process.exitCode = 1;
  }
  console.log(`${panels.length} panels, ${all.length} expressions, ${rules.length} rules evaluated`);
  if (rules.length === 0) process.exitCode = 1;
} else {
  console.error("usage: expressions.mjs rules DASHBOARD | ask DASHBOARD PROMETHEUS FROM TO");
  process.exitCode = 2;
}
