"""test_crash.py - kill -9 of each process at each state, and orderly ends.
SPDX-License-Identifier: Apache-2.0

After every death: no card ran twice, none is lost, what began has a result or
is said to be interrupted, and nothing of it lives on. `KILLS=500` makes the
loop at the end long; `SEED` repeats one.
"""
import hashlib
import os
import random
import select
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, disk, link, owner	# noqa: E402
from countersign import puppet, wire				# noqa: E402
from countersign.agent import Agent, LIMIT			# noqa: E402


WHICH = ('starter', 'gate', 'both')


def kill(a, which='starter'):
    """kill -9 of the agent's main process, of the one that decides, or of
    both: neither outlives the other, and the courier goes with them."""
    gates = a.children('countersign-gat')	# none yet, just after a start
    couriers = a.children('countersign-courier')
    for pid in gates if which != 'starter' else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if which != 'gate' or not gates:
        a.gate.kill()
    checks.equal(a.gate.wait(LIMIT), -signal.SIGKILL, 'how it ended')
    for pid in gates + couriers:
        gone(pid)


def restart(a):
    """Starts the agent and waits for a link of the new courier."""
    n = a.peer.connections
    a.start(wait=False)
    a.peer.wait(lambda: a.peer.connections > n, 'connection')


def gone(pid, limit=LIMIT):
    """Waits until that process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        checks.true(select.select([fd], [], [], limit)[0],
                    'process %d lives on' % pid)
    finally:
        os.close(fd)


def tag():
    """A number of seconds to sleep that nobody else sleeps."""
    return '1000.%d' % random.SystemRandom().randrange(10**8, 10**9)


def tree(a, m, seconds):
    """A command that leaves a tree of processes with this tag in it."""
    return ('echo x >> %s; sleep %s & (setsid sleep %s &); '
            'trap "" TERM; echo up; sleep %s; echo late >> %s' % (
                m, seconds, seconds, seconds, m))


def sleepers(t):
    """The three of that tree, once they are there."""
    deadline = time.monotonic() + LIMIT
    while len(pids := disk.processes('sleep\0' + t)) < 3:
        checks.true(time.monotonic() < deadline, 'no tree')
    return pids


def up(a, digest, text=b'up\n'):
    a.peer.wait(lambda: a.peer.transcript(digest)[0].startswith(text),
                'output')


def lines(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ''


def end(a, *open_cards):
    """Stops it in order; the records of the verified journal."""
    a.stop()
    return disk.verify(a, open_cards)


# ---- the gate dies ----

def test_gate_dies_while_a_card_is_pending():
    with Agent() as a:
        m = a.marker()
        d, got = a.pending('echo x >> %s' % m)
        kill(a)
        restart(a)
        checks.true(not os.path.exists(m), 'it ran')
        a.approve(d, got)
        a.peer.record('exec_result', card=d)
        checks.equal(lines(m), 'x\n')
        end(a)


def test_gate_dies_before_the_console_hears():
    """Of a card, of an approval: what was not told is on disk or never was."""
    with Agent() as a:
        m = a.marker()
        for _ in range(3):
            env = a.card('echo x >> %s' % m)
            d = owner.digest_of(env)
            a.send('card', env)
            kill(a)
            restart(a)
            a.send('card', env)
            got = a.peer.record('card_received', card=d)
            checks.equal(len(a.peer.all('card_received', card=d)), 1)
            # The nonce that it has now.
            a.approve(d, got)
            kill(a)
            restart(a)
            a.peer.wait(lambda: settled(a), 'settling')
            if not a.peer.all('approval_accepted', card=d):
                a.approve(d, got)
            a.peer.wait(lambda: closed(a, d), 'end')
            checks.true(lines(m) in ('', 'x\n'), 'it ran twice')
            if a.peer.all('exec_result', card=d):
                checks.equal(lines(m), 'x\n')
                os.unlink(m)
            elif os.path.exists(m):
                os.unlink(m)
        end(a)


def settled(a):
    """Whether all that was sent is dealt with; called with the peer's lock."""
    if not hasattr(a, 'probe'):
        a.probe = owner.digest_of(env := a.card('true', org='other.example'))
        a.peer.link.text(link.envelope('card', env))
    if not a.peer.all('card_refused', card=a.probe):
        return False
    del a.probe
    return True


