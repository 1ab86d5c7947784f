"""test_ipc.py - processes that lie to the gate, and a console that stalls.
SPDX-License-Identifier: Apache-2.0

The courier and the runner are puppets of the test; local clients send what
they like. The gate ends who breaks the rules, says so, and goes on.
"""
import grp
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, disk, fake, link	# noqa: E402
from countersign import owner, puppet, wire, ws			# noqa: E402
from countersign.agent import Agent, LIMIT, Peer		# noqa: E402

COURIER, RUNNER = 'countersign-courier', 'countersign-runner'
MIB = 1 << 20


def kib(pid, what='VmHWM'):
    """A line of /proc/PID/status: the peak of resident memory."""
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        for line in f:
            if line.startswith(what + ':'):
                return int(line.split()[1])
    raise AssertionError(what)


def bounded(pid, limit_mib):
    if not fake.is_sanitized():
        checks.true(kib(pid) < limit_mib * 1024,
                    '%d KiB resident' % kib(pid))


def serves(a):
    """The gate answers, and is the process that it was."""
    checks.equal(a.gate.poll(), None, 'the gate')
    return control.status(a.socket)


def local(a, kind):
    """Records of the journal that local clients see."""
    return [r for r in map(json.loads, control.log(a.socket))
            if r['kind'] == kind]


def ready(a):
    """Starts it without a console; waits for the control socket."""
    a.start(wait=False)
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return serves(a)
        except OSError:
            checks.true(time.monotonic() < deadline, 'no control socket')


# ---- a courier that lies ----

def header(n, type_, zero=0):
    return struct.pack('<IHH', n, type_, zero)


T = wire.TYPES

# (when it is said, what)
LIES = (
    ('unknown type', 'start', wire.message(999)),
    ('type zero', 'start', wire.message(0)),
    ('a card before the link', 'start', wire.message('card', b'x')),
    ('welcome before the link', 'start', wire.message('welcome', b'\0')),
    ('what the gate says', 'start', wire.message('hello', b'x' * 80)),
    ('what a runner says', 'start', wire.message('started', bytes(8))),
    ('not zero', 'start', header(0, T['ready'], 1)),
    ('too large for anything', 'start', header(0xffffffff, T['ready'])),
    ('too large for its type', 'start', header(1, T['ready']) + b'x'),
    ('ready twice', 'ready', wire.message('ready')),
    ('no such state', 'ready', wire.message('link', b'\x09' +
                                            wire.field(''))),
    ('a field that ends outside', 'ready', wire.message(
        'link', b'\x01' + struct.pack('<I', 0xffffffff))),
    ('trailing bytes', 'ready', wire.message(
        'link', b'\x01' + wire.field('') + b'x')),
    ('an empty body', 'ready', wire.message('link')),
    ('an approval without proof of the device', 'up',
     wire.message('approval', b'x')),
    ('have before welcome', 'up', wire.message('have', bytes(8))),
    ('enrolled', 'up', wire.message('enrolled', b'\1' + wire.field(''))),
    ('a short challenge', 'up', wire.message('challenge', bytes(63))),
    ('a long challenge', 'up', wire.message('challenge', bytes(65))),
    ('have of 7 bytes', 'synced', wire.message('have', bytes(7))),
    ('have of 9 bytes', 'synced', wire.message('have', bytes(9))),
    ('credit of 47 bytes', 'synced', wire.message('credit', bytes(47))),
    ('a card without anything', 'synced', wire.message('card')),
    ('a card of many signatures', 'synced', wire.message(
        'card', wire.field('t') + wire.field('p') + b'\xff')),
    ('a card over its cap', 'synced', header(1 << 20, T['card'])),
    ('trust over its cap', 'synced', header(64 << 20, T['trust'])),
    ('an unreadable with a hash cut short', 'synced', wire.message(
        'unreadable', wire.field('x') + bytes(4 + 31))),
    ('a withdraw with trailing bytes', 'synced', wire.message(
        'withdraw', bytes(32) + wire.field('x') + b'\0')),
    ('welcome twice', 'synced', wire.message('welcome', b'\0')),
    ('a reason that is no text', 'synced', wire.message(
        'withdraw', bytes(32) + wire.field(b'\xff\xfe'))),
)


def follow(c, when):
    if when == 'start':
        return
    if when == 'synced':
        c.prove()
        return
    c.say('ready')
    c.expect('config')
    if when == 'up':
        c.say('link', b'\x01' + wire.field(''))
        c.say('link', b'\x02' + wire.field(''))


