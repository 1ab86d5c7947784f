"""test_console_agent.py - the main job: a real console and a real agent.
SPDX-License-Identifier: Apache-2.0
"""
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, fake, owner			# noqa: E402
from countersign.desk import FIELDS, desk			# noqa: E402

LIMIT = fake.LIMIT


class Agent:
    """countersignd, enrolled at the desk's console."""

    def __init__(self, k):
        self.k = k
        self.dir = tempfile.mkdtemp(prefix='cs-device-')
        os.chmod(self.dir, 0o755)
        self.config = os.path.join(self.dir, 'agent.json')
        with open(self.config, 'w') as f:
            json.dump({'state': os.path.join(self.dir, 'state'),
                       'socket': os.path.join(self.dir, 'gate.sock'),
                       'group': '', 'courier_user': 'nobody',
                       'programs': os.path.join(os.path.abspath(fake.OUT),
                                                'bin')}, f)
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.process = None

    def ask_enrol(self, pin=None):
        k = self.k
        token = k.c.token_file(k.o.org)[0]
        return subprocess.run(
            [fake.program('countersignd'), 'enrol', '--token', token,
             '--pin', pin or k.o.pin(k.files['root']),
             '--config', self.config],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def enrol(self):
        k = self.k
        r = self.ask_enrol()
        if r.returncode != 0:
            raise AssertionError(r.stderr.decode())
        self.id = r.stdout.decode().strip()
        k.put('devices/' + self.id, k.o.device(self.id))

    def start(self):
        self.process = subprocess.Popen(
            [fake.program('countersignd'), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def stop(self, number=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(number)
            # What is on its way to the disk gets there first.
            self.process.wait(4 * LIMIT)
        self.process = None

    def close(self, good):
        self.stop()
        self.log.close()
        if not good:
            with open(os.path.join(self.dir, 'log'), errors='replace') as f:
                print('# log of the agent:\n' + f.read()[-3000:])
        shutil.rmtree(self.dir, ignore_errors=True)

    def fifo(self):
        path = os.path.join(self.dir, 'fifo-' + os.urandom(3).hex())
        os.mkfifo(path)
        return path

    def cli(self, *args):
        return subprocess.run(
            [fake.program('countersign'), *args], capture_output=True,
            stdin=subprocess.DEVNULL, timeout=LIMIT)


@contextlib.contextmanager
def office():
    """A desk with a real agent instead of a played one."""
    with desk(device=False) as k:
        a = Agent(k)
        good = False
        try:
            a.enrol()
            a.start()
            yield k, a
            good = True
        finally:
            a.close(good)


def propose(k, a, command):
    """A pending card: (digest, its pending file)."""
    card = k.c.post('/v1/cards', k.o.card(a.id, command))
    with k.c.events(card['digest']) as events:
        events.until('state', state='pending')
    return card['digest'], k.c.get('/v1/cards/%s/pending' % card['digest'])


def approve(k, a, digest, pending, **change):
    doc = k.o.approval_doc(digest, pending['device_nonce'],
                           pending['policy'], a.id, **change)
    k.c.post('/v1/cards/%s/approvals' % digest,
             k.o.say('approval', doc, k.o.keys['tess']))


def output(events):
    """All that is printed until the end: (stdout, the end)."""
    out = b''
    for name, _, e in events:
        if name == 'output' and e['stream'] == 'stdout':
            out += base64.b64decode(e['base64'])
        if name == 'end':
            return out, e
    raise AssertionError('no end')


def audit(k, a):
    """The console's export verifies."""
    path = os.path.join(k.c.dir, 'export.tar')
    with open(path, 'wb') as f:
        f.write(k.c.request('GET', '/v1/journal/%s?export=tar' % a.id)[2])
    r = a.cli('audit', 'verify', path, '--json')
    checks.equal(r.returncode, 0, r.stdout.decode() + r.stderr.decode())


def test_propose_approve_run_verify():
    with office() as (k, a):
        k.c.user('ai-1', 'proposer', key=k.o.keys['ai-1'])
        card = k.c.post('/v1/cards', dict(
            FIELDS, device=a.id, command='echo out; echo err >&2; exit 3'),
            'ai-1')
        digest = card['digest']
        with k.c.events(digest, 'ai-1') as events:
            events.until('state', state='pending')
            approve(k, a, digest, k.c.get('/v1/cards/%s/pending' % digest))
            out, end = output(events)
        checks.equal((out, end['state'], end['output']),
                     (b'out\n', 'finished', 'complete'))
        whole = k.c.get('/v1/cards/' + digest)
        checks.equal(whole['result']['exit_code'], 3)
        checks.equal(whole['proposer'], 'ai-1')
        checks.equal(k.c.get('/v1/devices/' + a.id)['trust']['people'][
            'version'], 1)
        audit(k, a)


def test_a_console_that_dies_while_a_command_runs():
    with office() as (k, a):
        fifo = a.fifo()
        digest, pending = propose(
            k, a, 'echo one; read x <%s; echo two' % fifo)
        approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            e = events.until('output')
            checks.equal(e['base64'], base64.b64encode(b'one\n').decode())
        k.c.kill()
        with open(fifo, 'w') as f:
            f.write('go\n')
        k.c.start()
        with k.c.events(digest) as events:
            out, end = output(events)
        checks.equal((out, end['state'], end['output']),
                     (b'one\ntwo\n', 'finished', 'complete'))
        audit(k, a)


def test_an_agent_that_dies_while_a_command_runs():
    with office() as (k, a):
        fifo = a.fifo()
        digest, pending = propose(
            k, a, 'echo one; read x <%s; echo two' % fifo)
        approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            events.until('output')
            a.stop(signal.SIGKILL)
            a.start()
            end = events.until('end')
        checks.equal(end['state'], 'interrupted')
        audit(k, a)


def in_state(a):
    """The names in its state folder, less what is being written."""
    return sorted(n for n in os.listdir(os.path.join(a.dir, 'state'))
                  if not n.endswith('.new'))


def test_what_it_can_enforce_is_told():
    """The console shows the profiles that the device offers, and what holds in
    each, as the device itself says."""
    with office() as (k, a):
        # It has said so once it has answered to a card.
        propose(k, a, 'true')
        r = a.cli('status', '--json', '--socket',
                  os.path.join(a.dir, 'gate.sock'))
        status = json.loads(r.stdout)
        got = k.c.get('/v1/devices/' + a.id)
        checks.equal(got['profiles'], status['profiles'])
        checks.equal(got['sandbox'], [x['enforces'] for x in status['sandbox']
                                      if x['offered']])
        checks.true(got['sandbox'][-1].startswith('profile=full'), got)


def test_enrol_leaves_a_running_agent_alone():
    with office() as (k, a):
        digest, pending = propose(k, a, 'echo still here')
        before = in_state(a)
        r = a.ask_enrol()
        checks.equal(r.returncode, 1)
        checks.true(b'stop it' in r.stderr, r.stderr)
        checks.equal(in_state(a), before)
        with k.c.events(digest) as events:
            approve(k, a, digest, pending)
            checks.equal(output(events)[0], b'still here\n')


def test_enrol_with_the_pin_of_another_root():
    with desk(device=False) as k:
        a = Agent(k)
        try:
            pin = k.o.pin(k.files['root']).split(':')
            pin[3] = 'a' * 64
            r = a.ask_enrol(':'.join(pin))
            checks.equal(r.returncode, 3)
            checks.equal(r.stdout, b'')
            checks.true(b'not_pinned' in r.stderr, r.stderr)
            a.enrol()		# the owner's pin and a new token mend it
        finally:
            a.close(True)


def test_denied_vetoed_withdrawn():
    with office() as (k, a):
        digest, pending = propose(k, a, 'true')
        approve(k, a, digest, pending, decision='deny', reason='no')
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['state'], 'denied')
        digest, _ = propose(k, a, 'true')
        r = a.cli('veto', digest, '--reason', 'no', '--socket',
                  os.path.join(a.dir, 'gate.sock'))
        checks.equal(r.returncode, 0, r.stderr.decode())
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['state'], 'vetoed')
        digest, _ = propose(k, a, 'true')
        k.c.post('/v1/cards/%s/cancel' % digest)
        with k.c.events(digest) as events:
            checks.equal(events.until('end')['state'], 'cancelled')
        digest, pending = propose(k, a, 'read x <%s' % a.fifo())
        approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            events.until('state', state='running')
            doc = k.o.cancel_doc(digest, pending['device_nonce'], a.id,
                                 'tess')
            k.c.post('/v1/cards/%s/cancel' % digest,
                     k.o.say('cancel', doc, k.o.keys['tess']))
            checks.equal(events.until('end')['state'], 'killed')
        checks.equal(k.c.get('/v1/devices/' + a.id)['waiting'], 0)
        audit(k, a)


def test_a_card_waits_for_a_device_that_is_away():
    with office() as (k, a):
        digest, pending = propose(k, a, 'echo hello')
        a.stop()
        approve(k, a, digest, pending)
        other = k.c.post('/v1/cards', k.o.card(a.id, 'true'))
        checks.equal(other['state'], 'undelivered')
        a.start()
        with k.c.events(digest) as events:
            out, end = output(events)
        checks.equal((out, end['state']), (b'hello\n', 'finished'))
        with k.c.events(other['digest']) as events:
            events.until('state', state='pending')


def test_a_lot_of_output():
    with office() as (k, a):
        digest, pending = propose(k, a, 'seq 1 400000')
        approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            out, end = output(events)
        want = ''.join('%d\n' % i for i in range(1, 400001)).encode()
        checks.equal(end['output'], 'complete')
        checks.true(out == want, 'the output differs: %d bytes' % len(out))
        got = k.c.request('GET', '/v1/cards/%s/output?stream=stdout' %
                          digest)[2]
        checks.true(got == want, 'the file differs')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
