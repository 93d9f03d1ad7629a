"""Writes the tables of the services whose commands aws has: generate.py [FOLDER].

For each NAME.txt in this folder it writes NAME.model in FOLDER, which is this folder by default.
NAME.txt lists the operations and the words of their help, NAME is botocore's name of the service.
Beside them it writes `endpoints`, which only tests read: service, region, FIPS or not, dual stack
or not, the host, and the region that requests are signed for; and `regions`, for completion: the
regions and their names. `services` is for calls without a model: name, protocol, version, target
prefix, prefix of hosts, name for signatures, id (each - if it is the name), and the hosts that do
not follow the pattern, such as `aws,aws-cn/fips:{}-fips.{suffix}@REGION`; the last line has the
services with other protocols. `rest` has those of them, in the same form, whose hosts or names for
signatures are not simply the name. `hosts` has some hosts of `services`, which only tests read.
`prefixes` has what stands before the hosts of some operations: the name of a service, and words, of
which `PREFIX=` counts for those behind it: actions, or methods and paths, where `*` is any segment
and `**` are all that follow. The last word that matches counts; {NAME} in a prefix is a header. The
script needs a Python that has botocore, of the version in requirements.txt.

A table has facts only, one a line:

    service STS query 2011-06-15 sts
    operation get-user GetUser GetUserRequest GetUserResponse     names, input and output, or -
    unsigned                                                      it needs no credentials
    pages Marker Marker IsTruncated MaxItems Users -              input, output, more, limit, keys, others
    about TEXT                                                    what --help says
    --user-name UserName TEXT                                     an option and its member
    --user-name                                                   the same as in the last line of it
    --count Count:string TEXT                                     an option that is no member, its shape

    structure User UserName! Tags:tagListType                     members, and ! for required ones
    list tagListType Tag ..50                                     items, and limits of their number
    map dict string string                                        keys and values
    string arnType 20..2048                                       limits of input
    string statusType Active|Inactive                             values of input
    string secretType secret base64                               never shown; sent in Base64

After a member or an item stand `:SHAPE` unless it is a plain string, `@NAME` in answers and `/NAME`
in requests if it has another name there, and `~` if a missing one is filled with a random token. A
bare `:` is for a shape with the name of the member, a bare `@` for the name with a lowercase
initial.
"""

import itertools
import pathlib
import re
import sys

import botocore
import botocore.session
from botocore import xform_name
from botocore.endpoint_provider import EndpointProvider

HERE = pathlib.Path(__file__).parent
PLAIN = {"string", "boolean", "integer", "long", "float", "double", "timestamp", "blob"}
# The values of longer enumerations grow with every release of a service.
MOST_VALUES = 12
# The service says so in words only: the limit of a policy, and that an assertion is a token.
LIMITS = {"unrestrictedSessionPolicyDocumentType": (1, 2048)}
SECRETS = {"contextAssertionType"}
# botocore decodes these texts in the answers of IAM.
DOCUMENT = "policyDocumentType"
# botocore encodes this text in requests of EC2.
ENCODED = {"RunInstancesUserData"}
# The members without an option, and the options of aws that are no members, with their shapes.
HIDDEN = {"RunInstances": ["MinCount", "MaxCount"]}
OWN = {
    "RunInstances": [
        "Count:string",
        "SecondaryPrivateIpAddresses:texts",
        "SecondaryPrivateIpAddressCount:integer",
        "AssociatePublicIpAddress:boolean",
    ],
}
# The partitions whose hosts are compared for services without a model.
COMPARED = ("aws", "aws-cn", "aws-us-gov")
OWN_SHAPES = {"ec2": ["list texts string"]}


class Words:
    """The operations of a NAME.txt, with the words of their help."""

    def __init__(self, path):
        self.operations, self.shared = {}, {}
        options = self.shared
        for line in path.read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            name, text = line.strip().split(":", 1)
            if line.startswith(" "):
                options[name] = text.strip()
            else:
                options = {}
                self.operations[name] = (text.strip(), options)

    def of_option(self, operation, option, used):
        own = self.operations[operation][1]
        used.add((operation, option) if option in own else ("", option))
        return own.get(option, self.shared.get(option, ""))

    def unused(self, used):
        known = {("", option) for option in self.shared}
        for name, (_, options) in self.operations.items():
            known |= {(name, option) for option in options}
        return known - used