def closed(a, digest):
    return any(r['kind'] in disk.ENDS and not r.get('running')
               for r in a.peer.all(card=digest))


def test_gate_dies_between_two_approvals():
    with Agent() as a:
        a.owner.requesters = [{'id': 'ann', 'mails': ['ann@acme.example'],
                               'manager': 'max'}]
        a.trust('people', a.owner.people())
        a.trust('policy', a.owner.policy(tools={'command': {
            'decision': 'approval_needed', 'require_manager': True,
            'profiles': ['full'], 'shells': ['sh']}}))
        a.peer.wait(lambda: len(a.peer.all('trust', file='policy')) == 2)
        m = a.marker()
        d, got = a.pending('echo x >> %s' % m, requester='ann@acme.example')
        a.approve(d, got)
        a.peer.record('approval_accepted', card=d)
        kill(a)
        restart(a)
        checks.true(not os.path.exists(m), 'it ran with one approval')
        a.approve(d, got, by='max', role='manager')
        a.peer.record('exec_result', card=d)
        checks.equal(lines(m), 'x\n')
        r = [r for r in end(a) if r['kind'] == 'exec_intent']
        checks.equal(len(r[0]['approvals']), 2, 'approvals')


def test_gate_dies_while_an_approved_card_waits():
    with Agent() as a:
        t = tag()
        m1, m2 = a.marker(), a.marker()
        d1, got1 = a.pending(tree(a, m1, t))
        a.approve(d1, got1)
        up(a, d1)
        d2, got2 = a.pending('echo x >> %s' % m2)
        a.approve(d2, got2)
        a.peer.record('approval_accepted', card=d2)
        checks.equal(a.peer.all('exec_intent', card=d2), [])
        kill(a)
        restart(a)
        a.peer.record('exec_interrupted', card=d1)
        a.peer.record('exec_result', card=d2)
        checks.equal((lines(m1), lines(m2)), ('x\n', 'x\n'))
        checks.equal(disk.processes(t), [], 'left over')
        end(a)


def test_gate_dies_between_intent_and_start():
    a = Agent()
    programs = puppet.stage(a, 'countersign-runner')
    try:
        with a:
            m = a.marker()
            d, got = a.pending('echo x >> %s' % m)
            a.approve(d, got)
            with programs.accept('countersign-runner') as r:
                a.peer.record('exec_intent', card=d)
                kill(a)
                # The real runner would see its control pipe close.
                checks.equal(os.read(r.fds[5], 1), b'', 'control')
            programs.real('countersign-runner')
            restart(a)
            r = a.peer.record('exec_interrupted', card=d)
            a.approve(d, got)
            a.approve(d, got, by='tim')
            a.peer.wait(lambda: settled(a), 'settling')
            checks.equal(lines(m), '', 'it ran again')
            end(a)
    finally:
        programs.close()


def test_gate_dies_while_a_card_runs():
    for which in WHICH:
        gate_dies_while_a_card_runs(which)


def gate_dies_while_a_card_runs(which):
    with Agent() as a:
        t, m = tag(), a.marker()
        d, got = a.pending(tree(a, m, t))
        a.approve(d, got)
        up(a, d)
        a.peer.record('exec_started', card=d)
        pids = sleepers(t)
        kill(a, which)
        # Without any gate: the runner sees to it.
        for pid in pids:
            gone(pid)
        restart(a)
        a.peer.record('exec_interrupted', card=d)
        a.approve(d, got, by='tim')
        d2, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        checks.equal((lines(m), disk.processes(t)), ('x\n', []))
        end(a)


