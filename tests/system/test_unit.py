"""test_unit.py - the systemd unit, as systemd reads it.
SPDX-License-Identifier: Apache-2.0

What the unit takes away from the agent, a card of profile full would lack too.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks				# noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT = os.path.join(HERE, '..', '..', 'packaging', 'systemd',
                    'countersignd.service')
# What root could no longer do in profile full.
HARMFUL = ('NoNewPrivileges', 'Protect', 'Private', 'Restrict', 'SystemCall',
           'CapabilityBoundingSet', 'MemoryDenyWriteExecute', 'ReadOnlyPaths',
           'ReadWritePaths', 'InaccessiblePaths', 'IPAddress', 'DevicePolicy',
           'DeviceAllow', 'LockPersonality', 'User', 'Group', 'DynamicUser',
           'RootDirectory', 'RootImage', 'AmbientCapabilities', 'SecureBits',
           'TemporaryFileSystem', 'NetworkNamespacePath', 'MemoryMax',
           'CPUQuota', 'RemoveIPC', 'SocketBind')


def settings():
    with open(UNIT, encoding='ascii') as f:
        return [line.strip().split('=', 1) for line in f
                if re.match(r'[A-Za-z]+=', line)]


def test_systemd_takes_it():
    if shutil.which('systemd-analyze') is None:
        checks.skip('systemd-analyze is not here')
    with open(UNIT, encoding='ascii') as f:
        text = f.read().replace('/usr/sbin/countersignd', '/bin/true')
    with tempfile.TemporaryDirectory(prefix='cs-unit-') as d:
        at = os.path.join(d, 'countersignd.service')
        with open(at, 'w', encoding='ascii') as f:
            f.write(text)
        r = subprocess.run(['systemd-analyze', 'verify', '--man=no', at],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, check=False)
    # Only from 254 on: the gate makes a leaf for itself where it is not known.
    said = [line for line in r.stdout.decode().splitlines()
            if 'countersignd' in line and 'DelegateSubgroup' not in line]
    checks.equal(said, [])
    checks.equal(r.returncode, 0, r.stdout.decode())


def test_full_keeps_what_root_has():
    names = [name for name, _ in settings()]
    wrong = [n for n in names if n.startswith(HARMFUL)]
    checks.equal(wrong, [])


def test_an_upgrade_survives():
    got = dict(settings())
    checks.equal(got['KillMode'], 'process')
    checks.equal(got['Delegate'], 'yes')
    checks.equal(got['Type'], 'notify')
    checks.equal(got['StateDirectoryMode'], '0700')


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