class Table:
    """The shapes of a service that the listed operations need."""

    def __init__(self, model):
        self.model = model
        self.is_ec2 = model.metadata["protocol"] == "ec2"
        self.inputs, self.outputs, self.named = {}, {}, set()

    def reach(self, shape, seen):
        if shape is None or shape.name in seen:
            return
        seen[shape.name] = shape
        for inner in self.inner(shape):
            self.reach(inner, seen)

    def inner(self, shape):
        if shape.type_name == "structure":
            return list(shape.members.values())
        if shape.type_name == "list":
            return [shape.member]
        return [shape.key, shape.value] if shape.type_name == "map" else []

    def lines(self):
        shapes = {**self.inputs, **self.outputs}
        lists = (shape.member for shape in self.outputs.values() if shape.type_name == "list")
        # Samples of answers show the name of such an item.
        self.named = {item.name for item in lists if item.type_name == "string"}
        lines = (self.line(shape) for _, shape in sorted(shapes.items()))
        return [line for line in lines if line]

    def line(self, shape):
        kind, name = shape.type_name, shape.name
        if name == DOCUMENT and name not in self.inputs:
            return None
        if kind == "structure":
            members = (self.member(shape, *pair) for pair in shape.members.items())
            return " ".join(["structure", name, *members])
        if kind == "list":
            if shape.serialization.get("flattened"):
                assert self.is_ec2 and name not in self.outputs, f"{name} is flattened"
            usual = "item" if self.is_ec2 else "member"
            # As in botocore, also for EC2.
            element = shape.member.serialization.get("name", "member")
            in_request = self.is_ec2 or name not in self.inputs or element == "member"
            assert in_request, f"the items of {name} have a name of their own"
            mark = f"@{element}" if element != usual and name in self.outputs else ""
            return f"list {name} {self.reference(shape.member, name)}{mark} {self.limits(shape)}".rstrip()
        if kind == "map":
            assert name not in self.inputs, f"{name} is a map in a request"
            return f"map {name} {self.reference(shape.key)} {self.reference(shape.value)}"
        limits = self.limits(shape)
        return f"{kind} {name} {limits}".rstrip() if limits or name in self.named else None

    def limits(self, shape):
        """The limits of a scalar of a request, or nothing."""
        if shape.name not in self.inputs:
            return ""
        words, metadata = [], shape.metadata
        low, high = LIMITS.get(shape.name, (metadata.get("min"), metadata.get("max")))
        if low is not None or high is not None:
            words.append("..".join("" if limit is None else str(int(limit)) for limit in (low, high)))
        values = metadata.get("enum", [])
        if 0 < len(values) <= MOST_VALUES:
            words.append("|".join(values))
        if metadata.get("sensitive") or shape.name in SECRETS:
            words.append("secret")
        if shape.name in ENCODED:
            words.append("base64")
        return " ".join(words)

    def reference(self, shape, parent=None):
        if shape.type_name in PLAIN:
            if shape.name == DOCUMENT and parent not in self.inputs:
                return "document"
            is_named = shape.name in self.named or self.limits(shape)
            return shape.name if is_named else shape.type_name
        assert shape.name not in PLAIN, shape.name
        return shape.name

    def member(self, parent, name, shape):
        names = shape.serialization
        in_answer = names.get("name", name)
        in_request = in_answer
        if self.is_ec2:
            in_request = names.get("queryName", in_answer[:1].upper() + in_answer[1:])
        text = name
        if parent.name in self.inputs:
            text += "!" * (name in parent.required_members)
            text += "~" * bool(shape.metadata.get("idempotencyToken"))
        reference = self.reference(shape, parent.name)
        text += "" if reference == "string" else ":" if reference == name else f":{reference}"
        if parent.name in self.outputs and in_answer != name:
            is_usual = in_answer == name[:1].lower() + name[1:]
            text += "@" if is_usual else f"@{in_answer}"
        if parent.name in self.inputs and in_request != name:
            text += f"/{in_request}"
        return text


