"""test_upgrade.py - new programs under a running agent.
SPDX-License-Identifier: Apache-2.0

What a package does: it puts other files where the programs were and sends
SIGHUP. Nothing that waits or runs may be lost by it.
"""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, fake, owner		# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402

PROGRAMS = ('countersignd', 'countersign-courier', 'countersign-runner')


class Installed(Agent):
    """An agent whose programs are its own copies."""

    def __init__(self):
        self.bin = tempfile.mkdtemp(prefix='cs-bin-')
        os.chmod(self.bin, 0o755)
        for name in PROGRAMS:
            shutil.copy(fake.program(name), self.bin)
        super().__init__()

    def settings(self):
        return dict(super().settings(), programs=self.bin)

    def __exit__(self, *how):
        super().__exit__(*how)
        shutil.rmtree(self.bin, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.bin, name)

    def upgrade(self, *names):
        """Other bytes under the same names, as dpkg puts them there."""
        for name in names:
            path = self.program(name)
            shutil.copy(path, path + '.dpkg-new')
            with open(path + '.dpkg-new', 'ab') as f:
                f.write(b'a newer one\n')
            os.rename(path + '.dpkg-new', path)

    def status(self):
        r = subprocess.run([fake.program('countersign'), 'status', '--json',
                            '--socket', self.socket], check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        return json.loads(r.stdout)

    def hashes(self):
        """Of the files that lie there now, as a record has them."""
        out = {}
        for name in PROGRAMS:
            with open(self.program(name), 'rb') as f:
                out[name] = 'sha256:' + hashlib.sha256(f.read()).hexdigest()
        return out

    def versions(self, program):
        return [r['hash'] for r in self.peer.all('version', program=program)]


def anew(a, connections):
    a.peer.wait(lambda: a.peer.connections > connections, 'new connection')


def test_a_pending_card_is_still_pending():
    with Installed() as a:
        m = a.marker()
        digest, received = a.pending('echo ran > %s' % m)
        before, n = a.gate.pid, a.peer.connections
        old = {p: a.versions(p) for p in PROGRAMS}
        a.upgrade(*PROGRAMS)
        a.gate.send_signal(signal.SIGHUP)
        anew(a, n)
        checks.equal(a.gate.poll(), None, 'the agent has ended')
        checks.equal(a.gate.pid, before)
        for p in PROGRAMS:
            a.peer.wait(lambda: len(a.versions(p)) == len(old[p]) + 1,
                        'version of ' + p)
        # The same nonce: this is no other start of the machine.
        checks.equal(a.peer.all('nonce', card=digest), [])
        checks.true(not os.path.exists(m), 'it ran by itself')
        a.approve(digest, received)
        checks.equal(a.peer.record('exec_result', card=digest)['exit_code'], 0)
        checks.true(os.path.exists(m), 'it did not run')
        intent = a.peer.record('exec_intent', card=digest)
        checks.equal(intent['runner_hash'],
                     a.versions('countersign-runner')[-1], 'runner')


def test_a_running_card_comes_to_its_end():
    with Installed() as a:
        gate = a.marker()
        os.mkfifo(gate)
        digest, received = a.pending('read x < %s; echo got $x' % gate)
        a.approve(digest, received)
        a.peer.record('exec_started', card=digest)
        n = a.peer.connections
        a.upgrade(*PROGRAMS)
        a.gate.send_signal(signal.SIGHUP)
        # A whole round trip later it is still there, and so is the card.
        env = a.card('true', org='other.example')
        a.send('card', env)
        a.peer.record('card_refused', card=owner.digest_of(env))
        checks.equal(a.peer.connections, n, 'connections')
        with open(gate, 'w') as f:
            f.write('this\n')
        r = a.peer.record('exec_result', card=digest)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))
        anew(a, n)
        checks.equal(a.peer.all('exec_interrupted'), [])


