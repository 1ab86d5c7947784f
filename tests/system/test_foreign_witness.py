#!/usr/bin/python3
"""test_foreign_witness.py - what witnesses say, on its way to a real device.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

First a hostile console hands a device lines that would spoil its checkpoint.
Then a witness that is not ours takes part, by way of a real console, with
every fault that a server may have.
"""
import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import nacl.signing						# noqa: E402
from countersign import checks, control, fake, foreign, owner, tlog	# noqa: E402
from countersign.agent import Agent				# noqa: E402
from countersign.desk import desk				# noqa: E402
from test_console_agent import Agent as Enrolled		# noqa: E402
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


# ---- agent, console, and a witness that is not ours ----

class Office:
    """k the desk, a its real agent, w the witness that its root lists beside
    the console."""

    def __init__(self, k, w):
        self.k, self.w = k, w
        own = k.c.get('/v1/witness', user=None)
        k.put('root', k.o.root(witnesses=[
            w.in_root(), {'name': own['name'], 'key': own['key']}]))
        k.put('people', k.o.people())
        k.put('policy', k.o.policy())
        self.own = own['name']
        self.a = Enrolled(k)
        self.socket = os.path.join(self.a.dir, 'gate.sock')
        self.state = os.path.join(self.a.dir, 'state')

    def start(self):
        self.a.enrol()
        d = self.k.c.get('/v1/devices/' + self.a.id)
        self.origin = '%s/%s' % (d['org'], d['id'])
        self.w.knows(self.origin, base64.b64decode(d['key']))
        self.a.start()
        wait(lambda: self.status()['lockdown'] is None and
             self.size_of(self.own) > 0, 'the first cosignature')

    def status(self):
        try:
            return control.status(self.socket)
        except (OSError, ValueError):
            return {'lockdown': 'not up', 'journal': {'witnesses': []}}

    def size_of(self, name):
        """How many records that witness has cosigned, as the device says."""
        for one in self.status()['journal']['witnesses']:
            if one['name'] == name:
                return one.get('size', 0)
        return 0

    def step(self):
        """A card that ends: a checkpoint over it, cosigned by the console;
        its size."""
        env = self.k.o.card(self.a.id, 'true')
        checks.equal(control.submit(self.socket, 'card', env), None)
        checks.equal(control.veto(self.socket, owner.digest_of(env), 'x'),
                     None)
        n = self.status()['journal']['records']
        wait(lambda: self.size_of(self.own) >= n, 'the console')
        return n

    def cosigned(self, n):
        """Waits until the device has the witness's word for n records."""
        wait(lambda: self.size_of(self.w.name) >= n, 'the witness')

    def note(self, id_):
        with open(os.path.join(self.state, 'cosig', id_.hex())) as f:
            return f.read()

    def audit(self):
        """Folder and export verify: what the auditor says of each."""
        out = []
        path = os.path.join(self.k.c.dir, 'export.tar')
        with open(path, 'wb') as f:
            f.write(self.k.c.request('GET', '/v1/journal/%s?export=tar' %
                                     self.a.id)[2])
        for where in (self.state, path):
            code, doc = verify(None, where)
            checks.equal((where, code), (where, 0), json.dumps(doc))
            out.append(doc)
        return out


def wait(condition, what):
    end = time.monotonic() + fake.LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError('waited for ' + what)
        time.sleep(0.01)


@contextlib.contextmanager
def office():
    with foreign.Foreign() as w, desk(device=False, trust=False,
                                      witnesses=[w.settings()]) as k:
        x = Office(k, w)
        good = False
        try:
            x.start()
            yield x
            good = True
        finally:
            w.fault = None
            x.a.close(good)