def simple(value):
    """One or several paths of members, or - for none."""
    paths = value if isinstance(value, list) else [value] if value else []
    for path in paths:
        assert re.fullmatch(r"\w+(\.\w+)*", path), f"{path} is more than a path"
    return ",".join(paths) or "-"


def pages(session, service, operation):
    try:
        pager = session.get_paginator_model(service).get_paginator(operation)
    except (ValueError, botocore.exceptions.UnknownServiceError, botocore.exceptions.DataNotFoundError):
        return []
    keys = ["input_token", "output_token", "more_results", "limit_key", "result_key", "non_aggregate_keys"]
    return [" ".join(["pages", *(simple(pager.get(key)) for key in keys)])]


def write(session, path, folder):
    service, words, used, written = path.stem, Words(path), set(), {}
    model = session.get_service_model(service)
    by_command = {xform_name(name, "-"): name for name in model.operation_names}
    table = Table(model)
    head = []
    for command, (about, _) in words.operations.items():
        operation = model.operation_model(by_command[command])
        table.reach(operation.input_shape, table.inputs)
        table.reach(operation.output_shape, table.outputs)
        shapes = [shape.name if shape else "-" for shape in (operation.input_shape, operation.output_shape)]
        head.append(f"operation {command} {operation.name} {' '.join(shapes)}")
        if operation.auth_type == "none" or operation.auth == ["smithy.api#noAuth"]:
            head.append("unsigned")
        head += pages(session, service, operation.name)
        head.append(f"about {about}")
        members = list(operation.input_shape.members) if operation.input_shape else []
        members = [name for name in members if name not in HIDDEN.get(operation.name, [])]
        for member in members + OWN.get(operation.name, []):
            option = "--" + xform_name(member.split(":")[0], "-")
            line = f"{option} {member} {words.of_option(command, option, used)}".rstrip()
            head.append(option if written.get(option) == line else line)
            written[option] = line
    unused = words.unused(used)
    assert not unused, f"{path.name} has words for options that do not exist: {sorted(unused)}"
    metadata = model.metadata
    protocol = metadata["protocol"] + metadata.get("jsonVersion", "")
    target = metadata.get("targetPrefix", "-")
    names = [protocol, metadata["apiVersion"], target, model.signing_name, str(model.service_id.hyphenize())]
    lines = [
        f"# Written by generate.py from the model of botocore {botocore.__version__}. Edit {path.name}.",
        "service " + " ".join(names),
        *head,
        "",
        *OWN_SHAPES.get(service, []),
        *table.lines(),
    ]
    (folder / f"{service}.model").write_text("\n".join(lines) + "\n")


def endpoints(session, service):
    loader = session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)
    for partition in partitions["partitions"]:
        regions = sorted(region for region in partition["regions"] if not region.endswith("-global"))
        for region in dict.fromkeys([regions[0], regions[-1]]):
            for fips, dual_stack in itertools.product((False, True), repeat=2):
                found = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack)
                host = found.url.removeprefix("https://")
                schemes = found.properties.get("authSchemes", [{}])
                signed_for = schemes[0].get("signingRegion", region)
                words = [service, region, "fips" if fips else "-", "dual" if dual_stack else "-"]
                yield " ".join([*words, host, signed_for])


def regions(session):
    endpoints = session.get_component("data_loader").load_data("endpoints")
    for partition in endpoints["partitions"]:
        for region, facts in sorted(partition["regions"].items()):
            yield f"{region} {facts['description']}"


