#!/usr/bin/python3
"""test_console_witness.py - the console as a witness and as a log's mirror.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

Trees, proofs and notes are tlog.py's own. Every status of C2SP tlog-witness,
over the link and over HTTP; what was answered is on the disk whatever happens;
the mirror's tiles make the proofs; a foreign witness takes part.
"""
import base64
import hashlib
import http.server
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import checks, dsse, fake, link, owner, tlog	# noqa: E402
from countersign.console import Console			# noqa: E402
from countersign.desk import desk				# noqa: E402

LIMIT = fake.LIMIT


def clock(d, n=1):
    """Grows the journal by n records."""
    for _ in range(n):
        d.record('clock', reason='a', by='local:root',
                 floor='2026-01-01T00:00:00Z')


class DeviceLog(tlog.Log):
    """The log of a played device: its journal's tree."""

    def __init__(self, d):
        super().__init__('%s/%s' % (d.owner.org, d.id), d.key)
        self.d = d

    def grown(self):
        self.leaves = [tlog.leaf(r) for r in self.d.journal]
        return self

    def ask(self, body):
        """The answer over the link: (status, body)."""
        self.d.link.text(link.checkpoint(body))
        m = self.d.wait('cosignature')
        return m['status'], m['body']


def post(k, body, **head):
    status, headers, data = k.c.request(
        'POST', '/add-checkpoint', body.encode() if isinstance(body, str)
        else body, user=None)
    return status, data.decode(), headers['Content-Type']


def vkey(c):
    return c.get('/v1/witness', user=None)['vkey']


# ---- the key ----

def test_the_key_is_made_once():
    with Console() as c:
        doc = c.get('/v1/witness', user=None)
        name, kind, public = tlog.parse_vkey(doc['vkey'])
        checks.equal((name, kind), (doc['name'], tlog.COSIGNATURE))
        checks.equal(dsse.b64(public), doc['key'])
        checks.equal(name, '127.0.0.1/witness')
        checks.equal(c.command('witness-key')[1].strip(), doc['vkey'])
        checks.equal(c.command('witness-key', '--json')[1].count(
            doc['key']), 1)
        c.stop()
        c.start()
        checks.equal(vkey(c), doc['vkey'])
        # Another name would need another key.
        c.stop()
        c.settings['witness_name'] = 'other.example/w'
        c.write_config()
        try:
            c.start()
            raise AssertionError('it started')
        except AssertionError as e:
            checks.true('did not start' in str(e), str(e))
        c.process = None
        c.settings['witness_name'] = name
        c.write_config()
        c.start()
    with Console(witness_name='w.example/1') as c:
        checks.equal(c.get('/v1/witness', user=None)['name'], 'w.example/1')


# ---- every status ----

def statuses(k, log, ask, other):
    """The same over link and HTTP. ask: body -> (status, body, …); other: a
    request of a log that is not known there."""
    key = vkey(k.c)

    def refused(status, body):
        checks.equal(ask(body)[0], status, body[:200])

    # Nothing is known yet.
    checks.equal(ask(log.request(1))[:2], (409, '0\n'))
    refused(422, log.request(0, proof=[bytes(32)]))
    first = int(time.time())
    got = ask(log.request(0))
    checks.equal(got[0], 200)
    when = tlog.check_cosignature(key, log.text(), got[1])
    checks.true(first <= when <= time.time(), 'time %d' % when)
    size = len(log.leaves)
    # Stale, and from the wrong place.
    checks.equal(ask(log.request(0))[:2], (409, '%d\n' % size))
    checks.equal(ask(log.request(size - 1))[:2], (409, '%d\n' % size))
    refused(400, log.request(size + 1, size))
    # The same once more: an empty proof, the same root.
    checks.equal(ask(log.request(size))[0], 200)
    refused(422, log.request(size, size, proof=[bytes(32)]))
    # Bytes that are none.
    good = log.request(size)
    for bad in ('x', 'old\n\n', 'old 01\n\n', good[:30],
                good.replace('old ', 'Old '),
                good.replace('\n\n', '\n', 1), good + 'x',
                good.replace('old ', 'old -'), 'old 3\n' + 'A' * 43 +
                '=\n' * 70 + '\n' + log.note(),
                'old 3\n' + ('A' * 43 + '=\n') * 64 + '\n' + log.note()):
        refused(400, bad)
    # Signed by somebody else; by the right name and the wrong key; changed.
    stranger = tlog.Key(log.origin)
    refused(403, tlog.request(size, [], tlog.signed(log.text(), stranger)))
    refused(403, tlog.request(size, [], tlog.signed(
        log.text(), tlog.Key('x/y', key=log.key.key))))
    forged = tlog.signed(log.text(), log.key)
    refused(403, tlog.request(size, [], forged.replace(
        '\n%d\n' % size, '\n%d\n' % (size + 1), 1)))
    refused(404, other)
    return key


