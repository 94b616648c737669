// node verify.mjs license.json keys.json [time]   exit code: 0 valid, 2 expired, 3 forged, 1 the files can't be read
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, keys] = process.argv.slice(2, 4).map((path) => readFileSync(path, "utf8"));
const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));
const check = (now) => {
  const [, head, body, end] = /^([\w-]+)\.([\w-]+)\.([\w-]{85}[AQgw])$/.exec(JSON.parse(file).certificate);
  const key = JSON.parse(keys).keys.find(({ kid }) => kid === decode(head).kid);
  const signed = Buffer.from(`${head}.${body}`);
  if (!verify(null, signed, createPublicKey({ key, format: "jwk" }), Buffer.from(end, "base64url"))) throw 0;
  const { exp, license } = decode(body);
  return { result: exp * 1000 > now ? "valid" : "expired", until: new Date(exp * 1000), license };
};
let answer = { result: "forged" };
try {
  answer = check(new Date(process.argv[4] ?? Date.now()));
} catch {} // Whatever can't be verified counts as forged.
process.stdout.write(`${JSON.stringify(answer)}\n`);
process.exitCode = { valid: 0, expired: 2, forged: 3 }[answer.result];