def calls(session):
    """The services whose calls need no model, the others, and the hosts that a test compares."""
    loader = session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    rows, rest, others, hosts = [], [], [], []
    for service in session.get_available_services():
        model = session.get_service_model(service)
        metadata = model.metadata
        spoken = metadata.get("protocols", [metadata["protocol"]])
        protocol = next((name for name in ("json", "query", "ec2") if name in spoken), None)
        prefix = metadata["endpointPrefix"]
        provider = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
        rules, found = exceptions(provider, partitions, prefix)
        names = [prefix, model.signing_name, str(model.service_id.hyphenize())]
        names = ["-" if name == service else name for name in names]
        if protocol is None or metadata["signatureVersion"] != "v4":
            others.append(service)
            row = " ".join([service, "rest - -", *names, *rules])
            if row != f"{service} rest - - - - -":
                rest.append(row)
            continue
        # A service that follows the pattern does so everywhere.
        found = found if rules else found[:1]
        hosts += [" ".join([service, *words]) for words in found]
        rows.append(" ".join([
            service,
            protocol + (metadata["jsonVersion"] if protocol == "json" else ""),
            metadata["apiVersion"],
            metadata.get("targetPrefix", "-") if protocol == "json" else "-",
            *names,
            *rules,
        ]))
    return [*rows, "other " + " ".join(others)], rest, hosts


def exceptions(provider, partitions, prefix):
    """The hosts that do not follow the pattern, and those of the first region of some partitions."""
    templates, hosts = {}, []
    for partition in partitions["partitions"]:
        name, outputs = partition["id"], partition["outputs"]
        regions = sorted(region for region in partition["regions"] if not region.endswith("-global"))
        variants = []
        for fips in ("", "-fips"):
            seen = {}
            for region in regions:
                try:
                    found = provider.resolve_endpoint(Region=region, UseFIPS=bool(fips), UseDualStack=False)
                except botocore.exceptions.EndpointResolutionError:
                    continue
                schemes = found.properties.get("authSchemes", [{}])
                seen[region] = found.url.removeprefix("https://"), schemes[0].get("signingRegion", region)
                if region == regions[0] and name in COMPARED:
                    hosts.append((region, "fips" if fips else "-", *seen[region]))
            pattern = f"{prefix}{fips}.{{}}." + outputs["dnsSuffix"]
            if all(one == (pattern.format(region), region) for region, one in seen.items()):
                variants.append("")
                continue
            options = [template(region, *one, prefix, outputs) for region, one in seen.items()]
            fixed = {f"{shorten(host, prefix, outputs)}@{region}" for host, region in seen.values()}
            # One form for all regions, or one host for all. Step Functions has two in aws-us-gov.
            is_one = len(set(options)) > 1 and len(fixed) == 1
            variants.append(fixed.pop() if is_one else options[0])
        plain, fips = variants
        if plain and fips == plain.replace("{}", "{}-fips"):
            templates.setdefault(plain.replace("{}", "{}{fips}"), []).append(name)
            continue
        for variant, mark in ((plain, "/plain"), (fips, "/fips")):
            if variant:
                templates.setdefault(mark + ":" + variant, []).append(name)
    count = len(partitions["partitions"])
    rules = []
    for text, names in templates.items():
        names = "*" if len(names) == count else ",".join(names)
        rules.append(names + text if text.startswith("/") else f"{names}:{text}")
    return rules, hosts


def shorten(host, prefix, outputs):
    host = host.replace(prefix, "{}", 1) if host.startswith(prefix) else host
    for name, key in (("dual_stack_suffix", "dualStackDnsSuffix"), ("suffix", "dnsSuffix")):
        if host.endswith("." + outputs[key]):
            return host.removesuffix(outputs[key]) + f"{{{name}}}"
    return host


def template(region, host, signed_for, prefix, outputs):
    host = shorten(host, prefix, outputs).replace(region, "{region}")
    return host if signed_for == region else f"{host}@{signed_for}"


