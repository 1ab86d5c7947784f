#!/usr/bin/python3
"""test_witness_http.py - add-checkpoint to the letter, byte by byte.
SPDX-License-Identifier: Apache-2.0
Runs in: make check.

What C2SP tlog-witness, tlog-checkpoint and signed-note say of a request, one
case after the other over a bare socket: its bytes, its proof, its signatures,
and the HTTP that it comes in. What was answered is known after a kill.
"""
import base64
import hashlib
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import checks, fake, tlog			# noqa: E402
from countersign.desk import desk				# noqa: E402


class Case:
    """A console that knows a log of five entries, and has cosigned three."""

    def __init__(self, k, log):
        self.k, self.log = k, log
        self.key = k.c.get('/v1/witness', user=None)['vkey']

    def raw(self, data, half=False):
        """(status, media type, body) of the first answer; None: none."""
        with socket.create_connection(('127.0.0.1', self.k.c.api_port),
                                      fake.LIMIT) as s:
            try:
                s.sendall(data)
                if half:
                    s.shutdown(socket.SHUT_WR)
                out = b''
                while (m := re.match(
                        rb'(?s)(HTTP/1.1 100 .*?\r\n\r\n)?'
                        rb'(HTTP/1.[01] (?!100)(\d+) '
                        rb'.*?\r\n\r\n)(.*)', out)) is None or \
                        len(m[4]) < length_of(m[2]):
                    part = s.recv(65536)
                    if part == b'':
                        return None
                    out += part
            except ConnectionResetError:
                return None
        type_ = re.search(rb'(?i)\r\ncontent-type: ([^\r]*)', m[2])
        return (int(m[3]), type_[1].decode() if type_ else None,
                m[4][:length_of(m[2])].decode())

    def post(self, body, head=b'', method=b'POST', path=b'/add-checkpoint'):
        body = body.encode() if isinstance(body, str) else body
        return self.raw(method + b' ' + path + b' HTTP/1.1\r\nHost: x\r\n' +
                        head + b'Content-Length: %d\r\n\r\n' % len(body) +
                        body)

    def status(self, body):
        return self.post(body)[0]

    def good(self, answer, size):
        checks.equal(answer[:2], (200, 'text/plain; charset=utf-8'))
        tlog.check_cosignature(self.key, self.log.text(size), answer[2])

    def kept(self):
        """The size that it says it cosigned last."""
        return int(self.k.c.request(
            'GET', '/v1/witness/%s/checkpoint' % hashlib.sha256(
                self.log.origin.encode()).hexdigest(),
            user=None)[2].split(b'\n')[1])


def length_of(head):
    m = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
    return int(m[1]) if m else 0


def case(size=3):
    log = tlog.Log('log.example/42').add(b'1', b'2', b'3', b'4', b'5')
    return Running(log, size)


class Running:
    def __init__(self, log, size):
        self.log, self.size = log, size
        self.desk = desk(device=False, trust=False, witness_logs=[
            {'name': log.origin, 'key': log.key.vkey}])

    def __enter__(self):
        c = Case(self.desk.__enter__(), self.log)
        if self.size:
            c.good(c.post(self.log.request(0, self.size)), self.size)
        return c

    def __exit__(self, *why):
        return self.desk.__exit__(*why)


def table(c, rows):
    """name -> (status, body): none of the refused ones is remembered."""
    for name, (status, body) in rows.items():
        before = c.kept()
        checks.equal((name, c.status(body)), (name, status))
        if status != 200:
            checks.equal((name, c.kept()), (name, before))


def test_the_request_line_by_line():
    with case() as c:
        good = c.log.request(3, 3)
        note = c.log.note(3)
        c.good(c.post(good), 3)
        table(c, {
            'nothing': (400, ''), 'only an end': (400, '\n'),
            'CRLF': (400, good.replace('\n', '\r\n')),
            'CRLF in the first line': (400, good.replace('\n', '\r\n', 1)),
            'no newline at the end': (400, good[:-1]),
            'an empty line more': (400, good + '\n'),
            'something behind': (400, good + 'x\n'),
            'a line before': (400, '\n' + good),
            'a mark before': (400, '\ufeff' + good),
            'NUL': (400, good.replace('old 3', 'old 3\0')),
            'no UTF-8': (400, good.encode() + b'\xff\n'),
            'Old': (400, good.replace('old', 'Old')),
            'two spaces': (400, good.replace('old 3', 'old  3')),
            'a tab': (400, good.replace('old 3', 'old\t3')),
            'a space behind': (400, good.replace('old 3', 'old 3 ')),
            'a sign': (400, good.replace('old 3', 'old +3')),
            'less than nothing': (400, good.replace('old 3', 'old -3')),
            'a zero in front': (400, good.replace('old 3', 'old 03')),
            'hexadecimal': (400, good.replace('old 3', 'old 0x3')),
            'no number': (400, good.replace('old 3', 'old ')),
            'two to the 64 and 3': (400, good.replace(
                'old 3', 'old %d' % ((1 << 64) + 3))),
            'no empty line': (400, 'old 3\n' + note),
            'no note': (400, 'old 3\n\n'),
            'no signature': (400, 'old 3\n\n' + c.log.text(3) + '\n'),
            'a size with zeros': (400, 'old 3\n\n' + tlog.signed(
                c.log.text(3).replace('\n3\n', '\n03\n'), c.log.key)),
            'a root of 31 bytes': (400, 'old 3\n\n' + tlog.signed(
                '%s\n3\n%s\n' % (c.log.origin, tlog.b64(bytes(31))),
                c.log.key)),
            'two lines only': (400, 'old 3\n\n' + tlog.signed(
                c.log.origin + '\n3\n', c.log.key)),
            'no origin': (400, 'old 3\n\n' + tlog.signed(
                '\n' + c.log.text(3).split('\n', 1)[1], c.log.key)),
            'an extension that is empty': (400, 'old 3\n\n' + tlog.signed(
                c.log.text(3) + 'x\n\ny\n', c.log.key)),
        })
        # Extension lines are the log's business; they are cosigned as text.
        text = c.log.text(3) + 'an extension\nand \u00e9\n'
        status, _, lines = c.post('old 3\n\n' + tlog.signed(text, c.log.key))
        checks.equal(status, 200)
        tlog.check_cosignature(c.key, text, lines)


