"""STS behind TLS: answers every request as AssumeRole or GetCallerIdentity. The argument is the file
of the certificate and its key. Prints the port."""

import http.server, ssl, sys

class Sts(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"Action=AssumeRole" in body:
            answer = b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>" \
                b"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>" \
                b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>" \
                b"<Arn>arn:aws:sts::1:assumed-role/ops/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId>" \
                b"</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
        else:
            answer = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a</Arn>" \
                b"<UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sts)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