class Node:
    """A segment of the paths of a service, with the prefixes of the operations whose paths end here."""

    def __init__(self):
        self.children, self.prefixes = {}, {}

    def add(self, segments, method, prefix):
        if not segments:
            self.prefixes[method] = prefix
            return
        self.children.setdefault(segments[0], Node()).add(segments[1:], method, prefix)

    def below(self):
        return [*self.prefixes.values(), *(one for child in self.children.values() for one in child.below())]

    def rules(self, path, inherited):
        """The fewest rules, the nearest to the root first; each is a prefix, a method or none, and a path."""
        ways = [(inherited, [])]
        if path and path[-1] != "**":
            ways += [(one, [(one, "", path + ["**"])]) for one in sorted(set(self.below()))]
        found = []
        for usual, rules in ways:
            rules = list(rules)
            for method, prefix in sorted(self.prefixes.items()):
                rules += [(prefix, method, path)] if prefix != usual else []
            # A segment in clear is nearer than any segment.
            for name, child in sorted(self.children.items(), key=lambda pair: (pair[0] != "*", pair[0])):
                rules += child.rules(path + [name], usual)
            found.append(rules)
        return min(found, key=len)


def prefixes(session):
    """The services with operations whose hosts have something before them."""
    for service in session.get_available_services():
        # The hosts of its data have another form, too.
        if service == "neptune-graph":
            continue
        model = session.get_service_model(service)
        operations = [model.operation_model(name) for name in model.operation_names]
        of = {operation.name: (operation.endpoint or {}).get("hostPrefix", "") for operation in operations}
        for operation in operations:
            for label in re.findall(r"{(.*?)}", of[operation.name]):
                serialization = operation.input_shape.members[label].serialization
                assert serialization["location"] == "header", f"{operation.name} has no header for {label}"
                of[operation.name] = of[operation.name].replace(label, serialization["name"].lower())
        if not any(of.values()):
            continue
        if model.metadata["protocol"].startswith("rest"):
            usual, rules = rest_prefixes(service, operations, of)
        else:
            usual, rules = "", [(of[name], name) for name in sorted(of, key=lambda name: of[name]) if of[name]]
        # The one operation of S3 is signed for a service of its own.
        words, current = ["s3-object-lambda" if service == "s3" else service], None
        for prefix, rule in [(usual, "/**")] * bool(usual) + rules:
            words += [f"{prefix}=", rule] if prefix != current else [rule]
            current = prefix
        yield " ".join(words)


def rest_prefixes(service, operations, of):
    root, known = Node(), []
    for operation in operations:
        method, path = operation.http["method"], operation.http["requestUri"].split("?")[0]
        segments = [segment for segment in path.lower().split("/") if segment]
        segments = ["*" if segment.startswith("{") else segment for segment in segments]
        root.add(segments, method, of[operation.name])
        known.append((operation.name, method, segments))
    counts = {prefix: list(of.values()).count(prefix) for prefix in sorted(set(of.values()))}
    usual = max(counts, key=counts.get)
    rules = [(prefix, f"{method}/{'/'.join(path)}") for prefix, method, path in root.rules([], usual)]
    for name, method, segments in known:
        found = usual
        for prefix, rule in rules:
            found = prefix if matches(rule, method, segments) else found
        assert found == of[name], f"{service} {name}: {found} and not {of[name]}"
    return usual, rules


def matches(rule, method, segments):
    expected, path = rule.split("/", 1)
    path = [segment for segment in path.split("/") if segment]
    if path[-1:] == ["**"]:
        path, segments = path[:-1], segments[: len(path) - 1]
    is_same = len(path) == len(segments) and all(one in ("*", other) for one, other in zip(path, segments))
    return is_same and expected in ("", method)


def main():
    folder = pathlib.Path(sys.argv[1]) if sys.argv[1:] else HERE
    session = botocore.session.Session()
    lines = [f"# Written by generate.py from the rules of botocore {botocore.__version__}."]
    for path in sorted(HERE.glob("*.txt")):
        if path.stem != "requirements":
            write(session, path, folder)
            lines += endpoints(session, path.stem)
    (folder / "endpoints").write_text("\n".join(lines) + "\n")
    rows, rest, hosts = calls(session)
    (folder / "services").write_text("\n".join([lines[0], *rows]) + "\n")
    (folder / "rest").write_text("\n".join([lines[0], *rest]) + "\n")
    (folder / "hosts").write_text("\n".join([lines[0], *hosts]) + "\n")
    (folder / "prefixes").write_text("\n".join([lines[0], *prefixes(session)]) + "\n")
    (folder / "regions").write_text("\n".join(regions(session)) + "\n")


main()
