"""device.py - a device that the test plays, on a real link to a console.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

TLS and WebSocket are another process's (interop_link): Python's ssl has no
exporter. What the device says is made here from PROTOCOL.md alone.
"""
import hashlib
import json
import os
import select
import struct
import subprocess
import tempfile
import time

from . import dsse, fake, link, owner

LIMIT = fake.LIMIT
PROGRAM = os.path.join(fake.OUT, 'tests', 'interop_link')

# The order in which fields stand in a record.
FIELDS = '''kind time boot_ms card id org device device_key machine pin pin_from
    previous_device previous_checkpoint format epoch epoch_key running_ms
    file version program digest approval
    approver role proposer key requester tool profile decision
    require_manager rule policy device_nonce boot_id created issued expires
    enough final running by source reason count approvals plan interpreter
    interpreter_hash runner_hash pid outcome exit_code signal wall_ms cpu_ms
    max_rss_kb stdout_bytes stderr_bytes stdout_kept stderr_kept truncated
    transcript_bytes transcript_hash survivors enforced floor length bytes
    hash files sigs payload proof detail'''.split()
ZERO = 'sha256:' + '0' * 64


class Ended(Exception):
    """The connection is over: the code and reason of the close, or why."""


class Link:
    """One connection; messages are (kind, bytes)."""

    def __init__(self, ca, port, path=None, protocol=None):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(ca.encode())
        self.file.flush()
        args = [PROGRAM, self.file.name, str(port)]
        if path is not None:
            args += [path] + ([protocol] if protocol is not None else [])
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.data = b''
        self.exporter = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()
        self.file.close()

    def put(self, kind, data=b''):
        try:
            self.process.stdin.write(
                struct.pack('<IB', len(data), ord(kind)) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Ended(self.ended())

    def get(self, limit=LIMIT):
        """The next message; Ended at the end of the connection."""
        end = time.monotonic() + limit
        while True:
            if len(self.data) >= 5:
                n, kind = struct.unpack('<IB', self.data[:5])
                if len(self.data) >= 5 + n:
                    body = self.data[5:5 + n]
                    self.data = self.data[5 + n:]
                    return self._given(chr(kind), body)
            if not select.select([self.process.stdout], [], [],
                                 max(0, end - time.monotonic()))[0]:
                raise AssertionError('nothing came')
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if part == b'':
                raise Ended('gone')
            self.data += part

    def _given(self, kind, body):
        if kind == 'X':
            raise Ended(body.decode())
        if kind == 'C':
            raise Ended('%d %s' % (int.from_bytes(body[:2], 'little'),
                                   body[2:].decode()))
        return kind, body

    def idle(self):
        """Whether nothing has come."""
        return self.data == b'' and \
            not select.select([self.process.stdout], [], [], 0)[0]

    def open(self):
        """Waits for the upgrade; the status if it was refused, else None."""
        kind, body = self.get()
        if kind == 'H':
            return int.from_bytes(body, 'little')
        self.exporter = body
        return None

    def text(self, data):
        self.put('T', data)

    def binary(self, data):
        self.put('B', data)

    def message(self, limit=LIMIT):
        """The next text message as an object."""
        while True:
            kind, body = self.get(limit)
            if kind == 'T':
                return json.loads(body)

    def ended(self, limit=LIMIT):
        """Waits for the end; why."""
        try:
            while True:
                self.get(limit)
        except Ended as e:
            return str(e)


class Device:
    """A device: its key, its journal, its transcripts."""

    def __init__(self, console, owner_, token=None, key=None):
        self.console = console
        self.owner = owner_
        self.key = key or dsse.new_key()
        self.public = dsse.public_of(self.key)
        self.id = dsse.device_id(self.public)
        self.token = token or console.token_file(owner_.org)[1]
        self.journal = []
        self.blobs = {}			# index -> [(hash, bytes)] sent before
        self.transcripts = {}		# card hash -> bytes
        self.link = None
        self.seen = []			# text messages that came
        self.policy = ZERO
        self.record('genesis', org=owner_.org, device=self.id,
                    device_key=dsse.b64(self.public), machine=ZERO,
                    pin='countersign-pin:1:%s:%s:1.1.1.1.1' % (
                        owner_.org, '0' * 64), pin_from='option')

    def close(self):
        if self.link is not None:
            self.link.close()
        self.link = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- the link ----

    def connect(self):
        """A new connection as far as its challenge; the nonce."""
        self.close()
        self.seen = []
        self.link = Link(self.token['ca'], self.console.agents_port)
        if self.link.open() is not None:
            raise AssertionError('the upgrade was refused')
        m = self.link.message()
        assert m['type'] == 'challenge', m
        self.nonce = link.b64url_decode(m['nonce'])

    def ask_enrol(self, **change):
        fields = {'secret': self.token['secret'],
                  'key': dsse.b64(self.public), 'device': self.id}
        fields.update(change)
        self.link.text(link.text('enrol', **fields))
        return self.link.message()

    def hello(self, key=None, **change):
        doc = {'v': 1, 'org': self.owner.org, 'device': self.id,
               'console_nonce': link.b64url(self.nonce),
               'device_nonce': link.b64url(os.urandom(32)),
               'exporter': link.b64url(self.link.exporter),
               'version': '0.1.0', 'system': 'linux', 'arch': 'x86_64',
               'reads': ['card.v1'], 'profiles': ['full'], 'split': True,
               'next': len(self.journal)}
        doc.update(change)
        return dsse.sign(dsse.type_of('hello'), owner.text(doc),
                         [key or self.key])

    def prove(self):
        """hello, welcome, have; the number in have."""
        self.link.text(link.envelope('hello', self.hello()))
        self.welcome = self.link.message()
        assert self.welcome['type'] == 'welcome', self.welcome
        m = self.link.message()
        assert m['type'] == 'have', m
        return m['n']

    def start(self, enrol=True):
        """Connects, enrols if asked to, proves itself, sends its journal."""
        self.connect()
        if enrol:
            m = self.ask_enrol()
            assert m['type'] == 'enrolled', m
        self.send(self.prove())
        return self

    def send(self, from_=None):
        """Sends the journal from there on (the last record if None) and
        waits until the console has it."""
        first = len(self.journal) - 1 if from_ is None else from_
        self.post(first)
        if first < len(self.journal):
            self.wait('have', n=len(self.journal))

    def post(self, first):
        for i in range(first, len(self.journal)):
            for hash_, data in self.blobs.get(i, ()):
                for at in range(0, len(data), 32768):
                    self.link.binary(link.put_binary(
                        2, hash_, len(data), at, data[at:at + 32768]))
            self.link.binary(link.put_binary(1, (i, self.journal[i])))

    def wait(self, type_, **fields):
        """The next message of that type with these fields; the others are
        kept in .seen, and looked at first."""
        def fits(m):
            return m['type'] == type_ and all(m.get(k) == v for k, v in
                                              fields.items())

        for m in self.seen:
            if fits(m):
                self.seen.remove(m)
                return m
        while True:
            m = self.link.message()
            if fits(m):
                return m
            self.seen.append(m)

    def envelope(self, type_):
        return self.wait(type_)['envelope']

    # ---- the journal ----

    def record(self, kind, **fields):
        """Appends a record; its index."""
        fields.update(kind=kind, time=owner.stamp(int(time.time())),
                      boot_ms=1000 + len(self.journal))
        doc = {k: fields.pop(k) for k in FIELDS if k in fields}
        assert not fields, fields
        self.journal.append(owner.text(doc))
        return len(self.journal) - 1

    def received(self, env, **change):
        """card_received, with the card as its blob; the nonce."""
        payload = dsse.payload_of(env)
        doc = json.loads(payload)
        nonce = link.b64url(os.urandom(16))
        fields = {
            'card': owner.digest_of(env), 'id': doc['id'],
            'sigs': sigs_of(env),
            'proposer': 'ai-1', 'key': env['signatures'][0]['keyid'],
            'tool': doc['tool'], 'decision': 'approval_needed',
            'require_manager': False, 'rule': 'tool command',
            'policy': self.policy, 'device_nonce': nonce,
            'boot_id': '11111111-2222-4333-8444-555555555555',
            'created': doc['created'], 'expires': doc['expires']}
        if 'profile' in doc:
            fields['profile'] = doc['profile']
        fields.update(change)
        i = self.record('card_received', **fields)
        self.blobs[i] = [(dsse.digest(env['payloadType'], payload), payload)]
        return nonce

    def accepted(self, env, enough=True):
        """approval_accepted for an approval's envelope."""
        payload = dsse.payload_of(env)
        doc = json.loads(payload)
        self.record('approval_accepted', card=doc['card'],
                    approval=owner.digest_of(env), payload=dsse.b64(payload),
                    proof=env['signatures'][0]['sig'],
                    approver=doc['approver'], role=doc['role'],
                    key=env['signatures'][0]['keyid'], policy=doc['policy'],
                    issued=doc['issued'], expires=doc['expires'],
                    **({'enough': True} if enough else {}))

    def intent(self, card, approvals):
        self.record('exec_intent', card=card, approvals=approvals,
                    policy=self.policy, rule='tool command', plan=ZERO,
                    interpreter='/bin/sh', interpreter_hash=ZERO,
                    runner_hash=ZERO,
                    boot_id='11111111-2222-4333-8444-555555555555',
                    profile='full')

    def started(self, card):
        self.record('exec_started', card=card, pid=77,
                    enforced='profile=full')

    def result(self, card, data, outcome='finished', **change):
        """exec_result about this transcript."""
        fields = {
            'card': card, 'outcome': outcome, 'exit_code': 0, 'wall_ms': 5,
            'cpu_ms': 3, 'max_rss_kb': 1000, 'stdout_bytes': 0,
            'stderr_bytes': 0, 'stdout_kept': 0, 'stderr_kept': 0,
            'truncated': False, 'transcript_bytes': len(data),
            'transcript_hash': link.digest_text(
                hashlib.sha256(data).digest()), 'survivors': 0,
            'enforced': 'profile=full'}
        fields.update(change)
        self.record('exec_result', **fields)

    # ---- transcripts ----

    def output(self, card, offset, data):
        self.link.binary(link.put_binary(3, bytes.fromhex(card[7:]), offset,
                                         data))

    def serve_output(self, card, data, until=None):
        """Sends a transcript as credit allows, up to `until` bytes."""
        until = len(data) if until is None else until
        at = None
        while at is None or at < until:
            m = self.wait('credit', card=card)
            at = m['from'] if at is None or m['from'] < at else at
            while at < min(m['until'], until):
                part = data[at:min(at + 40000, m['until'], until)]
                self.output(card, at, part)
                at += len(part)


def sigs_of(env):
    """An envelope's signatures as they stand in a record."""
    return [[dsse.b64(s['keyid'].encode()), s['sig']]
            for s in env['signatures']]


def transcript(*pieces):
    """The bytes of a transcript; pieces are (stream, bytes)."""
    out = os.urandom(32)
    for ms, (stream, data) in enumerate(pieces):
        out += struct.pack('<BQI', stream, ms, len(data)) + data
    return out
