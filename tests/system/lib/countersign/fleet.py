"""fleet.py - a real console with real agents, and their owner.
SPDX-License-Identifier: Apache-2.0
Runs in: tests, benchmarks.
"""
import json
import os
import shutil
import subprocess
import tempfile

from . import console, fake, owner

LIMIT = fake.LIMIT


class Agent:
    """A real agent of a real console."""

    def __init__(self, fleet, folder=None):
        self.fleet = fleet
        self.dir = tempfile.mkdtemp(prefix='cs-device-', dir=folder)
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, 'state')
        self.socket = os.path.join(self.dir, 'gate.sock')
        self.config = os.path.join(self.dir, 'agent.json')
        with open(self.config, 'w') as f:
            json.dump({'state': self.state, 'socket': self.socket,
                       'group': '', 'courier_user': 'nobody',
                       'programs': os.path.join(os.path.abspath(fake.OUT),
                                                'bin')}, f)
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.gate = None
        token, _ = fleet.console.token_file(fleet.owner.org)
        r = subprocess.run(
            [fake.program('countersignd'), 'enrol', '--token', token,
             '--pin', fleet.owner.pin(fleet.files['root']), '--config',
             self.config], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60)
        if r.returncode != 0:
            raise AssertionError('enrol: %d: %s' % (r.returncode,
                                                    r.stderr.decode()))
        self.device = r.stdout.decode().strip()

    def sign_in(self):
        """The owner signs the device's entry and hands it in."""
        self.fleet.console.call(
            'PUT', '/v1/trust/devices/' + self.device,
            self.fleet.owner.device(self.device))

    def start(self):
        self.gate = subprocess.Popen(
            [fake.program('countersignd'), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def kill(self):
        self.gate.kill()
        self.gate.wait()

    def stop(self):
        if self.gate is not None and self.gate.poll() is None:
            self.gate.terminate()
            try:
                self.gate.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.gate.kill()
                self.gate.wait()
        self.gate = None

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def read_log(self):
        with open(os.path.join(self.dir, 'log'), errors='replace') as f:
            return f.read()


class Fleet:
    """A console, an owner whose files it has, and devices."""

    def __init__(self, devices=1, folder=None):
        self.owner = owner.Owner()
        self.console = console.Console()
        self.folder = folder
        self.agents = []
        self.n = devices
        self.files = {}

    def __enter__(self):
        self.console.__enter__()
        try:
            self._build()
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self

    def _build(self):
        self.files = {'root': self.owner.root(),
                      'people': self.owner.people(),
                      'policy': self.owner.policy()}
        # Before its first device an org's files have nowhere to go: the
        # token makes the org known.
        self.console.token_file(self.owner.org)
        for word, env in self.files.items():
            self.console.call('PUT', '/v1/trust/' + word, env)
        self.console.user('ops', 'operator', org=self.owner.org)
        for _ in range(self.n):
            a = Agent(self, self.folder)
            self.agents.append(a)
            a.sign_in()
            a.start()

    def __exit__(self, kind, value, trace):
        for a in self.agents:
            if kind is not None:
                print('# log of %s:\n%s' % (a.dir, a.read_log()[-3000:]))
            a.close()
        self.console.__exit__(kind, value, trace)

    # ---- the things tests do ----

    def propose(self, agent, command, **change):
        """POSTs a card: (digest, its stream of events)."""
        env = self.owner.card(agent.device, command, **change)
        self.console.post('/v1/cards', env)
        digest = owner.digest_of(env)
        return digest, self.console.events(digest)

    def approval(self, agent, digest, received, **change):
        doc = self.owner.approval_doc(
            digest, received['device_nonce'],
            owner.digest_of(self.files['policy']), agent.device, **change)
        return self.owner.say('approval', doc,
                              self.owner.keys[change.get('by', 'tess')])

    def approve(self, agent, digest, received, **change):
        return self.console.post('/v1/cards/%s/approvals' % digest,
                                 self.approval(agent, digest, received,
                                               **change))