def test_a_courier_that_lies():
    a = Agent()
    programs = puppet.stage(a, COURIER)
    tolerated = ('welcome twice', 'a reason that is no text')
    try:
        with puppet.Quiet(a):
            for what, when, bad in LIES:
                ready(a)
                n = len(local(a, 'child_violation'))
                with puppet.Courier(programs) as c:
                    try:
                        follow(c, when)
                        c.put(bad)
                        if what not in tolerated:
                            c.ended()
                    except AssertionError as e:
                        raise AssertionError('%s: %s' % (what, e)) from e
                    serves(a)
                    got = local(a, 'child_violation')[n:]
                    if what in tolerated:
                        checks.true(len(got) <= 1, what)
                    else:
                        checks.equal([r['role'] for r in got], ['courier'],
                                     what)
                    a.stop()
            bounded_end(a)
    finally:
        programs.close()


def bounded_end(a):
    a.stop()
    disk.verify(a)


def test_half_messages_are_waited_for():
    """Byte by byte it is the same message; the rest may never come."""
    a = Agent()
    programs = puppet.stage(a, COURIER)
    try:
        with puppet.Quiet(a):
            ready(a)
            with puppet.Courier(programs) as c:
                for b in wire.message('ready'):
                    c.put(bytes([b]))
                c.expect('config')
                c.put(header(20, T['link']) + b'x')
                serves(a)
            # It is gone in the middle of it: another one comes.
            with puppet.Courier(programs) as c:
                c.prove()
                serves(a)
            checks.equal(local(a, 'child_violation'), [])
            bounded_end(a)
    finally:
        programs.close()


def test_restarts_of_a_courier_slow_down():
    a = Agent()
    programs = puppet.stage(a, COURIER)
    try:
        with puppet.Quiet(a):
            ready(a)
            times = []
            for _ in range(4):
                with puppet.Courier(programs) as c:
                    times.append(time.monotonic())
                    c.put(wire.message(999))
                    c.ended()
                    serves(a)
            waits = [y - x for x, y in zip(times, times[1:])]
            checks.true(waits[0] >= 0.9 and waits[1] >= 1.9 and
                        waits[2] >= 3.9, 'waits %r' % waits)
            checks.equal(len(local(a, 'child_violation')), 4)
            bounded_end(a)
    finally:
        programs.close()


def flooded(c, data, seconds=20):
    """Writes it all, if the gate lets it live so long; reads along."""
    stop = threading.Event()

    def drain():
        c.gate.settimeout(0.1)
        while not stop.is_set():
            try:
                if c.gate.recv(1 << 18) == b'':
                    return
            except TimeoutError:
                pass
            except OSError:
                return

    t = threading.Thread(target=drain, daemon=True)
    t.start()
    writer = c.gate.dup()
    writer.settimeout(seconds)
    try:
        writer.sendall(data)
    except OSError:
        pass
    finally:
        writer.close()
        stop.set()
        t.join(LIMIT)


def test_floods_of_a_courier():
    """What is permitted, but far too often: nothing grows, people get in."""
    a = Agent()
    programs = puppet.stage(a, COURIER)
    many = 20000
    refused = wire.message('unreadable', wire.field('syntax') + bytes(36))
    stranger = wire.message('card', wire.envelope_body(
        'application/vnd.countersign.card.v1+json', b'{}',
        [(b'k' * 20, b's' * 64)]))
    floods = (
        ('have', wire.message('have', struct.pack('<Q', 1 << 60)) * many),
        ('challenge', wire.message('challenge', bytes(64)) * many),
        ('link', wire.message('link', b'\x02' + wire.field('x')) * many),
        ('credit', b''.join(
            wire.message('credit', os.urandom(32) +
                         struct.pack('<QQ', 0, 1 << 62))
            for _ in range(many))),
        ('unreadable', refused * many),
        ('withdraw', b''.join(
            wire.message('withdraw', os.urandom(32) + wire.field('x'))
            for _ in range(many))),
        ('card', stranger * 5000),
        ('cosignature', wire.message('cosignature', b'\xc8\0' + b'x' * 500) * many),
    )
    try:
        with puppet.Quiet(a):
            for what, data in floods:
                ready(a)
                with puppet.Courier(programs) as c:
                    c.prove()
                    before = len(control.log(a.socket))
                    t = threading.Thread(target=flooded, args=(c, data),
                                         daemon=True)
                    t.start()
                    while t.is_alive():
                        serves(a)	# meanwhile
                        t.join(0.05)
                    serves(a)
                    bounded(a.gate_pid(), 24)
                    after = len(control.log(a.socket))
                    checks.true(after - before < 200, '%s made %d records' % (
                        what, after - before))
                a.stop()
            bounded_end(a)
    finally:
        programs.close()


