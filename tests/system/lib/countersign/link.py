"""link.py - messages between device and console.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import base64
import json
import struct

from . import wire


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def b64url_decode(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def digest_text(hash_):
    return 'sha256:' + hash_.hex()


def text(type_, **fields):
    return json.dumps(dict({'type': type_}, **fields), ensure_ascii=False,
                      separators=(',', ':')).encode()


def challenge(nonce):
    return text('challenge', nonce=b64url(nonce))


def welcome(checkpoint=None):
    return text('welcome', checkpoint=checkpoint)


def envelope(type_, env):
    """type_: card, approval, cancel, trust, hello; env: a DSSE object."""
    return text(type_, envelope=env)


def withdraw(card, reason):
    return text('withdraw', card=digest_text(card), reason=reason)


def have(n):
    return text('have', n=n)


def credit(card, from_, until):
    return text('credit', card=digest_text(card), **{'from': from_,
                                                     'until': until})


def cosignature(status, body=''):
    return text('cosignature', status=status, body=body)


def checkpoint(request):
    """request: the body of a tlog-witness add-checkpoint."""
    return text('checkpoint', request=request)


def retry_after(seconds):
    return text('retry_after', seconds=seconds)


def enrolled():
    return text('enrolled')


def enrol_refused(reason):
    return text('enrol_refused', reason=reason)


def parse_binary(data):
    """A device's binary message: ('records', [(index, payload)…]),
    ('blob', fields), ('output', fields) or ('leaves', fields)."""
    b = wire.Body(data)
    kind = b.u8()
    if kind == 1:
        out = []
        while b.at < len(data):
            index = b.u64()
            out.append((index, b.field()))
        return 'records', out
    if kind == 2:
        return 'blob', {'hash': b.take(32), 'total': b.u32(),
                        'offset': b.u32(), 'data': b.rest()}
    if kind == 3:
        return 'output', {'card': b.take(32), 'offset': b.u64(),
                          'data': b.rest()}
    if kind == 4:
        return 'leaves', {'first': b.u64(), 'until': b.u64(),
                          'hashes': b.rest()}
    raise wire.Malformed('kind %d' % kind)


def put_binary(kind, *parts):
    """Its inverse: kind 1 takes records, the others the fields in order."""
    if kind == 1:
        return b'\x01' + wire.records_body(parts)
    if kind == 2:
        return b'\x02' + parts[0] + struct.pack('<II', *parts[1:3]) + parts[3]
    if kind == 4:
        return b'\x04' + struct.pack('<QQ', *parts[:2]) + parts[2]
    return b'\x03' + parts[0] + struct.pack('<Q', parts[1]) + parts[2]
