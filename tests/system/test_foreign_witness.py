#!/usr/bin/python3
"""test_foreign_witness.py - what witnesses say, on its way to a real device.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

First a hostile console hands a device lines that would spoil its checkpoint.
"""
import base64
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import checks, fake, tlog			# noqa: E402
from countersign.agent import Agent				# noqa: E402
from test_tamper import Witness, on_disk, wait_status		# noqa: E402


def read(a, *name):
    with open(on_disk(a, *name)) as f:
        return f.read()


def verify(a, *where):
    """What the auditor says of a state folder, or of an export."""
    r = subprocess.run(
        [fake.program('countersign'), 'audit', 'verify', '--json',
         *(where or (a.state,))], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=fake.LIMIT)
    return r.returncode, json.loads(r.stdout)


# ---- lines that a console makes up ----

class Forger(Witness):
    """Its answers have more lines than its own."""

    def __init__(self):
        super().__init__()
        self.more = None	# (text, its own line) -> lines

    def answer(self, request):
        old, note, status, body = super().answer(request)
        if status == 200 and self.more is not None:
            body = self.more(note, body)
        return old, note, status, body


def spoiled(line):
    """The line with the last bit of its signature changed."""
    name, value = line[len(tlog.DASH):-1].split(' ')
    value = bytearray(base64.b64decode(value))
    value[-1] ^= 1
    return '%s%s %s\n' % (tlog.DASH, name, tlog.b64(value))


def lines_of(note):
    return [x + '\n' for x in note.rsplit('\n\n', 1)[1].split('\n')[:-1]]


def hand(a, more):
    """The next checkpoint is answered so; the agent starts again on what it
    kept: its status."""
    a.peer.cosigned()
    a.peer.more = more
    n = len(a.peer.requests)
    a.run('true')
    a.peer.wait(lambda: len(a.peer.requests) > n and
                a.peer.size == len(a.peer.records), 'request')
    a.stop()
    a.start()
    return wait_status(a, lambda s: True, 'status')


def test_lines_that_would_spoil_its_checkpoint():
    """Of its own keys, of a listed witness, and more than a note may have:
    none of them is kept, and what is, verifies."""
    with Agent(peer=Forger) as a:
        a.run('true')
        key = a.peer.key
        same_id = tlog.Key('other.example/x', tlog.COSIGNATURE)
        same_id.id = key.id
        for name, more in (
                ('of the device', lambda note, own: own + spoiled(
                    lines_of(note)[0])),
                ('of the epoch', lambda note, own: own + spoiled(
                    lines_of(note)[1])),
                ('of the device, first', lambda note, own: spoiled(
                    lines_of(note)[0]) + own),
                ('of the witness', lambda note, own: own + spoiled(own)),
                ('of the witness alone', lambda note, own: spoiled(own)),
                ('of its id', lambda note, own: own + same_id.cosign(
                    note.rsplit('\n\n', 1)[0] + '\n')),
                ('eighty', lambda note, own: ''.join(
                    '%sw%d.example %s\n' % (tlog.DASH, i, tlog.b64(
                        os.urandom(40))) for i in range(80)) + own)):
            s = hand(a, more)
            checks.equal((name, s['lockdown']), (name, None))
            code, doc = verify(a)
            checks.equal((name, code, doc), (name, 0, doc))
            note = read(a, 'checkpoint')
            checks.true(len(lines_of(note)) <= 64, name)
            for line in lines_of(note)[:2]:
                checks.true(line.startswith(tlog.DASH + 'acme.example/'),
                            line)
            if name != 'of the witness alone':
                # The good line counts, whatever stood beside it.
                kept = read(a, 'cosig', key.id.hex())
                tlog.check_cosignature(
                    key.vkey, kept.rsplit('\n\n', 1)[0] + '\n',
                    kept.rsplit('\n\n', 1)[1])
                w, = s['journal']['witnesses']
                size = int(kept.split('\n')[1])
                checks.equal((name, w['size']), (name, size))


if __name__ == '__main__':
    checks.main(globals())