def test_a_courier_that_does_not_read():
    """The journal waits for it; nothing piles up in memory."""
    a = Agent()
    programs = puppet.stage(a, COURIER)
    try:
        with puppet.Quiet(a):
            ready(a)
            with puppet.Courier(programs) as c:
                c.prove()
                c.say('have', bytes(8))
                for i in range(2000):
                    if not c.say('have', bytes(8)):
                        break
                env = a.files
                for word in ('root', 'people', 'policy', 'device'):
                    checks.equal(control.submit(a.socket, 'trust',
                                                env[word]), None)
                for _ in range(190):
                    checks.equal(control.submit(a.socket, 'card', a.card(
                        'true #' + 'x' * 8000)), None)
                serves(a)
                bounded(a.gate_pid(), 32)
            a.stop()
            disk.verify(a, {r['card'] for r in map(
                json.loads, disk.journal(a.state)[0])
                if r['kind'] == 'card_received'})
    finally:
        programs.close()


def test_a_courier_that_has_forged_everything():
    """It can say what it likes about cards: nothing runs without a key."""
    a = Agent()
    programs = puppet.stage(a, COURIER)
    try:
        with puppet.Quiet(a):
            ready(a)
            m = a.marker()
            with puppet.Courier(programs) as c:
                c.prove()

                def send(kind, env):
                    c.put(wire.message(kind, control.submit_body(
                        kind, env)[1:]))

                for env in a.files.values():
                    send('trust', env)
                env = a.card('echo x > %s' % m)
                d = owner.digest_of(env)
                send('card', env)
                deadline = time.monotonic() + LIMIT
                while not (got := local(a, 'card_received')):
                    checks.true(time.monotonic() < deadline, 'no card')
                forged = a.approval(d, got[0], key=a.owner.keys['ai-1'])
                send('approval', forged)
                while not (r := local(a, 'approval_refused')):
                    checks.true(time.monotonic() < deadline, 'no refusal')
                checks.true(not os.path.exists(m), 'it ran')
                # The true one counts, whoever carries it.
                send('approval', a.approval(d, got[0]))
                while not local(a, 'exec_result'):
                    checks.true(time.monotonic() < deadline, 'no result')
                checks.true(os.path.exists(m), 'it did not run')
            bounded_end(a)
    finally:
        programs.close()


NO_TEXTS = (b'\xff\xfe', b'\0', b'\x1b[2J', '\u202e'.encode(), b'"\\',
            b'x' * 199 + '\u00e9'.encode()[:1])


def test_reasons_that_are_no_text():
    """From the console and from people: recorded as far as they can be."""
    a = Agent()
    programs = puppet.stage(a, COURIER)
    try:
        with puppet.Quiet(a):
            ready(a)
            with puppet.Courier(programs) as c:
                c.prove()
                for env in a.files.values():
                    checks.equal(control.submit(a.socket, 'trust', env), None)
                for bad in NO_TEXTS:
                    text = wire.field(bad)
                    taken, vetoed = a.card('true'), a.card('true')
                    for env in (taken, vetoed):
                        checks.equal(control.submit(a.socket, 'card', env),
                                     None)
                    digest = owner.digest_of(taken)
                    c.say('withdraw', bytes.fromhex(digest[7:]) + text)
                    c.say('unreadable', text + bytes(36))
                    c.say('link', b'\x02' + text)
                    c.say('challenge', bytes(64))
                    c.say('welcome', b'\0')
                    until(a, 'cancelled', digest)
                    control.veto(a.socket, owner.digest_of(vetoed), bad)
                    until(a, 'vetoed', owner.digest_of(vetoed))
                    control.lockdown(a.socket, True, bad)
                    checks.true(serves(a)['lockdown'], 'lockdown')
                    checks.equal(control.lockdown(a.socket, False, bad),
                                 None)
            checks.equal(local(a, 'child_violation'), [])
            bounded_end(a)
    finally:
        programs.close()


