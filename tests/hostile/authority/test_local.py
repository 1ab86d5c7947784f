"""test_local.py - somebody with an account on the device.
SPDX-License-Identifier: Apache-2.0

threat-model.md, row "a local unprivileged user": cannot read keys, transcripts
or the queue, cannot approve, cannot stop the agent; files and pipes carry the
right owner and mode and are checked at each start. Row "a local root from now
on" (what was recorded before stays), and lesson 11. The attacker is a child of
this script that gave up everything but one uid.
"""
import grp
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, control, fake, wire	# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402
from countersign.attack import (			# noqa: E402
    accepted, busy, refused, settled, touch, touched, untouched)

STRANGER = 54321	# nobody at all
NOBODY = 65534		# in these tests also the courier's

# Tries everything it is told; says on stdout what it could do.
TRIES = r'''
import json, os, socket, struct, sys
q = json.load(sys.stdin)
did = []
def attempt(what, f):
    try:
        f()
        did.append(what)
    except OSError:
        pass
def every(top):
    yield top
    for base, dirs, files in os.walk(top):
        for n in dirs + files:
            yield os.path.join(base, n)
def read(path):
    with open(path, 'rb') as f:
        f.read(1)
def write(path):
    os.close(os.open(path, os.O_WRONLY))
def make(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
for path in q['closed']:
    attempt('list ' + path, lambda: os.listdir(path))
    attempt('make ' + path, lambda: make(path + '/x'))
for path in q['secret']:
    attempt('read ' + path, lambda: read(path))
for path in q['secret'] + q['fixed']:
    attempt('write ' + path, lambda: write(path))
    attempt('remove ' + path, lambda: os.unlink(path))
    attempt('chmod ' + path, lambda: os.chmod(path, 0o777))
    attempt('rename ' + path, lambda: os.rename(path, path + '.x'))
for pid in q['pids']:
    for n in (0, 1, 2, 9, 15, 19):
        attempt('signal %d %d' % (n, pid), lambda: os.kill(pid, n))
    for name in ('mem', 'environ', 'maps', 'fd', 'cwd', 'exe', 'root', 'io'):
        p = '/proc/%d/%s' % (pid, name)
        attempt('open ' + p, lambda: os.listdir(p) if name == 'fd' else
                os.readlink(p) if name in ('cwd', 'exe', 'root') else read(p))
    attempt('limits', lambda: __import__('resource').prlimit(
        pid, __import__('resource').RLIMIT_NOFILE, (1, 1)))
def talk():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(q['socket'])
    for type_, body in q['requests']:
        s.sendall(struct.pack('<IHH', len(body) // 2, type_, 0) +
                  bytes.fromhex(body))
        data = s.recv(65536)
        if not data:
            raise OSError('closed')
        if struct.unpack('<H', data[4:6])[0] != 65:
            did.append('request %d' % type_)
for r in q['requests']:
    whole = q['requests']
    q['requests'] = [r]
    try:
        talk()
    except OSError:
        pass
    q['requests'] = whole
for pid in os.listdir('/proc'):
    try:
        with open('/proc/%s/cmdline' % pid, 'rb') as f:
            if q['needle'].encode() in f.read() and int(pid) != os.getpid():
                did.append('saw the command in ' + pid)
    except (OSError, ValueError):
        pass
print(json.dumps(did))
'''


def as_user(uid, question):
    r = subprocess.run(
        ['/usr/bin/python3', '-c', TRIES],
        input=json.dumps(question).encode(), user=uid, group=uid, extra_groups=[], cwd='/', timeout=LIMIT,
        capture_output=True, env={})
    checks.equal(r.returncode, 0, r.stderr.decode()[-300:])
    return json.loads(r.stdout)


def need_root():
    if os.geteuid() != 0:
        checks.skip('needs root')


def everything(a, card):
    f = wire.field
    ref = f(card.encode())
    state = [os.path.join(b, n) for b, _, names in os.walk(a.state)
             for n in names]
    return {
        'closed': [a.state] + [os.path.join(a.state, d) for d in
                               os.listdir(a.state)
                               if os.path.isdir(os.path.join(a.state, d))],
        'secret': state,
        'fixed': [a.config, a.dir] + [
            os.path.join(a.settings()['programs'], n) for n in
            ('countersignd', 'countersign-courier', 'countersign-runner')],
        'pids': [a.gate.pid, a.gate_pid()] + a.children('countersign-courier') +
        a.children('countersign-runner'),
        'socket': a.socket, 'needle': 'a-secret-in-the-command',
        'requests': [(t, b.hex()) for t, b in (
            (control.STATUS, b''), (control.PENDING, b'\x01'),
            (control.SHOW, ref), (control.LOG, bytes(9)),
            (control.TRANSCRIPT, ref + bytes(9)),
            (control.VETO, ref + f(b'mine')),
            (control.LOCKDOWN, b'\x01' + f(b'mine')),
            (control.LOCKDOWN, b'\x00' + f(b'mine')),
            (control.SUBMIT, control.submit_body('card', a.card('true'))),
            (control.CLOCK_RESET, f(b'mine')),
            (control.PENDING_FILE, ref))]}