def grow(k, log, ask, key, more):
    """Proofs from every size on; a bad one in between; extra lines."""
    size = len(log.leaves)
    more()
    proof = tlog.consistency(size, log.leaves)
    checks.true(len(proof) > 0, 'a proof')
    bad = [bytes(32)] + proof[1:]
    checks.equal(ask(log.request(size, proof=bad))[0], 422)
    checks.equal(ask(log.request(size, proof=proof[:-1]))[0], 422)
    checks.equal(ask(log.request(size, proof=proof + [bytes(32)]))[0], 422)
    # Lines of others, of unknown kinds, of our own name: all ignored.
    note = log.note(None, tlog.Key('x.example/1', 0x06),
                    tlog.Key(log.origin + '/epoch-3'))
    note += '%ssome.example/w %s\n' % (tlog.DASH, tlog.b64(bytes(40)))
    got = ask(tlog.request(size, proof, note))
    checks.equal(got[0], 200)
    tlog.check_cosignature(key, log.text(), got[1])
    checks.equal(got[1].count('\n'), 1)
    kept = k.c.request('GET', '/v1/witness/%s/checkpoint' % hashlib.sha256(
        log.origin.encode()).hexdigest(), user=None)[2].decode()
    text = tlog.check_signature(log.key.vkey, kept)
    tlog.check_cosignature(key, text, kept.rsplit('\n\n', 1)[1])
    checks.equal(text, log.text())
    names = [n for n, _, _ in tlog.split_note(kept)[1]]
    checks.equal(names, [log.origin, log.origin + '/epoch-3',
                         tlog.parse_vkey(key)[0]])


def test_every_status_over_the_link():
    with desk() as k:
        clock(k.d, 4)
        k.d.send(1)
        log = DeviceLog(k.d).grown()
        stranger = tlog.Log('foreign.example/log').add(b'a')
        key = statuses(k, log, log.ask, stranger.request(0))

        def more():
            first = len(k.d.journal)
            clock(k.d, 300)
            k.d.send(first)
            log.grown()

        for _ in range(2):
            grow(k, log, log.ask, key, more)
        # Of another device: its own link only.
        other = tlog.Log('%s/%s' % (k.o.org, 'd-' + 'a' * 26)).add(b'x')
        checks.equal(log.ask(other.request(0))[0], 404)
        d = k.c.get('/v1/devices/' + k.d.id)
        checks.equal((d['alarms'], d['checkpoint']), ([], len(log.leaves)))
        checks.equal([(w['witness'], w['size']) for w in d['cosigned']],
                     [(tlog.parse_vkey(key)[0], len(log.leaves))])
        # What the device gets when it comes again.
        k.d.start(enrol=False)
        note = k.d.welcome['checkpoint']
        checks.equal(tlog.check_signature(d['vkey'], note), log.text())
        tlog.check_cosignature(key, log.text(), note.rsplit('\n\n', 1)[1])