def until(a, kind, digest):
    deadline = time.monotonic() + LIMIT
    while not any(r['card'] == digest for r in local(a, kind)):
        checks.true(time.monotonic() < deadline, 'no ' + kind)


# ---- a runner that lies ----

def started(pid=77, enforced='profile=full'):
    return wire.message('started', struct.pack('<I', pid) +
                        wire.field(enforced))


def failed(step=1, errno=2):
    return wire.message('failed', struct.pack('<II', step, errno))


def ended(how=0, code=0, why=0, wall=1000, cpu=1000, rss=10, survivors=0):
    return wire.message('ended', struct.pack(
        '<BIBQQQIIII', how, code, why, wall, cpu, rss, survivors, 0, 0, 0))


HUGE = (1 << 64) - 1
# (what, what it says, whether it then ends, outcome, reason)
RUNS = (
    ('nothing', b'', True, 'killed', 'runner_died'),
    ('the end before the start', ended(), False, 'killed',
     'child_violation'),
    ('the start twice', started() * 2, False, 'killed', 'child_violation'),
    ('the end twice', started() + ended() * 2, False, 'killed',
     'child_violation'),
    ('a start after the end', started() + ended() + started(), False,
     'killed', 'child_violation'),
    ('a failure after the start', started() + failed(), False, 'killed',
     'child_violation'),
    ('an unknown type', wire.message(131), False, 'killed',
     'child_violation'),
    ('what a courier says', wire.message('ready'), False, 'killed',
     'child_violation'),
    ('not zero', header(8, T['failed'], 7) + bytes(8), False, 'killed',
     'child_violation'),
    ('a length of 4 GiB', header(0xffffffff, T['started']), False, 'killed',
     'child_violation'),
    ('trailing bytes', started() + wire.message(
        'ended', bytes(38) + b'x' * 3), False, 'killed', 'child_violation'),
    ('half a message', started() + ended()[:-1], True, 'killed',
     'child_violation'),
    ('no such way to end', started() + ended(how=2), False, 'killed',
     'child_violation'),
    ('no such reason', started() + ended(why=4), False, 'killed',
     'child_violation'),
    ('stopped, which nobody asked for', started() + ended(why=1), True,
     'killed', 'child_violation'),
    ('numbers beyond all reason', started() + ended(
        wall=HUGE, cpu=HUGE, rss=HUGE, survivors=0xffffffff), True, None,
     None),
    ('an exit code beyond all reason', started() + ended(code=0xffffffff),
     True, None, None),
    ('a signal beyond all reason', started() + ended(how=1, code=1 << 31),
     True, None, None),
    ('a step that there is not', failed(1 << 31, (1 << 32) - 1), True,
     None, None),
    ('a text that is none', started(enforced=b'\x1b[2J\xff"\\') + ended(),
     True, 'finished', None),
    ('a text over its cap', started(enforced='x' * 5000), False, 'killed',
     'child_violation'),
    ('memory and processes', started() + ended(how=1, code=9, why=2), True,
     'killed', 'oom'),
    ('the end, and stays', started() + ended(code=4), False, 'finished',
     None),
    ('nothing, to the deadline', started(), False, 'timed_out',
     'deadline'),
)


def test_a_runner_that_lies():
    a = Agent()
    programs = puppet.stage(a, RUNNER)
    limits = {'timeout_s': 2, 'memory_mb': 64, 'processes': 8,
              'output_bytes': 4096}
    try:
        with a:
            pid = a.gate.pid
            for what, says, goes, outcome, reason in RUNS:
                d, got = a.pending('true', limits=limits)
                a.approve(d, got)
                with programs.accept(RUNNER) as r:
                    r.write(4, says)
                    if goes:
                        r.exit()
                    else:
                        r.close(1, 2)
                    try:
                        got = a.peer.record('exec_result', card=d)
                    except AssertionError as e:
                        raise AssertionError('%s: %s; log %s' % (
                            what, e, a.read_log()[-500:])) from e
                    r.ended()
                if outcome is not None:
                    checks.equal((got['outcome'], got.get('reason')),
                                 (outcome, reason), what)
                # Windows' exit codes have 32 bits; any may come back as it is.
                checks.true(not isinstance(got.get('exit_code'), int) or
                            0 <= got['exit_code'] < 1 << 32, what)
                checks.equal(a.gate.poll(), None, what)
            checks.equal(a.gate.pid, pid)
            n = len(a.peer.all('child_violation', role='runner'))
            checks.true(1 <= n <= 20, '%d violations' % n)
            bounded_end(a)
    finally:
        programs.close()


