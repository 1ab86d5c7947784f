"""agent.py - a real agent against a console that the test plays.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Real countersignd, courier and runner, real TLS; the console is a thread that
keeps what the device says and sends what the test tells it to, however hostile.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import certs, dsse, fake, link, owner, ws

LIMIT = fake.LIMIT


def briefly(record):
    """Its kind, and why if it says so."""
    return ' '.join(str(record[key]) for key in ('kind', 'reason', 'detail')
                    if record.get(key))


class Peer:
    """The console's side of one device, over all its connections."""

    in_root = {}		# members of the root file that are its doing

    def __init__(self):
        self.authority = certs.Authority()
        self.console = fake.Console(self.authority)
        self.changed = threading.Condition()
        self.records = []	# payloads as the device wrote them
        self.blobs = {}		# hash -> bytes so far
        self.output = {}	# card hash -> bytearray
        self.greet = []		# what every new connection is sent, at once
        self.hellos = []	# envelopes
        self.link = None
        self.secret = 'secret-' + os.urandom(8).hex()
        self.connections = 0
        self.credit = True	# open every transcript as it comes
        self.over = []		# (card, offset): it has no more than that
        self.stopped = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        self.stopped = True
        with self.changed:
            if self.link is not None:
                try:
                    self.link.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        try:
            socket.create_connection(('127.0.0.1', self.console.port),
                                     1).close()
        except OSError:
            pass
        self.thread.join(LIMIT)
        self.console.listener.close()

    def _serve(self):
        while not self.stopped:
            try:
                out = self.console.accept()
            except (OSError, ws.Gone, ws.Broken):
                continue
            try:
                self._talk(out)
            except (OSError, ws.Gone, ws.Broken, ValueError):
                pass
            finally:
                with self.changed:
                    self.link = None
                    self.changed.notify_all()
                out.sock.close()

    def _talk(self, out):
        out.text(link.challenge(os.urandom(32)))
        while True:
            m = out.read_json()
            if m['type'] == 'enrol':
                out.text(link.enrolled() if m['secret'] == self.secret else
                         link.enrol_refused('bad_secret'))
            elif m['type'] == 'hello':
                break
        with self.changed:
            self.hellos.append(m['envelope'])
            out.text(link.welcome())
            for text in self.greet:
                out.text(text)
            out.text(link.have(len(self.records)))
            for card, data in self.output.items():
                out.text(link.credit(card, len(data),
                                     len(data) + (1 << 30)))
            self.link = out
            self.connections += 1
            self.changed.notify_all()
        while True:
            kind, data = out.read(limit=600)
            if kind == ws.CLOSE:
                return
            if kind == ws.BINARY:
                self._take(out, data)

    def _take(self, out, data):
        kind, what = link.parse_binary(data)
        with self.changed:
            if kind == 'records':
                for index, payload in what:
                    if index == len(self.records):
                        self.records.append(payload)
                        self._open(out, json.loads(payload))
                out.text(link.have(len(self.records)))
            elif kind == 'blob':
                part = self.blobs.setdefault(what['hash'], bytearray())
                if what['offset'] == len(part):
                    part += what['data']
            else:
                got = self.output.setdefault(what['card'], bytearray())
                if what['offset'] == len(got):
                    got += what['data']
                if what['data'] == b'':
                    self.over.append((what['card'], what['offset']))
            self.changed.notify_all()

    def _open(self, out, record):
        if record['kind'] == 'exec_intent' and self.credit:
            card = bytes.fromhex(record['card'][7:])
            self.output.setdefault(card, bytearray())
            out.text(link.credit(card, 0, 1 << 30))

    def cut(self):
        """Breaks the connection there is. Not by SSLSocket's own shutdown:
        after that a reader gets what is on its way as it is, encrypted."""
        with self.changed:
            socket.socket.shutdown(self.link.sock, socket.SHUT_RDWR)

    def send(self, text):
        """Sends a text message on the connection there is, or the next."""
        with self.changed:
            self.wait_locked(lambda: self.link is not None, 'a connection')
            self.link.text(text)

    def wait_locked(self, condition, what, limit=LIMIT):
        if not self.changed.wait_for(condition, limit):
            raise AssertionError('no %s; records: %s' % (
                what, [briefly(json.loads(r)) for r in self.records[-12:]]))

    def wait(self, condition, what='event', limit=LIMIT):
        with self.changed:
            self.wait_locked(condition, what, limit)

    def all(self, kind=None, **fields):
        """The records of that kind with these fields, as objects."""
        out = []
        for payload in list(self.records):
            r = json.loads(payload)
            if kind in (None, r['kind']) and \
                    all(r.get(k) == v for k, v in fields.items()):
                out.append(r)
        return out

    def record(self, kind, limit=LIMIT, **fields):
        """Waits for such a record; the first."""
        self.wait(lambda: self.all(kind, **fields),
                  '%s %r' % (kind, fields), limit)
        return self.all(kind, **fields)[0]

    def transcript(self, card):
        """(stdout, stderr) of what has come of a card's transcript."""
        data = bytes(self.output.get(bytes.fromhex(card[7:]), b''))
        at, out = 32, {1: b'', 2: b''}
        while at + 13 <= len(data):
            n = int.from_bytes(data[at + 9:at + 13], 'little')
            out[data[at]] += data[at + 13:at + 13 + n]
            at += 13 + n
        return out[1], out[2]


