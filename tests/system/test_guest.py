"""test_guest.py - the guest that other tests run an agent in.
SPDX-License-Identifier: Apache-2.0

Whether it is what they take it for: a systemd of its own, that stays in.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, guest			# noqa: E402


def test_boots():
    with guest.Guest() as g:
        checks.equal(g.must(['cat', '/proc/1/comm']), b'systemd\n')
        for unit in ('cron', 'atd', 'dbus'):
            checks.equal(g.must(['systemctl', 'is-active', unit]),
                         b'active\n', unit)
        g.must(['systemd-run', '--wait', '-q', 'touch', '/var/inside'])
        checks.true(os.path.exists(g.path('/var/inside')), 'no file')
        checks.true(not os.path.exists('/var/inside'), 'it got out')
        where, first, groups = g.dir, g.init, list(g.groups)
    checks.true(not os.path.exists('/proc/%d' % first), 'it still runs')
    checks.true(not os.path.exists(where), 'it left its folder')
    checks.equal([x for x in groups if os.path.exists(x)], [], 'groups')


def test_starts_clean():
    with guest.Guest() as g:
        g.must(['touch', '/etc/mark', '/var/mark'])
    with guest.Guest() as g:
        checks.true(not os.path.exists(g.path('/etc/mark')), 'a mark')
        checks.equal(g.run(['test', '-e', '/var/mark']).returncode, 1)


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