def test_a_stranger():
    """Row "a local unprivileged user": nothing of it can be read, written,
    asked, stopped or looked into, while a card runs and one waits."""
    need_root()
    with Agent() as a:
        m = a.marker()
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        d, got = a.pending('read x < %s; : a-secret-in-the-command' % fifo)
        a.approve(d, got)
        a.peer.record('exec_started', card=d)
        waits, waits_got = a.pending(touch(m))
        n = len(a.peer.records)
        question = everything(a, waits)
        checks.true(any(p.endswith('device.key') for p in
                        question['secret']), 'no key to steal')
        checks.true(len(question['pids']) == 4, question['pids'])
        checks.equal(as_user(STRANGER, question), [])
        settled(a)
        with open(fifo, 'w', encoding='ascii') as f:
            f.write('go\n')
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))
        # Nothing that it tried is in the journal either, or was done.
        checks.equal([json.loads(p)['kind'] for p in a.peer.records[n:]],
                     ['card_refused', 'exec_result'])
        untouched(m)
        accepted(a, a.approval(waits, waits_got))
        a.peer.record('exec_result', card=waits)
        touched(m)


def test_the_couriers_account():
    """Row "the courier, taken over": its uid reaches no key, no journal, no
    socket; if it kills the courier, the gate starts another and a card that
    runs is not even disturbed."""
    need_root()
    with Agent() as a:
        d, release = busy(a)
        question = everything(a, d)
        courier = a.children('countersign-courier')
        question['pids'] = [p for p in question['pids'] if p not in courier]
        checks.equal(as_user(NOBODY, question), [])
        n = a.peer.connections
        subprocess.run(['/bin/kill', '-9', str(courier[0])], user=NOBODY,
                       group=NOBODY, extra_groups=[], check=True)
        a.peer.wait(lambda: a.peer.connections > n and
                    a.peer.link is not None, 'another courier')
        release()
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))


def test_the_group():
    """The agent's group may look at the queue, hand in what is signed, say no
    and lock down; it reads no journal, lifts nothing, and runs nothing."""
    need_root()
    try:
        group = grp.getgrnam('games')
    except KeyError:
        checks.skip('no group to try')

    class Shared(Agent):
        def settings(self):
            return dict(Agent.settings(self), group='games')

    with Shared() as a:
        m = a.marker()
        d, _ = a.pending(touch(m))
        question = everything(a, d)
        question['requests'] = [r for r in question['requests'] if r[0] in (
            control.LOG, control.TRANSCRIPT, control.CLOCK_RESET) or
            r[0] == control.LOCKDOWN and r[1].startswith('00')]
        checks.equal(len(question['requests']), 4)
        checks.equal(as_group(group.gr_gid, question), [])
        question = {'closed': [], 'secret': [], 'fixed': [], 'pids': [],
                    'needle': 'no such thing', 'socket': a.socket,
                    'requests': [(control.STATUS, '')]}
        checks.equal(as_group(group.gr_gid, question), ['request 1'])
        # Nor does whoever asks and hangs up end the agent.
        question['requests'] *= 60
        checks.equal(as_group(group.gr_gid, question), ['request 1'] * 60)
        checks.equal(a.gate.poll(), None, 'the gate')
        untouched(m)


def as_group(gid, question):
    r = subprocess.run(
        ['/usr/bin/python3', '-c', TRIES],
        input=json.dumps(question).encode(), user=STRANGER, group=STRANGER, extra_groups=[gid], cwd='/',
        timeout=LIMIT, capture_output=True, env={})
    checks.equal(r.returncode, 0, r.stderr.decode()[-300:])
    return json.loads(r.stdout)


# ---- what is checked at each start ----

def does_not_start(a, what):
    """It says why and ends, and no connection is made."""
    n = a.peer.connections
    a.start(wait=False)
    try:
        code = a.gate.wait(LIMIT)
    except subprocess.TimeoutExpired:
        raise AssertionError('it started with ' + what) from None
    a.gate = None
    checks.true(code not in (0, -11, -6), '%s: ended with %d' % (what, code))
    checks.equal(a.peer.connections, n, 'connections with ' + what)


def does_nothing(a, what):
    """It only says why: locked, nobody can lift it, and no connection."""
    n = a.peer.connections
    a.start(wait=False)
    end = time.monotonic() + LIMIT
    lockdown = None
    while lockdown is None:
        checks.true(time.monotonic() < end, 'it is not locked with ' + what)
        checks.equal(a.gate.poll(), None, 'ended with ' + what)
        try:
            lockdown = control.status(a.socket)['lockdown']
        except OSError:
            time.sleep(0.01)
    checks.equal(lockdown['reason'].split(':')[0], 'state_folder', what)
    checks.equal(control.lockdown(a.socket, False, 'never mind'),
                 'state_folder', 'lifted with ' + what)
    a.stop()
    checks.equal(a.peer.connections, n, 'connections with ' + what)


