"""Sends each operation that reads, by botocore's models, to a proxy with --read-only. Prints those
that pass though they have a secret or change something, and how many of the others pass."""

import http.client
import os
import re
import sys

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SECRET = re.compile(
    r"(secret(accesskey|key|string|binary|value)?|(session|access|refresh|id|auth|authorization"
    r"|bearer|join|security|identity|oauth)token|password(data)?|privatekey(material|plaintext)?"
    r"|(stream|preshared|mac|activation|devicespecific)key|apikey(value)?|authcode"
    r"|secrettoauthenticate(initiator|target)|basicauthcredentials|(embed|presigned|login)url)$"
)
READING = re.compile(r"(BatchGet|Describe|Get|Head|List|Query|Scan)(?![a-z])")
# Operations with another name that only read.
HARMLESS = re.compile(r"(Check|Export|Search|Suggest|Test|Verify)(?![a-z])")
# Members with the name of a secret that are none, or that never come with their value.
NONE = {
    # They are masked, or left out of what the services send.
    "DescribeCluster": "elasticmapreduce",
    "DescribeClusters": "cloudhsm redshift",
    "DescribeDBClusters": "rds",
    "DescribeDBInstances": "rds",
    "DescribeDirectories": "ds",
    "DescribeDirectoryConfigs": "appstream",
    "DescribeEndpoints": "dms",
    "DescribeEventSource": "events",
    "DescribeListeners": "elasticloadbalancing",
    "DescribeRules": "elasticloadbalancing",
    "DescribeTenantDatabases": "rds",
    "DescribeBackups": "fsx",
    "DescribeFileSystems": "fsx",
    "DescribeSnapshots": "fsx",
    "DescribeStorageVirtualMachines": "fsx",
    "DescribeVolumes": "fsx",
    "GetRelationalDatabase": "lightsail",
    "GetRelationalDatabases": "lightsail",
    # The name of a file, or of a secret in Secrets Manager.
    "DescribeVirtualGateway": "appmesh",
    "DescribeVirtualNode": "appmesh",
    "DescribeOriginEndpoint": "mediapackage",
    "DescribePackagingGroup": "mediapackage-vod",
    "GetJob": "mediaconvert",
    "GetJobTemplate": "mediaconvert",
    "GetJobsQueryResults": "mediaconvert",
    "GetPreset": "mediaconvert",
    "ListJobTemplates": "mediaconvert",
    "ListJobs": "mediaconvert",
    "ListOriginEndpoints": "mediapackage",
    "ListPackagingGroups": "mediapackage-vod",
    "ListPresets": "mediaconvert",
    "SearchJobs": "mediaconvert",
    # For pages that everybody sees, or for the next call of the same client.
    "ListAPIKeys": "wafv2",
    "ListRecords": "cognito-sync",
    # The URL of a download of what is read.
    "GetCaseAttachmentDownloadUrl": "security-ir",
    "GetComponentVersionArtifact": "greengrass",
    "GetDocumentContent": "qbusiness",
    "GetGameSessionLogUrl": "gamelift",
    "GetPromptFile": "connect",
    "GetReport": "artifact",
    "GetTermForReport": "artifact",
    # It makes one up.
    "GetRandomPassword": "secretsmanager",
}


def has_secret(shape, above=()):
    if shape.name in above:
        return False
    above += (shape.name,)
    if shape.type_name == "structure":
        return any(
            member.type_name in ("string", "blob") and SECRET.search(name.replace("_", "").lower())
            or has_secret(member, above)
            for name, member in shape.members.items()
        )
    if shape.type_name == "list":
        return has_secret(shape.member, above)
    return shape.type_name == "map" and has_secret(shape.value, above)


def send(connection, keys, service, method, target, headers, body):
    request = AWSRequest(method, url + target, headers, data=body)
    SigV4Auth(keys, service, "us-east-1").add_auth(request)
    request = request.prepare()
    was_open = connection.sock is not None
    try:
        connection.request(method, target, request.body, dict(request.headers))
    except (BrokenPipeError, ConnectionResetError):
        pass  # The head was refused before the body was sent: the answer is there.
    try:
        answer = connection.getresponse()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        connection.close()
        if not was_open:
            raise
        # Reading a model may take longer than the proxy keeps an idle connection.
        return send(connection, keys, service, method, target, headers, body)
    return answer.status, answer.read().decode()


def ways(model, operation):
    """Returns the requests for an operation."""
    name, protocol = operation.name, model.metadata["protocol"]
    if protocol.startswith("rest"):
        uri = operation.http["requestUri"].replace("+}", "}")
        path, _, query = uri.partition("?")
        path = re.sub(r"\{\w+\}", "name", path)
        if operation.http["method"] in ("GET", "HEAD"):
            yield operation.http["method"], f"{path}?{query}".rstrip("?"), {}, b""
    elif READING.match(name):
        if protocol in ("query", "ec2"):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            yield "POST", "/", form, f"Action={name}&Version=1".encode()
        else:
            yield "POST", "/", {"X-Amz-Target": f"Prefix.{name}"}, b"{}"


url = sys.argv[1]
keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
connection = http.client.HTTPConnection(url.split("//")[1])
passed, refused, secrets = 0, [], 0
session = botocore.session.get_session()
for service in session.get_available_services():
    model = session.get_service_model(service)
    for operation in map(model.operation_model, model.operation_names):
        name, signed = operation.name, model.signing_name
        output = operation.output_shape
        is_secret = output is not None and has_secret(output)
        is_secret = is_secret and signed not in NONE.get(name, "").split()
        is_writing = not READING.match(name) and not HARMLESS.match(name)
        for method, target, headers, body in ways(model, operation):
            status, text = send(connection, keys, signed, method, target, headers, body)
            if status not in (200, 403):
                print("odd", signed, name, status, text)
            elif is_secret or is_writing:
                secrets += 1
                if status == 200:
                    print("passes", signed, name, method, target)
            elif status == 200:
                passed += 1
            else:
                refused.append(f"{signed}:{name} {text[:150]}")
print(secrets, passed, len(refused))
print("\n".join(refused), file=sys.stderr)