def test_gate_and_runner_die_while_a_card_runs():
    with Agent() as a:
        t, m = tag(), a.marker()
        d, got = a.pending(tree(a, m, t))
        a.approve(d, got)
        up(a, d)
        runner, = a.children('countersign-runner')
        pids = sleepers(t)
        os.kill(a.gate_pid(), signal.SIGSTOP)
        os.kill(runner, signal.SIGKILL)
        kill(a)
        restart(a)
        a.peer.record('exec_interrupted', card=d)
        for pid in pids:
            gone(pid)
        checks.equal(lines(m), 'x\n')
        end(a)


def test_gate_dies_while_output_streams():
    with Agent() as a:
        d, got = a.pending('while :; do echo 0123456789abcdef; done')
        a.approve(d, got)
        card = bytes.fromhex(d[7:])
        a.peer.wait(lambda: len(a.peer.output.get(card, b'')) > 200000,
                    'output')
        kill(a)
        restart(a)
        a.peer.record('exec_interrupted', card=d)
        path = os.path.join(a.state, 'transcripts', d[7:])
        size = os.path.getsize(path)
        # What had been spooled still comes, each byte once.
        a.peer.wait(lambda: len(a.peer.output[card]) >= size, 'spool')
        with open(path, 'rb') as f:
            checks.true(bytes(a.peer.output[card]) == f.read(), 'not the same')
        end(a)


def test_gate_dies_when_a_card_has_just_ended():
    with Agent() as a:
        for _ in range(5):
            m = a.marker()
            d, got = a.pending('echo x >> %s' % m)
            a.approve(d, got)
            # Its result is on its way to the disk, or there.
            while not os.path.exists(m):
                a.peer.wait(lambda: True)
            kill(a)
            restart(a)
            a.peer.wait(lambda: closed(a, d), 'end')
            checks.true(lines(m) in ('', 'x\n'), 'it ran twice')
            d, r = a.run('echo x >> %s' % a.marker())
            kill(a)
            restart(a)
            a.peer.wait(lambda: settled(a), 'settling')
            checks.equal(a.peer.all('exec_interrupted', card=d), [])
        end(a)


# ---- the courier dies ----

def kill_courier(a):
    n = a.peer.connections
    pid, = a.children('countersign-courier')
    os.kill(pid, signal.SIGKILL)
    return n


def test_courier_dies():
    """While nothing is, while a card waits, while one prints."""
    with Agent() as a:
        m, fifo = a.marker(), os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        d, got = a.pending('echo x >> %s; seq 1 30000; read y < %s; '
                           'seq 30001 60000' % (m, fifo))
        n = kill_courier(a)
        a.peer.wait(lambda: a.peer.connections > n, 'reconnection')
        a.approve(d, got)
        a.peer.wait(lambda: b'\n999\n' in a.peer.transcript(d)[0])
        n = kill_courier(a)
        # Nobody listens while the rest is printed.
        with open(fifo, 'w') as f:
            f.write('go\n')
        a.peer.wait(lambda: a.peer.connections > n, 'reconnection')
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], lines(m)), ('finished', 'x\n'))
        card = bytes.fromhex(d[7:])
        a.peer.wait(lambda: len(a.peer.output[card]) ==
                    r['transcript_bytes'])
        checks.equal('sha256:' + hashlib.sha256(
            a.peer.output[card]).hexdigest(), r['transcript_hash'])
        records = end(a)
        checks.equal([r for r in records if r['kind'] == 'child_violation'],
                     [])