def test_its_word_reaches_device_export_and_auditor():
    with office() as x:
        n = x.step()
        x.cosigned(n)
        note = x.note(x.w.id)
        size = int(note.split('\n')[1])
        checks.true(size >= n, (size, n))
        when = x.w.time_of(note)
        checks.true(abs(when - time.time()) < 60, when)
        checks.true(x.w.time_of(read_note(x)) is not None or
                    int(read_note(x).split('\n')[1]) > size, 'checkpoint')
        for doc in x.audit():
            names = {w['name']: w['records'] for w in doc['witnesses']}
            checks.equal(sorted(names), sorted([x.own, x.w.name]))
            checks.true(names[x.w.name] >= n, doc)
            checks.equal(doc['witnessed'], max(names.values()))
            checks.equal(doc['not_witnessed'], doc['first'] +
                         doc['records'] - doc['witnessed'])
        # Without the console's word the auditor still has the other's.
        x.w.fault = lambda w, c, text: foreign.http(500, '')
        m = x.step()
        x.a.stop()
        doc = x.audit()[0]
        names = {w['name']: w['records'] for w in doc['witnesses']}
        checks.true(names[x.w.name] < m <= names[x.own], names)
        text = subprocess.run(
            [fake.program('countersign'), 'audit', 'verify', x.state],
            capture_output=True, timeout=fake.LIMIT).stdout.decode()
        checks.true('first %d records by %s' % (names[x.w.name], x.w.name)
                    in text, text)
        # It starts again with both.
        x.a.start()
        wait(lambda: x.status()['lockdown'] is None, 'the agent')
        checks.equal(x.size_of(x.w.name), names[x.w.name])


def read_note(x):
    with open(os.path.join(x.state, 'checkpoint')) as f:
        return f.read()


def status_only(status, body='', type_='text/plain'):
    return lambda w, c, text: foreign.http(status, body, type_)


def cut(w, c, text):
    """Half of a good answer, and the end."""
    data = foreign.http(200, w.cosign(text))
    c.sendall(data[:-40])
    c.shutdown(socket.SHUT_RDWR)
    return b''


def gone(w, c, text):
    c.shutdown(socket.SHUT_RDWR)
    return b''


stranger = nacl.signing.SigningKey.generate()

# What it sends; nothing of it may be kept.
BAD = {
    'gone': gone, 'cut': cut,
    'no HTTP': lambda w, c, text: b'SSH-2.0-x\r\n\r\n',
    '400': status_only(400), '403': status_only(403),
    '404': status_only(404, 'who?\n'), '422': status_only(422),
    '429': status_only(429), '500': status_only(500),
    '301': lambda w, c, text: b'HTTP/1.1 301 X\r\nLocation: http://'
           b'127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
    '204': lambda w, c, text: b'HTTP/1.1 204 X\r\n\r\n',
    'empty': status_only(200), 'garbage': status_only(200, os.urandom(300)),
    'text': status_only(200, 'thank you\n'),
    'no newline': lambda w, c, text: foreign.http(200, w.cosign(text)[:-1]),
    'an empty line first': lambda w, c, text: foreign.http(
        200, '\n' + w.cosign(text)),
    'huge': lambda w, c, text: foreign.http(200, w.cosign(text) * 4000),
    'another key': lambda w, c, text: foreign.http(
        200, w.cosign(text, key=stranger)),
    'another text': lambda w, c, text: foreign.http(
        200, w.cosign(text, extra=b'x\n')),
    'another name': lambda w, c, text: foreign.http(
        200, foreign.Foreign.cosign(w, text).replace('/w1 ', '/w2 ')),
    'time 0': lambda w, c, text: foreign.http(200, w.cosign(text, now=0)),
    'the future': lambda w, c, text: foreign.http(
        200, w.cosign(text, now=int(time.time()) + 86400)),
    'after the end of time': lambda w, c, text: foreign.http(
        200, w.cosign(text, now=(1 << 63) + 5)),
    'good and bad': lambda w, c, text: foreign.http(
        200, w.cosign(text) + w.cosign(text, key=stranger)),
    '409 ahead': status_only(409, '999999\n', 'text/x.tlog.size'),
    '409 and nothing': status_only(409),
    '409 and words': status_only(409, 'try again\n', 'text/x.tlog.size'),
    '409 below zero': status_only(409, '-1\n', 'text/x.tlog.size'),
    '409 again and again': status_only(409, '1\n', 'text/x.tlog.size'),
}


