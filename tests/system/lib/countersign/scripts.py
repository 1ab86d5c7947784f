"""scripts.py - a guest whose services are scripts, and an agent in it.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

No systemd runs there: process 1 does nothing but reap, as that of System V
does between two runlevels. Services are started by `service`, or with OpenRC
by `rc-service`, from scripts in /etc/init.d.
"""
import json
import os
import re

from . import guest, machine, owner			# noqa: F401

OPENRC = 'openrc procps iproute2 login'.split()


class Scripts(guest.Guest):
    """System V: the guest's root has systemd's files, but none runs."""

    first = ['--as-pid2', '/bin/sleep', 'infinity']
    leader = ('sleep', 'etc/passwd')

    def _booted(self):
        if self.run(['test', '-e', '/run/systemd/system']).returncode == 0:
            raise AssertionError('systemd runs here')

    def script(self, name, text):
        at = self.path('/etc/init.d/' + name)
        with open(at, 'w', encoding='ascii') as f:
            f.write(text)
        os.chmod(at, 0o755)

    def pids(self, pattern):
        """Processes of the guest with that pattern in a command line, as this
        machine numbers them: {pid: parent's command name}."""
        out = {}
        for pid in os.listdir('/proc'):
            if not pid.isdigit():
                continue
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    line = f.read().replace(b'\0', b' ').decode()
                with open('/proc/%s/stat' % pid, encoding='utf-8',
                          errors='replace') as f:
                    stat = f.read()
                if os.readlink('/proc/%s/ns/pid' % pid) != os.readlink(
                        '/proc/%d/ns/pid' % self.init):
                    continue
                parent = stat[stat.rindex(')') + 2:].split()[1]
                with open('/proc/%s/comm' % parent, encoding='utf-8') as f:
                    comm = f.read().strip()
            except (OSError, ValueError):
                continue
            if re.search(pattern, line.rstrip(' ')):
                out[int(pid)] = comm
        return out


class OpenRC(Scripts):
    packages = OPENRC

    def _booted(self):
        super()._booted()
        # As if it had booted: rc-service does nothing otherwise.
        self.must(['mkdir', '-p'] + ['/run/openrc/' + name for name in (
            'daemons exclusive failed hotplugged inactive options scheduled '
            'started starting stopping tmp wasinactive').split()])
        self.must(['touch', '/run/openrc/softlevel'])


class Machine(machine.Machine):
    """An agent in such a guest, started as its init would."""

    def start(self, wait=True, env=None):
        n = self.peer.connections
        self.guest.must(['sh', '-c', 'setsid countersignd </dev/null '
                         '>>/var/log/countersignd.log 2>&1 & '
                         'echo $! >/run/countersignd.pid'])
        self.peer.wait(lambda: self.peer.connections > n, 'connection')
        for word in self.files:
            self.peer.record('trust', file=word)
        return self

    def gate_pid(self):
        """As the guest numbers it."""
        return int(self.guest.must(['cat', '/run/countersignd.pid']))

    def kill(self, sig='TERM'):
        """Ends the agent, and waits until it has."""
        pid = str(self.gate_pid())
        self.guest.must(['sh', '-c', 'kill -%s %s; while kill -0 %s '
                         '2>/dev/null; do :; done' % (sig, pid, pid)])

    def read_log(self):
        try:
            with open(self.guest.path('/var/log/countersignd.log'),
                      errors='replace') as f:
                return f.read()
        except OSError:
            return ''


def install(g):
    """The programs and folders; the accounts are there."""
    for name in ('countersignd', 'countersign-courier', 'countersign-runner'):
        g.copy(machine.fake.program(name), '/usr/sbin/' + name)
    g.copy(machine.fake.program('countersign'), '/usr/bin/countersign')
    config = g.path('/etc/countersign/agent.json')
    os.makedirs(os.path.dirname(config), exist_ok=True)
    with open(config, 'w', encoding='ascii') as f:
        json.dump({'programs': '/usr/sbin', 'log': 'stderr'}, f)
    g.must(['mkdir', '-p', '/run/countersign'])
    g.must(['install', '-d', '-m', '700', machine.STATE])
