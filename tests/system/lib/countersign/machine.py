"""machine.py - a guest with an agent installed, and the console that it has.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The programs under test are laid out in the guest as a package does it; the
agent runs as its systemd's service. The console is this process, on loopback.
"""
import json
import os
import subprocess
import sys

from . import checks, fake
from .agent import Agent

TOP = os.path.dirname(os.path.abspath(__file__))
for _ in range(4):
    TOP = os.path.dirname(TOP)
STATE = '/var/lib/countersign'


def install(g):
    """Puts the programs, the unit, the accounts and the folders there."""
    sys.path.insert(0, os.path.join(TOP, 'packaging', 'build'))
    import contents					# noqa: E402
    for f in contents.linux(os.path.join(os.path.abspath(fake.OUT), 'bin')):
        path = g.path(f.place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as out:
            out.write(f.read())
        os.chmod(path, f.mode)
    g.must(['systemd-sysusers', '/usr/lib/sysusers.d/countersign.conf'])
    g.must(['install', '-d', '-m', '700', STATE])
    g.must(['systemctl', 'daemon-reload'])


class Machine(Agent):
    """An agent in a guest in which it is installed."""

    def __init__(self, g, policy=None):
        self.guest = g
        super().__init__()
        if policy is not None:
            self.files['policy'] = self.owner.policy(**policy)
            self.greet()

    def put(self, path, text, mode=0o600):
        """A file of the guest (see Guest.path)."""
        at = self.guest.path(path)
        os.makedirs(os.path.dirname(at), exist_ok=True)
        with open(at, 'w') as f:
            f.write(text)
        os.chmod(at, mode)
        return path

    def enrol(self, pin=None):
        self.put('/root/token.json', json.dumps({
            'v': 1, 'kind': 'countersign-token',
            'url': 'wss://127.0.0.1:%d/v1/agent' % self.peer.console.port,
            'ca': self.peer.authority.pem.decode(),
            'secret': self.peer.secret}))
        self.put('/etc/countersign/root.pin', self.owner.pin(self.root) + '\n',
                 0o644)
        return self.guest.must(['countersignd', 'enrol', '--token',
                                '/root/token.json']).decode().strip()

    def start(self, wait=True, env=None):
        n = self.peer.connections
        self.guest.must(['systemctl', 'start', 'countersignd'])
        self.peer.wait(lambda: self.peer.connections > n, 'connection')
        for word in self.files:
            self.peer.record('trust', file=word)
        return self

    def stop(self):
        """The guest's end is its end."""

    def show(self, unit, what):
        return self.guest.must(['systemctl', 'show', '-P', what,
                                unit]).decode().strip()

    def status(self):
        return json.loads(self.guest.must(['countersign', 'status',
                                           '--json']))

    def read_log(self):
        try:
            return self.guest.run(['journalctl', '-u', 'countersignd',
                                   '--no-pager']).stdout.decode()
        except (OSError, subprocess.SubprocessError):
            return ''

    def marker(self):
        return '/var/ran-' + os.urandom(4).hex()

    def ran(self, path):
        return os.path.exists(self.guest.path(path))

    def offers(self, profile):
        """Skips the test where the profile is not offered in the guest."""
        status = self.status()
        if profile not in status['profiles']:
            checks.skip('%s is not offered in the guest: %s' % (
                profile, json.dumps(status.get('sandbox'))[:200]))

    def result(self, command, **change):
        """Runs a card: (exec_result, stdout, stderr)."""
        digest, r = self.run(command, **change)
        self.peer.wait(lambda: len(self.peer.output.get(
            bytes.fromhex(digest[7:]), b'')) >= r['transcript_bytes'])
        return (r,) + self.peer.transcript(digest)