def test_every_fault_of_a_server():
    with office() as x:
        x.cosigned(x.step())
        for name, fault in BAD.items():
            asked = x.w.asked
            x.w.fault = fault
            # The device and its console go on meanwhile.
            n = x.step()
            x.w.wait(lambda: x.w.asked > asked, fake.LIMIT)
            x.step()
            checks.true(x.size_of(x.w.name) < n, name)
            checks.equal((name, x.status()['lockdown']), (name, None))
            x.w.fault = None
            # It has another size than the console thinks, or the same one.
            x.cosigned(x.step())
        for doc in x.audit():
            checks.equal(len(doc['witnesses']), 2)
        checks.equal(x.k.c.get('/v1/devices/' + x.a.id)['alarms'], [])


def test_a_witness_that_was_away():
    """Down, then up again; slow; and put back to an earlier state."""
    with office() as x:
        x.cosigned(x.step())
        x.w.down()
        n = x.step()
        x.step()
        checks.true(x.size_of(x.w.name) < n, 'while it was down')
        x.w.up()
        x.cosigned(x.step())
        # It thinks long: nobody waits for it.
        go = threading.Event()
        asked = threading.Event()

        def slowly(w, c, text):
            asked.set()
            go.wait(fake.LIMIT)
            w.fault = None
            return foreign.http(200, w.cosign(text))

        x.w.fault = slowly
        n = x.step()
        checks.true(asked.wait(fake.LIMIT), 'it was not asked')
        x.step()
        x.step()
        checks.true(x.size_of(x.w.name) < n, 'while it thought')
        go.set()
        # It did not keep what it said then: 409, and from there.
        x.cosigned(x.step())
        public = x.w.logs[x.origin][0]
        x.w.knows(x.origin, public)
        x.cosigned(x.step())
        checks.true(x.w.logs[x.origin][1] > 0, 'it goes on from nothing')
        x.audit()


def test_lines_that_nobody_knows_are_kept_and_mean_nothing():
    """Of another kind in its own name, and of others; not in the names of
    those who speak for themselves."""
    with office() as x:
        x.cosigned(x.step())

        def more(w, c, text):
            return foreign.http(200, ''.join((
                foreign.line(w.name, b'mldw', os.urandom(2428)),
                w.cosign(text),
                foreign.line('other.example/x', b'abcd', b'y' * 40),
                foreign.line(x.own, b'selv', b'y' * 72),
                foreign.line(x.origin, b'devi', b'y' * 64),
                foreign.line(x.origin + '/epoch-1', b'epoc', b'y' * 64))))

        x.w.fault = more
        n = x.step()
        x.cosigned(n)
        note = x.note(b'mldw')
        checks.equal((x.w.time_of(x.note(x.w.id)) is not None,
                      foreign.DASH + x.w.name in note), (True, True))
        checks.true(foreign.DASH + 'other.example/x' in x.note(b'abcd'),
                    'another name')
        for id_ in (b'selv', b'devi', b'epoc'):
            checks.true(not os.path.exists(os.path.join(
                x.state, 'cosig', id_.hex())), id_)
        for doc in x.audit():
            checks.equal(sorted(w['name'] for w in doc['witnesses']),
                         sorted([x.own, x.w.name]))
        text = x.k.c.request('GET', '/v1/logs/%s/checkpoint' % x.origin,
                             user=None)[2].decode()
        if int(text.split('\n')[1]) == int(note.split('\n')[1]):
            for part in ('other.example/x', x.w.name + ' bWxkd'):
                checks.true(foreign.DASH + part in text, text)
        x.a.stop()
        x.a.start()
        wait(lambda: x.status()['lockdown'] is None, 'the agent')


def test_a_time_of_long_ago():
    """It is a good signature: it is kept, and says what it says."""
    with office() as x:
        x.cosigned(x.step())
        x.w.fault = lambda w, c, text: foreign.http(
            200, w.cosign(text, now=978307200))
        n = x.step()
        x.cosigned(n)
        checks.equal(x.w.time_of(x.note(x.w.id)),
                     978307200)
        for doc in x.audit():
            w, = [w for w in doc['witnesses'] if w['name'] == x.w.name]
            checks.equal(w['time'], '2001-01-01T00:00:00Z')


if __name__ == '__main__':
    checks.main(globals())