def test_sizes_and_roots():
    empty = hashlib.sha256().digest()

    def at(size, root):
        return tlog.signed('%s\n%d\n%s\n' % (log.origin, size,
                                             tlog.b64(root)), log.key)

    log = case().log
    with Running(log, 0) as c:
        checks.equal(c.post(tlog.request(5, [], at(3, bytes(32))))[0], 400)
        checks.equal(c.post(log.request(1)),
                     (409, 'text/x.tlog.size', '0\n'))
        checks.equal(c.status(tlog.request(0, [], at(0, bytes(32)))), 422)
        checks.equal(c.status(tlog.request(0, [empty], at(0, empty))), 422)
        for _ in range(2):
            answer = c.post(tlog.request(0, [], at(0, empty)))
            checks.equal(answer[0], 200)
            tlog.check_cosignature(c.key, tlog.checkpoint(
                log.origin, [], 0, empty), answer[2])
        checks.equal(c.status(log.request(0, 3, [bytes(32)])), 422)
        c.good(c.post(log.request(0, 3)), 3)
        # The empty tree once more is a step back, and says so.
        checks.equal(c.post(tlog.request(0, [], at(0, empty))),
                     (409, 'text/x.tlog.size', '3\n'))
        checks.equal(c.status(tlog.request(3, [], at(0, empty))), 400)
        checks.equal(c.status(tlog.request(3, [], at(2, bytes(32)))), 400)
        checks.equal(c.post(log.request(2, 2)),
                     (409, 'text/x.tlog.size', '3\n'))
        checks.equal(c.status(tlog.request(3, [], at(3, bytes(32)))), 422)
        checks.equal(c.status(tlog.request(3, [bytes(32)], log.note(3))),
                     422)
        c.good(c.post(log.request(3, 3)), 3)
        checks.equal(c.kept(), 3)


def test_proofs():
    with case() as c:
        proof = [tlog.b64(h) for h in tlog.consistency(3, c.log.leaves)]

        def lines(*lines):
            return 'old 3\n' + ''.join(x + '\n' for x in lines) + '\n' + \
                c.log.note()

        # The last letter before the padding has two bits that are none.
        letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz' \
            '0123456789+/'
        odd = proof[0][:-2] + letters[letters.index(proof[0][-2]) ^ 1] + '='
        zero = tlog.b64(bytes(32))
        table(c, {
            'none': (422, lines()), 'one less': (422, lines(*proof[:-1])),
            'one more': (422, lines(*proof, zero)),
            'backwards': (422, lines(*proof[::-1])),
            'of zeros': (422, lines(*[zero] * len(proof))),
            '63': (422, lines(*[zero] * 63)), '64': (400, lines(*[zero] * 64)),
            '31 bytes': (400, lines(tlog.b64(bytes(31)), *proof[1:])),
            '33 bytes': (400, lines(tlog.b64(bytes(33)), *proof[1:])),
            'another spelling': (400, lines(odd, *proof[1:])),
            'no padding': (400, lines(proof[0][:-1], *proof[1:])),
            'another alphabet': (400, lines('-_' + proof[0][2:], *proof[1:])),
            'a space behind': (400, lines(proof[0] + ' ', *proof[1:])),
            'no base64': (400, lines('!' * 44, *proof[1:])),
        })
        c.good(c.post(lines(*proof)), 5)


