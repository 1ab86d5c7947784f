#!/usr/bin/python3
"""test_tlog.py - our checkpoints and proofs by other programs, and theirs here.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Three implementations make bundles (interop_tlog.c tells what that is) of logs
of random sizes and each checks the others': ours, the one below, written from
RFC 6962 and C2SP's texts alone, and Go's sumdb/tlog and note, where Go is.
"""
import base64
import functools
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get('O', os.path.join(ROOT, 'build'))
OURS = os.path.join(OUT, 'tests', 'interop_tlog')
GO_LIBRARY = '/usr/share/gocode'
ORIGIN, WITNESS = 'acme/d-python', 'w.example/python'
DASH = '\u2014 '
failed = False


def report(name, why=None):
    global failed
    if why is None:
        print('ok test_tlog.%s' % name)
    else:
        failed = True
        print('not ok test_tlog.%s: %s' % (name, why))


# ---- RFC 6962, section 2.1, as it stands there ------------------------------

def sha(b):
    return hashlib.sha256(b).digest()


def leaf(i):
    return sha(b'\0record %d' % i)


def split(n):
    k = 1
    while 2 * k < n:
        k *= 2
    return k


@functools.lru_cache(maxsize=None)
def mth(a, b):
    if a == b:
        return sha(b'')
    if b - a == 1:
        return leaf(a)
    k = a + split(b - a)
    return sha(b'\1' + mth(a, k) + mth(k, b))


def path(m, a, b):
    if b - a == 1:
        return []
    k = a + split(b - a)
    return path(m, a, k) + [mth(k, b)] if m < k else \
        path(m, k, b) + [mth(a, k)]


def consistency(m, a, b, whole=True):
    if m == b - a:
        return [] if whole else [mth(a, b)]
    k = split(b - a)
    if m <= k:
        return consistency(m, a, a + k, whole) + [mth(a + k, b)]
    return consistency(m - k, a + k, b, False) + [mth(a, a + k)]


# ---- C2SP signed-note, tlog-cosignature, tlog-proof -------------------------

def b64(b):
    return base64.b64encode(b).decode()


def key_id(name, kind, public):
    return sha(name.encode() + b'\n' + bytes([kind]) + public)[:4]


def vkey(name, kind, seed):
    public = SigningKey(bytes([seed]) * 32).verify_key.encode()
    return '%s+%s+%s' % (name, key_id(name, kind, public).hex(),
                         b64(bytes([kind]) + public))


def sign(name, kind, seed, text, time=None):
    key = SigningKey(bytes([seed]) * 32)
    stamp = b''
    if time is not None:
        text = 'cosignature/v1\ntime %d\n' % time + text
        stamp = time.to_bytes(8, 'big')
    value = key_id(name, kind, key.verify_key.encode()) + stamp + \
        key.sign(text.encode()).signature
    return '%s%s %s\n' % (DASH, name, b64(value))


def verify(text, lines, key):
    """Whether one of the lines is that key's, and verifies."""
    name, ident, value = key.split('+', 2)
    value = base64.b64decode(value, validate=True)
    if key_id(name, value[0], value[1:]).hex() != ident:
        return False
    for line in lines:
        mark, by, sig = line.split(' ')
        sig = base64.b64decode(sig, validate=True)
        if mark + ' ' != DASH or by != name or sig[:4].hex() != ident:
            continue
        message, sig = text, sig[4:]
        if value[0] == 4:
            message = 'cosignature/v1\ntime %d\n%s' % (
                int.from_bytes(sig[:8], 'big'), text)
            sig = sig[8:]
        try:
            VerifyKey(value[1:]).verify(message.encode(), sig)
            return True
        except (BadSignatureError, ValueError):
            return False
    return False