def test_every_status_over_http():
    log = tlog.Log('log.example/42').add(b'1', b'2', b'3')
    logs = [{'name': log.origin, 'key': log.key.vkey}]
    with desk(witness_logs=logs) as k:
        def ask(body):
            status, data, type_ = post(k, body)
            checks.equal(type_.split(';')[0], {
                200: 'text/plain', 409: 'text/x.tlog.size'}.get(
                    status, 'application/problem+json'))
            return status, data

        key = statuses(k, log, ask, tlog.Log('x').add(b'a').request(0))
        for n in (1, 2, 300):
            grow(k, log, ask, key,
                 lambda: log.add(*(b'%d' % i for i in range(n))))
        # More lines of its own than anybody keeps: its key's one is.
        size, note = len(log.leaves), log.note()
        for _ in range(4):
            note += '%s%s %s\n' % (tlog.DASH, log.origin,
                                   tlog.b64(os.urandom(2424)))
        checks.equal(ask(tlog.request(size, [], note))[0], 200)
        checks.equal(len(tlog.split_note(k.c.request(
            'GET', '/v1/witness/%s/checkpoint' % hashlib.sha256(
                log.origin.encode()).hexdigest(), user=None)[2].decode())[1]),
            2)
        checks.equal(post(k, b'x' * 200000)[0], 413)
        checks.equal(post(k, b'')[0], 400)
        checks.equal(post(k, b'old 0\n\n\xff\xfe\n')[0], 400)
        checks.equal(k.c.request('GET', '/add-checkpoint',
                                 user=None)[0], 405)


def test_devices_over_http_and_no_others():
    with desk() as k:
        clock(k.d, 3)
        k.d.send(1)
        log = DeviceLog(k.d).grown()
        checks.equal(post(k, log.request(0))[0], 200)
        # The link goes on from there.
        checks.equal(log.ask(log.request(0)), (409, '4\n'))
        first = len(k.d.journal)
        clock(k.d, 2)
        k.d.send(first)
        log.grown()
        checks.equal(log.ask(log.request(4))[0], 200)
        checks.equal(post(k, log.request(4))[:2], (409, '6\n'))
        for origin in (k.d.id, '/' + k.d.id, 'x/' + k.d.id,
                       log.origin + '/epoch-1', log.origin + '/', '/',
                       'a' * 250):
            x = tlog.Log(origin, k.d.key)
            x.leaves = log.leaves
            checks.equal(post(k, x.request(0))[0], 404, origin[:80])
        checks.equal(k.c.get('/v1/devices/' + k.d.id)['alarms'], [])
        checks.equal(k.c.request('GET', '/v1/witness/%s/checkpoint' % (
            '0' * 64), user=None)[0], 404)


def test_a_checkpoint_ahead_of_its_records():
    """The proof is enough for a cosignature; the records are looked at when
    they come."""
    with desk() as k:
        log = DeviceLog(k.d)
        clock(k.d, 5)
        log.grown()
        checks.equal(log.ask(log.request(0))[0], 200)
        k.d.send(1)
        d = k.c.get('/v1/devices/' + k.d.id)
        checks.equal((d['alarms'], d['records']), ([], 6))
        # Another tree than the records that come: a fork.
        clock(k.d, 2)
        log.grown()
        log.leaves[7] = tlog.leaf(b'something else')
        checks.equal(log.ask(log.request(6))[0], 200)
        k.d.send(6)
        d = k.c.get('/v1/devices/' + k.d.id)
        checks.equal([a['kind'] for a in d['alarms']], ['fork'])
        checks.equal(d['alarms'][0]['first'], 6)


def test_too_many_requests():
    with desk() as k:
        c = k.c.connect()
        seen = set()
        for _ in range(20000):
            c.request('POST', '/add-checkpoint', b'x')
            r = c.getresponse()
            r.read()
            seen.add(r.status)
            if r.status == 429:
                break
        c.close()
        checks.equal(seen, {400, 429})
        # A link is not held up by them.
        log = DeviceLog(k.d).grown()
        checks.equal(log.ask(log.request(0))[0], 200)


