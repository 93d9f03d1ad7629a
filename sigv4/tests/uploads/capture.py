"""Writes CLIENT.http beside this file: uploads as real clients send them, over loopback with TLS.

    python3 -m venv target/clients/venv
    target/clients/venv/bin/pip install boto3 minio
    npm --prefix target/clients/js install @aws-sdk/client-s3
    target/clients/venv/bin/python sigv4/tests/uploads/capture.py

Run it at the root of the workspace. A file has the head of the request as it was sent, an empty
line, and the body without its transfer coding, as an HTTP server gives it to its application.
"""

import http.server
import io
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

import boto3
import botocore.config
import minio
import urllib3

HERE = pathlib.Path(__file__).parent
ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
BODY = b"hello world, hello again"


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = None

    def do_PUT(self):
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["content-length"]))
        head = f"{self.requestline}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        (HERE / f"{Recorder.name}.http").write_bytes(f"{head}\r\n".encode() + body)
        self.send_response(200)
        self.send_header("etag", '"0"')
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(context):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def by_boto3(scheme, port, name, body, **arguments):
    Recorder.name = name
    client = boto3.client(
        "s3",
        endpoint_url=f"{scheme}://localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id=ID,
        aws_secret_access_key=SECRET,
        verify=False,
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    client.put_object(Bucket="bucket", Key="a key", Body=body, **arguments)


def by_minio(secure, port, name):
    Recorder.name = name
    client = minio.Minio(
        endpoint=f"localhost:{port}",
        access_key=ID,
        secret_key=SECRET,
        secure=secure,
        region="us-east-1",
        http_client=urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False),
    )
    client.put_object(bucket_name="bucket", object_name="a key", data=io.BytesIO(BODY), length=len(BODY))


def main():
    urllib3.disable_warnings()
    with tempfile.TemporaryDirectory() as folder:
        pem = f"{folder}/pem"
        subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes", "-newkey", "rsa:2048"]
        subprocess.run(["openssl", "req", "-x509", *subject, "-keyout", pem, "-out", f"{pem}.crt"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{pem}.crt", pem)
        tls, plain = serve(context), serve(None)
        by_boto3("https", tls, "boto3-bytes", BODY)
        by_boto3("https", tls, "boto3-stream", io.BytesIO(BODY), ContentEncoding="gzip", ContentType="text/plain")
        by_boto3("https", tls, "boto3-empty", io.BytesIO(b""))
        by_boto3("http", plain, "boto3-plain", io.BytesIO(BODY), ChecksumAlgorithm="SHA256")
        by_boto3("https", tls, "boto3-metadata", io.BytesIO(BODY), Metadata={"name": "two  words"})
        by_minio(True, tls, "minio-py-tls")
        by_minio(False, plain, "minio-py-plain")
        for name in ["js-bytes", "js-stream", "js-gzip", "js-empty"]:
            Recorder.name = name
            environment = os.environ | {
                "NODE_TLS_REJECT_UNAUTHORIZED": "0",
                "AWS_ACCESS_KEY_ID": ID,
                "AWS_SECRET_ACCESS_KEY": SECRET,
            }
            script = [str(HERE / "capture.cjs"), name, str(tls), BODY.decode()]
            subprocess.run(["node", *script], check=True, env=environment, cwd="target/clients/js")


sys.exit(main())