def make(seed, old, size, index):
    text = '%s\n%d\n%s\n' % (ORIGIN, size, b64(mth(0, size)))
    note = text + '\n' + sign(ORIGIN, 1, seed, text) + \
        DASH + 'unknown.example AAAAAAEC\n' + \
        sign(WITNESS, 4, seed + 1, text, 1700000000)
    inclusion = [b64(h) for h in path(index, 0, size)]
    return {'key': vkey(ORIGIN, 1, seed), 'witness': vkey(WITNESS, 4, seed + 1),
            'note': note, 'index': index, 'size': size, 'old': old,
            'inclusion': inclusion, 'consistency': [
                b64(h) for h in consistency(old, 0, size)] if old else [],
            'old_root': b64(mth(0, old)),
            'proof': 'c2sp.org/tlog-proof@v1\nindex %d\n%s\n%s' % (
                index, ''.join(h + '\n' for h in inclusion), note)}


def wrong(b):
    text, _, rest = b['note'].rpartition('\n\n')
    text += '\n'
    lines = rest.splitlines()
    origin, size, root = text.splitlines()
    if origin != b['key'].split('+')[0] or int(size) != b['size'] or \
            root != b64(mth(0, b['size'])):
        return 'the checkpoint'
    if not verify(text, lines, b['key']):
        return 'the signature'
    if b['witness'] and not verify(text, lines, b['witness']):
        return 'the cosignature'
    want = make(1, b['old'], b['size'], b['index'])
    for field in ('inclusion', 'consistency', 'old_root'):
        if b[field] != want[field]:
            return field
    head = want['proof'][:want['proof'].index('\n\n')]
    if b['proof'] != head + '\n\n' + b['note']:
        return 'the proof file'
    return None


# ---- the programs -----------------------------------------------------------

def run(argv, **more):
    p = subprocess.run(argv, stdout=subprocess.PIPE, timeout=300, check=False,
                       **more)
    return p.returncode, p.stdout.decode()


def made_by(program, cases):
    code, out = run([program, 'make'], input=''.join(
        '%d %d %d %d\n' % c for c in cases).encode())
    bundles = [json.loads(line) for line in out.splitlines()]
    if code != 0 or len(bundles) != len(cases):
        raise AssertionError('%s made %d of %d' % (program, len(bundles),
                                                   len(cases)))
    return bundles


def checked_by(program, bundles, folder):
    """For each whether it holds."""
    name = os.path.join(folder, 'bundles')
    with open(name, 'w', encoding='utf-8') as f:
        for b in bundles:
            f.write(json.dumps(b, ensure_ascii=False) + '\n')
    _, out = run([program, 'check', name])
    said = [line.startswith('ok') for line in out.splitlines()
            if line.startswith(('ok', 'not ok'))]
    if len(said) != len(bundles):
        raise AssertionError('%s: %s' % (program, out[-300:]))
    return said


def spoil(b, n):
    """The bundle with one thing in it changed; None: it has no such thing."""
    b = json.loads(json.dumps(b))

    def flip(text):
        raw = bytearray(base64.b64decode(text))
        raw[n % len(raw)] ^= 1 << n % 8
        return b64(bytes(raw))

    field = ('inclusion', 'consistency', 'note', 'index', 'longer',
             'shorter')[n % 6]
    if field in ('inclusion', 'consistency'):
        if not b[field]:
            return None
        at = n % len(b[field])
        b[field][at] = flip(b[field][at])
    elif field == 'note':
        text, _, lines = b['note'].partition('\n\n')
        origin, size, root = text.splitlines()
        b['note'] = '\n'.join((origin, size, flip(root))) + '\n\n' + lines
    elif field == 'index':
        b['index'] = (b['index'] + 1) % b['size']
        if b['size'] == 1:
            return None
    elif field == 'longer':
        b['inclusion'].append(b64(bytes(32)))
    elif not b['inclusion']:
        return None
    else:
        b['inclusion'].pop()
    return b