def test_courier_dies_on_the_way_to_the_console():
    """Before it is ready, while it connects, while it proves itself."""
    a = Agent()
    programs = puppet.stage(a, 'countersign-courier')
    try:
        with puppet.Quiet(a):
            pending, ran = [], []
            for step in range(4):
                a.start(wait=False)
                with puppet.Courier(programs) as c:
                    if step > 0:
                        c.say('ready')
                        c.expect('config')
                    if step > 1:
                        c.say('link', b'\x02' + wire.field(''))
                    if step > 2:
                        c.say('challenge', os.urandom(64))
                    os.kill(c.pid, signal.SIGKILL)
                    c.ended()
                # The next one comes, and people were served all along.
                with puppet.Courier(programs) as c:
                    c.prove()
                    if step == 0:
                        for env in a.files.values():
                            checks.equal(control.submit(
                                a.socket, 'trust', env), None)
                    env = a.card('true')
                    checks.equal(control.submit(a.socket, 'card', env), None)
                    pending.append(owner.digest_of(env))
                a.stop()
            programs.real('countersign-courier')
            restart(a)
            for d in pending:
                got = a.peer.record('card_received', card=d)
                a.approve(d, got)
                ran.append(a.peer.record('exec_result', card=d))
            checks.equal([r['outcome'] for r in ran], ['finished'] * 4)
            end(a)
    finally:
        programs.close()


# ---- the runner dies ----

def test_runner_dies():
    with Agent() as a:
        t, m = tag(), a.marker()
        d, got = a.pending(tree(a, m, t))
        a.approve(d, got)
        up(a, d)
        pids = sleepers(t)
        runner, = a.children('countersign-runner')
        os.kill(runner, signal.SIGKILL)
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['reason']), ('killed', 'runner_died'))
        for pid in pids:
            gone(pid, 0)
        checks.equal(lines(m), 'x\n')
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        end(a)


def test_runner_dies_before_it_says_anything():
    a = Agent()
    programs = puppet.stage(a, 'countersign-runner')
    try:
        with a:
            d, got = a.pending('true')
            a.approve(d, got)
            with programs.accept('countersign-runner') as r:
                a.peer.record('exec_intent', card=d)
                os.kill(r.pid, signal.SIGKILL)
                r.close()
                r = a.peer.record('exec_result', card=d)
            checks.equal((r['outcome'], r['reason']),
                         ('killed', 'runner_died'))
            end(a)
    finally:
        programs.close()


# ---- an orderly end ----

def test_a_signal_waits_for_the_card_that_runs():
    with Agent() as a:
        m, fifo = a.marker(), os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        d, got = a.pending('echo up; read y < %s; echo x >> %s; exit 3' % (
            fifo, m))
        a.approve(d, got)
        up(a, d)
        waits, got = a.pending('echo x >> %s' % a.marker())
        a.gate.send_signal(signal.SIGTERM)
        a.approve(waits, got)
        a.peer.record('approval_accepted', card=waits)
        checks.equal(a.gate.poll(), None, 'it did not wait')
        with open(fifo, 'w') as f:
            f.write('go\n')
        checks.equal(a.gate.wait(LIMIT), 0, 'exit code')
        records = disk.verify(a, (waits,))
        r, = [r for r in records if r['kind'] == 'exec_result']
        checks.equal((r['card'], r['outcome'], r['exit_code']),
                     (d, 'finished', 3))
        checks.equal(lines(m), 'x\n')
        # What was approved meanwhile runs at the next start.
        restart(a)
        a.peer.record('exec_result', card=waits)
        end(a)


def test_a_second_signal_stops_the_card():
    with Agent() as a:
        for deaf in (False, True):
            t, m = tag(), a.marker()
            text = tree(a, m, t)
            if not deaf:
                text = text.replace('trap "" TERM', 'trap "exit 9" TERM')
            d, got = a.pending(text)
            a.approve(d, got)
            up(a, d)
            a.gate.send_signal(signal.SIGTERM)
            # It has been seen once nothing new starts any more.
            log_has(a, 'stopping running=1')
            a.gate.send_signal(signal.SIGTERM)
            checks.equal(a.gate.wait(LIMIT), 0, 'exit code')
            records = disk.verify(a)
            r = [r for r in records if r['kind'] == 'exec_result'][-1]
            checks.equal((r['card'], r['outcome'], r['reason']),
                         (d, 'killed', 'agent_stopped'))
            checks.equal(lines(m), 'x\n')
            checks.equal(disk.processes('sleep\0' + t), [], 'left over')
            restart(a)
            a.peer.record('exec_result', card=d)
            a.log.truncate(0)


