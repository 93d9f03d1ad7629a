"""Runs version 1 of aws at given times: one JSON `[time, words, input]` on each line of stdin.

For each it prints, as JSON, what aws prints. aws has the commands of DSQL in version 2 only, which
calls botocore: so does this.
"""

import contextlib
import datetime
import io
import json
import sys

import awscli.botocore.auth
import awscli.customizations.codecommit
import awscli.customizations.eks.get_token
import boto3
import botocore.auth
from awscli.clidriver import create_clidriver

MODULES = [
    awscli.botocore.auth,
    awscli.customizations.codecommit,
    awscli.customizations.eks.get_token,
    botocore.auth,
]


class Output(io.TextIOWrapper):
    """Text, and the bytes that the helper of git writes."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode()


def dsql(command, hostname, expires_in="900"):
    client = boto3.client("dsql")
    admin = "admin_" if "admin" in command else ""
    make = getattr(client, f"generate_db_connect_{admin}auth_token")
    return make(Hostname=hostname, ExpiresIn=int(expires_in)) + "\n"


for line in list(sys.stdin):
    time, words, text = json.loads(line)
    now = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    for module in MODULES:
        module.get_current_datetime = lambda remove_tzinfo=True: now.replace(tzinfo=None)
    if words[0] == "dsql":
        printed = dsql(words[1], *words[3::2])
    else:
        out, sys.stdin = Output(), io.StringIO(text)
        with contextlib.redirect_stdout(out):
            code = create_clidriver().main(words)
        assert code == 0, (words, code)
        printed = out.text()
    print(json.dumps(printed))