# ---- on the disk before it is said ----

def test_a_kill_never_takes_a_cosignature_back():
    with desk() as k:
        log = DeviceLog(k.d).grown()
        key, answered = vkey(k.c), 0
        for i in range(12):
            first = len(k.d.journal)
            clock(k.d, 3)
            k.d.send(first)
            log.grown()
            size = len(log.leaves)
            k.d.link.text(link.checkpoint(log.request(answered)))
            if i % 3 == 0:
                # Killed at some moment before, at or after the answer.
                time.sleep(0.0005 * i)
                k.c.kill()
                try:
                    while True:
                        m = k.d.link.message()
                        if m['type'] == 'cosignature':
                            checks.equal(m['status'], 200)
                            answered = size
                except Exception as e:
                    checks.true(type(e).__name__ == 'Ended', repr(e))
                k.c.start()
                k.d.start(enrol=False)
                status, body = log.ask(log.request(0))
                if status == 409:
                    checks.true(int(body) >= answered, 'behind: ' + body)
                    status, _ = log.ask(log.request(int(body)))
                else:
                    checks.equal(answered, 0)
                checks.equal(status, 200)
                answered = size
            else:
                m = k.d.wait('cosignature')
                checks.equal(m['status'], 200)
                tlog.check_cosignature(key, log.text(), m['body'])
                answered = size


def test_two_at_once_never_both_move_it():
    """Many requests from one size: one of them wins, the others are told."""
    log = tlog.Log('log.example/1').add(*(b'%d' % i for i in range(40)))
    logs = [{'name': log.origin, 'key': log.key.vkey}]
    with desk(witness_logs=logs) as k:
        checks.equal(post(k, log.request(0, 8))[0], 200)
        out = []
        bodies = [log.request(8, n) for n in range(9, 41)]
        threads = [threading.Thread(target=lambda b=b: out.append(
            post(k, b)[:2])) for b in bodies]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        checks.equal(sorted(s for s, _ in out), [200] + [409] * 31)
        size = {body for s, body in out if s == 409}
        checks.equal(len(size), 1)
        good = [b for s, b in out if s == 200][0]
        tlog.check_cosignature(vkey(k.c), log.text(int(size.pop())), good)


# ---- the mirror ----

def fetch(k, d, path, user=None):
    return k.c.request('GET', '/v1/logs/%s/%s/%s' % (k.o.org, d.id, path),
                       user=user)


def name_of(n):
    parts = ['%03d' % (n % 1000)]
    while n >= 1000:
        n //= 1000
        parts.insert(0, 'x%03d' % (n % 1000))
    return '/'.join(parts)