def test_violations_do_not_fill_the_journal():
    """20 of them a minute; every card has its result all the same."""
    a = Agent()
    programs = puppet.stage(a, RUNNER)
    try:
        with a:
            for _ in range(30):
                d, got = a.pending('true')
                a.approve(d, got)
                with programs.accept(RUNNER) as r:
                    r.write(4, wire.message(999))
                    r.ended()
                    r.close()
                    got = a.peer.record('exec_result', card=d)
                checks.equal(got['reason'], 'child_violation')
            n = len(a.peer.all('child_violation', role='runner'))
            checks.true(10 <= n <= 20, '%d violations' % n)
            bounded_end(a)
    finally:
        programs.close()


def test_a_runner_that_floods():
    """Messages, and output beyond all limits, with nothing to hold it."""
    a = Agent()
    programs = puppet.stage(a, RUNNER)
    try:
        with a:
            for says in (started() * 10000, started() + b'\0' * MIB):
                d, got = a.pending('true')
                a.approve(d, got)
                with programs.accept(RUNNER) as r:
                    r.write(4, says)
                    r.ended()
                    r.close()
                    got = a.peer.record('exec_result', card=d)
                checks.equal((got['outcome'], got['reason']),
                             ('killed', 'child_violation'))
            d, got = a.pending('true', limits={
                'timeout_s': 60, 'memory_mb': 64, 'processes': 8,
                'output_bytes': 100000})
            a.approve(d, got)
            with programs.accept(RUNNER) as r:
                r.write(4, started())
                for _ in range(100):
                    r.write(1, b'x' * MIB)
                r.write(4, ended())
                r.exit()
                got = a.peer.record('exec_result', card=d)
            checks.equal((got['outcome'], got['truncated'],
                          got['stdout_bytes']),
                         ('finished', True, 100 * MIB))
            bounded(a.gate_pid(), 24)
            bounded_end(a)
    finally:
        programs.close()


def test_a_runner_that_stops_for_nobody():
    """Two stages: its control pipe closes, then it is killed."""
    a = Agent()
    programs = puppet.stage(a, RUNNER)
    try:
        with a:
            d, got = a.pending('true')
            a.approve(d, got)
            with programs.accept(RUNNER) as r:
                r.write(4, started())
                a.peer.record('exec_started', card=d)
                checks.equal(control.veto(a.socket, d, 'no'), None)
                checks.equal(os.read(r.fds[5], 1), b'', 'control')
                r.ended()
                r.close()
                got = a.peer.record('exec_result', card=d)
            checks.equal((got['outcome'], got['reason']), ('killed', 'veto'))
            bounded_end(a)
    finally:
        programs.close()


# ---- local clients ----

def test_garbage_on_the_control_socket():
    with Agent() as a:
        for bad in (b'GET / HTTP/1.1\r\n\r\n', b'\xff' * 64, b'\0' * 64,
                    header(0, 999), header(0, control.OK),
                    header(0, control.STATUS, 1),
                    header(0xffffffff, control.SUBMIT),
                    header(64 << 20, control.SUBMIT),
                    header(1, control.STATUS) + b'x',
                    header(5000, control.VETO) + bytes(5000)):
            with control.Client(a.socket) as c:
                c.sock.sendall(bad)
                checks.true(c.ended(), '%r: it stays' % bad[:20])
            serves(a)
        # Understood as a frame, and no request: an answer, and the end.
        for type_, body in (
                (control.VETO, b''), (control.VETO, bytes(8)),
                (control.VETO, wire.field('x') + wire.field('y') + b'z'),
                (control.VETO, struct.pack('<I', 1 << 31)),
                (control.LOCKDOWN, b'\2' + wire.field('x')),
                (control.SUBMIT, b''), (control.SUBMIT, b'\x09'),
                (control.SUBMIT, b'\0' + wire.field('t')),
                (control.LOG, bytes(8)), (control.PENDING, b'\7')):
            with control.Client(a.socket) as c:
                c.put(type_, body)
                type_, got = c.get()
                checks.equal((type_, got[0]), (control.ERROR, 2), 'reply')
                checks.true(c.ended(), 'it stays')
        # Requests about what is not there; the connection goes on.
        with control.Client(a.socket) as c:
            for type_, body in (
                    (control.SHOW, wire.field('sha256:' + '0' * 64)),
                    (control.VETO, wire.field('12345678') +
                     wire.field('no')),
                    (control.TRANSCRIPT, wire.field('12345678') +
                     bytes(9)),
                    (control.SUBMIT, control.submit_body(
                        'card', a.card('true', org='other.example'))),
                    (control.LOG, struct.pack('<QB', 1 << 63, 0))):
                c.put(type_, body)
                c.rest()
            c.put(control.STATUS)
            checks.equal(c.rest()[0][0], control.OK)
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        bounded(a.gate_pid(), 24)


