"""test_systemd.py - the agent as a service of systemd, on other kernels.
SPDX-License-Identifier: Apache-2.0

The same tests as elsewhere, in machines of their own: with version 2 control
groups and all their controllers, with version 1, and with both. In `make vm`.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'tests', 'system', 'lib'))

from countersign import checks, fake, vm	# noqa: E402

LIMIT = 1500


def files():
    """The tests and the programs, where the machine has them."""
    out = {}
    for folder in ('tests/system', 'tests/hostile', 'tests/vm', 'packaging'):
        out.update(vm.tree(os.path.join(TOP, folder), '/srv/cs/' + folder))
    out = {p: f for p, f in out.items() if '__pycache__' not in p}
    for folder in ('bin', 'hostile'):
        out.update(vm.tree(os.path.join(fake.OUT, folder),
                           '/srv/cs/o/' + folder))
    return out


def run(kernel, suite, script, systemd=True, append=''):
    """Runs the test scripts inside, and judges by their lines."""
    lines = vm.run(vm.kernel(kernel), 'cd /srv/cs; export O=/srv/cs/o; ' +
                   script, files(), append, image=vm.disk(suite),
                   systemd=systemd, memory=1536, limit=LIMIT)
    for line in lines:
        if line.startswith(('ok ', 'not ok ', 'skip ', '# ')):
            print('# Linux %s: %s' % (kernel, line), flush=True)
    bad = [x for x in lines if x.startswith('not ok ')]
    if bad:
        raise AssertionError('; '.join(bad)[:600] + ' after: ' + ' | '.join(
            x for x in lines if not x.startswith('#'))[-600:])
    checks.true(any(x.startswith('ok ') for x in lines),
                'no test ran: %s' % ' | '.join(lines[-8:]))


LIMITS = 'python3 tests/vm/limits.py; '
ESCAPES = ('for t in services_by_the_broker admin_table observe repair '
           'probes_in_the_guest; do '
           'python3 tests/hostile/sandbox/test_escapes.py $t; done; ')
PROBES = 'python3 tests/hostile/sandbox/test_sandbox.py; '


def test_limits_of_6_12():
    run('6.12', 'trixie', LIMITS)


def test_limits_of_6_1():
    run('6.1', 'bookworm', LIMITS)


def test_limits_of_5_10():
    run('5.10', 'bookworm', LIMITS)


def test_limits_of_the_newest():
    run('newest', 'trixie', LIMITS)


def test_limits_of_version_1():
    run('5.10', 'bookworm', LIMITS, append='systemd.unified_cgroup_hierarchy=0 '
        'systemd.legacy_systemd_cgroup_controller=1')


def test_limits_of_both_versions():
    run('6.1', 'bookworm', LIMITS,
        append='systemd.unified_cgroup_hierarchy=0')


def test_escapes_of_6_12():
    run('6.12', 'trixie', ESCAPES)


def test_escapes_of_6_1():
    run('6.1', 'bookworm', ESCAPES)


def test_probes_of_5_10():
    run('5.10', 'bookworm', PROBES, systemd=False)


def test_probes_of_6_1():
    run('6.1', 'bookworm', PROBES, systemd=False)


def test_probes_of_6_12():
    run('6.12', 'bookworm', PROBES, systemd=False)


def test_probes_of_the_newest():
    run('newest', 'bookworm', PROBES, systemd=False)


def test_probes_without_landlock():
    run('6.12', 'bookworm', PROBES, systemd=False,
        append='lsm=capability,yama,apparmor')


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