def test_the_mirror_of_a_log():
    with desk() as k:
        checks.equal(fetch(k, k.d, 'checkpoint')[0], 404)
        records = [owner.text({'kind': 'clock', 'time':
                               '2026-01-01T00:00:00Z', 'boot_ms': i, 'by':
                               'local:root', 'reason': 'r%d' % i, 'floor':
                               '2026-01-01T00:00:00Z'})
                   for i in range(66000)]
        first = len(k.d.journal)
        k.d.journal += records
        for i in range(first, len(k.d.journal), 300):
            k.d.link.binary(link.put_binary(1, *enumerate(
                k.d.journal[i:i + 300], i)))
        k.d.wait('have', n=len(k.d.journal))
        log = DeviceLog(k.d).grown()
        size = len(log.leaves)
        checks.equal(log.ask(log.request(0))[0], 200)
        _, head, note = fetch(k, k.d, 'checkpoint')
        checks.equal(head['Content-Type'], 'text/plain; charset=utf-8')
        text, lines = tlog.split_note(note.decode())
        checks.equal((text, len(lines)), (log.text(), 2))
        # Every tile that a tree of this size has, from the plain recursion.
        level, hashes = 0, log.leaves
        while hashes:
            for n in range(0, (len(hashes) + 255) // 256,
                           1 if level else 37):
                part = hashes[256 * n:256 * n + 256]
                path = 'tile/%d/%s' % (level, name_of(n))
                if len(part) < 256:
                    checks.equal(fetch(k, k.d, path)[0], 404, path)
                    path += '.p/%d' % len(part)
                status, _, data = fetch(k, k.d, path)
                checks.equal((status, data), (200, b''.join(part)), path)
            hashes = [tlog.root(hashes[256 * i:256 * i + 256])
                      for i in range(len(hashes) // 256)]
            level += 1
        checks.equal(level, 3)
        for bad in ('tile/0/257', 'tile/9/000', 'tile/64/000', 'tile/00/000',
                    'tile/0/0', 'tile/0/x000/001', 'tile/0/000.p/0',
                    'tile/0/000.p/256', 'tile/0/000.p/', 'tile/0/001/002',
                    'tile/0/x001', 'tile/x/000', 'tile/0', 'tile/-1/000',
                    'tile/0/999', 'tile/entries/999', 'tile/entries/x'):
            checks.equal(fetch(k, k.d, bad, 'admin')[0], 404, bad)
        # Entries have secrets in them.
        checks.equal(fetch(k, k.d, 'tile/entries/000')[0], 401)
        k.c.user('op', 'operator')
        k.c.user('else', 'auditor', org='other.example')
        checks.equal(fetch(k, k.d, 'tile/entries/000', 'op')[0], 403)
        checks.equal(fetch(k, k.d, 'tile/entries/000', 'else')[0], 404)
        for n, width in ((0, 256), (100, 256), (size // 256, size % 256)):
            part = '' if width == 256 else '.p/%d' % width
            data = fetch(k, k.d, 'tile/entries/%s%s' % (name_of(n), part),
                         'admin')[2]
            checks.equal(data, b''.join(
                len(r).to_bytes(2, 'big') + r
                for r in k.d.journal[256 * n:256 * n + width]))


# ---- foreign witnesses ----

class Witness(http.server.BaseHTTPRequestHandler):
    """A witness of one log, as C2SP tlog-witness has it; and not ours."""

    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        w = self.server
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        with w.lock:
            status, type_, answer = w.answer(self.path, body)
        data = answer.encode()
        self.send_response(status)
        self.send_header('Content-Type', type_)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class WitnessServer(http.server.ThreadingHTTPServer):
    def __init__(self, name='w.example/1'):
        super().__init__(('127.0.0.1', 0), Witness)
        self.key = tlog.Key(name, tlog.COSIGNATURE)
        self.lock = threading.Lock()
        self.logs = {}			# origin -> [vkey, size, root]
        self.asked = []
        self.twist = None		# changes what is answered
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def settings(self):
        return {'name': self.key.name, 'key': self.key.vkey,
                'url': 'http://127.0.0.1:%d/prefix/' % self.server_port}

    def answer(self, path, body):
        assert path == '/prefix/add-checkpoint', path
        head, note = body.split('\n\n', 1)
        lines = head.split('\n')
        assert lines[0].startswith('old '), lines
        old = int(lines[0][4:])
        proof = [base64.b64decode(x) for x in lines[1:]]
        text, _ = tlog.split_note(note)
        origin, size, root = text.split('\n')[:3]
        size, root = int(size), base64.b64decode(root)
        self.asked.append((origin, old, size))
        if self.twist is not None:
            return self.twist(text)
        if origin not in self.logs:
            return 404, 'text/plain', 'who?\n'
        log = self.logs[origin]
        tlog.check_signature(log[0], note)
        if old != log[1]:
            return 409, 'text/x.tlog.size', '%d\n' % log[1]
        if not consistent(old, log[2], size, root, proof):
            return 422, 'text/plain', 'no\n'
        log[1:] = size, root
        return 200, 'text/plain', self.key.cosign(text)


def consistent(old, old_root, size, root, proof):
    """RFC 9162, 2.1.4.2."""
    if old == 0:
        return proof == []
    if old == size:
        return proof == [] and old_root == root
    proof = list(proof)
    if old & (old - 1) == 0:
        proof.insert(0, old_root)
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not proof:
        return False
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = tlog.sha(b'\1', c, fr), tlog.sha(b'\1', c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = tlog.sha(b'\1', sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == root


def foreign(k, log, w, size):
    """Waits until the device has that witness's line for that size."""
    while True:
        m = k.d.wait('cosignature', status=203)
        if w.key.name in m['body']:
            break
    when = tlog.check_cosignature(w.key.vkey, log.text(size), m['body'])
    checks.true(abs(when - time.time()) < LIMIT, 'time')
    return m['body']


def test_a_foreign_witness_takes_part():
    w = WitnessServer()
    try:
        with desk(witnesses=[w.settings()]) as k:
            log = DeviceLog(k.d).grown()
            w.logs[log.origin] = [k.c.get('/v1/devices/' + k.d.id)['vkey'],
                                  0, tlog.root([])]
            for n in (5, 1, 400):
                first = len(k.d.journal)
                clock(k.d, n)
                k.d.send(first)
                old = len(log.leaves) if first > 1 else 0
                log.grown()
                size = len(log.leaves)
                checks.equal(log.ask(log.request(old, size))[0], 200)
                line = foreign(k, log, w, size)
                checks.equal(w.logs[log.origin][1], size)
            note = fetch(k, k.d, 'checkpoint')[2].decode()
            checks.true(line in note, note)
            names = [n for n, _, _ in tlog.split_note(note)[1]]
            checks.equal(names, [log.origin, '127.0.0.1/witness',
                                 w.key.name])
            d = k.c.get('/v1/devices/' + k.d.id)
            checks.equal([(x['witness'], x['size']) for x in d['cosigned']],
                         [('127.0.0.1/witness', size), (w.key.name, size)])
            k.d.start(enrol=False)
            checks.true(line in k.d.welcome['checkpoint'], 'welcome')
    finally:
        w.shutdown()
        w.server_close()


def test_a_foreign_witness_that_is_ahead_or_lies():
    w = WitnessServer()
    liar = tlog.Key(w.key.name, tlog.COSIGNATURE)
    try:
        with desk(witnesses=[w.settings()]) as k:
            clock(k.d, 9)
            k.d.send(1)
            log = DeviceLog(k.d).grown()
            # It has seen the log before: 409, and the proof from there.
            w.logs[log.origin] = [k.c.get('/v1/devices/' + k.d.id)['vkey'],
                                  7, tlog.root(log.leaves[:7])]
            checks.equal(log.ask(log.request(0))[0], 200)
            foreign(k, log, w, 10)
            checks.equal(w.asked, [(log.origin, 0, 10), (log.origin, 7, 10)])
            # A line of another key, or for another text, counts nothing.
            for n, twist in enumerate((
                    lambda text: (200, 'text/plain', liar.cosign(text)),
                    lambda text: (200, 'text/plain',
                                  w.key.cosign(text + 'x\n')),
                    lambda text: (200, 'text/plain', ''),
                    lambda text: (409, 'text/x.tlog.size', '99999\n'),
                    lambda text: (500, 'text/plain', 'x'))):
                w.twist = twist
                asked = len(w.asked)
                old = len(log.leaves)
                clock(k.d)
                k.d.send()
                log.grown()
                checks.equal(log.ask(log.request(old))[0], 200)
                while len(w.asked) == asked:
                    k.c.get('/healthz', user=None)
            k.d.start(enrol=False)
            checks.true(w.key.name not in k.d.welcome['checkpoint'],
                        'a lie was kept')
            d = k.c.get('/v1/devices/' + k.d.id)
            checks.equal([x['size'] for x in d['cosigned']], [15, 10])
    finally:
        w.shutdown()
        w.server_close()


if __name__ == '__main__':
    checks.main(globals())
