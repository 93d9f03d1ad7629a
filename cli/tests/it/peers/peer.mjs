// Prints the access key ID that the SDK for JavaScript gets in each case, as peer.py does.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const load = createRequire(process.argv[2] + "/");
const { defaultProvider } = load("@aws-sdk/credential-provider-node");

const found = [];
for (const { variables, profile } of JSON.parse(readFileSync(0, "utf8"))) {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    found.push((await defaultProvider(profile ? { profile } : {})()).accessKeyId);
  } catch (error) {
    const isNone = error.message.startsWith("Could not load credentials from any providers");
    found.push(isNone ? null : `error: ${error.name}: ${error.message}`);
  }
}
console.log(JSON.stringify(found));