class Agent:
    """An enrolled device in a folder of its own, and its owner."""

    def __init__(self, files=True, device_file=True, peer=Peer):
        self.dir = tempfile.mkdtemp(prefix='cs-agent-')
        os.chmod(self.dir, 0o755)
        self.owner = owner.Owner()
        self.peer = peer()
        self.state = os.path.join(self.dir, 'state')
        self.socket = os.path.join(self.dir, 'gate.sock')
        self.config = os.path.join(self.dir, 'agent.json')
        with open(self.config, 'w') as f:
            json.dump(self.settings(), f)
        self.root = self.owner.root(**self.peer.in_root)
        self.gate = None
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.device = self.enrol()
        self.files = {}
        if files:
            self.files = {'root': self.root, 'people': self.owner.people(),
                          'policy': self.owner.policy()}
            if device_file:
                self.files['device'] = self.owner.device(self.device)
        self.greet()

    def settings(self):
        out = {'state': self.state, 'socket': self.socket, 'group': '',
               'courier_user': 'nobody',
               'programs': os.path.join(os.path.abspath(fake.OUT), 'bin')}
        return out

    def greet(self):
        """Every connection gets the trust files there are."""
        self.peer.greet = [link.envelope('trust', e)
                           for e in self.files.values()]

    def trust(self, file_, env):
        """A new trust file, on this connection and every later one."""
        self.files[file_] = env
        self.greet()
        self.peer.send(link.envelope('trust', env))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print('# log of %s:\n%s' % (self.dir, self.read_log()[-4000:]))
        self.stop()
        self.peer.close()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def read_log(self):
        with open(os.path.join(self.dir, 'log'), errors='replace') as f:
            return f.read()

    def program(self, name):
        """Where the programs are that it runs."""
        return fake.program(name)

    def enrol(self, pin=None):
        token = os.path.join(self.dir, 'token.json')
        with open(token, 'w') as f:
            json.dump({'v': 1, 'kind': 'countersign-token',
                       'url': 'wss://127.0.0.1:%d/v1/agent' %
                       self.peer.console.port,
                       'ca': self.peer.authority.pem.decode(),
                       'secret': self.peer.secret}, f)
        r = subprocess.run(
            [self.program('countersignd'), 'enrol', '--token', token,
             '--pin', pin or self.owner.pin(self.root),
             '--config', self.config], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=60)
        if r.returncode != 0:
            raise AssertionError('enrol: %d: %s' % (
                r.returncode, r.stderr.decode()))
        return r.stdout.decode().strip()

    def start(self, wait=True, env=None):
        n = self.peer.connections
        self.gate = subprocess.Popen(
            [self.program('countersignd'), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=env)
        if wait:
            self.peer.wait(lambda: self.peer.connections > n, 'connection')
            for word in self.files:
                self.peer.record('trust', file=word)
        return self

    def signal(self, number, wait=True):
        self.gate.send_signal(number)
        if wait:
            return self.gate.wait(LIMIT)

    def stop(self):
        if self.gate is not None and self.gate.poll() is None:
            self.gate.send_signal(signal.SIGTERM)
            try:
                self.gate.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.gate.kill()
                self.gate.wait()
        self.gate = None

    def children(self, name):
        """Process ids of that program started by this gate."""
        out = []
        for pid in os.listdir('/proc'):
            try:
                with open('/proc/%s/stat' % pid) as f:
                    stat = f.read()
            except (OSError, ValueError):
                continue
            comm = stat[stat.index('(') + 1:stat.rindex(')')]
            parent = int(stat[stat.rindex(')') + 2:].split()[1])
            if parent == self.gate.pid:
                try:
                    with open('/proc/%s/cmdline' % pid, 'rb') as f:
                        argv0 = f.read().split(b'\0')[0].decode()
                except OSError:
                    continue
                if name in (comm, os.path.basename(argv0)):
                    out.append(int(pid))
        return out

    def gate_pid(self):
        """The deciding process: the child of the starter, which is what the
        service manager sees (self.gate)."""
        pid, = self.children('countersign-gat')
        return pid

    # ---- the things tests do ----

    def marker(self):
        """A path that does not exist; a card that ran would have made it."""
        return os.path.join(self.dir, 'ran-' + os.urandom(4).hex())

    def card(self, command, **change):
        return self.owner.card(self.device, command, **change)

    def send(self, kind, env):
        self.peer.send(link.envelope(kind, env))

    def pending(self, command, **change):
        """Sends a card and waits until it is taken in: (digest, record)."""
        env = self.card(command, **change)
        digest = owner.digest_of(env)
        self.send('card', env)
        return digest, self.peer.record('card_received', card=digest)

    def policy_digest(self):
        return owner.digest_of(self.files['policy'])

    def approval(self, digest, received, by='tess', key=None, **change):
        doc = self.owner.approval_doc(
            digest, received['device_nonce'], self.policy_digest(),
            self.device, by=by, **change)
        return self.owner.say('approval', doc, key or self.owner.keys[by])

    def approve(self, digest, received, **change):
        env = self.approval(digest, received, **change)
        self.send('approval', env)
        return env

    def run(self, command, **change):
        """A whole run: (digest, exec_result)."""
        digest, received = self.pending(command, **change)
        self.approve(digest, received)
        return digest, self.peer.record('exec_result', card=digest)
