"""Runs version 1 of aws on made-up answers: beside_aws.py LISTS.

For each operation of the lists NAME.txt in the folder LISTS that aws knows, it makes an answer with
a value for every member, and one with empty lists, and prints as JSON: service, command, parameters,
the body of the answer, the format, the format of times, and what aws prints.
"""

import contextlib
import functools
import http.server
import io
import json
import os
import pathlib
import re
import sys
import threading
from xml.sax.saxutils import escape

from awscli.botocore import xform_name
from awscli.clidriver import botocore, create_clidriver

# The models are read once, and not for each command.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

TEXT = "a <b> & \"c\" é"


def sample(shape, is_json, count, depth=0):
    """A value of a shape: of JSON as it is, of XML its content."""
    kind = shape.type_name
    if kind == "structure":
        members = []
        for name, member in reversed(shape.members.items()):
            if depth < 9:
                value = sample(member, is_json, count, depth + 1)
                # keyfob refuses credentials that cannot be used.
                is_key = shape.name == "Credentials" and member.type_name == "string"
                wire = member.serialization.get("name", name)
                members.append((wire, "ASIAEXAMPLE" if is_key else value))
        return dict(members) if is_json else "".join(f"<{name}>{text}</{name}>" for name, text in members)
    if kind == "list":
        items = [sample(shape.member, is_json, count, depth + 1) for _ in range(count)]
        name = shape.member.serialization.get("name", "member")
        return items if is_json else "".join(f"<{name}>{text}</{name}>" for text in items)
    if kind == "map":
        pairs = [(f"k{at}", sample(shape.value, is_json, count, depth + 1)) for at in range(count)]
        entry = "<entry><key>{}</key><value>{}</value></entry>"
        return dict(pairs) if is_json else "".join(entry.format(*pair) for pair in pairs)
    values = {"boolean": True, "integer": 7, "long": 2**40, "float": 1.5, "double": 20.0, "timestamp": 1790000000.25}
    value = values.get(kind, TEXT)
    if shape.name == "policyDocumentType":
        return "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22b%22%3A1%2C%22a%22%3A%5B%22%C3%A9%22%5D%7D%5D%7D"
    if is_json:
        return value
    if kind == "timestamp":
        return "2026-09-21T14:13:20.250Z"
    return escape(str(value).lower() if kind == "boolean" else str(value))


def body(operation, count):
    shape, protocol = operation.output_shape, operation.service_model.metadata["protocol"]
    if not shape:
        done = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
        done = "<return>true</return>" if protocol == "ec2" else done
        return f"<{operation.name}Response>{done}</{operation.name}Response>"
    if protocol == "json":
        members = sample(shape, True, count)
        # One page.
        members.pop("NextToken", None)
        return json.dumps(members)
    name, text = operation.name, sample(shape, False, count)
    for tag, value in (("IsTruncated", "false"), ("nextToken", "")):
        text = re.sub(f"<{tag}>.*?</{tag}>", f"<{tag}>{value}</{tag}>", text)
    if protocol == "query":
        text = f"<{name}Result>{text}</{name}Result>"
    return f"<{name}Response>{text}</{name}Response>"


def valid(shape):
    """Parameters that are required, with the values that are."""
    least = shape.metadata.get("min", 0)
    if shape.type_name == "structure":
        return {name: valid(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [valid(shape.member)]
    return "0" * max(least, 1) if shape.type_name == "string" else least


class Handler(http.server.BaseHTTPRequestHandler):
    answer = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *words):
        pass


def aws(words, times):
    config = pathlib.Path(os.environ["HOME"], "times")
    config.write_text(f"[default]\ncli_timestamp_format = {times}\n")
    os.environ["AWS_CONFIG_FILE"] = str(config)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = create_clidriver().main(words)
    assert code == 0, (words, code)
    return out.getvalue()


def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.txt")):
        commands = re.findall(r"^([a-z][a-z0-9-]*):", path.read_text(), re.M)
        if not commands:
            continue
        model = create_clidriver().session.get_service_model(path.stem)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        for command in commands:
            if command not in names:
                continue
            operation = model.operation_model(names[command])
            inputs = operation.input_shape
            parameters = json.dumps(valid(inputs) if inputs else {})
            for count in (0, 2):
                answer = body(operation, count)
                Handler.answer = answer.encode()
                for output, times in (("json", "iso8601"), ("text", "wire"), ("table", "wire")):
                    words = [path.stem, command, "--cli-input-json", parameters, "--output", output]
                    printed = aws([*words, "--endpoint-url", url], times)
                    print(json.dumps([path.stem, command, parameters, answer, output, times, printed]))


main()
