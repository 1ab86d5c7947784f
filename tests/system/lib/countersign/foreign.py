"""foreign.py - a witness that is not ours, with faults on demand.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Written from the C2SP texts (tlog-witness, tlog-cosignature, tlog-checkpoint,
signed-note) and RFC 6962 alone, down to the socket: nothing of what is tested
is in it. It knows one key for each log, and keeps the latest size and root.
"""
import base64
import hashlib
import socket
import threading
import time

import nacl.exceptions
import nacl.signing

DASH = '\u2014 '


def sha(*parts):
    return hashlib.sha256(b''.join(parts)).digest()


def key_id(name, kind, public):
    return sha(name.encode() + b'\n' + bytes([kind]) + public)[:4]


def line(name, id_, value):
    return '%s%s %s\n' % (DASH, name, base64.b64encode(id_ + value).decode())


def is_consistent(old, old_root, size, root, proof):
    """RFC 9162, 2.1.4.2, with the cases of tlog-witness."""
    if old == 0 or old == size:
        return proof == [] and (old == 0 or old_root == root)
    proof = ([old_root] if old & (old - 1) == 0 else []) + proof
    if not proof:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = proof[0]
    for h in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b'\1', h, fr), sha(b'\1', h, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = sha(b'\1', sr, h)
        fn >>= 1
        sn >>= 1
    return (fr, sr, sn) == (old_root, root, 0)


class Foreign:
    """One witness, listening on a port of its own."""

    def __init__(self, name='foreign.example/w1'):
        self.name = name
        self.key = nacl.signing.SigningKey.generate()
        self.public = bytes(self.key.verify_key)
        self.id = key_id(name, 4, self.public)
        self.logs = {}		# origin -> (public key, size, root)
        self.fault = None	# (witness, connection, text) -> what is sent
        self.asked = 0
        self.changed = threading.Condition()
        self.listener = None
        self.open = set()	# connections
        self.port = 0
        self.up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        """Listens, after the first time on the same port."""
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', self.port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self.listener,),
                         daemon=True).start()

    def down(self):
        """As a machine that is switched off: connections too."""
        listener, self.listener = self.listener, None
        with self.changed:
            ends = [listener, *self.open] if listener is not None else []
        for s in ends:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if listener is not None:
            listener.close()

    def vkey(self):
        return '%s+%s+%s' % (self.name, self.id.hex(), base64.b64encode(
            b'\4' + self.public).decode())

    def settings(self):
        """What a console is told of it."""
        return {'name': self.name, 'key': self.vkey(),
                'url': 'http://127.0.0.1:%d/w/' % self.port}

    def in_root(self):
        """What a root file lists."""
        return {'name': self.name,
                'key': base64.b64encode(self.public).decode()}

    def knows(self, origin, public):
        self.logs[origin] = (public, 0, sha())

    # ---- one connection ----

    def _serve(self, listener):
        while True:
            try:
                c = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._talk, args=(c,),
                             daemon=True).start()

    def _talk(self, c):
        data = b''
        with self.changed:
            self.open.add(c)
        try:
            while self.listener is not None:
                while b'\r\n\r\n' not in data:
                    part = c.recv(65536)
                    if part == b'':
                        return
                    data += part
                head, data = data.split(b'\r\n\r\n', 1)
                fields = dict(x.lower().split(b': ', 1)
                              for x in head.split(b'\r\n')[1:])
                n = int(fields[b'content-length'])
                while len(data) < n:
                    data += c.recv(65536)
                body, data = data[:n], data[n:]
                c.sendall(self._answer(head, body.decode(), c))
        except OSError:
            pass
        finally:
            with self.changed:
                self.open.discard(c)
            c.close()

    def _answer(self, head, body, c):
        request = head.split(b'\r\n')[0].split(b' ')
        if request[:2] != [b'POST', b'/w/add-checkpoint']:
            return http(405, '')
        head, note = body.split('\n\n', 1)
        text = note[:note.rindex('\n\n') + 1]
        fault = self.fault
        try:
            if fault is not None:
                return fault(self, c, text)
            with self.changed:
                return self._judge(head.split('\n'), text,
                                   note[len(text) + 1:])
        finally:
            with self.changed:
                self.asked += 1
                self.changed.notify_all()

    def _judge(self, head, text, lines):
        old = int(head[0][len('old '):])
        proof = [base64.b64decode(h, validate=True) for h in head[1:]]
        origin, size, root = text.split('\n')[:3]
        size, root = int(size), base64.b64decode(root, validate=True)
        if origin not in self.logs:
            return http(404, '')
        public, have, have_root = self.logs[origin]
        if not is_signed(public, origin, text, lines):
            return http(403, '')
        if old > size:
            return http(400, '')
        if old != have:
            return http(409, '%d\n' % have, 'text/x.tlog.size')
        if not is_consistent(old, have_root, size, root, proof):
            return http(422, '')
        self.logs[origin] = (public, size, root)
        return http(200, self.cosign(text))

    def cosign(self, text, now=None, key=None, extra=b''):
        now = int(time.time()) if now is None else now
        message = ('cosignature/v1\ntime %d\n' % now).encode() + \
            text.encode() + extra
        value = now.to_bytes(8, 'big') + (key or self.key).sign(
            message).signature
        return line(self.name, self.id, value)

    # ---- waiting ----

    def wait(self, condition, limit):
        with self.changed:
            if not self.changed.wait_for(condition, limit):
                raise AssertionError('the witness was not asked')

    def time_of(self, note):
        """Verifies its line in a note: the time that it says; None where it
        has no line there."""
        text, lines = note[:note.rindex('\n\n') + 1], note[
            note.rindex('\n\n') + 2:]
        for one in lines.split('\n')[:-1]:
            name, value = one[len(DASH):].split(' ')
            value = base64.b64decode(value, validate=True)
            if name == self.name and value[:4] == self.id:
                now = int.from_bytes(value[4:12], 'big')
                self.key.verify_key.verify(
                    ('cosignature/v1\ntime %d\n%s' % (now, text)).encode(),
                    value[12:])
                return now
        return None


def is_signed(public, origin, text, lines):
    for one in lines.split('\n')[:-1]:
        name, value = one[len(DASH):].split(' ')
        value = base64.b64decode(value, validate=True)
        if name == origin and value[:4] == key_id(origin, 1, public):
            try:
                nacl.signing.VerifyKey(public).verify(text.encode(),
                                                      value[4:])
                return True
            except nacl.exceptions.BadSignatureError:
                return False
    return False


def http(status, body, type_='text/plain', length=None):
    body = body.encode() if isinstance(body, str) else body
    return ('HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n'
            % (status, type_, len(body) if length is None else length)
            ).encode() + body
