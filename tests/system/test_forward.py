"""test_forward.py - each record as one line in the system's log.
SPDX-License-Identifier: Apache-2.0

A listener that the test plays in syslog's and in journald's place: nothing is
lost where it is slow, absent or comes back, and nothing is sent unless the
configuration says so.
"""
import base64
import json
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, control, owner		# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402


class Log:
    """A datagram socket that keeps what it is told."""

    def __init__(self, path, room=1 << 20):
        self.path, self.room = path, room
        self.lines = []
        self.sock = None
        self.open()

    def open(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.room)
        self.sock.bind(self.path)
        self.sock.settimeout(LIMIT)

    def close(self):
        self.sock.close()
        os.remove(self.path)

    def until(self, kind):
        """Reads on until an event of that kind; all events so far."""
        while not any(e['unmapped']['kind'] == kind for e in self.events()):
            try:
                self.lines.append(self.sock.recv(1 << 20))
            except OSError:
                raise AssertionError('only %s' % [e['unmapped']['kind'] for e in self.events()])
        return self.events()

    def events(self):
        return [json.loads(x[x.index(b'{'):]) for x in self.lines]


class Forwarding(Agent):
    def __init__(self, kind, path):
        self.kind, self.log_path = kind, path
        super().__init__()

    def settings(self):
        out = super().settings()
        if self.kind is not None:
            out.update(forward=self.kind, forward_socket=self.log_path)
        return out


def numbers(events):
    return [e['metadata']['sequence'] for e in events]


def whole(kind, look):
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    log = Log(path)
    try:
        with Forwarding(kind, path) as a:
            a.run('echo x; exit 4')
            got = log.until('exec_result')
            checks.equal(numbers(got), list(range(
                got[0]['metadata']['sequence'], got[-1]['metadata'][
                    'sequence'] + 1)), 'in order, none missing')
            end = [e for e in got if e['unmapped']['kind'] == 'exec_result']
            checks.equal((end[0]['exit_code'], end[0]['status'],
                          end[0]['unmapped']['record']['outcome']),
                         (4, 'Failure', 'finished'))
            for line in log.lines:
                look(line)
    finally:
        log.close()


def test_syslog():
    """RFC 3164: priority of authpriv, time, name and pid, one line."""
    def look(line):
        head, _, rest = line.partition(b': {')
        number, _, tail = head[1:].partition(b'>')
        checks.equal(int(number) // 8, 10, 'facility')
        checks.true(int(number) % 8 in (4, 5, 6), 'level')
        checks.true(b' countersign-record[' in tail, tail)
        checks.true(b'\n' not in line, 'more lines than one')
        checks.true(rest, 'nothing in it')

    whole('syslog', look)


def test_journald():
    """The native protocol: fields, one a line."""
    def look(line):
        fields = dict(x.split(b'=', 1) for x in line.rstrip(b'\n').split(
            b'\n'))
        checks.equal(fields[b'SYSLOG_IDENTIFIER'], b'countersign-record')
        checks.equal(int(fields[b'COUNTERSIGN_INDEX']), json.loads(
            fields[b'MESSAGE'])['metadata']['sequence'])

    whole('journald', look)


def test_goes_on_after_a_restart():
    """And after a time in which nobody listened: from where it was."""
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    log = Log(path)
    try:
        with Forwarding('syslog', path) as a:
            a.run('exit 1')
            log.until('exec_result')
            log.close()
            a.run('exit 2')
            a.stop()
            log.open()
            a.start()
            while not any(e.get('exit_code') == 2 for e in log.events()):
                log.lines.append(log.sock.recv(1 << 20))
            got = numbers(log.events())
            checks.equal(sorted(set(got)), list(range(got[0], max(got) + 1)),
                         'a gap')
    finally:
        log.close()


def test_what_nobody_heard_comes_after_a_kill():
    """From the first time it is on: nothing was sent before the end."""
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    with Forwarding('syslog', path) as a:
        a.run('exit 5')
        a.signal(signal.SIGKILL)
        log = Log(path)
        try:
            a.start()
            a.run('exit 6')
            while not any(e.get('exit_code') == 6 for e in log.events()):
                log.lines.append(log.sock.recv(1 << 20))
            got = log.events()
            checks.true(any(e.get('exit_code') == 5 for e in got), 'lost')
            seen = sorted(set(numbers(got)))
            checks.equal(seen, list(range(seen[0], seen[-1] + 1)), 'a gap')
        finally:
            log.close()


def test_a_log_that_is_full_and_one_that_begins_anew():
    """Nobody reads it: cards run, and every line comes once somebody does."""
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    log = Log(path, room=1)
    try:
        with Forwarding('syslog', path) as a:
            for i in range(40):
                digest, _ = a.pending('true')
                checks.equal(control.veto(a.socket, digest, 'x'), None)
            checks.equal(a.run('exit 7')[1]['exit_code'], 7)
            while not any(e.get('exit_code') == 7 for e in log.events()):
                log.lines.append(log.sock.recv(1 << 20))
            # Another daemon on the same path, while the agent works.
            log.close()
            log.open()
            checks.equal(a.run('exit 8')[1]['exit_code'], 8)
            while not any(e.get('exit_code') == 8 for e in log.events()):
                log.lines.append(log.sock.recv(1 << 20))
            got = numbers(log.events())
            seen = sorted(set(got))
            checks.equal(seen, list(range(seen[0], seen[-1] + 1)), 'a gap')
    finally:
        log.close()


def test_hostile_text_is_one_line():
    """What people and consoles write is data in it, whatever its length."""
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    log = Log(path)
    try:
        with Forwarding('syslog', path) as a:
            digest, _ = a.pending('true')
            words = 'two lines\n<0>Jan  1 00:00:00 su: root\n"}]\t\\' + \
                '\u00e9' * 100
            checks.equal(control.veto(a.socket, digest, words), None)
            env = a.card('true')
            # Fifteen more signatures, which nobody knows: a long record.
            env['signatures'] += [
                {'keyid': os.urandom(48).hex(), 'sig': base64.b64encode(
                    os.urandom(64)).decode()} for _ in range(15)]
            a.send('card', env)
            a.peer.record('card_received', card=owner.digest_of(env))
            a.send('card', a.card('true', description='x\u2028y'))
            a.peer.record('card_refused')
            a.run('exit 9')
            got = log.until('exec_result')
            for line in log.lines:
                checks.true(not any(c < 0x20 or c == 0x7f for c in line),
                            line)
                checks.true('\u2028' not in line.decode(), line)
            long = [e for e in got if e['unmapped'].get('card') ==
                    owner.digest_of(env)][0]
            checks.equal(len(long['unmapped']['record']['sigs']), 16)
            veto, = [e for e in got if e['unmapped']['kind'] == 'vetoed']
            checks.true('root' in veto['unmapped']['record']['detail'],
                        veto)
    finally:
        log.close()


def test_a_log_that_is_not_there_stops_nothing():
    with Forwarding('syslog', '/tmp/cs-no-log-' + os.urandom(6).hex()) as a:
        checks.equal(a.run('exit 0')[1]['exit_code'], 0)
        checks.true('not forwarded' in a.read_log(), 'says so')


def test_off_by_default():
    path = '/tmp/cs-log-' + os.urandom(6).hex()
    log = Log(path)
    try:
        with Forwarding(None, path) as a:
            a.run('exit 0')
            log.sock.setblocking(False)
            try:
                raise AssertionError(log.sock.recv(1 << 16))
            except BlockingIOError:
                pass
    finally:
        log.close()


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
