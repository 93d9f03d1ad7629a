"""A server with TLS that answers kubectl: prints its port, then what stands in `Authorization`."""

import datetime
import http.server
import pathlib
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if "Authorization" in self.headers:
            print(self.headers["Authorization"], flush=True)
        body = b'{"gitVersion": "v1.32.0"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def certificate():
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    encoding = serialization.Encoding.PEM
    signed = builder.sign(key, hashes.SHA256()).public_bytes(encoding)
    return signed + key.private_bytes(encoding, *form)


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, "server.pem")
    file.write_bytes(certificate())
    context.load_cert_chain(file)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
