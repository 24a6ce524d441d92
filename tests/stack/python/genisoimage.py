"""genisoimage as far as Ironic needs it for config drives, on pycdlib: ISO 9660 with Joliet and Rock Ridge.

Ironic's conductor calls `genisoimage … -o FILE … -V LABEL DIRECTORY`; the machines that run these tests need not have the
Debian package. The image is a real one: readers of any kind find the same files in it.
"""
import os
import sys

import pycdlib


def parse(arguments):
    """The three arguments that matter: the file, the label and the directory."""
    options = dict(zip(arguments, arguments[1:]))
    return options['-o'], options['-V'], arguments[-1]


def iso_names():
    """Names of ISO 9660, which are never read where Rock Ridge or Joliet is: unique and plain."""
    number = 0
    while True:
        number += 1
        yield 'F%07d' % number


def write(target, label, directory):
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge='1.09', vol_ident=label)
    names, places = iso_names(), {'': ''}
    for folder, folders, files in os.walk(directory):
        inside = '' if folder == directory else os.path.relpath(folder, directory)
        for name in sorted(folders):
            path = os.path.join(inside, name)
            places[path] = places[inside] + '/' + next(names)
            iso.add_directory(places[path], rr_name=name, joliet_path='/' + path)
        for name in sorted(files):
            place = places[inside] + '/' + next(names) + '.;1'
            iso.add_file(os.path.join(folder, name), place, rr_name=name, joliet_path='/' + os.path.join(inside, name))
    iso.write(target)
    iso.close()


if __name__ == '__main__':
    write(*parse(sys.argv[1:]))