def cases(r):
    out = [(1, 1, 1, 0), (2, 1, 2, 1), (3, 2, 3, 2), (4, 4, 8, 7)]
    for i in range(40):
        size = r.randint(1, 5000 if i % 4 == 0 else 300)
        out.append((5 + i, r.randint(1, size), size, r.randrange(size)))
    for k in (256, 512, 1024, 4096):
        out.append((60, k, k + 1, k))
        out.append((61, k - 1, k, k - 1))
    # Round the borders of tiles of two levels.
    for old, size in ((255, 256), (255, 257), (65535, 65536),
                      (65535, 65537), (65536, 65537), (256, 65536)):
        out.append((62, old, size, old))
        out.append((63, old, size, r.randrange(size)))
    return out


def compare(name, bundles, check, r):
    """All hold, and none that was spoiled does."""
    said = check(bundles)
    if not all(said):
        return report(name, 'case %d does not hold' % said.index(False))
    bad = [spoil(b, r.randrange(1 << 20)) for b in bundles for _ in range(6)]
    bad = [b for b in bad if b is not None]
    said = check(bad)
    if any(said):
        return report(name, 'holds: %r' % bad[said.index(True)])
    return report(name)


def go_program(folder):
    """The program of tlog_go, or why there is none."""
    if shutil.which('go') is None:
        return None, 'no Go here (golang-go)'
    if not os.path.isdir(os.path.join(
            GO_LIBRARY, 'src/golang.org/x/mod/sumdb/tlog')):
        return None, 'no golang.org/x/mod here (golang-golang-x-mod-dev)'
    program = os.path.join(folder, 'tlog_go')
    env = dict(os.environ, GO111MODULE='off', GOPATH=GO_LIBRARY, GOFLAGS='',
               GOCACHE=os.path.join(folder, 'cache'), GOPROXY='off')
    subprocess.run(['go', 'build', '-o', program, os.path.join(
        HERE, 'tlog_go', 'main.go')], env=env, check=True, timeout=300)
    return program, None


def protocol():
    """The example of PROTOCOL.md is of those keys and records."""
    with open(os.path.join(ROOT, 'common', 'PROTOCOL.md'),
              encoding='utf-8') as f:
        blocks = f.read().split('```\n')[1::2]
    keys = [b for b in blocks if '/epoch-1+' in b][0].splitlines()
    note = [b for b in blocks if '\n\n' + DASH in b][0]
    name = keys[0].split('+')[0]
    text = '%s\n3\n%s\n' % (name, b64(mth(0, 3)))
    want = text + '\n' + sign(name, 1, 1, text) + \
        sign(name + '/epoch-1', 1, 2, text) + \
        sign('w.example/1', 4, 3, text, 1767225600)
    report('protocol', None if note == want and keys == [
        vkey(name, 1, 1), vkey(name + '/epoch-1', 1, 2),
        vkey('w.example/1', 4, 3)] else 'another note: %r' % want)


def main():
    protocol()
    seed = int(os.environ.get('SEED', '0')) or random.randrange(1 << 30)
    r = random.Random(seed)
    print('# SEED=%d' % seed)
    sys.setrecursionlimit(10000)
    todo = cases(r)
    with tempfile.TemporaryDirectory() as folder:
        ours = made_by(OURS, todo)
        here = [make(*c) for c in todo]

        def ours_check(bundles):
            return checked_by(OURS, bundles, folder)

        def here_check(bundles):
            return [wrong(b) is None for b in bundles]

        compare('ours_by_python', ours, here_check, r)
        compare('python_by_ours', here, ours_check, r)
        compare('ours_by_ours', ours, ours_check, r)
        go, why = go_program(folder)
        if go is None:
            for name in ('ours_by_go', 'go_by_ours', 'go_by_python',
                         'python_by_go'):
                print('skip test_tlog.%s: %s' % (name, why))
            return 1 if failed else 0

        def go_check(bundles):
            return checked_by(go, bundles, folder)

        theirs = made_by(go, todo)
        compare('ours_by_go', ours, go_check, r)
        compare('go_by_ours', theirs, ours_check, r)
        compare('go_by_python', theirs, here_check, r)
        compare('python_by_go', here, go_check, r)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