def with_mode(a, path, mode, so):
    """The group is a stranger's: root's own group may write what root may."""
    old = os.stat(path).st_mode & 0o7777
    os.chown(path, 0, STRANGER)
    os.chmod(path, mode)
    so(a, '%s %o' % (path, mode))
    os.chown(path, 0, 0)
    os.chmod(path, old)


def test_files_that_others_could_have_changed():
    """Row "a local unprivileged user": wrong owners and modes of the agent's
    own files and folders: it does not start, or it stays locked."""
    need_root()
    with Agent() as a:
        a.run('true')
        a.stop()
        state = a.state
        key = os.path.join(state, 'device.key')
        for path, modes, so in ((a.config, (0o666, 0o664), does_not_start),
                                (state, (0o777, 0o755), does_nothing),
                                (key, (0o644, 0o640), does_nothing)):
            for mode in modes:
                with_mode(a, path, mode, so)
            os.chown(path, STRANGER, STRANGER)
            so(a, path + " a stranger's")
            os.chown(path, 0, 0)
        a.start()
        _, r = a.run('true')
        checks.equal(r['outcome'], 'finished')


def test_programs_that_others_could_have_changed():
    """Row "a local unprivileged user": a folder of programs, or a program,
    that somebody else may write to: it does not start."""
    need_root()

    # Not below /tmp, which is everybody's.
    if os.stat('/var/lib').st_mode & 0o022:
        checks.skip('/var/lib is writable by others')
    with Agent() as a:
        a.stop()
        top = os.path.join('/var/lib', os.path.basename(a.dir))
        os.mkdir(top, 0o755)
        try:
            programs = os.path.join(top, 'bin')
            os.mkdir(programs, 0o755)
            for n in ('countersign-courier', 'countersign-runner'):
                shutil.copy(fake.program(n), programs)
                os.chmod(os.path.join(programs, n), 0o755)
            with open(a.config, 'w', encoding='ascii') as f:
                json.dump(dict(a.settings(), programs=programs), f)
            runner = os.path.join(programs, 'countersign-runner')
            for path, mode in ((programs, 0o777), (top, 0o777),
                               (runner, 0o757), (runner, 0o775),
                               (runner, 0o4757)):
                with_mode(a, path, mode, does_not_start)
            for path in (programs, runner):
                os.chown(path, STRANGER, STRANGER)
                does_not_start(a, path + " a stranger's")
                os.chown(path, 0, 0)
            os.rename(runner, runner + '.real')
            does_not_start(a, 'no runner')
            os.symlink('/tmp/runner', runner)
            does_not_start(a, 'a link out of the folder')
            os.unlink(runner)
            os.rename(runner + '.real', runner)
            a.start()
            _, r = a.run('true')
            checks.equal(r['outcome'], 'finished')
        finally:
            a.stop()
            shutil.rmtree(top)


def test_traps_in_the_state_folder():
    """A link planted where the gate writes is not followed."""
    need_root()
    with Agent() as a:
        m = a.marker()
        a.stop()
        victim = os.path.join(a.dir, 'victim')
        with open(victim, 'w', encoding='ascii') as f:
            f.write('mine')
        os.symlink(victim, os.path.join(a.state, 'lockdown'))
        a.start(wait=False)
        a.peer.record('lockdown')
        control.lockdown(a.socket, True, b'again')
        with open(victim, encoding='ascii') as f:
            checks.equal(f.read(), 'mine')
        a.peer.wait(lambda: a.peer.link is not None, 'connection')
        refused(a, a.card(touch(m)), 'lockdown', m, final=False)


def first_status(a):
    """What a gate that is starting says as soon as it says anything."""
    end = time.monotonic() + LIMIT
    while True:
        try:
            return control.status(a.socket)
        except OSError:
            checks.true(a.gate.poll() is None and time.monotonic() < end,
                        'no answer')
            time.sleep(0.02)	# a socket that comes tells nobody


def test_a_journal_that_was_edited():
    """Row "a local root from now on": what is edited does not verify, and the
    device runs nothing more."""
    with Agent() as a:
        m = a.marker()
        d, got = a.pending(touch(m))
        a.pending('true')
        a.stop()
        folder = os.path.join(a.state, 'journal')
        path = os.path.join(folder, sorted(os.listdir(folder))[0])
        with open(path, 'rb') as f:
            data = f.read()
        at = data.index(b'approval_needed')
        with open(path, 'r+b') as f:
            f.seek(at)
            f.write(b'auto_auto_auto_')
        policy = a.policy_digest()
        a.files = {}
        a.greet()
        a.start(wait=False)
        # It answers here, and says that it is locked for good.
        status = json.dumps(first_status(a))
        checks.true('tamper' in status, status)
        checks.equal(control.submit(a.socket, 'approval', a.owner.say(
            'approval', a.owner.approval_doc(d, got['device_nonce'], policy,
                                             a.device),
            a.owner.keys['tess'])), 'journal_corrupt')
        checks.true(control.lockdown(a.socket, False, b'please') is not None,
                    'it was lifted')
        untouched(m)


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
