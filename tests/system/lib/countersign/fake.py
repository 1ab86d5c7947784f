"""fake.py - a fake gate, a fake console and a fake proxy.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The gate starts the real courier on a socketpair. All of it waits for events
with a limit, never for time to pass.
"""
import json
import os
import select
import socket
import ssl
import tempfile
import threading
import time

from . import link, wire, ws

# Seconds that any one event may take; more where vm.py emulates the machine.
LIMIT = 300 if os.path.exists('/srv/countersign-vm') else 20
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *['..'] * 4))
OUT = os.environ.get('O', os.path.join(ROOT, 'build'))


def program(name):
    return os.path.join(OUT, 'bin', name)


def helper(name):
    """A program of the tests."""
    return os.path.join(OUT, 'tests', name)


def is_sanitized():
    """Whether the programs carry sanitizers: memory says nothing then."""
    return os.path.basename(OUT.rstrip('/')) == 'asan'


class Gate:
    """The gate's end of a real courier process."""

    def __init__(self, args=None):
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(LIMIT)
        self.reader = ws.Reader(self.sock)
        self.log_file = tempfile.TemporaryFile()
        if args is None:
            args = ['--user', 'nobody'] if os.geteuid() == 0 else []
        argv = [program('countersign-courier')] + args
        # A confined process cannot be searched for leaks at its end.
        env = {'ASAN_OPTIONS': 'detect_leaks=0'} if is_sanitized() else {}
        self.pid = os.posix_spawn(argv[0], argv, env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.log_file.fileno(), 2),
            (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        self.status = None
        self.saved_log = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.sock.close()
        try:
            self.wait()
        except AssertionError:
            os.kill(self.pid, 9)
            self.wait()
            if kind is None:
                raise
        finally:
            if value is not None:
                value.args = ('%s; its log: %s' % (
                    value, self.log().replace('\n', ' | ')[-1500:]),)
            self.saved_log = self.log()
            self.log_file.close()

    def wait(self):
        """The exit status, once the courier has ended by itself."""
        if self.status is None:
            fd = os.pidfd_open(self.pid)
            try:
                ready, _, _ = select.select([fd], [], [], LIMIT)
            finally:
                os.close(fd)
            if not ready:
                raise AssertionError('the courier does not end')
            self.status = os.waitstatus_to_exitcode(
                os.waitpid(self.pid, 0)[1])
        return self.status

    def log(self):
        """What it wrote to stderr so far, or in all."""
        if self.saved_log is not None:
            return self.saved_log
        self.log_file.seek(0)
        return self.log_file.read().decode()

    def send(self, data):
        self.sock.sendall(data)

    def next(self, limit=LIMIT):
        """The next message, (name, fields)."""
        self.sock.settimeout(limit)
        try:
            n, type_, zero = wire.HEADER.unpack(self.reader.exactly(8))
            if zero:
                raise wire.Malformed('header')
            return wire.parse(type_, self.reader.exactly(n))
        except TimeoutError as e:
            raise AssertionError('the courier says nothing') from e

    def expect(self, name, limit=LIMIT, **fields):
        """The next message, which is this one; returns its fields."""
        got, have = self.next(limit)
        if got != name or any(have[k] != v for k, v in fields.items()):
            raise AssertionError('%s %.300r, not %s %r' % (got, have, name,
                                                           fields))
        return have

    def until(self, name, limit=LIMIT, **fields):
        """Skips messages up to this one; returns its fields."""
        end = time.monotonic() + limit
        while True:
            got, have = self.next(max(0.01, end - time.monotonic()))
            if got == name and all(have[k] == v for k, v in fields.items()):
                return have

    def start(self, **config):
        """READY, CONFIG."""
        self.expect('ready')
        self.send(wire.config(**config))

    def memory(self, what='VmHWM'):
        """A line of /proc/PID/status in KiB: VmRSS, VmHWM (the peak)."""
        with open('/proc/%d/status' % self.pid, encoding='ascii') as f:
            for line in f:
                if line.startswith(what + ':'):
                    return int(line.split()[1])
        raise AssertionError(what)

    def switches(self):
        """Voluntary context switches of all threads so far."""
        total = 0
        for t in os.listdir('/proc/%d/task' % self.pid):
            with open('/proc/%d/task/%s/status' % (self.pid, t),
                      encoding='ascii') as f:
                for line in f:
                    if line.startswith('voluntary_ctxt'):
                        total += int(line.split()[1])
        return total

    def proportional(self):
        """PSS in KiB."""
        with open('/proc/%d/smaps_rollup' % self.pid,
                  encoding='ascii') as f:
            for line in f:
                if line.startswith('Pss:'):
                    return int(line.split()[1])
        raise AssertionError('Pss')


class Link:
    """One connection, the WebSocket open; as the console sees it."""

    def __init__(self, sock, reader):
        self.sock = sock
        self.ws = ws.Server(sock, reader)
        self.nonce = None

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.sock.close()

    def text(self, message):
        self.ws.text(message)

    def read(self, limit=LIMIT):
        """The next message that is no ping; pings are answered."""
        self.sock.settimeout(limit)
        while True:
            kind, data = self.ws.read()
            if kind != ws.PING:
                return kind, data
            self.ws.send(ws.PONG, data)

    def read_json(self):
        kind, data = self.read()
        if kind != ws.TEXT:
            raise AssertionError('opcode %d: %.100r' % (kind, data))
        return json.loads(data)

    def closed(self):
        """Reads to the end. The close code, None without a close frame."""
        code = None
        try:
            while True:
                kind, data = self.read()
                if kind == ws.CLOSE:
                    code = int.from_bytes(data[:2], 'big')
        except (ws.Gone, OSError):
            return code


class Console:
    """A console that listens on loopback; the test accepts by hand."""

    def __init__(self, authority, names=('localhost', '127.0.0.1'),
                 address='127.0.0.1', tls=None, **dates):
        self.listener = socket.create_server((address, 0))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls is not None:
            self.context.maximum_version = tls
        cert, key = authority.issue(names, **dates)
        with tempfile.NamedTemporaryFile() as f:
            f.write(cert + key)
            f.flush()
            self.context.load_cert_chain(f.name)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.listener.close()

    def accept_tcp(self, limit=LIMIT):
        self.listener.settimeout(limit)
        sock, _ = self.listener.accept()
        sock.settimeout(LIMIT)
        return sock

    def accept_tls(self):
        return self.context.wrap_socket(self.accept_tcp(), server_side=True)

    def accept(self):
        """A Link, after the upgrade."""
        sock = self.accept_tls()
        reader = ws.Reader(sock)
        ws.upgrade(reader, sock)
        return Link(sock, reader)


def connected(gate, console, authority, **more):
    """CONFIG, and the link up on both sides. Returns the Link."""
    config = {'host': '127.0.0.1', 'port': console.port,
              'ca_pem': authority.pem}
    config.update(more)
    gate.start(**config)
    gate.expect('link', state=wire.CONNECTING)
    out = console.accept()
    gate.expect('link', state=wire.UP)
    return out


def prove(gate, out, nonce=None):
    """Challenge, hello, welcome. Returns (challenge's fields, hello)."""
    nonce = nonce or os.urandom(32)
    out.text(link.challenge(nonce))
    challenge = gate.expect('challenge', nonce=nonce)
    payload = b'{"console_nonce":"%s"}' % link.b64url(nonce).encode()
    gate.send(wire.hello(payload, b's' * 64))
    hello = out.read_json()
    out.text(link.welcome())
    gate.expect('welcome', note=None)
    return challenge, hello


class Proxy:
    """An HTTP proxy that knows CONNECT, for one connection at a time."""

    def __init__(self, answer=b'HTTP/1.1 200 OK\r\n\r\n', to=None):
        self.answer = answer
        self.to = to		# where tunnels go, whatever was asked for
        self.requests = []	# heads as they came
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.stop, self.stopped = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.stop.close()
        self.thread.join(LIMIT)
        self.listener.close()
        self.stopped.close()

    def _wait(self, socks):
        """The readable ones of socks; None once it is to stop."""
        ready, _, _ = select.select([self.stopped] + socks, [], [])
        return None if self.stopped in ready else ready

    def _run(self):
        while self._wait([self.listener]) is not None:
            inside, _ = self.listener.accept()
            with inside:
                reader = ws.Reader(inside)
                inside.settimeout(LIMIT)
                try:
                    self.requests.append(reader.until(b'\r\n\r\n'))
                    inside.sendall(self.answer)
                    if b' 200 ' in self.answer:
                        self._tunnel(inside, reader.data)
                except (ws.Gone, OSError):
                    pass

    def _tunnel(self, inside, early):
        with socket.create_connection(self.to, LIMIT) as outside:
            outside.sendall(early)
            other = {inside: outside, outside: inside}
            while True:
                ready = self._wait([inside, outside])
                if ready is None:
                    return
                for s in ready:
                    data = s.recv(65536)
                    if not data:
                        return
                    other[s].sendall(data)
