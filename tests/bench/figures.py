"""figures.py - what a measurement is, and what is done with many of them.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.
"""
import os
import statistics
import tempfile
import time


class Missing(Exception):
    """This cannot be measured here; the text says why."""


def figure(name, value, unit, better, goal=None, peer=None, peer_value=None,
           note=''):
    """One line of the table. A figure without a goal is neither met nor not."""
    def short(x):
        return None if x is None else round(x, 4 if abs(x) < 10 else 2)

    met = None
    if goal is not None:
        met = value <= goal if better == 'lower' else value >= goal
    return {'name': name, 'value': short(value), 'unit': unit,
            'better': better, 'goal': short(goal), 'met': met, 'peer': peer,
            'peer_value': short(peer_value), 'note': note}


def missing(name, why):
    """A line that should be there, and why it is not."""
    return {'name': name, 'value': None, 'unit': '', 'better': None,
            'goal': None, 'met': None, 'peer': None, 'peer_value': None,
            'note': 'not measured: ' + why}


def percentile(values, p):
    """The smallest value that p percent of all do not exceed."""
    s = sorted(values)
    return s[min(len(s) - 1, max(0, -(-len(s) * p // 100) - 1))]


def median(values):
    return statistics.median(values)


def file_system(path):
    """The type of the file system that the path is on."""
    path = os.path.realpath(path)
    best = ('', '')
    with open('/proc/self/mounts', encoding='utf-8') as f:
        for line in f:
            _, at, kind = line.split()[:3]
            at = at.replace('\\040', ' ')
            if (path == at or path.startswith(at.rstrip('/') + '/')) and \
                    len(at) >= len(best[0]):
                best = (at, kind)
    return best[1]


def need_disk(path):
    """Refuses a folder that a power cut would empty."""
    kind = file_system(path)
    if kind in ('tmpfs', 'ramfs', 'rootfs', 'devtmpfs', 'hugetlbfs'):
        raise Missing('%s is on %s: set TMPDIR to a folder on a real disk' %
                      (path, kind))
    return kind


def go_first():
    """From here on this process and what it starts go before all others, so
    that a time is that of what is measured, ours and the peers alike, and not
    of what else the machine does. The text says whether it could be had."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return 'at ordinary priority: what else runs is in the figures'
    return 'at real-time priority'


class Disk:
    """How long this disk takes to make some bytes of a file durable: written
    within the file's size, as the journal's are not and SQLite's log's are."""

    def __init__(self, folder=None, size=4096, room=256):
        self.file = tempfile.TemporaryFile(dir=folder)
        self.size, self.room, self.at = size, room, 0
        self.data = os.urandom(size)
        for _ in range(room):
            self.file.write(self.data)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.taken = []

    def sample(self):
        """One write and fdatasync, in ms."""
        fd = self.file.fileno()
        os.pwrite(fd, self.data, self.at * self.size)
        self.at = (self.at + 1) % self.room
        t = time.monotonic_ns()
        os.fdatasync(fd)
        self.taken.append((time.monotonic_ns() - t) / 1e6)
        return self.taken[-1]

    def p50(self):
        return median(self.taken)

    def close(self):
        self.file.close()
