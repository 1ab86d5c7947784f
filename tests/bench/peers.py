"""peers.py - what else runs a command on another machine, on this one.
SPDX-License-Identifier: Apache-2.0
Runs in: make bench.

OpenSSH and NRPE over TLS, each a server of our own on a free loopback port
with keys of its own; it ends with us. Each start is an object with once():
milliseconds from starting the client to the first byte of the echo.
"""
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from countersign import certs

import figures

LIMIT = 20


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def wait_port(port, process):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise figures.Missing('%s does not start' % process.args[0])


def find(name, *more):
    path = shutil.which(name, path=os.pathsep.join(
        [os.environ.get('PATH', ''), '/usr/sbin', '/sbin', *more]))
    if path is None:
        raise figures.Missing('%s is not installed' % name)
    return path


def first_byte(argv):
    """Milliseconds until the program has printed something."""
    t = time.monotonic_ns()
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with p:
        data = os.read(p.stdout.fileno(), 4096)
        ms = (time.monotonic_ns() - t) / 1e6
    if data == b'' or p.returncode != 0:
        raise figures.Missing('%s printed nothing: status %s' % (
            argv[0], p.returncode))
    return ms


class Peer:
    """A server in a folder of its own."""
    quick = False	# quick enough to be asked in every round

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='cs-peer-')
        self.process = None
        self.taken = []

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def serve(self, argv, port):
        log = open(self.path('log'), 'wb')
        with log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_port(port, self.process)

    def once(self):
        self.taken.append(first_byte(self.argv))
        return self.taken[-1]


class Ssh(Peer):
    """`ssh host echo`: a connection each, or all over one that is open."""
    name = 'OpenSSH, fresh connection'
    multiplexed = False

    def __init__(self):
        super().__init__()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self):
        server, port = find('sshd'), free_port()
        user = pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
        for key in ('host', 'me'):
            subprocess.run([find('ssh-keygen'), '-q', '-t', 'ed25519', '-N',
                            '', '-f', self.path(key)], check=True)
        with open(self.path('me.pub')) as f:
            self.write('authorized', f.read())
        with open(self.path('host.pub')) as f:
            self.write('known', '[127.0.0.1]:%d %s' % (port, f.read()))
        conf = self.write('sshd_config', '''
Port %d
ListenAddress 127.0.0.1
HostKey %s
AuthorizedKeysFile %s
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
''' % (port, self.path('host'), self.path('authorized')))
        self.serve([server, '-D', '-e', '-f', conf], port)
        self.base = [find('ssh'), '-F', 'none', '-p', str(port), '-i',
                     self.path('me'), '-l', user, '-o',
                     'UserKnownHostsFile=' + self.path('known'), '-o',
                     'BatchMode=yes', '-o', 'LogLevel=ERROR', '-o',
                     'ControlPath=' + self.path('control'), '-o',
                     'ControlMaster=' + ('auto' if self.multiplexed else
                                         'no'), '-o',
                     'ControlPersist=' + ('yes' if self.multiplexed else
                                          'no')]
        if not self.multiplexed:
            self.base[-4:] = ['-o', 'ControlPath=none']
        self.argv = self.base + ['127.0.0.1', 'echo hello']
        first_byte(self.argv)

    def close(self):
        if self.multiplexed and self.process is not None:
            subprocess.run(self.base + ['-O', 'exit', '127.0.0.1'],
                           stdin=subprocess.DEVNULL, timeout=LIMIT,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        super().close()


class SshMultiplexed(Ssh):
    name = 'OpenSSH, multiplexed'
    multiplexed = True
    quick = True


class Nrpe(Peer):
    """`check_nrpe -c echo`: a TLS connection each, as it always does."""
    name = 'NRPE over TLS'

    def __init__(self):
        super().__init__()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self):
        server, port = find('nrpe'), free_port()
        client = find('check_nrpe', '/usr/lib/nagios/plugins')
        authority = certs.Authority()
        cert, key = authority.issue(('localhost', '127.0.0.1'))
        self.write('cert.pem', cert.decode())
        self.write('key.pem', key.decode())
        user = 'nobody' if os.getuid() == 0 else \
            pwd.getpwuid(os.getuid()).pw_name
        group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
        os.chmod(self.dir, 0o755)
        if os.getuid() == 0:
            for name in ('cert.pem', 'key.pem'):
                shutil.chown(self.path(name), user)
        conf = self.write('nrpe.cfg', '''
server_port=%d
server_address=127.0.0.1
nrpe_user=%s
nrpe_group=%s
allowed_hosts=127.0.0.1
dont_blame_nrpe=0
ssl_version=TLSv1.2+
ssl_cert_file=%s
ssl_privatekey_file=%s
command[echo]=/bin/echo hello
''' % (port, user, group, self.path('cert.pem'), self.path('key.pem')))
        self.serve([server, '-c', conf, '-f'], port)
        self.argv = [client, '-H', '127.0.0.1', '-p', str(port), '-c',
                     'echo']
        first_byte(self.argv)


def start(*kinds):
    """Those that can be had here: (peers, why the others are not)."""
    peers, why = [], []
    for kind in kinds:
        try:
            peers.append(kind())
        except (figures.Missing, OSError, subprocess.SubprocessError) as e:
            why.append('%s: %s' % (kind.name, e))
    return peers, why
