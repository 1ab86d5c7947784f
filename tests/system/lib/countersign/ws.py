"""ws.py - WebSocket framing and upgrade (RFC 6455), as a server.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Works on anything with recv() and sendall().
"""
import base64
import hashlib
import struct

GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Gone(Exception):
    """The other end has closed."""


class Broken(Exception):
    """The other end does not keep to the protocol."""


class Reader:
    """Exactly so many bytes of a socket, or up to a mark."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b''

    def _more(self):
        try:
            part = self.sock.recv(65536)
        except ConnectionError as e:
            raise Gone(str(e)) from e
        if not part:
            raise Gone('end of stream')
        self.data += part

    def exactly(self, n):
        while len(self.data) < n:
            self._more()
        part, self.data = self.data[:n], self.data[n:]
        return part

    def until(self, mark, cap=65536):
        while mark not in self.data:
            if len(self.data) > cap:
                raise Broken('no end of head')
            self._more()
        part, _, self.data = self.data.partition(mark)
        return part


def read_request(reader):
    """(first line, lower-case header -> value) of an HTTP request."""
    lines = reader.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        if name.lower() in headers:
            raise Broken('header twice: ' + name)
        headers[name.lower()] = value.strip()
    return lines[0], headers


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest())


def upgrade(reader, sock, path='/v1/agent',
            protocol='countersign.agent.v1', accept=None):
    """Checks the client's request and answers 101. Returns its headers."""
    line, h = read_request(reader)
    want = {'upgrade': 'websocket', 'connection': 'upgrade',
            'sec-websocket-version': '13',
            'sec-websocket-protocol': protocol}
    if line != 'GET %s HTTP/1.1' % path:
        raise Broken(line)
    for name, value in want.items():
        if h.get(name, '').lower() != value:
            raise Broken('%s: %r' % (name, h.get(name)))
    key = h['sec-websocket-key']
    if len(base64.b64decode(key, validate=True)) != 16:
        raise Broken('key')
    sock.sendall(b'HTTP/1.1 101 Switching Protocols\r\n'
                 b'Upgrade: websocket\r\nConnection: Upgrade\r\n'
                 b'Sec-WebSocket-Accept: ' + (accept or accept_of(key)) +
                 b'\r\nSec-WebSocket-Protocol: ' + protocol.encode() +
                 b'\r\n\r\n')
    return h


def frame(opcode, data=b'', fin=True, mask=None, rsv=0):
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    bit = 0x80 if mask else 0
    if len(data) < 126:
        head += bytes([bit | len(data)])
    elif len(data) < 65536:
        head += bytes([bit | 126]) + struct.pack('>H', len(data))
    else:
        head += bytes([bit | 127]) + struct.pack('>Q', len(data))
    if mask:
        head += mask
        data = unmask(data, mask)
    return head + data


def unmask(data, key):
    n = len(data)
    pad = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(data, 'big') ^
            int.from_bytes(pad, 'big')).to_bytes(n, 'big')


class Server:
    """The server's end once the upgrade is done."""

    def __init__(self, sock, reader, fragment=65536):
        self.sock = sock
        self.reader = reader
        self.fragment = fragment	# largest frame a client may send
        self.masks = []

    def read_frame(self):
        """(fin, opcode, data) of one client frame, which must be masked."""
        a, b = self.reader.exactly(2)
        if a & 0x70 or not b & 0x80:
            raise Broken('reserved bits, or no mask')
        n = b & 0x7f
        if n == 126:
            n = struct.unpack('>H', self.reader.exactly(2))[0]
            short = 126
        elif n == 127:
            n = struct.unpack('>Q', self.reader.exactly(8))[0]
            short = 65536
        else:
            short = 0
        if n < short:
            raise Broken('length not minimal')
        if n > self.fragment:
            raise Broken('frame of %d bytes' % n)
        key = self.reader.exactly(4)
        self.masks.append(key)
        return bool(a & 0x80), a & 15, unmask(self.reader.exactly(n), key)

    def read(self):
        """The next message: (opcode, bytes). Control frames come singly."""
        kind, parts = None, []
        while True:
            fin, opcode, data = self.read_frame()
            if opcode >= 8:
                if not fin or len(data) > 125:
                    raise Broken('control frame')
                return opcode, data
            if (opcode == CONT) != (kind is not None):
                raise Broken('fragments')
            kind = opcode if kind is None else kind
            parts.append(data)
            if fin:
                return kind, b''.join(parts)

    def send(self, opcode, data=b''):
        self.sock.sendall(frame(opcode, data))

    def text(self, s):
        self.send(TEXT, s if isinstance(s, bytes) else s.encode())

    def close(self, code=1000, reason=b''):
        self.send(CLOSE, struct.pack('>H', code) + reason)
