"""output.py - a gigabyte of output, and many small cards.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.
"""
import concurrent.futures
import hashlib
import http.client
import os
import subprocess
import threading
import time

import figures
import peers
import place

BYTES = int(os.environ.get('BENCH_OUTPUT_BYTES', 10 ** 9))
# Its period is no multiple of any block, and it costs little to make.
COMMAND = 'yes "$(seq -s " " 1 2000)" | head -c %d' % BYTES
CARDS = int(os.environ.get('BENCH_CARDS', '150'))
HANDS = 4	# connections that approve at the same time


def digest_of(read):
    h = hashlib.sha256()
    n = 0
    while data := read(1 << 20):
        h.update(data)
        n += len(data)
    return h.hexdigest(), n


def local():
    """What the command prints."""
    with subprocess.Popen(['sh', '-c', COMMAND], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as p:
        return digest_of(p.stdout.read)


class Watch(threading.Thread):
    """The most memory that each process of the agent had."""

    def __init__(self, p):
        super().__init__(daemon=True)
        self.place = p
        self.first, self.most = {}, {}
        for name, pid in p.processes().items():
            with open('/proc/%d/clear_refs' % pid, 'w') as f:
                f.write('5')		# forgets the peak so far
        self.over = threading.Event()
        self.look()

    def look(self):
        for name, pid in self.place.processes().items():
            try:
                self.first.setdefault(name, place.field(pid, 'VmRSS'))
                self.most[name] = max(self.most.get(name, 0),
                                      place.field(pid, 'VmHWM'))
            except (OSError, AssertionError):
                pass	# it has ended

    def run(self):
        while not self.over.wait(0.25):
            self.look()

    def growth(self):
        self.over.set()
        self.join()
        self.look()
        return {n: self.most[n] - self.first[n] for n in self.first}


def stream(p):
    """Seconds from the first byte at the event stream to its end."""
    digest, events = p.offer(COMMAND, limits={
        'timeout_s': 600, 'memory_mb': 512, 'processes': 64,
        'output_bytes': 1 << 30})
    sock = p.socket()
    watch = Watch(p)
    watch.start()
    sock.sendall(p.approve_request(digest))
    begin = None
    tail = b''
    events.sock.settimeout(600)
    while b'\nevent: end\n' not in tail:
        data = events.sock.recv(1 << 20)
        if data == b'':
            raise EOFError('the event stream ended')
        tail = tail[-64:] + data
        if begin is None and b'event: output\n' in tail:
            begin = time.monotonic()
    took = time.monotonic() - begin
    growth = watch.growth()
    sock.close()
    events.close()
    if b'"output":"complete"' not in tail:
        raise AssertionError(tail[-300:])
    return digest, took, growth


def gigabyte():
    want = local()
    if want[1] != BYTES:
        raise AssertionError('the command prints %d bytes' % want[1])
    with place.Place() as p:
        digest, took, growth = stream(p)
        c = http.client.HTTPConnection('127.0.0.1', p.console.api_port,
                                       timeout=600)
        c.request('GET', '/v1/cards/%s/output?stream=stdout' % digest,
                  headers={'Authorization':
                           'Bearer ' + p.console.tokens['admin']})
        got = digest_of(c.getresponse().read)
        c.close()
        if got != want:
            raise AssertionError('the output is not what was printed: %r, '
                                 'not %r' % (got, want))
        others, why = peers.start(peers.SshMultiplexed)
        peer = None
        for other in others:
            try:
                begin = time.monotonic()
                with subprocess.Popen(
                        other.base + ['127.0.0.1', COMMAND],
                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL) as run:
                    n = 0
                    while data := run.stdout.read1(1 << 20):
                        n += len(data)
                if n != BYTES:
                    raise AssertionError('ssh gave %d bytes' % n)
                peer = n / 1e6 / (time.monotonic() - begin)
            finally:
                other.close()
    return [
        figures.figure('output_mb_per_s', BYTES / 1e6 / took, 'MB/s',
                       'higher', None, peer and others[0].name, peer,
                       '%d bytes through journal disk, TLS, console disk '
                       'and event stream; same SHA-256%s' % (
                           BYTES, ''.join('; ' + w for w in why))),
        figures.figure('output_growth_kb', max(growth.values()), 'KiB',
                       'lower', 4096, note='the most of: ' + ', '.join(
                           '%s %d' % (n, growth[n])
                           for n in sorted(growth)))]


# ---- many small cards ----

def approve_all(p, requests):
    """Each on a connection that stays: no more than one open answer each."""
    c = http.client.HTTPConnection('127.0.0.1', p.console.api_port,
                                   timeout=place.LIMIT)
    for path, body in requests:
        c.request('POST', path, body, {
            'Authorization': 'Bearer ' + p.console.tokens['admin']})
        r = c.getresponse()
        r.read()
        if r.status != 202:
            raise AssertionError(r.status)
    c.close()


def many_cards(p):
    """Cards a second, from the first approval to the last end."""
    requests, cards = [], []
    for _ in range(CARDS):
        digest, events = p.offer('echo hello')
        events.close()
        cards.append(digest)
        requests.append(place.approval_call(p, digest))
    last = [place.Events(p, d) for d in cards]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(HANDS) as pool:
        for f in [pool.submit(approve_all, p, requests[i::HANDS])
                  for i in range(HANDS)]:
            f.result()
        for events in last:
            if events.until('end')['state'] != 'finished':
                raise AssertionError('a card did not finish')
    took = time.monotonic() - begin
    for events in last:
        events.close()
    return CARDS / took


def many_echoes(other):
    begin = time.monotonic()
    n = CARDS if other.quick else max(CARDS // 5, HANDS)
    with concurrent.futures.ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(lambda _: other.once(), range(n)))
    return n / (time.monotonic() - begin)


def approvals():
    with place.Place(limits={'pending_per_proposer': 1000}) as p:
        others, why = peers.start(peers.SshMultiplexed)
        ours, theirs = [], []
        try:
            for _ in range(3):
                ours.append(many_cards(p))
                for other in others:
                    theirs.append(many_echoes(other))
        finally:
            for other in others:
                other.close()
    return [figures.figure(
        'approvals_per_s', figures.median(ours), '1/s', 'higher', None,
        others[0].name if others else None,
        figures.median(theirs) if theirs else None,
        '%d echoes each, %d at a time, from the first approval to the last '
        'end%s' % (
            CARDS, HANDS, ''.join('; ' + w for w in why)))]
