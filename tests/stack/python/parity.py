"""openstacksdk for somebody who speaks no Python: a call a line in, what came of it a line out, both JSON.

A call is ``{"call": "get_node", "args": [...], "kwargs": {...}}``: a method of the bare metal proxy, or one of FUNCTIONS.
An argument ``{"call": ..., ...}`` is called first, and what it returns is the argument. ``version``, if there is one, is the
version of the API that this call speaks, instead of the newest that both sides know.

The answer is ``{"value": ...}`` with resources under the names of Ironic's API, or ``{"error": {"type", "status", "message"}}``.
"""

import base64
import gzip
import io
import json
import os
import pathlib
import sys
import types

import openstack
import openstack.utils
import pycdlib
from openstack.baremetal import configdrive
from openstack.baremetal.v1.node import ValidationResult
from openstack.resource import Resource

cloud = openstack.connect(baremetal_endpoint_override=sys.argv[1])
ironic = cloud.baremetal
# Otherwise the retries of one conflict take 15 s. Their number is the SDK's own.
ironic.status_code_retry_delay = 0.01
# How long it sleeps between two looks, 2 s, changes nothing of what it sees.
openstack.utils.iterate_timeout.__defaults__ = (0.3,)


def populate_directory(*args, **kwargs):
    """The files of the directory, which is gone when the context manager is left."""
    with configdrive.populate_directory(*args, **kwargs) as top:
        files = (path for path in pathlib.Path(top).rglob("*") if path.is_file())
        return {str(path.relative_to(top)): base64.b64encode(path.read_bytes()).decode() for path in files}


def pack(*args, **kwargs):
    """The image of the directory with these parts."""
    with configdrive.populate_directory(*args, **kwargs) as top:
        return configdrive.pack(top)


def files(drive):
    """What is in a config drive, by way of Joliet, as somebody else reads it."""
    image, found = pycdlib.PyCdlib(), {}
    image.open_fp(io.BytesIO(gzip.decompress(base64.b64decode(drive))))
    for folder, _, names in image.walk(joliet_path="/"):
        for name in names:
            content = io.BytesIO()
            image.get_file_from_iso_fp(content, joliet_path=f"{folder.rstrip('/')}/{name}")
            found[f"{folder}/{name}"] = base64.b64encode(content.getvalue()).decode()
    return {"label": image.joliet_vd.volume_identifier.decode("utf-16-be").strip(), "files": found}


FUNCTIONS = {
    "configdrive.populate_directory": populate_directory,
    "configdrive.build": configdrive.build,
    "configdrive.pack": pack,
    "files": files,
}


def function(name):
    return FUNCTIONS.get(name) or getattr(ironic, name)


def given(argument):
    if isinstance(argument, dict) and "call" in argument:
        return call(argument)
    return argument


def call(order):
    arguments = [given(argument) for argument in order.get("args", [])]
    named = {name: given(argument) for name, argument in order.get("kwargs", {}).items()}
    result = function(order["call"])(*arguments, **named)
    # Nothing is listed before somebody looks.
    return list(result) if isinstance(result, types.GeneratorType) else result


def plain(value):
    if isinstance(value, ValidationResult):
        value = vars(value)
    if isinstance(value, Resource):
        value = value.to_dict(computed=False, headers=False, original_names=True)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def answer(line):
    try:
        order = json.loads(line)
        ironic.default_microversion = order.get("version")
        return {"value": plain(call(order))}
    except Exception as error:
        status = getattr(error, "status_code", None)
        return {"error": {"type": type(error).__name__, "status": status, "message": str(error)}}


# Whatever else prints has no business between the answers.
answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
for line in sys.stdin:
    print(json.dumps(answer(line)), file=answers, flush=True)
