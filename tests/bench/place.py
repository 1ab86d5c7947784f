"""place.py - a real console and a real agent, ready for cards.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.

Release programs, their own TLS, their own disk. Owner, keys and signatures
come from the tests' library, which knows them from PROTOCOL.md alone.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from countersign import console, fake, owner

import figures

LIMIT = 60
PARTS = ('countersignd', 'countersign-courier', 'countersign-runner')


class Events:
    """Reads a card's event stream from a plain socket: nothing is between
    the bytes and the clock."""

    def __init__(self, place, card):
        self.sock = place.socket()
        self.sock.sendall(place.head('GET', '/v1/cards/%s/events' % card) +
                          b'\r\n')
        self.data = b''
        self.started = False

    def close(self):
        self.sock.close()

    def _line(self):
        """The next line of the body; chunk sizes are lines of hex."""
        while b'\n' not in self.data:
            part = self.sock.recv(1 << 16)
            if part == b'':
                raise EOFError('the event stream ended')
            self.data += part
        line, self.data = self.data.split(b'\n', 1)
        return line.rstrip(b'\r')

    def until(self, name, **fields):
        """The data of the next event of that name with these fields."""
        event = None
        while True:
            line = self._line()
            if line.startswith(b'event: '):
                event = line[7:].decode()
            elif line.startswith(b'data: ') and event == name:
                data = json.loads(line[6:])
                if all(data.get(k) == v for k, v in fields.items()):
                    return data
            elif line.startswith(b'HTTP/1.1 ') and b' 200 ' not in line:
                raise AssertionError(line)

    def record(self, kind):
        while True:
            r = self.until('record')['record']
            if r['kind'] == kind:
                return r

    def first(self, mark, limit=LIMIT):
        """Waits until these bytes are there; when they were, in ns."""
        self.sock.settimeout(limit)
        while mark not in self.data:
            part = self.sock.recv(1 << 16)
            at = time.monotonic_ns()
            if part == b'':
                raise EOFError('the event stream ended')
            self.data += part
            if mark in self.data:
                return at
        raise AssertionError('output was there before its time')


class Place:
    """The console and one device that its owner has set up."""

    def __init__(self, **policy):
        self.console = console.Console()
        figures.need_disk(self.console.dir)
        self.dir = tempfile.mkdtemp(prefix='cs-bench-')
        os.chmod(self.dir, 0o755)
        self.owner = owner.Owner()
        self.policy_change = policy
        self.gate = None
        self.log = open(os.path.join(self.dir, 'log'), 'wb')

    def __enter__(self):
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            with open(os.path.join(self.dir, 'log'), errors='replace') as f:
                print('# agent:\n%s\n# console:\n%s' % (
                    f.read()[-3000:], self.console.read_log()[-3000:]))
        self.stop()
        self.console.stop()
        self.console.log.close()
        self.log.close()
        shutil.rmtree(self.console.dir, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- setting up ----

    def _begin(self):
        c, o = self.console, self.owner
        c.start()
        c.user('admin', 'admin')
        root, people, policy = o.root(), o.people(), \
            o.policy(**self.policy_change)
        self.policy_digest = owner.digest_of(policy)
        for word, env in (('root', root), ('people', people),
                          ('policy', policy)):
            self.put('/v1/trust/' + word, env)
        self.config = os.path.join(self.dir, 'agent.json')
        self.state = os.path.join(self.dir, 'state')
        with open(self.config, 'w') as f:
            json.dump({'state': self.state,
                       'socket': os.path.join(self.dir, 'gate.sock'),
                       'group': '', 'courier_user': 'nobody',
                       'programs': os.path.join(
                           os.path.abspath(fake.OUT), 'bin')}, f)
        token, _ = c.token_file(o.org)
        self.device = subprocess.run(
            [fake.program('countersignd'), 'enrol', '--token', token,
             '--pin', o.pin(root), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, timeout=LIMIT, check=True).stdout.decode().strip()
        self.put('/v1/trust/devices/' + self.device, o.device(self.device))
        self.start()
        self.wait(self.installed)

    def wait(self, condition, limit=LIMIT, step=0.02):
        """Polls outside of what is measured."""
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise AssertionError('%s: not in time' % condition.__name__)
            time.sleep(step)

    def installed(self):
        """Whether the device has said that it has all trust files."""
        d = self.call('GET', '/v1/devices/' + self.device)
        return {'root', 'people', 'policy', 'device'} <= set(
            d.get('installed', d.get('trust', {})))

    def connected(self):
        return self.call('GET', '/v1/devices/' + self.device)['connected']

    def start(self):
        self.gate = subprocess.Popen(
            [fake.program('countersignd'), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def stop(self):
        if self.gate is None:
            return
        self.gate.send_signal(signal.SIGTERM)
        try:
            self.gate.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.gate.kill()
            self.gate.wait()
        self.gate = None

    # ---- HTTP, by hand where it is measured ----

    def socket(self):
        s = socket.create_connection(('127.0.0.1', self.console.api_port),
                                     LIMIT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def head(self, method, path):
        return ('%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                'Authorization: Bearer %s\r\n' % (
                    method, path, self.console.tokens['admin'])).encode()

    def request(self, method, path, doc):
        body = json.dumps(doc, separators=(',', ':')).encode()
        return self.head(method, path) + \
            b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n' \
            % len(body) + body

    def call(self, method, path, doc=None):
        c = http.client.HTTPConnection('127.0.0.1', self.console.api_port,
                                       timeout=LIMIT)
        try:
            c.request(method, path, None if doc is None else json.dumps(doc),
                      {'Authorization':
                       'Bearer ' + self.console.tokens['admin']})
            r = c.getresponse()
            data = r.read()
        finally:
            c.close()
        if r.status >= 300:
            raise AssertionError('%s %s: %d %s' % (method, path, r.status,
                                                   data))
        return json.loads(data)

    def put(self, path, env):
        self.call('PUT', path, env)

    # ---- cards ----

    def offer(self, command, **change):
        """A card, taken in by the device: (digest, its open events)."""
        env = self.owner.card(self.device, command, **change)
        digest = owner.digest_of(env)
        self.call('POST', '/v1/cards', env)
        events = Events(self, digest)
        self.received = events.record('card_received')
        return digest, events

    def approval(self, digest, nonce):
        doc = self.owner.approval_doc(digest, nonce, self.policy_digest,
                                      self.device)
        return self.owner.say('approval', doc, self.owner.keys['tess'])

    def approve_request(self, digest):
        return self.request(
            'POST', '/v1/cards/%s/approvals' % digest,
            self.approval(digest, self.received['device_nonce']))

    # ---- the processes ----

    def processes(self):
        """Program -> pid of the agent's processes."""
        out = {'countersignd': self.gate.pid}
        for pid in os.listdir('/proc'):
            try:
                with open('/proc/%s/stat' % int(pid)) as f:
                    stat = f.read()
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    name = os.path.basename(f.read().split(b'\0')[0].decode())
            except (OSError, ValueError):
                continue
            if int(stat[stat.rindex(')') + 2:].split()[1]) == self.gate.pid:
                # Its own child under the same name: the deciding half.
                out['gate' if name == 'countersignd' else name] = int(pid)
        return out


def field(pid, name, file_='status'):
    """A number of /proc/PID/status or smaps_rollup."""
    with open('/proc/%d/%s' % (pid, file_), encoding='ascii') as f:
        for line in f:
            if line.startswith(name + ':'):
                return int(line.split()[1])
    raise AssertionError(name)


def switches(pid):
    """Voluntary context switches of all threads so far."""
    total = 0
    for t in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/status' % (pid, t),
                  encoding='ascii') as f:
            for line in f:
                if line.startswith('voluntary_ctxt'):
                    total += int(line.split()[1])
    return total


def approval_call(p, digest):
    """(path, body) of the approval of the card that came last."""
    return ('/v1/cards/%s/approvals' % digest,
            json.dumps(p.approval(digest, p.received['device_nonce'])))