def test_the_same_programs_are_no_new_version():
    with Installed() as a:
        n = a.peer.connections
        a.gate.send_signal(signal.SIGHUP)
        anew(a, n)
        digest, received = a.pending('true')
        checks.equal({p: len(a.versions(p)) for p in PROGRAMS},
                     {p: 1 for p in PROGRAMS})


def test_status_has_the_hashes_of_what_runs():
    with Installed() as a:
        old = a.hashes()
        s = a.status()
        checks.equal(s['programs'], old)
        checks.true(s['version'][0].isdigit(), s['version'])
        a.upgrade(*PROGRAMS)
        checks.equal(a.status()['programs'], old, 'not yet')
        n = a.peer.connections
        a.gate.send_signal(signal.SIGHUP)
        anew(a, n)
        checks.equal(a.status()['programs'], a.hashes())


def test_a_new_version_while_it_is_off():
    with Installed() as a:
        old = a.hashes()
        digest, received = a.pending('true')
        a.stop()
        a.upgrade(*PROGRAMS)
        a.start()
        for p in PROGRAMS:
            a.peer.wait(lambda: a.versions(p) == [old[p], a.hashes()[p]],
                        'versions of ' + p)
        a.approve(digest, received)
        checks.equal(a.peer.record('exec_result', card=digest)['exit_code'], 0)


def test_many_signals_at_once():
    with Installed() as a:
        n = a.peer.connections
        for _ in range(20):
            a.gate.send_signal(signal.SIGHUP)
        anew(a, n)
        digest, received = a.pending('true')
        a.approve(digest, received)
        a.peer.record('exec_result', card=digest)
        checks.equal(a.gate.poll(), None)


def test_a_configuration_that_cannot_be_read():
    """It is not gone over to: the agent says why and goes on as it was; with
    another program, that one is to judge it."""
    with Installed() as a:
        with open(a.config) as f:
            good = f.read()
        digest, received = a.pending('true')
        pid, n = a.gate.pid, a.peer.connections
        bad = {'not valid JSON': good[:-1], 'unknown_key':
               good.replace('{', '{"unknown_key": 1, ', 1),
               'state': good.replace('"state": "', '"state": "x')}
        for i, (word, text) in enumerate(bad.items()):
            with open(a.config, 'w') as f:
                f.write(text)
            a.gate.send_signal(signal.SIGHUP)
            checks.until(lambda: a.read_log().count('mend it') == i + 1,
                         'word')
            checks.true(word in a.read_log(), a.read_log())
        os.unlink(a.config)
        a.gate.send_signal(signal.SIGHUP)
        checks.until(lambda: a.read_log().count('mend it') == 4, 'word')
        # All the same it works, and listens.
        a.approve(digest, received)
        checks.equal(a.peer.record('exec_result', card=digest)['exit_code'], 0)
        checks.equal((a.gate.poll(), a.gate.pid, a.peer.connections),
                     (None, pid, n))
        with open(a.config, 'w') as f:
            f.write(good)
        a.gate.send_signal(signal.SIGHUP)
        anew(a, n)
        a.peer.wait(lambda: a.peer.link is not None, 'link')
        with open(a.config, 'w') as f:
            f.write(bad['unknown_key'])
        a.upgrade(*PROGRAMS)
        a.gate.send_signal(signal.SIGHUP)
        checks.equal(a.gate.wait(LIMIT), 1)
        checks.true('mend it or give another' in a.read_log(), 'the new one')


def test_a_program_that_others_could_have_changed():
    """It is not gone over to: the agent ends and says why."""
    if os.geteuid() != 0:
        checks.skip('needs root')
    with Installed() as a:
        a.upgrade(*PROGRAMS)
        os.chmod(a.program('countersignd'), 0o777)
        a.gate.send_signal(signal.SIGHUP)
        checks.equal(a.gate.wait(LIMIT), 1)
        checks.true('cannot be run' in a.read_log(), 'why')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
