// Prints the instance's id and the access key id of its role, as the JavaScript SDKs get them:
// metadata.cjs FOLDER ENDPOINT, with the packages in FOLDER/node_modules.

const { createRequire } = require("node:module");
const [folder, endpoint] = process.argv.slice(2);
const load = createRequire(folder + "/");

async function main() {
  const { MetadataService } = load("@aws-sdk/ec2-metadata-service");
  const service = new MetadataService({ endpoint });
  console.log(await service.request("/latest/meta-data/instance-id", {}));

  process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
  process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT = endpoint;
  const AWS = load("aws-sdk");
  const credentials = new AWS.EC2MetadataCredentials({ maxRetries: 0 });
  await credentials.getPromise();
  console.log(credentials.accessKeyId);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
