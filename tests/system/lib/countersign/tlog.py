"""tlog.py - transparency logs: trees, proofs, notes, cosignatures.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Written from RFC 6962 and the C2SP texts (signed-note, tlog-checkpoint,
tlog-cosignature, tlog-witness), by the plain recursions: nothing is shared
with what is tested.
"""
import base64
import hashlib
import time

from . import dsse

ED25519 = 1
COSIGNATURE = 4
DASH = '\u2014 '


def sha(*parts):
    return hashlib.sha256(b''.join(parts)).digest()


def b64(data):
    return base64.b64encode(data).decode()


# ---- trees (RFC 6962, 2.1) ----

def leaf(record):
    return sha(b'\0', record)


def split(n):
    """The largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def root(leaves):
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha(b'\1', root(leaves[:k]), root(leaves[k:]))


def consistency(old, leaves):
    """PROOF(old, D[n]) of 2.1.2; nothing for an empty or equal tree."""
    def sub(m, d, whole):
        if m == len(d):
            return [] if whole else [root(d)]
        k = split(len(d))
        if m <= k:
            return sub(m, d[:k], whole) + [root(d[k:])]
        return sub(m - k, d[k:], False) + [root(d[:k])]

    return [] if old in (0, len(leaves)) else sub(old, leaves, True)


# ---- notes ----

class Key:
    """A key that signs notes: a log's, or a witness's."""

    def __init__(self, name, kind=ED25519, key=None):
        self.name, self.kind = name, kind
        self.key = key or dsse.new_key()
        self.public = dsse.public_of(self.key)
        self.id = key_id(name, kind, self.public)
        self.vkey = '%s+%s+%s' % (name, self.id.hex(), b64(
            bytes([kind]) + self.public))

    def line(self, text):
        """Its signature line for a text."""
        value = self.key.sign(text.encode()).signature
        return '%s%s %s\n' % (DASH, self.name, b64(self.id + value))

    def cosign(self, text, now=None):
        now = int(time.time()) if now is None else now
        value = self.key.sign(cosigned(text, now)).signature
        return '%s%s %s\n' % (DASH, self.name, b64(
            self.id + now.to_bytes(8, 'big') + value))


def key_id(name, kind, public):
    return sha(name.encode(), b'\n', bytes([kind]), public)[:4]


def parse_vkey(text):
    """(name, kind, public key)"""
    name, id_, data = text.split('+', 2)
    data = base64.b64decode(data, validate=True)
    assert key_id(name, data[0], data[1:]).hex() == id_, text
    return name, data[0], data[1:]


def cosigned(text, now):
    return ('cosignature/v1\ntime %d\n%s' % (now, text)).encode()


def checkpoint(origin, leaves, size=None, root_=None):
    """The text of a checkpoint over so many of the leaves."""
    size = len(leaves) if size is None else size
    if root_ is None:
        root_ = root(leaves[:size])
    return '%s\n%d\n%s\n' % (origin, size, b64(root_))


def signed(text, *keys):
    return text + '\n' + ''.join(k.line(text) for k in keys)


def split_note(note):
    """(text, [(name, id, value)…])"""
    text, lines = note.rsplit('\n\n', 1)
    return text + '\n', parse_lines(lines)


def parse_lines(lines):
    out = []
    assert lines.endswith('\n'), lines
    for line in lines[:-1].split('\n'):
        assert line.startswith(DASH), line
        name, value = line[len(DASH):].split(' ')
        value = base64.b64decode(value, validate=True)
        out.append((name, value[:4], value[4:]))
    return out


def check_cosignature(vkey, text, lines):
    """The time of that witness's word for the text, or an error."""
    name, kind, public = parse_vkey(vkey)
    assert kind == COSIGNATURE, kind
    for n, id_, value in parse_lines(lines):
        if n == name and id_ == key_id(name, kind, public):
            now = int.from_bytes(value[:8], 'big')
            assert len(value) == 72, len(value)
            verify(public, cosigned(text, now), value[8:])
            return now
    raise AssertionError('no line of %s' % name)


def check_signature(vkey, note):
    """That the log with that key signed the note; its text."""
    name, kind, public = parse_vkey(vkey)
    text, lines = split_note(note)
    for n, id_, value in lines:
        if n == name and id_ == key_id(name, kind, public):
            verify(public, text.encode(), value)
            return text
    raise AssertionError('no line of %s' % name)


def verify(public, message, signature):
    import nacl.signing
    nacl.signing.VerifyKey(public).verify(message, signature)


# ---- witnesses ----

def request(old, proof, note):
    """The body of an add-checkpoint."""
    return 'old %d\n%s\n%s' % (old, ''.join(b64(h) + '\n' for h in proof),
                               note)


class Log:
    """A log with its key: entries, checkpoints, requests."""

    def __init__(self, origin, key=None):
        self.origin = origin
        self.key = Key(origin, ED25519, key)
        self.leaves = []

    def add(self, *records):
        self.leaves += [leaf(r) for r in records]
        return self

    def text(self, size=None):
        return checkpoint(self.origin, self.leaves, size)

    def note(self, size=None, *more):
        return signed(self.text(size), self.key, *more)

    def request(self, old, size=None, proof=None):
        size = len(self.leaves) if size is None else size
        if proof is None:
            proof = consistency(old, self.leaves[:size]) if old <= size \
                else []
        return request(old, proof, self.note(size))
