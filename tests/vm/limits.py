"""limits.py - limits and ends of cards, below a systemd of one's own.
SPDX-License-Identifier: Apache-2.0

Runs in a machine that vm.py has booted: the control groups are the kernel's
first ones there, with all their controllers, and the agent is a service of
systemd as its package installs it. What holds is compared with what the result
says that it was.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'system', 'lib'))

from countersign import checks, guest, machine	# noqa: E402

LIMITS = {'timeout_s': 60, 'memory_mb': 64, 'processes': 24,
          'output_bytes': 1048576}
POLICY = {'repair_write': [{'groups': ['lab'], 'roots': ['/srv/declared']}]}
PROFILES = {
    'observe': {'profile': 'observe', 'net': 'view', 'read': 'user',
                'write': []},
    'repair': {'profile': 'repair', 'net': 'none', 'read': 'all',
               'write': ['/srv/declared']},
    'full': {'profile': 'full', 'net': 'host', 'read': 'all', 'write': []},
}
# What they do is in the name that they carry.
BOMB = 'exec python3 -c "x = bytearray(1 << 29)"'
HOG_BESIDE = ('python3 -c "import time; x = bytearray(1 << 29); '
              'time.sleep(60)" & wait; sleep 0.01; echo still here; exit 7')
FORKS = ('i=0; while [ $i -lt 60 ]; do sleep 300 & i=$((i + 1)); done; '
         'echo made $i')
DAEMON = ("setsid sh -c 'trap \"\" TERM HUP INT; (sleep 301 & sleep 301) & "
          "sleep 301' >/dev/null 2>&1 & echo gone")
DEAF = "trap '' TERM HUP INT; (trap '' TERM; sleep 302 & sleep 302) & sleep 302"


def each(m, command, limits=None, profiles=PROFILES):
    for name in profiles:
        m.offers(name)
        card = dict(PROFILES[name], survivors='kill', services=[],
                    limits=dict(LIMITS, **(limits or {})))
        r, out, err = m.result(command, **card)
        left = m.guest.run(['pgrep', '-f', '^sleep 30[0-9]']).stdout
        checks.equal(left, b'', '%s: left behind' % name)
        yield name, r, out, err


def words(r):
    return dict(x.split('=', 1) for x in r['enforced'].split())


def start():
    g = guest.Guest()
    machine.install(g)
    g.must(['mkdir', '-p', '/srv/declared'])
    return machine.Machine(g, POLICY)


def kind():
    """Which control groups this machine was booted with."""
    return 'v1' if os.path.isdir('/sys/fs/cgroup/memory') else 'v2'


def test_receipt():
    """What every result says of its control groups is what there is."""
    with start() as m:
        for name, r, out, _ in each(m, 'cat /proc/self/cgroup; '
                                    'cat /proc/self/oom_score_adj'):
            w = words(r)
            checks.true(w['cgroup'] in (kind(), 'v1+v2'), '%s: %s' % (
                name, r['enforced']))
            checks.equal((w['mem'], w['procs']), ('cgroup', 'cgroup'), name)
            checks.true(b'countersign.' in out, out.decode())
            checks.equal(out.split()[-1], b'0', 'oom_score_adj')
            if 'v2' in w['cgroup'] and os.path.exists(
                    '/sys/fs/cgroup/init.scope/cgroup.kill'):
                checks.true('cgroup' in w['kill'], r['enforced'])
            print('# %s %s' % (os.uname().release, r['enforced']))


def test_memory_bomb():
    """It dies alone, and of the limit."""
    with start() as m:
        gate = m.show('countersignd', 'MainPID')
        for name, r, _, err in each(m, BOMB):
            checks.equal((r['outcome'], r.get('reason')), ('killed', 'oom'),
                         '%s: %s %s' % (name, r, err))
        for name, r, out, _ in each(m, HOG_BESIDE):
            checks.equal((r.get('exit_code'), out), (7, b'still here\n'), name)
        checks.equal(m.show('countersignd', 'MainPID'), gate, 'the agent')


def test_process_limit():
    with start() as m:
        for name, r, out, err in each(m, FORKS):
            checks.true(b'made 60' not in out, '%s: %s' % (name, out))
            checks.true(r.get('reason') == 'limit' or b'ork' in err,
                        '%s: %s %s' % (name, r, err[-200:]))


def test_left_behind():
    with start() as m:
        for name, r, out, _ in each(m, DAEMON):
            checks.equal((r['outcome'], r.get('exit_code'), out),
                         ('finished', 0, b'gone\n'), name)
            checks.true(r['survivors'] >= 1, '%s: %s' % (name, r))


def test_deadline():
    with start() as m:
        for name, r, _, _ in each(m, DEAF, {'timeout_s': 1}):
            checks.equal((r['outcome'], r['reason']), ('timed_out',
                                                       'deadline'), name)


def test_groups_are_gone():
    with start() as m:
        for _ in each(m, 'true'):
            pass
        left = m.guest.must(['sh', '-c', 'find /sys/fs/cgroup -type d -name '
                             '"countersign.*.kill" | wc -l'])
        checks.equal(left, b'0\n')


def test_agent_dies():
    """What it ran ends when it comes back, in groups and out of them."""
    with start() as m:
        for name in PROFILES:
            m.offers(name)
            digest, received = m.pending(DEAF, **dict(
                PROFILES[name], survivors='kill', services=[], limits=LIMITS))
            m.approve(digest, received)
            m.peer.record('exec_started', card=digest)
            n = m.peer.connections
            m.guest.must(['systemctl', 'kill', '-s', 'KILL', '--kill-whom=main',
                          'countersignd'])
            m.peer.wait(lambda: m.peer.connections > n, 'connection')
            checks.equal(m.guest.run(['pgrep', '-f', '^sleep 30[0-9]']).stdout,
                         b'', name)


if __name__ == '__main__':
    checks.main(globals(), jobs=1)