def test_half_requests_and_clients_that_leave():
    with Agent() as a:
        whole = header(9, control.LOG) + bytes(8) + b'\1'
        for n in range(len(whole)):
            with control.Client(a.socket) as c:
                c.sock.sendall(whole[:n])
        for _ in range(50):
            # Gone in the middle of an answer that goes on for ever.
            with control.Client(a.socket) as c:
                c.sock.sendall(whole * 3)
                c.sock.recv(1)
        # One that never reads holds nothing up.
        with control.Client(a.socket) as c:
            for _ in range(150):
                a.peer.send(link.envelope('card', a.card(
                    'true', description='x' * 200)))
            c.sock.sendall((header(9, control.LOG) + bytes(9)) * 2000)
            d, r = a.run('true')
            checks.equal(r['outcome'], 'finished')
            serves(a)
            bounded(a.gate_pid(), 32)


def test_many_clients():
    with Agent() as a:
        clients = []
        try:
            for _ in range(32):
                c = control.Client(a.socket)
                c.put(control.STATUS)
                checks.equal(c.rest()[0][0], control.OK)
                clients.append(c)
            # One more is turned away, however often.
            for _ in range(100):
                with control.Client(a.socket) as c:
                    checks.equal(c.get(), None, 'the 33rd')
            clients.pop().sock.close()
            deadline = time.monotonic() + LIMIT
            while True:
                with control.Client(a.socket) as c:
                    try:
                        c.put(control.STATUS)
                        if c.get() is not None:
                            break
                    except BrokenPipeError:
                        pass
                checks.true(time.monotonic() < deadline, 'no place')
        finally:
            for c in clients:
                c.sock.close()
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')


CLIENT = '''
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
try:
    s.connect(sys.argv[1])
    body = bytes.fromhex(sys.argv[3])
    s.sendall(struct.pack('<IHH', len(body), int(sys.argv[2]), 0) + body)
    head = s.recv(8, socket.MSG_WAITALL)
    n, t = struct.unpack('<IH', head[:6])
    print(t, s.recv(n, socket.MSG_WAITALL).hex())
except PermissionError:
    print('EACCES')
except (BrokenPipeError, ConnectionResetError):
    print('closed')
'''


