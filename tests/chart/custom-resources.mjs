// Checks the custom resources in rendered manifests: by the validators of their definitions, which say what a value may
// be, and by TypeScript's compiler, which says what is not there at all (the validators let unknown fields pass).
//
//   node custom-resources.mjs HOME FILE...   HOME is what `helm.sh path` prints
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [home, ...files] = process.argv.slice(2);
const modules = resolve(home, "node_modules");
const load = (path) => import(pathToFileURL(`${modules}/${path}`).href);
const { parseAllDocuments } = await load("yaml/dist/index.js").then((it) => it.default ?? it);
const { default: ts } = await load("typescript/lib/typescript.js");

// Exactly what tests/chart/chart.sh tells kubeconform to skip.
const models = {
  PodMonitor: "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor",
  PrometheusRule: "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
  ScaledObject: "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject",
  TriggerAuthentication: "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication",
  KafkaTopic: "@kubernetes-models/strimzi-kafka-operator/kafka.strimzi.io/v1/KafkaTopic",
};

const found = [];
const seen = [];
for (const file of files) {
  for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
    const resource = document.toJS();
    const model = models[resource?.kind];
    if (!model) continue;
    const where = `${basename(file)}: ${resource.kind} "${resource.metadata?.name}"`;
    seen.push({ where, resource });
    const Model = (await load(`${model}.js`))[resource.kind];
    try {
      new Model(resource).validate();
    } catch (error) {
      found.push(`${where}: ${error.message}`);
    }
  }
}

// A literal with a type: the compiler knows each field that may be there.
const source = "resources.ts";
const kinds = Object.entries(models).map(([kind, model]) => `import type { I${kind} } from "${modules}/${model}";`);
const lines = seen.map(({ resource }, at) => `const r${at}: I${resource.kind} = ${JSON.stringify(resource)};`);
const text = [...kinds, ...lines, "export {};"].join("\n");
const options = {
  strict: true, noEmit: true, skipLibCheck: true, types: [],
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, target: ts.ScriptTarget.ES2022,
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
host.getSourceFile = (name, ...rest) =>
  name === source ? ts.createSourceFile(name, text, options.target) : getSourceFile.call(host, name, ...rest);
host.fileExists = (name) => name === source || fileExists.call(host, name);
host.readFile = (name) => (name === source ? text : readFile.call(host, name));
for (const { file, start, messageText } of ts.getPreEmitDiagnostics(ts.createProgram([source], options, host))) {
  const line = file?.fileName === source ? file.getLineAndCharacterOfPosition(start).line - kinds.length : -1;
  found.push(`${seen[line]?.where ?? "types"}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
}

for (const kind of Object.keys(models)) {
  if (!seen.some(({ resource }) => resource.kind === kind)) found.push(`no values file renders a ${kind}`);
}
if (found.length > 0) {
  console.error(found.join("\n"));
  process.exit(1);
}
console.log(`${seen.length} custom resources of ${Object.keys(models).length} kinds are valid`);
