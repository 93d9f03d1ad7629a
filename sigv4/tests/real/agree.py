"""Signs requests with botocore and awscrt, and prints those that differ.

The requests are on standard input, one JSON object a line. `headers` are those of the request, and
`unsigned` are the names that its signature leaves out. A peer is not given the names that only it
would sign.
"""

import datetime
import io
import json
import sys

from awscrt import auth as crt
from awscrt import http
from botocore import auth, awsrequest, credentials

# What each signer leaves out by itself.
BY_ITSELF = {
    "botocore": set(auth.SIGNED_HEADERS_BLACKLIST),
    "awscrt": {
        "expect",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    },
}


def headers_for(name, case):
    taken_off = {header.lower() for header in case["unsigned"]} - BY_ITSELF[name]
    return [pair for pair in case["headers"] if pair[0].lower() not in taken_off]


def by_awscrt(case):
    body = case["body"].encode()
    request = http.HttpRequest(
        case["method"],
        case["target"],
        http.HttpHeaders([(name, value) for name, value in headers_for("awscrt", case)]),
        io.BytesIO(body),
    )
    query = case["expires"] is not None
    kind = "HTTP_REQUEST_QUERY_PARAMS" if query else "HTTP_REQUEST_HEADERS"
    config = crt.AwsSigningConfig(
        algorithm=crt.AwsSigningAlgorithm.V4,
        signature_type=getattr(crt.AwsSignatureType, kind),
        credentials_provider=crt.AwsCredentialsProvider.new_static(
            case["id"], case["secret"], case["token"] or None
        ),
        region=case["region"],
        service=case["service"],
        date=datetime.datetime.fromisoformat(case["at"]),
        use_double_uri_encode=not case["s3"],
        should_normalize_uri_path=not case["s3"],
        signed_body_value="UNSIGNED-PAYLOAD" if case["s3"] and query else None,
        signed_body_header_type=(
            crt.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
            if case["s3"] and not query
            else crt.AwsSignedBodyHeaderType.NONE
        ),
        expiration_in_seconds=case["expires"],
    )
    signed = crt.aws_sign_request(request, config).result(10)
    text = signed.path if query else signed.headers.get("Authorization")
    return text.rsplit("Signature=", 1)[1][:64]


def by_botocore(case):
    now = datetime.datetime.fromisoformat(case["at"]).replace(tzinfo=None)
    auth.get_current_datetime = lambda *_, **__: now
    keys = credentials.Credentials(case["id"], case["secret"], case["token"] or None)
    host = next(value for name, value in case["headers"] if name.lower() == "host")
    request = awsrequest.AWSRequest(
        case["method"], f"https://{host}{case['target']}", data=case["body"].encode()
    )
    for name, value in headers_for("botocore", case):
        if name.lower() != "host":
            request.headers.add_header(name, value)
    signer = auth.S3SigV4Auth if case["s3"] else auth.SigV4Auth
    if case["s3"]:
        request.context["client_config"] = None
        request.context["payload_signing_enabled"] = True
    signer(keys, case["service"], case["region"]).add_auth(request)
    return request.headers["Authorization"].rsplit("Signature=", 1)[1]


signed = dict.fromkeys(BY_ITSELF, 0)
for line in sys.stdin:
    case = json.loads(line)
    unsigned = {header.lower() for header in case["unsigned"]}
    if not case["every"] and (others := BY_ITSELF["botocore"] - unsigned):
        sys.exit(f"botocore does not sign {others}")
    peers = {"awscrt": by_awscrt}
    if case["expires"] is None and not case["every"]:
        # Its presigner parses the query, keeps one of equal names, and takes a body for parameters.
        # It has no way to sign every header.
        peers["botocore"] = by_botocore
    for name, sign in peers.items():
        signed[name] += 1
        signature = sign(case)
        if signature != case["signature"]:
            print(f"{name} differs: {signature} for {line.strip()}")
print(f"signed {signed['awscrt']} with awscrt, {signed['botocore']} with botocore", file=sys.stderr)
