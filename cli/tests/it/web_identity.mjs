// Prints tokens of oauth2-mock-server and the keys to verify them with, as JSON:
// web_identity.mjs FOLDER CLAIMS, with the folder of the package, and a JSON list of claims.
import { pathToFileURL } from "node:url";

const [folder, claims] = process.argv.slice(2);
const module = `${folder}/node_modules/oauth2-mock-server/dist/index.mjs`;
const { OAuth2Server } = await import(pathToFileURL(module).href);

const server = new OAuth2Server();
await server.issuer.keys.generate("ES256");
await server.start(0, "127.0.0.1");
const url = `http://127.0.0.1:${server.address().port}`;
const keys = await (await fetch(`${url}/jwks`)).text();
const tokens = [];
for (const more of JSON.parse(claims)) {
  server.service.once("beforeTokenSigning", (token) => Object.assign(token.payload, more));
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await fetch(`${url}/token`, { method: "POST", body });
  tokens.push((await answer.json()).access_token);
}
console.log(JSON.stringify({ keys, tokens }));
await server.stop();
