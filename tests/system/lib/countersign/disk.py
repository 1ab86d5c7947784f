"""disk.py - a second reader of what an agent keeps on disk.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Written from PROTOCOL.md alone: entries with their CRC-32C, and what must hold
of any journal, whatever became of the processes that wrote it.
"""
import json
import os
import struct
import subprocess

from . import checks, fake

HEADER = struct.Struct('<IIQ')
# Kinds that end a card, if they do not say that it runs.
ENDS = ('planned', 'denied', 'expired', 'cancelled', 'vetoed', 'exec_result',
        'exec_interrupted')


def _table():
    out = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        out.append(i)
    return out


TABLE = _table()


def crc32c(data):
    crc = 0xffffffff
    for b in data:
        crc = crc >> 8 ^ TABLE[(crc ^ b) & 255]
    return crc ^ 0xffffffff


def entries(data, first):
    """The payloads of a segment, and where the last entry ends."""
    out, at = [], 0
    while at + HEADER.size <= len(data):
        n, crc, index = HEADER.unpack_from(data, at)
        end = at + HEADER.size + n
        if n == 0 or end > len(data):
            break
        body = data[at:at + 4] + data[at + 8:end]
        if crc32c(body) != crc or index != first + len(out):
            break
        out.append(data[at + HEADER.size:end])
        at = end
    return out, at


def journal(state):
    """All payloads. The agent must not run: its tail may be half written."""
    folder = os.path.join(state, 'journal')
    names = sorted(n for n in os.listdir(folder) if n.endswith('.seg'))
    out = []
    for i, name in enumerate(names):
        checks.equal(name, '%016x.seg' % len(out), 'segment')
        with open(os.path.join(folder, name), 'rb') as f:
            data = f.read()
        part, at = entries(data, len(out))
        out += part
        if i + 1 < len(names):
            checks.equal(at, len(data), 'end of a closed segment')
    return out, data[at:] if names else b''


def verify(agent, open_cards=()):
    """
    Whatever happened to a stopped agent: its journal reads, begins with all
    that the console was told, every card that was taken in has one end (but
    those in open_cards), none was intended twice, and what was intended has a
    result or is said to be interrupted. Returns the records.
    """
    payloads, rest = journal(agent.state)
    checks.equal(rest.strip(b'\0'), b'', 'the journal\'s tail')
    told = agent.peer.records
    checks.true(payloads[:len(told)] == told,
                'the console was told what is not in the journal')
    records = [json.loads(p) for p in payloads]
    cards = {}
    for r in records:
        if 'card' in r:
            cards.setdefault(r['card'], []).append(r)
    for digest, of in cards.items():
        kinds = [r['kind'] for r in of]
        ends = [r['kind'] for r in of if r['kind'] in ENDS and
                not r.get('running')]
        if 'card_received' not in kinds:
            checks.equal(ends, [], 'ends of a card that was not taken in')
            continue
        checks.equal(kinds.count('card_received'), 1, 'received')
        checks.equal(len(ends), 0 if digest in open_cards else 1,
                     'ends of %s: %s' % (digest, kinds))
        n = kinds.count('exec_intent')
        checks.true(n <= 1, 'intended twice: %s' % kinds)
        if digest not in open_cards:
            checks.equal(kinds.count('exec_result') +
                         kinds.count('exec_interrupted'), n,
                         'results of %s' % kinds)
    _ask_program(agent.state)
    return records


def _ask_program(state):
    """The project's own verifier, where it is built."""
    program = fake.program('countersign')
    if not os.path.exists(program):
        return
    r = subprocess.run([program, 'audit', 'verify', state],
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=120)
    if r.returncode == 2:	# it knows no such command
        return
    checks.equal(r.returncode, 0, 'audit verify: %s%s: exit code' % (
        r.stdout.decode(), r.stderr.decode()))


def processes(tag):
    """Those with this text in their arguments."""
    out = []
    for pid in os.listdir('/proc'):
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    if tag.encode() in f.read():
                        out.append(int(pid))
            except OSError:
                pass
    return out
