"""corpus_session.py - writes the seeds of fuzz_session.
SPDX-License-Identifier: Apache-2.0
Runs in: by hand, `/usr/bin/python3 tests/fuzz/corpus_session.py`.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'system', 'lib'))

from countersign import dsse, link, owner			# noqa: E402
from countersign.device import Device, transcript		# noqa: E402

SEED = b'\x01' + bytes(31)


class Paper(Device):
    """A device without a link: only its journal."""

    def __init__(self, owner_):
        super().__init__(None, owner_, token={'v': 1}, key=dsse.new_key(SEED))


def step(what, data=b''):
    return struct.pack('<BH', what, len(data)) + data


def write(name, *steps):
    folder = os.path.join(HERE, 'corpus', 'session')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(b''.join(steps))


def main():
    o = owner.Owner('acme')
    d = Paper(o)
    begin = step(3) + step(6) + step(4)
    env = o.card(d.id, 'true')
    card = owner.digest_of(env)
    payload = dsse.payload_of(env)
    hash_ = dsse.digest(env['payloadType'], payload)
    nonce = d.received(env)
    approval = o.say('approval', o.approval_doc(
        card, nonce, 'sha256:' + '0' * 64, d.id), o.keys['tess'])
    d.accepted(approval)
    d.intent(card, [owner.digest_of(approval)])
    d.started(card)
    data = transcript((1, b'out'), (2, b'err'))
    d.result(card, data)
    d.record('trust', file='root', version=1, digest='sha256:' + '1' * 64,
             issued='2026-01-01T00:00:00Z', expires='2026-02-01T00:00:00Z',
             sigs=[])
    d.record('lockdown', reason='x', by='local:root', source='tamper')
    blob = link.put_binary(2, hash_, len(payload), 0, payload)
    records = [step(5, r) for r in d.journal]
    write('life', begin, records[0], step(1, blob), *records[1:5],
          step(8, data), *records[5:], step(6), step(6))
    write('output-last', begin, records[0], step(1, blob), *records[1:],
          step(8, data), step(6), step(7), step(4))
    write('output-wrong', begin, records[0], step(1, blob), *records[1:],
          *([step(8, b'x' * len(data)), step(6)] * 4))
    write('again', begin, records[0], step(7), begin, step(4), step(7),
          step(4), records[1])
    write('pieces', begin, step(2, b'\x01' + bytes(12)), step(2, b'abc'))
    write('texts', step(0, link.text('enrol', secret='x',
                                     key=dsse.b64(bytes(32)), device=d.id)),
          step(7), begin, step(0, link.checkpoint('old 0\n\na\nb\n')),
          step(0, b'{}'))
    write('nonsense', begin, step(5, b'{}'), step(5, b''), step(5, b'x'),
          step(1, b'\x03' + bytes(40)), step(1, b'\x02' + bytes(40)))


if __name__ == '__main__':
    main()
