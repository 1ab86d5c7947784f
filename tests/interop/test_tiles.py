#!/usr/bin/python3
"""test_tiles.py - a device's log at the console, by Go's own log client.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

sumdb/tlog reads the tiles that the console serves, for sizes round the borders
of tiles and for a log whose middle was never here, and sumdb/note opens the
checkpoint, whose other lines it does not know.
"""
import os
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'system', 'lib'), HERE]
import test_tlog as interop					# noqa: E402
from countersign import checks, link, owner, tlog		# noqa: E402
from countersign.desk import desk				# noqa: E402

ZERO = '2026-01-01T00:00:00Z'
once = threading.Lock()
folder = tempfile.TemporaryDirectory()
built = []


def client():
    """The program; a skip where there is no Go."""
    with once:
        if not built:
            _, why = interop.go_program(folder.name)
            if why is None:
                env = dict(os.environ, GO111MODULE='off', GOFLAGS='',
                           GOPATH=interop.GO_LIBRARY, GOPROXY='off',
                           GOCACHE=os.path.join(folder.name, 'cache'))
                program = os.path.join(folder.name, 'tiles_go')
                subprocess.run(['go', 'build', '-o', program, os.path.join(
                    HERE, 'tiles_go', 'main.go')], env=env, check=True,
                    timeout=300)
                built.append((program, None))
            else:
                built.append((None, why))
    program, why = built[0]
    return program if program is not None else checks.skip(why)


def grow(k, size):
    """The played device has, and the console too, so many records."""
    first = len(k.d.journal)
    k.d.journal += [owner.text({
        'kind': 'clock', 'time': ZERO, 'boot_ms': i, 'by': 'local:root',
        'reason': 'r%d' % i, 'floor': ZERO}) for i in range(first, size)]
    for i in range(first, size, 300):
        k.d.link.binary(link.put_binary(1, *enumerate(
            k.d.journal[i:min(size, i + 300)], i)))
    if first < size:
        k.d.wait('have', n=size)


def log_of(k):
    log = tlog.Log('%s/%s' % (k.o.org, k.d.id), k.d.key)
    log.leaves = [tlog.leaf(r) for r in k.d.journal]
    return log


def cosign(k, old):
    log = log_of(k)
    k.d.link.text(link.checkpoint(log.request(old)))
    checks.equal(k.d.wait('cosignature')['status'], 200)
    return log


def read(k, old, *indexes):
    """(exit code, its line)"""
    d = k.c.get('/v1/devices/' + k.d.id)
    r = subprocess.run(
        [client(), 'http://127.0.0.1:%d/v1/logs/%s/%s/' % (
            k.c.api_port, k.o.org, k.d.id), d['vkey'], k.c.tokens['admin'],
         str(old), *map(str, indexes)], capture_output=True, timeout=120)
    return r.returncode, r.stdout.decode().strip()


def test_round_the_borders_of_tiles():
    client()
    with desk() as k:
        old = 0
        for size in (2, 255, 256, 257, 511, 513, 65535, 65536, 65537, 65800):
            grow(k, size)
            log = cosign(k, old)
            middle = old or 1
            code, said = read(k, middle, 0, size - 1, size // 2,
                              min(255, size - 1), (size - 1) // 256 * 256)
            # One line is verified; ours as a witness is not known to it.
            checks.equal((size, code, said), (size, 0, 'ok %d 1 1 %s' % (
                size, tlog.b64(tlog.root(log.leaves[:middle])))))
            old = size


def test_what_was_never_here():
    """The hashes of what a device had removed are as good as records."""
    client()
    with desk() as k:
        grow(k, 100)
        cosign(k, 0)
        first = len(k.d.journal)
        log = log_of(k)
        k.d.journal += [b'{"never":%d}' % i for i in range(first, 768)]
        hashes = [tlog.leaf(r) for r in k.d.journal[first:]]
        k.d.link.binary(link.put_binary(4, first, 768, b''.join(hashes)))
        k.d.wait('have', n=768)
        grow(k, 1000)
        log = cosign(k, 100)
        checks.equal(read(k, 500, 768, 900, 999), (
            0, 'ok 1000 1 1 ' + tlog.b64(tlog.root(log.leaves[:500]))))
        # Of their bytes there is nothing, nor of a bundle that they are in.
        for i in (0, 100, 300, 767):
            code, said = read(k, 500, i)
            checks.true(code == 1 and '404' in said, said)


if __name__ == '__main__':
    checks.main(globals())
