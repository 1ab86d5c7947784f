"""replication.py - a journal of many records on its way to the console.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.

The device is played: its link is a real one (TLS, WebSocket), its journal is
made before the clock runs. The console is the release program; a record counts
once `have` says that it is on the disk.
"""
import hashlib
import json
import os
import struct
import threading
import time

from countersign import checks, console, device, dsse, fake, link, owner

import figures

CARDS = 50000
BATCH = 32			# cards whose blobs go before their records
MESSAGE = 60000			# bytes of records in one message
LIMIT = 300
ROUNDS = 3


def frame(data):
    """A binary message as bench_link takes it."""
    return struct.pack('<IB', len(data), ord('B')) + data


class Journal:
    """What a device writes about its cards."""

    def __init__(self, d, o):
        self.d, self.o = d, o
        self.n = 0
        self.sizes = []
        self.out = []		# pieces of what is sent
        self.records = b''
        env = o.card(d.id, 'df -h /srv && systemctl status nginx.service '
                     '--no-pager | head -20')
        self.card = dsse.payload_of(env).decode()
        self.type = env['payloadType']
        self.id = json.loads(self.card)['id']
        self.sigs = device.sigs_of(env)
        made = []
        digest = owner.digest_of(env)
        d.record, keep = (lambda kind, **f: made.append(
            self.text(kind, f).replace(digest, '%(card)s').replace(
                self.id, '%(id)s'))), d.record
        try:
            d.received(env, decision='auto', enough=True)
            d.intent(digest, [])
            d.started(digest)
            d.result(digest, b'', exit_code=0)
            self.runs, made[:] = list(made), []
            d.received(env)
            d.record('nonce', card=digest, device_nonce=link.b64url(
                bytes(16)), boot_id='11111111-2222-4333-8444-555555555555',
                     reason='restarted')
            d.record('vetoed', card=digest, by='local:root',
                     detail='not today')
            self.vetoed = list(made)
        finally:
            d.record = keep

    def text(self, kind, fields):
        fields.update(kind=kind, time=owner.stamp(int(time.time())),
                      boot_ms=123456789)
        return owner.text({k: fields[k] for k in device.FIELDS
                           if k in fields}).decode()

    def add(self, first):
        """The next batch: blobs, then records; their bytes on the link."""
        blobs = []
        for i in range(first, first + BATCH):
            id_ = '%08x%s' % (i, self.id[8:])
            payload = self.card.replace(self.id, id_).encode()
            hash_ = dsse.digest(self.type, payload)
            blobs.append(frame(link.put_binary(2, hash_, len(payload), 0,
                                               payload)))
            names = {'card': 'sha256:' + hash_.hex(), 'id': id_}
            # One of four waits over a restart, and is refused.
            for t in self.vetoed if i % 4 == 3 else self.runs:
                self.put((t % names).encode())
        self.flush(blobs)

    def put(self, record):
        self.records += struct.pack('<QI', self.d_next(), len(record)) + \
            record
        self.n += 1
        self.sizes.append(len(record))

    def d_next(self):
        return 1 + self.n

    def flush(self, blobs):
        """Cuts the records into messages at their borders."""
        out, at, start = b''.join(blobs), 0, 0
        data = self.records
        while at < len(data):
            n = 12 + struct.unpack_from('<I', data, at + 8)[0]
            if at + n - start > MESSAGE:
                out += frame(b'\x01' + data[start:at])
                start = at
            at += n
        self.out.append(out + frame(b'\x01' + data[start:]))
        self.records = b''


def send(d, pieces):
    fd = d.link.process.stdin.fileno()
    for p in pieces:
        view = memoryview(p)
        while view:
            view = view[os.write(fd, view):]


def cpu(pid):
    """Seconds of processor time that a process took."""
    with open('/proc/%d/stat' % pid) as f:
        ticks = f.read().rsplit(')', 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf('SC_CLK_TCK')


def run():
    with console.Console(limits={'device_mb': 1 << 20}) as c:
        kind = figures.need_disk(c.dir)
        o = owner.Owner()
        old = device.PROGRAM
        device.PROGRAM = os.path.join(fake.OUT, 'bench', 'interop_link')
        try:
            with device.Device(c, o) as d:
                d.start()
                j = Journal(d, o)
                for first in range(0, CARDS, BATCH):
                    j.add(first)
                began, busy = time.monotonic(), cpu(c.process.pid)
                t = threading.Thread(target=send, args=(d, j.out))
                t.start()
                while d.wait('have')['n'] < 1 + j.n:
                    pass
                took = time.monotonic() - began
                busy = cpu(c.process.pid) - busy
                t.join()
                with open('/proc/%d/status' % c.process.pid) as f:
                    rss = [int(line.split()[1]) for line in f
                           if line.startswith('VmHWM')][0]
                shown = c.get('/v1/devices/' + d.id)
                checks.equal(shown['records'], 1 + j.n)
                checks.equal(shown['alarm'], None)
                checks.equal(len(c.get('/v1/cards?state=finished')
                                 ['cards']), 100)
        finally:
            device.PROGRAM = old
    return j, took, busy, rss, kind


def measure():
    runs = [run() for _ in range(ROUNDS)]
    j, _, _, rss, kind = runs[-1]
    rates = [r[0].n / r[1] for r in runs]
    return [figures.figure(
        'replication_records_per_s', figures.median(rates), '1/s', 'higher',
        50000, note='%d records of a median of %d bytes, of cards that are '
        'folded, over TLS onto %s, %d times (%s); the console took %.1f us of '
        'a processor a record, %d MB' % (
            j.n, figures.median(j.sizes), kind, ROUNDS,
            ', '.join('%.0f' % r for r in rates), figures.median(
                [1e6 * r[2] / r[0].n for r in runs]), rss // 1024))]