def ask_as(a, groups, type_, body=b''):
    """What nobody gets as an answer: 'EACCES', 64, or an error's word."""
    r = subprocess.run(
        ['/usr/bin/python3', '-c', CLIENT, a.socket, str(type_), body.hex()],
        user='nobody', group='nogroup', extra_groups=groups, cwd='/',
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    out = r.stdout.decode().split()
    checks.true(out, r.stderr.decode())
    if out[0] != '65':
        return int(out[0]) if out[0].isdigit() else out[0]
    return control.word([(control.ERROR, bytes.fromhex(out[1]))])


def test_who_may_ask():
    if os.geteuid() != 0:
        checks.skip('needs root')
    a = Agent()
    group = grp.getgrnam('games')
    with open(a.config, 'w') as f:
        json.dump(dict(a.settings(), group='games'), f)
    with a:
        st = os.stat(a.socket)
        checks.equal((st.st_mode & 0o7777, st.st_uid, st.st_gid),
                     (0o660, 0, group.gr_gid))
        d, _ = a.pending('true')
        ref = wire.field(d)
        # Nobody cannot even connect; nor, where the mode was spoilt, ask.
        checks.equal(ask_as(a, [], control.STATUS), 'EACCES')
        os.chmod(a.socket, 0o666)
        for type_, body in (
                (control.STATUS, b''), (control.PENDING, b'\0'),
                (control.LOG, bytes(9)), (control.VETO, ref + wire.field('')),
                (control.LOCKDOWN, b'\1' + wire.field('x')),
                (control.SUBMIT, control.submit_body(
                    'card', a.card('true')))):
            checks.equal(ask_as(a, [], type_, body), 'denied', type_)
        os.chmod(a.socket, 0o660)
        # A member of the group: looks, submits, vetoes, locks.
        g = [group.gr_gid]
        checks.equal(ask_as(a, g, control.STATUS), control.OK)
        checks.equal(ask_as(a, g, control.PENDING, b'\0'), control.OK)
        checks.equal(ask_as(a, g, control.SHOW, ref), control.OK)
        checks.equal(ask_as(a, g, control.PENDING_FILE, ref), control.OK)
        for type_, body in (
                (control.LOG, bytes(9)), (control.TRANSCRIPT, ref + bytes(9)),
                (control.CLOCK_RESET, wire.field('x')),
                (control.LOCKDOWN, b'\0' + wire.field('x'))):
            checks.equal(ask_as(a, g, type_, body), 'denied', type_)
        checks.equal(ask_as(a, g, control.VETO, ref + wire.field('no')),
                     control.OK)
        r = a.peer.record('vetoed', card=d)
        checks.equal(r['by'], 'local:nobody')
        checks.equal(ask_as(a, g, control.LOCKDOWN, b'\1' +
                            wire.field('fire')), control.OK)
        r = a.peer.record('lockdown')
        checks.equal(r['by'], 'local:nobody')
        checks.equal(ask_as(a, g, control.LOCKDOWN, b'\0' +
                            wire.field('over')), 'denied')
        checks.equal(a.peer.all('lockdown_lifted'), [])


def test_requests_about_a_journal_that_is_evidence():
    with Agent() as a:
        d, r = a.run('true')
        waits, got = a.pending('true')
        a.stop()
        folder = os.path.join(a.state, 'journal')
        name = sorted(n for n in os.listdir(folder) if n.endswith('.seg'))[0]
        with open(os.path.join(folder, name), 'r+b') as f:
            f.seek(200)
            f.write(b'\xff')
        before = disk_bytes(folder)
        ready(a)
        for type_, body in (
                (control.STATUS, b''), (control.PENDING, b'\1'),
                (control.SHOW, wire.field(d)), (control.LOG, bytes(9)),
                (control.LOG, bytes(8) + b'\1'),
                (control.TRANSCRIPT, wire.field(d) + bytes(9)),
                (control.PENDING_FILE, wire.field(waits)),
                (control.CLOCK_RESET, wire.field('x')),
                (control.LOCKDOWN, b'\0' + wire.field('x')),
                (control.LOCKDOWN, b'\1' + wire.field('x')),
                (control.VETO, wire.field(waits) + wire.field('x')),
                (control.SUBMIT, control.submit_body('card', a.card('true'))),
                (control.SUBMIT, control.submit_body(
                    'trust', a.files['policy'])),
                (control.SUBMIT, control.submit_body(
                    'approval', a.approval(waits, got)))):
            with control.Client(a.socket) as c:
                c.put(type_, body)
                checks.true(c.get() is not None, 'no answer to %d' % type_)
            serves(a)
        checks.true(serves(a)['lockdown'], 'lockdown')
        a.stop()
        checks.true(disk_bytes(folder) == before, 'evidence was changed')


def disk_bytes(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), 'rb') as f:
            out[name] = f.read()
    return out


# ---- a console that stalls or floods ----

class Stalling(Peer):
    """Goes as far as `stage`, then says and reads nothing more."""

    stage = None
    held = 0

    def hold(self, sock):
        with self.changed:
            stage = self.stage
            self.held += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.stage != stage or
                                  self.stopped)
        sock.close()

    def move(self, stage):
        with self.changed:
            self.stage = stage
            self.changed.notify_all()

    def close(self):
        self.move(None)
        super().close()

    def _serve(self):
        while not self.stopped:
            try:
                self.receive(self.console.accept_tcp())
            except (OSError, ws.Gone, ws.Broken, ValueError):
                pass
            finally:
                with self.changed:
                    self.link = None
                    self.changed.notify_all()

    def receive(self, sock):
        if self.stage == 'tcp':
            self.hold(sock)
            return
        sock = self.console.context.wrap_socket(sock, server_side=True)
        if self.stage == 'tls':
            self.hold(sock)
            return
        reader = ws.Reader(sock)
        ws.upgrade(reader, sock)
        out = fake.Link(sock, reader)
        if self.stage == 'challenge':
            out.text(link.challenge(os.urandom(32)))
        if self.stage is not None:
            self.hold(sock)
            return
        with out:
            self._talk(out)