def test_signatures():
    with case(5) as c:
        text = c.log.text()
        own = c.log.key.line(text)
        id_, value = c.log.key.id, base64.b64decode(own.split(' ')[2])[4:]

        def named(name, data):
            return '%s%s %s\n' % (tlog.DASH, name, tlog.b64(data))

        bad = named(c.log.origin, id_ + value[:-1] +
                    bytes([value[-1] ^ 1]))
        stranger = tlog.Key(c.log.origin).line(text)
        unknown = [named('u%d' % i, os.urandom(40)) for i in range(70)]

        def note(*lines):
            return 'old 5\n\n' + text + '\n' + ''.join(lines)

        table(c, {
            'another key of its name': (403, note(stranger)),
            'its key under another name': (403, note(tlog.Key(
                'x.example', key=c.log.key.key).line(text))),
            'its id under another name': (403, note(named(
                'x.example', id_ + value))),
            'a witness\'s kind of it': (403, note(tlog.Key(
                c.log.origin, tlog.COSIGNATURE, c.log.key.key).cosign(
                    text))),
            'good, then bad': (403, note(own, bad)),
            'bad, then good': (403, note(bad, own)),
            'cut short': (403, note(named(c.log.origin, id_ + value[:40]))),
            'of another text': (403, note(c.log.key.line(text + 'x\n'))),
            'strangers before and after': (200, note(stranger, own,
                                                     unknown[0])),
            'twice': (200, note(own, own)),
            '64 lines': (200, note(own, *unknown[:63])),
            'of 5 kB each': (200, note(own, *(named(
                'pq%d' % i, os.urandom(5000)) for i in range(15)))),
            'a line that is no base64': (400, note(own, '%su !\n' %
                                                   tlog.DASH)),
            'a line without a value': (400, note(own, '%su\n' % tlog.DASH)),
            'an id and nothing': (400, note(own, named('u', b'abcd'))),
            'a name with a plus': (400, note(own, named('a+b', b'x' * 9))),
            'a name with a space': (400, note(own, named('a\u00a0b',
                                                         b'x' * 9))),
            'a hyphen for a dash': (400, note(own.replace(
                tlog.DASH, '- '))),
        })
        other = tlog.Log('other.example/1', c.log.key.key).add(b'1')
        checks.equal(c.status(other.request(0)), 404)
        checks.equal(c.status(tlog.Log('x' * 400).add(b'1').request(0)), 404)


def test_the_HTTP_that_it_comes_in():
    with case(5) as c:
        g = c.log.request(5, 5).encode()
        post = b'POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n'
        length = b'Content-Length: %d\r\n' % len(g)
        parts = b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in (
            g[:1], g[1:60], g[60:])) + b'0\r\n\r\n'
        for name, want, data in (
                ('in chunks', 200, post + b'Transfer-Encoding: chunked\r\n'
                 b'\r\n' + parts),
                ('HTTP/1.0', 200, b'POST /add-checkpoint HTTP/1.0\r\n' +
                 length + b'\r\n' + g),
                ('told to go on', 200, post + b'Expect: 100-continue\r\n' +
                 length + b'\r\n' + g),
                ('with a query', 200, post.replace(b' HTTP', b'?a=b HTTP') +
                 length + b'\r\n' + g),
                ('of a media type', 200, post + b'Content-Type: '
                 b'application/octet-stream\r\n' + length + b'\r\n' + g),
                ('three at once', 200, (post + length + b'\r\n' + g) * 3),
                ('chunks that are none', 400, post +
                 b'Transfer-Encoding: chunked\r\n\r\nzz\r\n'),
                ('no length', 400, post + b'\r\n' + g),
                ('a length below zero', 400, post +
                 b'Content-Length: -1\r\n\r\n' + g),
                ('an endless length', 413, post +
                 b'Content-Length: 99999999999\r\n\r\n'),
                ('too much', 413, post + b'Content-Length: 200000\r\n\r\n' +
                 bytes(200000)),
                ('no host', 400, b'POST /add-checkpoint HTTP/1.1\r\n' +
                 length + b'\r\n' + g)):
            answer = c.raw(data)
            checks.equal((name, answer and answer[0]), (name, want))
            if want == 200:
                c.good(answer, 5)
        c.good(c.raw(post + length + b'\r\n' + g, half=True), 5)
        for method in (b'GET', b'PUT', b'DELETE', b'OPTIONS', b'PATCH'):
            checks.equal(c.post(b'', method=method)[0], 405)
        for path in (b'/add-checkpoint/', b'//add-checkpoint',
                     b'/Add-checkpoint', b'/sign-subtree'):
            checks.equal(c.post(g, path=path)[0], 404)
        # Half a request holds nobody up, however many there are.
        slow = [socket.create_connection(('127.0.0.1', c.k.c.api_port))
                for _ in range(40)]
        for i, s in enumerate(slow):
            s.sendall((post + length + b'\r\n' + g)[:10 + 5 * i])
        c.good(c.post(g), 5)
        for s in slow:
            s.close()
        checks.equal(c.kept(), 5)


def test_what_was_answered_is_known_after_a_kill():
    log = tlog.Log('log.example/k').add(*(b'%d' % i for i in range(30)))
    with Running(log, 1) as c:
        size = 1
        for n in range(3, 31, 3):
            c.good(c.post(log.request(size, n)), n)
            c.k.c.kill()
            c.k.c.start()
            size = n
            checks.equal(c.kept(), size)
            checks.equal(c.post(log.request(0, n)),
                         (409, 'text/x.tlog.size', '%d\n' % size))


if __name__ == '__main__':
    checks.main(globals())
