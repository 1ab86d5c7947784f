"""puppet.py - a courier and a runner whose every byte the test decides.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The gate starts lib/puppet.c in place of the real program; that hands its
descriptors to the test, which speaks on them, and ends when the test lets go.
"""
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile

from . import checks, fake, wire

LIMIT = fake.LIMIT
SOURCE = os.path.join(fake.ROOT, 'tests', 'system', 'lib', 'puppet.c')
REAL = ('countersign-courier', 'countersign-runner')


class Programs:
    """A folder for `programs` in which some are puppets."""

    def __init__(self, *puppets):
        # Where the real ones are: nobody else may write to a folder above.
        self.path = tempfile.mkdtemp(prefix='p-', dir=fake.OUT)
        os.chmod(self.path, 0o755)
        self.listeners = {}
        for name in REAL:
            if name in puppets:
                self.puppet(name)
            else:
                self.real(name)

    def file(self, name):
        return os.path.join(self.path, name)

    def real(self, name):
        """The real program from the next start on."""
        if os.path.exists(self.file(name)):
            os.unlink(self.file(name))
        shutil.copy(fake.program(name), self.file(name))

    def puppet(self, name):
        if os.path.exists(self.file(name)):
            os.unlink(self.file(name))
        subprocess.run([os.environ.get('CC', 'cc'), '-O1', '-o',
                        self.file(name), SOURCE], check=True)
        shutil.copy(fake.program(name), self.file(name) + '.real')
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.file(name) + '.sock')
        s.listen(8)
        s.settimeout(LIMIT)
        self.listeners[name] = s

    def accept(self, name, limit=LIMIT):
        """The next one that the gate starts."""
        self.listeners[name].settimeout(limit)
        try:
            s, _ = self.listeners[name].accept()
        except TimeoutError as e:
            raise AssertionError('%s is not started' % name) from e
        return Puppet(s)

    def close(self):
        for s in self.listeners.values():
            s.close()
        shutil.rmtree(self.path, ignore_errors=True)


class Puppet:
    """One of them: fds by number, as the process had them."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(LIMIT)
        cred = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        self.pid = struct.unpack('3i', cred)[0]
        data, fds, _, _ = socket.recv_fds(sock, 1, 8)
        numbers = [n for n in range(8) if data[0] >> n & 1]
        self.fds = dict(zip(numbers, fds))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()

    def close(self, *numbers):
        for n in numbers or list(self.fds):
            if n in self.fds:
                os.close(self.fds.pop(n))

    def exit(self, code=0):
        """The process ends; its descriptors are closed then."""
        try:
            self.sock.sendall(bytes([code]))
        except OSError:
            pass
        self.close()

    def let_go(self):
        self.close()
        self.sock.close()

    def ended(self, limit=LIMIT):
        """Waits for the end of the process."""
        self.sock.settimeout(limit)
        try:
            if self.sock.recv(1) == b'':
                return
        except ConnectionResetError:
            return
        except TimeoutError:
            pass
        raise AssertionError('the gate lets it live')

    def write(self, n, data):
        """Writes to descriptor n; False once nobody reads there."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self.fds[n], view):]
        except OSError:
            return False
        return True


class Courier(Puppet):
    """A puppet in the courier's place: messages on descriptor 3."""

    def __init__(self, programs, limit=LIMIT):
        other = programs.accept('countersign-courier', limit)
        self.__dict__.update(other.__dict__)
        self.gate = socket.socket(fileno=self.fds.pop(3))
        self.gate.settimeout(LIMIT)

    def say(self, name, body=b''):
        return self.put(wire.message(name, body))

    def put(self, data):
        try:
            self.gate.sendall(data)
        except OSError:
            return False
        return True

    def exactly(self, n):
        data = b''
        while len(data) < n:
            part = self.gate.recv(n - len(data))
            if part == b'':
                raise AssertionError('the gate hung up')
            data += part
        return data

    def next(self):
        n, type_, _ = wire.HEADER.unpack(self.exactly(8))
        return wire.NAMES[type_], self.exactly(n)

    def expect(self, name):
        got, body = self.next()
        checks.equal(got, name, 'message')
        return body

    def prove(self):
        """As far as a link that has been proven."""
        self.say('ready')
        self.expect('config')
        self.say('link', b'\x01' + wire.field(''))
        self.say('link', b'\x02' + wire.field(''))
        self.say('challenge', os.urandom(64))
        self.expect('hello')
        self.say('welcome', b'\0')

    def let_go(self):
        self.gate.close()
        super().let_go()


def stage(agent, *puppets):
    """The enrolled agent's next start is with these; close() what returns."""
    programs = Programs(*puppets)
    with open(agent.config, 'w') as f:
        json.dump(dict(agent.settings(), programs=programs.path), f)
    return programs


class Quiet:
    """An agent that is started by hand."""

    def __init__(self, a):
        self.a = a

    def __enter__(self):
        return self.a

    def __exit__(self, *e):
        self.a.__exit__(*e)
