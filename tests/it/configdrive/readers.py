"""Reads config drives as those do who read them in earnest, and makes the same ones with openstacksdk.

In: JSON with `shim` (a genisoimage for machines without one) and `drives`, each with `drive` and, if openstacksdk is to
make it too, `parts`. Out: a list with what was found in each. Contents are base64.
"""
import base64
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

from ironic.common import kickstart_utils
from ironic.conductor import configdrive_utils
from openstack.baremetal import configdrive
import pycdlib


def text(data):
    return base64.b64encode(data).decode()


def tree(iso, way):
    """Path -> content; a folder's is null."""
    found = {}
    for folder, folders, files in iso.walk(**{way: '/'}):
        for name in folders:
            found[os.path.join(folder, name)] = None
        for name in files:
            path = os.path.join(folder, name)
            content = io.BytesIO()
            iso.get_file_from_iso_fp(content, **{way: path})
            found[path] = text(content.getvalue())
    return found


def opened(image):
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(image))
    return iso


def read(image):
    """All three ways."""
    iso = opened(image)
    return {
        'label': iso.pvd.volume_identifier.decode(),
        'rock_ridge': iso.rock_ridge,
        'joliet_label': iso.joliet_vd.volume_identifier.decode('utf-16-be'),
        'by_rock_ridge': tree(iso, 'rr_path'),
        'by_joliet': tree(iso, 'joliet_path'),
        'plainly': tree(iso, 'iso_path'),
    }


def by_ironic(image):
    """What Ironic finds: when it writes a kickstart file, and when it mends network data."""
    iso = opened(image)
    with tempfile.NamedTemporaryFile() as mended:
        overrides = {'/openstack/latest/network_data.json': 'mended'}
        configdrive_utils.regenerate_iso(iso, mended.name, overrides)
        with open(mended.name, 'rb') as file:
            again = read(file.read())['by_rock_ridge']
    return {'kickstart': kickstart_utils.read_iso9600_config_drive(image), 'mended': again}


def by_programs(image):
    """What programs find that this machine may have."""
    found = {}
    with tempfile.NamedTemporaryFile() as file:
        file.write(image)
        file.flush()
        for name, command in {
            'blkid': ['blkid', '-p', '-o', 'value', '-s', 'LABEL', file.name],
            'isoinfo_rock_ridge': ['isoinfo', '-R', '-f', '-i', file.name],
            'isoinfo_joliet': ['isoinfo', '-J', '-f', '-i', file.name],
        }.items():
            program = shutil.which(command[0], path=os.environ['PATH'] + ':/usr/sbin:/sbin')
            if program:
                command[0] = program
                found[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return found


def by_openstacksdk(parts, shims):
    """With the shim, and with the real tool if there is one: the images."""
    user_data = base64.b64decode(parts['user_data'])
    if parts['text']:
        user_data = user_data.decode()
    path = os.environ['PATH']
    searched = [shims + ':' + path]
    if any(shutil.which(tool) for tool in ('genisoimage', 'mkisofs', 'xorrisofs')):
        searched.append(path)
    for os.environ['PATH'] in searched:
        drive = configdrive.build(parts['meta_data'], user_data, parts['versions'], parts['network_data'],
                                  parts['vendor_data'])
        yield gzip.decompress(base64.b64decode(drive))
    os.environ['PATH'] = path


def report(item, shims):
    image = gzip.decompress(base64.b64decode(item['drive'], validate=True))
    found = read(image)
    if 'parts' in item:
        found['programs'] = by_programs(image)
        found['openstacksdk'] = [read(made) for made in by_openstacksdk(item['parts'], shims)]
        os.environ['PATH'] = shims + ':' + os.environ['PATH']
        found['ironic'] = by_ironic(image)
        os.environ['PATH'] = os.environ['PATH'].removeprefix(shims + ':')
    return found


def main():
    order = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as shims:
        for name in ('genisoimage', 'mkisofs'):
            program = os.path.join(shims, name)
            with open(program, 'w') as file:
                file.write('#!%s\n%s' % (sys.executable, order['shim']))
            os.chmod(program, 0o755)
        json.dump([report(item, shims) for item in order['drives']], sys.stdout)


main()