def log_has(a, text):
    deadline = time.monotonic() + LIMIT
    while text not in a.read_log():
        checks.true(time.monotonic() < deadline, 'no "%s" in the log' % text)


# ---- at any moment ----

class Load:
    """Cards that come all the time; each leaves a line when it runs."""

    def __init__(self, a, rng):
        self.a, self.rng = a, rng
        self.cards = {}			# digest -> (envelope, marker, what)
        self.approved = {}		# digest -> envelope

    def more(self, n):
        for _ in range(n):
            m = self.a.marker()
            work = self.rng.choice((
                '', 'seq 1 %d' % self.rng.randrange(20000),
                'sleep 0.0%d' % self.rng.randrange(100),
                '(setsid sleep 1000 &)'))
            env = self.a.card('echo x >> %s; %s' % (m, work))
            self.cards[owner.digest_of(env)] = (env, m, self.rng.choice(
                ('approve',) * 6 + ('deny', 'withdraw')))

    def push(self):
        """Says again whatever has not been recorded. Links break."""
        by = {}
        for r in self.a.peer.all():
            if 'card' in r:
                by.setdefault(r['card'], {})[r['kind']] = r
        for d, (env, _, what) in self.cards.items():
            of = by.get(d, {})
            if any(k in of for k in disk.ENDS) or 'exec_intent' in of:
                continue
            if 'card_received' not in of:
                self.a.send('card', env)
            elif what == 'withdraw':
                self.a.peer.send(link.withdraw(bytes.fromhex(d[7:]), 'x'))
            elif 'approval_accepted' not in of:
                got = of.get('nonce', of['card_received'])
                key = (d, got['device_nonce'])
                if key not in self.approved:
                    self.approved[key] = self.a.approval(
                        d, got, decision=what)
                self.a.send('approval', self.approved[key])

    def try_push(self):
        try:
            self.push()
        except (OSError, ValueError, AssertionError):
            pass

    def open(self):
        return [d for d in self.cards if not closed(self.a, d)]


def test_kills_at_any_moment():
    seed = int(os.environ.get('SEED', random.SystemRandom().getrandbits(32)))
    print('# test_crash: SEED=%d' % seed, flush=True)
    rng = random.Random(seed)
    with Agent() as a:
        load = Load(a, rng)
        for _ in range(int(os.environ.get('KILLS', 80))):
            load.more(3)
            load.try_push()
            n = len(a.peer.records) + rng.randrange(12)
            with a.peer.changed:
                a.peer.changed.wait_for(
                    lambda: len(a.peer.records) >= n, rng.uniform(0, 0.4))
            load.try_push()
            victim = rng.choice(('gate',) * 7 + (
                'countersign-courier', 'countersign-runner',
                'countersign-runner'))
            pids = [] if victim == 'gate' else a.children(victim)
            if victim == 'gate':
                kill(a, rng.choice(WHICH))
                a.start(wait=False)
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            checks.equal(a.gate.poll(), None, 'the gate')
        deadline = time.monotonic() + LIMIT + len(load.cards)
        while load.open():
            checks.true(time.monotonic() < deadline, 'cards stay open')
            load.try_push()
            n = len(a.peer.records)
            with a.peer.changed:
                a.peer.changed.wait_for(
                    lambda: len(a.peer.records) > n, 1)
        records = end(a)
        ran = {r['card'] for r in records if r['kind'] == 'exec_intent'}
        sure = {r['card'] for r in records if r['kind'] == 'exec_result' and
                r['outcome'] == 'finished'}
        for d, (_, m, _) in load.cards.items():
            got = lines(m)
            checks.true(got in ('', 'x\n'), 'it ran twice')
            checks.true(got == '' or d in ran, 'it ran without an intent')
            checks.true(got != '' or d not in sure, 'it did not run')
        checks.true(sure, 'nothing ran')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
