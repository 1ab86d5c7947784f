"""latency.py - from the approval to the command's first byte.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.

The clock starts before the first byte of the POST and stops when the first
byte of output has been read from the card's event stream: HTTP, the console's
commit, TLS, the gate's two syncs, the runner, and the way back. Between two
runs, this disk's own sync and each peer has its turn, so that what else the
machine does falls on all of them.
"""
import os
import time

import figures
import peers
import place

RUNS = int(os.environ.get('BENCH_RUNS', '200'))
SETTLE_S = 0.05
MARK = b'event: output\n'


def one(p):
    """One card, from its approval on: milliseconds."""
    digest, events = p.offer('echo hello')
    request = p.approve_request(digest)
    sock = p.socket()
    try:
        t = time.monotonic_ns()
        sock.sendall(request)
        at = events.first(MARK)
        events.until('end')
        answer = sock.recv(64)
        if b' 202 ' not in answer:
            raise AssertionError(answer)
    finally:
        sock.close()
        events.close()
    return (at - t) / 1e6


def measure():
    runs = max(RUNS, 200)
    with place.Place() as p:
        kind = figures.need_disk(p.state)
        figures.need_disk(p.console.data)
        disk = figures.Disk(p.dir)
        others, why = peers.start(peers.SshMultiplexed, peers.Ssh,
                                  peers.Nrpe)
        try:
            taken = []
            for i in range(5):
                one(p)
            for i in range(runs):
                taken.append(one(p))
                disk.sample()
                # A tenth of the rounds is enough of what takes 100 ms.
                for other in others:
                    if i % 10 == 0 or other.quick:
                        other.once()
                        # Its processes end before the next one is timed.
                        time.sleep(SETTLE_S)
        finally:
            for other in others:
                other.close()
            disk.close()
    sync = disk.p50()
    goal = 3.5 + 3 * sync
    fastest = min(others, key=lambda o: figures.median(o.taken),
                  default=None)
    note = 'fdatasync p50 %.2f ms on %s, %d runs, load %.1f on %d cores' % (
        sync, kind, runs, os.getloadavg()[0], os.cpu_count())
    for other in others:
        note += '; %s p50 %.1f ms (%.1fx)' % (
            other.name, figures.median(other.taken),
            figures.median(other.taken) / figures.median(taken))
    for text in why:
        note += '; ' + text
    out = [figures.figure(
        'approve_to_first_byte_p50_ms', figures.median(taken), 'ms', 'lower',
        goal, fastest and fastest.name,
        fastest and figures.median(fastest.taken), note)]
    out.append(figures.figure(
        'approve_to_first_byte_p99_ms', figures.percentile(taken, 99), 'ms',
        'lower', None, fastest and fastest.name,
        fastest and figures.percentile(fastest.taken, 99),
        'p90 %.2f, most %.2f ms' % (figures.percentile(taken, 90),
                                    max(taken))))
    return out
