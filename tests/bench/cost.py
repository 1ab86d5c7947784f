"""cost.py - what the code costs by itself: programs of C, run and read.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.
"""
import os
import shutil
import subprocess
import tempfile

from countersign import fake

import figures

ROUNDS = 15


def run(name, *args, **env):
    r = subprocess.run([os.path.join(fake.OUT, 'bench', name), *args],
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=300, check=False,
                       env=dict(os.environ, **env))
    out = r.stdout.decode()
    if r.returncode != 0:
        raise AssertionError('%s: %s%s' % (name, out, r.stderr.decode()))
    return [line.split() for line in out.splitlines()]


def named(lines, name):
    return [float(x[1]) for x in lines if x[0] == name]


def journal():
    folder = tempfile.mkdtemp(prefix='cs-bench-')
    try:
        kind = figures.need_disk(folder)
        rows = [[float(x) for x in line] for line in run(
            'bench_journal', os.path.join(folder, 'state'), str(ROUNDS))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    single, bare, group, bare_group = (figures.median(c) for c in zip(*rows))
    peer = 'pwrite and fdatasync of as many bytes'
    note = 'records of 600 bytes on %s, %s; %d rounds, ratio %.2f'

    def ratio(a, b):
        return figures.median([r[a] / r[b] for r in rows])

    # The disk's speed changes from round to round: each with its neighbour.
    enough = single / ratio(0, 1) * 0.8
    return [
        figures.figure('journal_append_per_s', single, '1/s', 'higher',
                       enough, peer, bare, note % (kind, 'a sync each',
                                                   len(rows), ratio(0, 1))),
        figures.figure('journal_append_of_bare', ratio(0, 1), 'x', 'higher',
                       0.8),
        figures.figure('journal_group_append_per_s', group, '1/s', 'higher',
                       min(10 * single, 50000), peer, bare_group, note % (
                           kind, '32 to a sync', len(rows), ratio(2, 3)))]


MANY = 1000000


def million():
    """A start with a million records, and what is done when it is idle."""
    folder = tempfile.mkdtemp(prefix='cs-bench-')
    state = os.path.join(folder, 'state')
    try:
        kind = figures.need_disk(folder)
        run('bench_core', 'make_million', BENCH_DIR=state)
        lines = []
        for _ in range(7):
            lines += run('bench_core', 'open_million', BENCH_DIR=state)
        idle = run('bench_journal', state, 'tend')
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    opened = figures.median(named(lines, 'open_s'))
    if min(named(lines, 'records')) < MANY:
        raise AssertionError(lines)
    note = ('%d records of %d bytes on %s and %d waiting cards; the snapshot '
            'is read, and the last segment\'s %d records are folded')
    return [
        figures.figure('journal_open_1m_s', opened, 's', 'lower', 2,
                       note=note % (MANY, named(lines, 'record_bytes')[0],
                                    kind, named(lines, 'cards')[0],
                                    named(lines, 'folded')[0])),
        figures.figure('journal_open_1m_rss_kb', max(named(lines, 'rss_kb')),
                       'KiB', 'lower', 16384, note='the most at any moment'),
        figures.figure('journal_check_1m_s', named(idle, 'check_s')[0], 's',
                       'lower', note='all that is sealed compared with the '
                       'tree, in idle time; compressing it takes %.1f s; '
                       '%d KiB at most' % (named(idle, 'compress_s')[0],
                                           named(idle, 'rss_kb')[0]))]


def approvals():
    lines = run('bench_core', 'approvals')
    decide, ed, wa = (figures.median(named(lines, n)) for n in
                      ('decide', 'ed25519', 'webauthn'))
    return [
        figures.figure('approval_ed25519_us', decide, 'us', 'lower', 100,
                       'the signature alone', ed,
                       'CPU from the envelope to the folded record'),
        figures.figure('approval_webauthn_us', decide - ed + wa, 'us',
                       'lower', 2000, 'the proof alone', wa,
                       'the same with an ES256 passkey: its proof is '
                       'measured, the rest is the line above\'s')]


def audit():
    """Verifying a journal, beside the hashing that it cannot do without."""
    lines = run('bench_audit')
    hashed, verified = named(lines, 'sha256_mb'), named(lines, 'verify_mb')
    alone = figures.median(named(lines, 'signature_us'))
    ratio = figures.median([v / h for v, h in zip(verified, hashed)])
    rate = figures.median(verified)
    # The machine's speed changes from round to round: each with its neighbour.
    return [
        figures.figure('audit_verify_mb_per_s', rate, 'MB/s', 'higher',
                       rate / ratio * 0.25, 'MB/s of SHA-256',
                       figures.median(hashed),
                       'one thread, records without signatures, median %d '
                       'bytes' % named(lines, 'median_bytes')[0]),
        figures.figure('audit_verify_of_sha256', ratio, 'ratio', 'higher',
                       0.25, note='SHA-256 is libsodium\'s portable C, the '
                       'only hash in all our programs: the same on every '
                       'system and processor; SHA-NI would be several times '
                       'faster'),
        figures.figure('audit_card_us', figures.median(
            named(lines, 'card_us')), 'us', 'lower', None,
            'one Ed25519 signature', alone, 'a card with its run and one '
            'approval: two signatures, with the policy asked anew at each '
            'step')]


def queue():
    heap, fold = [], []
    folder = tempfile.mkdtemp(prefix='cs-bench-')
    try:
        figures.need_disk(folder)
        state = os.path.join(folder, 'state')
        run('bench_core', 'make', BENCH_DIR=state)
        for _ in range(7):
            lines = run('bench_core', 'replay', BENCH_DIR=state)
            if named(lines, 'cards') != [10000]:
                raise AssertionError(lines)
            heap += named(lines, 'heap_kb')
            fold += named(lines, 'fold_ms')
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        figures.figure('queue_10k_heap_kb', max(heap), 'KiB', 'lower', 32768,
                       note='resident memory that a start with 10,000 '
                       'pending cards takes more'),
        figures.figure('queue_10k_fold_ms', figures.median(fold), 'ms',
                       'lower', 1000, note='journal read, checked and folded')
    ]
