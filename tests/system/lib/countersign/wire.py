"""wire.py - messages between gate and courier, and of a runner's status.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import struct

HEADER = struct.Struct('<IHH')

TYPES = {
    'config': 1, 'hello': 2, 'records': 3, 'blob': 4, 'output': 5,
    'checkpoint': 6, 'enrol': 7, 'close': 8,
    'ready': 64, 'link': 65, 'challenge': 66, 'welcome': 67, 'card': 68,
    'approval': 69, 'cancel': 70, 'trust': 71, 'withdraw': 72, 'have': 73,
    'credit': 74, 'cosignature': 75, 'unreadable': 76, 'enrolled': 77,
    'started': 128, 'failed': 129, 'ended': 130,
}
NAMES = {v: k for k, v in TYPES.items()}

DOWN, CONNECTING, UP = 0, 1, 2


class Malformed(Exception):
    pass


def field(data):
    if isinstance(data, str):
        data = data.encode()
    return struct.pack('<I', len(data)) + data


class Body:
    """Takes a body apart; end() checks that nothing is left."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        part = self.data[self.at:self.at + n]
        if len(part) != n:
            raise Malformed('too short')
        self.at += n
        return part

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack('<H', self.take(2))[0]

    def u32(self):
        return struct.unpack('<I', self.take(4))[0]

    def u64(self):
        return struct.unpack('<Q', self.take(8))[0]

    def field(self):
        return self.take(self.u32())

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        if self.at != len(self.data):
            raise Malformed('trailing bytes')


def message(name, body=b''):
    """A whole message; name may also be a number, the body text."""
    if isinstance(body, str):
        body = body.encode()
    return HEADER.pack(len(body), TYPES.get(name, name), 0) + body


def config(host, port, ca_pem, path='/v1/agent', proxy='', proxy_auth='',
           first_delay_ms=1):
    return message('config', field(host) + struct.pack('<H', port) +
                   field(path) + field(ca_pem) + field(proxy) +
                   field(proxy_auth) + struct.pack('<H', first_delay_ms))


def hello(payload, sig):
    return message('hello', field(payload) + sig)


def records_body(records):
    return b''.join(struct.pack('<Q', i) + field(p) for i, p in records)


def records(items):
    return message('records', records_body(items))


def blob(hash_, total, offset, data):
    return message('blob', hash_ + struct.pack('<II', total, offset) + data)


def output(card, offset, data):
    return message('output', card + struct.pack('<Q', offset) + data)


def checkpoint(request):
    return message('checkpoint', request)


def enrol(secret, key, device):
    return message('enrol', field(secret) + key + field(device))


def close(reason):
    return message('close', field(reason))


def envelope_body(type_, payload, sigs):
    """sigs: pairs of key id and signature."""
    return (field(type_) + field(payload) + bytes([len(sigs)]) +
            b''.join(field(k) + field(s) for k, s in sigs))


def _link(b):
    return {'state': b.u8(), 'detail': b.field().decode()}


def _challenge(b):
    return {'nonce': b.take(32), 'exporter': b.take(32)}


def _welcome(b):
    has = b.u8()
    if has > 1:
        raise Malformed('has')
    return {'note': b.rest() if has else None}


def _envelope(b):
    e = {'type': b.field().decode(), 'payload': b.field(), 'sigs': []}
    for _ in range(b.u8()):
        keyid = b.field()
        e['sigs'].append((keyid, b.field()))
    return e


def _withdraw(b):
    return {'card': b.take(32), 'reason': b.field().decode()}


def _credit(b):
    return {'card': b.take(32), 'from': b.u64(), 'until': b.u64()}


def _unreadable(b):
    return {'reason': b.field().decode(), 'length': b.u32(),
            'hash': b.take(32)}


def _enrolled(b):
    return {'ok': bool(b.u8()), 'reason': b.field().decode()}


def _started(b):
    return {'pid': b.u32(), 'enforced': b.field().decode()}


def _failed(b):
    return {'step': b.u32(), 'errno': b.u32()}


def _ended(b):
    return {'how': b.u8(), 'code': b.u32(), 'why': b.u8(), 'wall_us': b.u64(),
            'cpu_us': b.u64(), 'max_rss_kb': b.u64(), 'survivors': b.u32()}


PARSERS = {
    'ready': lambda b: {}, 'link': _link, 'challenge': _challenge,
    'welcome': _welcome, 'card': _envelope, 'approval': _envelope,
    'cancel': _envelope, 'trust': _envelope, 'withdraw': _withdraw,
    'have': lambda b: {'n': b.u64()}, 'credit': _credit,
    'cosignature': lambda b: {'status': b.u16(), 'body': b.rest().decode()},
    'unreadable': _unreadable, 'enrolled': _enrolled, 'started': _started,
    'failed': _failed, 'ended': _ended,
}


def parse(type_, body):
    """(name, fields) of a message to the gate."""
    name = NAMES.get(type_)
    if name not in PARSERS:
        raise Malformed('type %d' % type_)
    b = Body(body)
    fields = PARSERS[name](b)
    b.end()
    return name, fields
