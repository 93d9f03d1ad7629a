"""Prints the access key ID that botocore gets in each case: peer.py botocore|awscli.botocore

Reads a list of cases: the variables, the profile that the program names or null. Prints a list: an
ID, null if there are no credentials, or "error: " and the reason.
"""

import importlib
import json
import os
import sys

sys.stdout, out = sys.stderr, sys.stdout
package = sys.argv[1]
session, loaders = (importlib.import_module(f"{package}.{name}") for name in ("session", "loaders"))
# The models of the services are read once.
loader = loaders.create_loader()


def key_id(case):
    os.environ.clear()
    os.environ.update(case["variables"])
    try:
        mine = session.Session(profile=case["profile"])
        mine.register_component("data_loader", loader)
        found = mine.get_credentials()
        return found and found.get_frozen_credentials().access_key
    except Exception as error:
        return f"error: {type(error).__name__}: {error}"


json.dump([key_id(case) for case in json.load(sys.stdin)], out)
