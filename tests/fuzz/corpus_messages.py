#!/usr/bin/python3
"""corpus_messages.py - writes the seeds of fuzz_wire, fuzz_link, fuzz_control.
SPDX-License-Identifier: Apache-2.0
Runs in: by hand, after a change of the formats.

    tests/fuzz/corpus_messages.py

Every message once, made by the Python implementation of the system tests; the
same bytes on every run.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'system', 'lib'))
from countersign import dsse, link, wire

H = bytes(range(32))
ENV = dsse.envelope(dsse.type_of('card'), b'{"v":1}',
                    [('k', b's' * 64), ('', b't' * 64)])
ONE = dsse.envelope(dsse.type_of('approval'), b'{"v":1}', [('k', b'proof')])
SIGS = [('k', b's' * 64), ('', b't' * 64)]


def put(target, name, data):
    folder = os.path.join(HERE, 'corpus', target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def first(receiver, state, step=0):
    """The two bytes that fuzz_wire and fuzz_control begin with."""
    return bytes([receiver + 3 * state, step])


def wires():
    gate = [(0, 'ready', b''),
            (1, 'link', b'\x01' + wire.field('host:443')),
            (2, 'challenge', H + H),
            (3, 'welcome', b'\x01a note'), (3, 'welcome', b'\0'),
            (3, 'enrolled', b'\0' + wire.field('no')),
            (4, 'card', wire.envelope_body('t', b'p', SIGS)),
            (4, 'approval', wire.envelope_body('t', b'p', SIGS[:1])),
            (4, 'cancel', wire.envelope_body('t', b'p', SIGS[:1])),
            (4, 'trust', wire.envelope_body('t', b'p', SIGS)),
            (4, 'withdraw', H + wire.field('why')),
            (4, 'have', struct.pack('<Q', 7)),
            (4, 'credit', H + struct.pack('<QQ', 1, 2)),
            (4, 'cosignature', b'\xc8\0line'),
            (4, 'unreadable', wire.field('malformed') + b'\1\0\0\0' + H)]
    courier = [(0, wire.config('h', 1, 'pem', proxy='p:1', proxy_auth='u:p')),
               (3, wire.hello(b'p', b's' * 64)), (3, wire.enrol('s', H, 'd')),
               (6, wire.records([(1, b'a'), (2, b'bc')])),
               (6, wire.blob(H, 9, 1, b'data')), (6, wire.output(H, 5, b'x')),
               (6, wire.checkpoint('old 0\n\nnote')), (6, wire.close('why'))]
    runner = [(0, 'started', b'\1\0\0\0' + wire.field('profile=full')),
              (0, 'failed', struct.pack('<II', 3, 2)),
              (1, 'ended', struct.pack(
                  '<BIBQQQIIII', 1, 9, 2, 1, 2, 3, 4, 5, 6, 7))]
    for i, (state, name, body) in enumerate(gate):
        put('wire', 'gate-%s-%d' % (name, i), first(0, state, 3 * (i % 3)) +
            wire.message(name, body))
    for i, (state, whole) in enumerate(courier):
        put('wire', 'courier-%d' % i, first(1, state, i) + whole)
    for state, name, body in runner:
        put('wire', 'runner-%s' % name, first(2, state) +
            wire.message(name, body))
    put('wire', 'gate-several', first(0, 4, 5) + b''.join(
        wire.message(n, b) for s, n, b in gate if s == 4))
    put('wire', 'too-large', first(0, 4) + wire.HEADER.pack(2 ** 32 - 1, 68, 0))


def links():
    console = {
        'challenge': link.challenge(H), 'enrolled': link.enrolled(),
        'enrol_refused': link.enrol_refused('why'),
        'welcome': link.welcome('note'), 'welcome-null': link.welcome(),
        'card': link.envelope('card', ENV),
        'approval': link.envelope('approval', ONE),
        'cancel': link.envelope('cancel', ONE),
        'trust': link.envelope('trust', ENV),
        'withdraw': link.withdraw(H, 'why ü'), 'have': link.have(7),
        'credit': link.credit(H, 1, 2),
        'cosignature': link.cosignature(200, '— w x\n'),
        'retry_after': link.retry_after(60)}
    device = {
        'enrol': link.text('enrol', secret='s', key=dsse.b64(H), device='d'),
        'hello': link.envelope('hello', ONE),
        'checkpoint': link.checkpoint('old 0\n\nnote')}
    binary = {
        'records': link.put_binary(1, (1, b'a'), (2, b'bc')),
        'blob': link.put_binary(2, H, 9, 1, b'data'),
        'output': link.put_binary(3, H, 5, b'x'),
        'leaves': link.put_binary(4, 5, 9, H)}
    for n, (side, group) in enumerate((('console', console),
                                       ('device', device),
                                       ('binary', binary))):
        for name, data in group.items():
            put('link', '%s-%s' % (side, name), bytes([n]) + data)


def controls():
    ref, why = wire.field('sha256:ab'), wire.field('because')
    requests = [
        (1, b''), (2, b'\1'), (3, ref), (4, struct.pack('<QB', 5, 1)),
        (5, ref + struct.pack('<QB', 5, 0)), (6, ref + why), (7, b'\1' + why),
        (8, b'\0' + wire.envelope_body('t', b'p', SIGS)),
        (8, b'\1' + wire.envelope_body('t', b'p', SIGS[:1])), (9, why),
        (10, ref)]
    replies = [(64, b'{"mode":"execute"}'),
               (65, b'\3' + wire.field('late') + wire.field('too late')),
               (66, struct.pack('<Q', 7) + b'{"kind":"card"}'), (67, b'')]
    owner = 2 << 1
    for i, (type_, body) in enumerate(requests):
        put('control', 'request-%d-%d' % (type_, i), bytes([owner, i]) +
            wire.message(type_, body))
    put('control', 'group-log', bytes([1 << 1, 0]) +
        wire.message(4, struct.pack('<QB', 5, 1)))
    put('control', 'replies', bytes([owner | 1, 4]) + b''.join(
        wire.message(t, b) for t, b in replies))


wires()
links()
controls()
