// Uploads with the AWS SDK for JavaScript: node capture.cjs NAME PORT BODY. See capture.py.
const { createRequire } = require("node:module");
const { Readable } = require("node:stream");
const { S3Client, PutObjectCommand } = createRequire(`${process.cwd()}/`)("@aws-sdk/client-s3");

const [name, port, body] = process.argv.slice(2);
const client = new S3Client({
  endpoint: `https://localhost:${port}`,
  region: "us-east-1",
  forcePathStyle: true,
  maxAttempts: 1,
});
const half = body.length / 2;
const forms = {
  "js-bytes": { Body: body },
  "js-stream": { Body: Readable.from([body.slice(0, half), body.slice(half)].map(Buffer.from)), ContentLength: body.length },
  "js-gzip": { Body: Readable.from([Buffer.from(body)]), ContentLength: body.length, ContentEncoding: "gzip", ChecksumAlgorithm: "CRC64NVME" },
  "js-empty": { Body: Readable.from([]), ContentLength: 0, ChecksumAlgorithm: "SHA256" },
};
client.send(new PutObjectCommand({ Bucket: "bucket", Key: "a key", ...forms[name] })).catch((error) => {
  console.error(name, error);
  process.exit(1);
});
