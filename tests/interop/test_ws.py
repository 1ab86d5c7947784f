#!/usr/bin/python3
"""test_ws.py - our WebSocket against the `ws` package for Node, both ways.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The package comes from npm's registry, as that is configured on this machine, is
checked against the hash here and kept beside the other downloads, outside the
tree. Nothing is installed: no scripts of it run, and no lock file is written.
Without node, npm or the registry the test is skipped.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get('O', os.path.join(ROOT, 'build'))
CACHE = os.environ.get('COUNTERSIGN_CACHE', os.path.join(
    os.environ.get('XDG_CACHE_HOME', os.path.expanduser('~/.cache')),
    'countersign-deps'))

NAME, VERSION = 'ws', '8.18.3'
SHA256 = '424be604c8e7926fc29a1f067bf2dac256af3bcea62fe30395018bbaf8a9be2a'


def skip(why):
    print('skip test_ws: %s' % why)
    sys.exit(0)


def is_right(path):
    try:
        with open(path, 'rb') as f:
            return hashlib.sha256(f.read()).hexdigest() == SHA256
    except FileNotFoundError:
        return False


def fetch():
    """The path of the package's archive, checked."""
    folder = os.path.join(CACHE, 'dl')
    path = os.path.join(folder, '%s-%s.tgz' % (NAME, VERSION))
    if is_right(path):
        return path
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temp:
        try:
            subprocess.run(['npm', 'pack', '--silent', '--fetch-retries=1',
                            '%s@%s' % (NAME, VERSION)], cwd=temp, timeout=60,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            pass
        got = os.path.join(temp, os.path.basename(path))
        if not os.path.exists(got):
            skip('the package %s cannot be had from npm' % NAME)
        if not is_right(got):
            print('not ok test_ws: %s %s is not the file that was pinned' %
                  (NAME, VERSION))
            sys.exit(1)
        os.replace(got, path)
    return path


def main():
    for tool in ('node', 'npm'):
        if shutil.which(tool) is None:
            skip('%s is not installed' % tool)
    program = os.path.join(OUT, 'tests', 'interop_ws')
    if not os.path.exists(program):
        print('not ok test_ws: %s has not been built' % program)
        sys.exit(1)
    archive = fetch()
    with tempfile.TemporaryDirectory() as temp:
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                if not member.isfile() or not os.path.realpath(os.path.join(
                        temp, member.name)).startswith(temp + os.sep):
                    raise ValueError(member.name)
                tar.extract(member, temp)
        p = subprocess.run(['node', os.path.join(HERE, 'ws_peer.cjs'),
                            os.path.join(temp, 'package'), program])
    sys.exit(p.returncode)


main()