def test_a_console_that_never_answers():
    """At each step of the way; people on the machine are served."""
    with Agent(peer=Stalling) as a:
        for stage in ('tcp', 'tls', 'upgrade', 'challenge'):
            a.peer.move(stage)
            held = a.peer.held
            a.stop()
            ready(a)
            a.peer.wait(lambda: a.peer.held > held, stage)
            checks.equal(control.lockdown(a.socket, True, stage), None)
            checks.equal(control.lockdown(a.socket, False, stage), None)
            serves(a)
        a.peer.move(None)
        a.peer.wait(lambda: a.peer.link is not None, 'connection', 60)
        a.peer.wait(lambda: len(a.peer.all('lockdown')) == 4, 'records')
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')


def test_a_console_that_stops_reading():
    """100 MB wait for it on the disk, not in memory; the card goes on."""
    size = 100 * MIB
    with Agent() as a:
        fifo = os.path.join(a.dir, 'fifo')
        os.mkfifo(fifo)
        d, got = a.pending(
            'echo up; read x < %s; head -c %d /dev/zero' % (fifo, size),
            limits={'timeout_s': 120, 'memory_mb': 512, 'processes': 64,
                    'output_bytes': 128 * MIB})
        a.approve(d, got)
        a.peer.wait(lambda: a.peer.transcript(d)[0] == b'up\n', 'output')
        courier, = a.children(COURIER)
        # Its thread waits for this lock before it reads on.
        with a.peer.changed:
            with open(fifo, 'w') as f:
                f.write('go\n')
            deadline = time.monotonic() + 60
            while not (r := local(a, 'exec_result')):
                checks.true(time.monotonic() < deadline, 'it does not end')
            r = r[0]
            checks.equal((r['outcome'], r['truncated'], r['stdout_bytes']),
                         ('finished', False, size + 3))
            serves(a)
            bounded(a.gate_pid(), 24)
            if courier in a.children(COURIER):
                bounded(courier, 24)
        # Now it reads: all of it comes, once.
        card = bytes.fromhex(d[7:])
        a.peer.wait(lambda: len(a.peer.output[card]) >=
                    r['transcript_bytes'], 'the rest', 120)
        checks.equal('sha256:' + hashlib.sha256(
            a.peer.output[card]).hexdigest(), r['transcript_hash'])
        bounded(a.gate_pid(), 24)


def arrives(a, env):
    """Sends a card until it is received: links may be about to break."""
    deadline = time.monotonic() + 60
    while not a.peer.all('card_received', card=owner.digest_of(env)):
        checks.true(time.monotonic() < deadline, 'it does not arrive')
        try:
            a.send('card', env)
        except (OSError, ValueError):
            pass
        n = len(a.peer.records)
        with a.peer.changed:
            a.peer.changed.wait_for(lambda: len(a.peer.records) > n, 1)


def flood(a, data, kind=ws.TEXT, n=100000):
    frames = ws.frame(kind, data) * 100
    try:
        for _ in range(n // 100):
            a.peer.link.sock.sendall(frames)
    except (OSError, AttributeError):
        pass		# it hung up: that is one way to deal with it


def test_a_console_that_floods_with_small_messages():
    with Agent() as a:
        pid = a.gate.pid
        for kind, data in ((ws.PING, b''), (ws.PING, b'x' * 125),
                           (ws.PONG, b''), (ws.TEXT, link.have(1)),
                           (ws.TEXT, link.credit(bytes(32), 0, 1 << 40)),
                           (ws.TEXT, b'{}'), (ws.BINARY, b'')):
            a.peer.wait(lambda: a.peer.link is not None, 'connection', 60)
            flood(a, data, kind, 100000 if kind != ws.TEXT else 20000)
            serves(a)
            bounded(a.gate_pid(), 24)
            for courier in a.children(COURIER):
                bounded(courier, 24)
        a.peer.wait(lambda: a.peer.link is not None, 'connection', 60)
        checks.equal(a.gate.pid, pid)
        arrives(a, a.card('true'))
        d, r = a.run('true')
        checks.equal(r['outcome'], 'finished')
        checks.true(len(a.peer.records) < 200, 'it filled the journal')


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
