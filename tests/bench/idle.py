"""idle.py - what an agent costs that has nothing to do.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.
"""
import os
import subprocess
import time

from countersign import fake

import figures
import place

# A start's own work is over by then: its records' checkpoint comes a minute
# after them.
SETTLE_S = 70
STARTS = 11


def idle_seconds():
    if 'IDLE_S' in os.environ:
        return int(os.environ['IDLE_S'])
    return 600 if os.environ.get('BENCH_FULL') == '1' else 120


def memory_and_wakeups():
    """Connected, no cards."""
    seconds = idle_seconds()
    with place.Place() as p:
        time.sleep(SETTLE_S)
        pids = p.processes()
        before = {n: place.switches(pid) for n, pid in pids.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begin
        if p.processes() != pids or not p.connected():
            raise AssertionError('the agent did not stay connected')
        woken = {n: place.switches(pid) - before[n]
                 for n, pid in pids.items()}
        pss = {n: place.field(pid, 'Pss', 'smaps_rollup')
               for n, pid in pids.items()}
        rss = {n: place.field(pid, 'VmRSS') for n, pid in pids.items()}

    def each(d):
        return ', '.join('%s %d' % (n, d[n]) for n in sorted(d))

    return [
        figures.figure('idle_pss_kb', sum(pss.values()), 'KiB', 'lower',
                       3072, note=each(pss)),
        figures.figure('idle_rss_kb', sum(rss.values()), 'KiB', 'lower',
                       note=each(rss)),
        figures.figure('idle_wakeups_per_s', sum(woken.values()) / took,
                       '1/s', 'lower', 0.1,
                       note='voluntary switches in %d s: %s' % (
                           took, each(woken)))]


def start_to_connected():
    """From starting the gate to its word that the console took its hello."""
    taken = []
    with place.Place() as p:
        for _ in range(STARTS):
            p.stop()
            begin = time.monotonic_ns()
            p.gate = subprocess.Popen(
                [fake.program('countersignd'), '--config', p.config],
                stdin=subprocess.DEVNULL, stdout=p.log,
                stderr=subprocess.PIPE)
            for line in p.gate.stderr:
                if b' connected' in line and b'not' not in line:
                    taken.append((time.monotonic_ns() - begin) / 1e6)
                    break
            else:
                raise AssertionError('it did not connect')
            p.stop()
            p.start()
            p.wait(p.connected)
    return [figures.figure(
        'start_to_connected_ms', figures.median(taken), 'ms', 'lower',
        note='%d starts, %.0f to %.0f ms; TLS 1.3, hello, welcome' % (
            len(taken), min(taken), max(taken)))]


def stripped():
    sizes = {n: os.path.getsize(fake.program(n)) / 1024 for n in place.PARTS}
    return [figures.figure(
        'programs_stripped_kb', sum(sizes.values()), 'KiB', 'lower', 2048,
        note=', '.join('%s %.0f' % (n, v) for n, v in sizes.items()))]


def stripped_windows():
    """Those of `make cross`; nothing where it was not run."""
    at = os.path.join(os.path.abspath(fake.OUT), 'cross', 'windows-x86_64',
                      'bin', '%s.exe')
    if not all(os.path.exists(at % n) for n in place.PARTS):
        return []
    sizes = {n: os.path.getsize(at % n) / 1024 for n in place.PARTS}
    return [figures.figure(
        'programs_stripped_windows_kb', sum(sizes.values()), 'KiB', 'lower',
        3072, note=', '.join('%s %.0f' % (n, v) for n, v in sizes.items()))]
