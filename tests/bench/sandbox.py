"""sandbox.py - what it costs to start a payload confined, and its output.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.
"""
import os

from countersign import fake

import cost
import figures

ROUNDS = 10
EACH = 30
# Nobody's: what runs as it in `observe` is killed at the end.
UID = '61947'


def measure():
    if os.geteuid() != 0:
        raise figures.Missing('the profiles of an agent with root need root')
    os.makedirs('/srv', exist_ok=True)
    lines = cost.run('bench_sandbox', fake.program('countersign-runner'),
                     str(ROUNDS), str(EACH), UID)
    groups = ' '.join(lines[0][1:])
    rows = [[float(x) for x in r] for r in lines[1:-1]]
    direct, observe_out, repair_out = (float(x) for x in lines[-1][1:])
    bare, observe, repair, observe_g, repair_g, bwrap, firejail = (
        figures.median(c) for c in zip(*rows))

    def ratio(a, b):
        return figures.median([r[a] / r[b] for r in rows])

    out = []
    for name, column, us in (('observe', 1, observe), ('repair', 2, repair)):
        grouped = {1: observe_g, 2: repair_g}[column]
        out.append(figures.figure(
            'sandbox_start_%s_x' % name, ratio(column, 0), 'x', 'lower', 4,
            'posix_spawn of /bin/true, us', bare,
            '%.0f us; medians of %d rounds of %d, in turns' % (
                us, len(rows), EACH)))
        out.append(figures.figure(
            'sandbox_start_%s_groups_x' % name, ratio(column + 2, 0), 'x',
            'lower', 5, 'posix_spawn of /bin/true, us', bare,
            '%.0f us; %s' % (grouped, groups)))
        if bwrap == 0:
            out.append(figures.missing('sandbox_start_%s_of_bwrap' % name,
                                       'bubblewrap is not installed'))
            continue
        out.append(figures.figure(
            'sandbox_start_%s_of_bwrap' % name, ratio(column, 5), 'x',
            'lower', 0.6, 'bwrap --unshare-all, us', bwrap,
            'firejail --noprofile: %.0f us' % firejail
            if firejail > 0 else 'firejail is not installed'))
    for name, rate in (('observe', observe_out), ('repair', repair_out)):
        out.append(figures.figure(
            'sandbox_output_%s_ratio' % name, rate / direct, 'x', 'higher',
            0.85, 'the same program without, MB/s', direct,
            '%.0f MB/s; upper quartile of 15, 256 MB through a pipe' % rate))
    return out
