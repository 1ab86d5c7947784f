"""wine.py - agents of Windows, under Wine, of a real console.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

One prefix of its own for a script, in a temporary folder; no window system is
needed, and nothing of it lives on.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from . import fake, fleet, owner

LIMIT = fake.LIMIT
HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(os.path.abspath(fake.OUT), 'cross', 'windows-x86_64', 'bin')
COMPILER = 'x86_64-w64-mingw32-gcc'
AGENT = ('countersignd', 'countersign-courier', 'countersign-runner')
# What the policy of these tests permits.
SHELLS = ['cmd', 'powershell', 'pwsh']


def loader():
    """The program that starts those of Windows, or None."""
    for path in ('/usr/lib/wine/wine64', shutil.which('wine64'),
                 shutil.which('wine')):
        if path is not None and os.path.exists(path):
            return path
    return None


def lacking():
    """Why nothing can be run here, or None."""
    if not os.path.exists(os.path.join(BIN, 'countersignd.exe')):
        return 'not built: make cross'
    if loader() is None:
        return 'no wine: scripts/setup wine'
    if shutil.which(COMPILER) is None:
        return 'no compiler for Windows: scripts/setup cross'
    return None


class Prefix:
    """A Windows: its drive C, and how to run programs on it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='cs-wine-')
        self.drive = os.path.join(self.dir, 'drive_c')
        self.env = {
            'PATH': os.environ['PATH'], 'HOME': self.dir,
            'WINEPREFIX': self.dir, 'WINEDEBUG': '-all', 'DISPLAY': '',
            'LC_ALL': 'C.UTF-8',
            # No browser, no .NET; powershell.exe is the test's own.
            'WINEDLLOVERRIDES': 'mscoree=;mshtml=;winemenubuilder.exe=;'
                                'powershell.exe=n;pwsh.exe=n'}
        self.n = 0
        self.lock = threading.Lock()

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make(self):
        self.run('wineboot', '-i', check=True)
        # All of that ends first; what comes next stays until we go, or there
        # may be two service managers for a moment.
        for how in ('-w', '-p'):
            subprocess.run(['wineserver', how], env=self.env, timeout=LIMIT)
        self.run('cmd', '/c', 'exit')
        for to in ('cs/bin', 'Program Files/Countersign'):
            shutil.copytree(BIN, os.path.join(self.drive, to))
        tool = os.path.join(self.drive, 'cs', 'tool.exe')
        subprocess.run([COMPILER, '-O1', '-Wall', '-Wextra', '-Werror', '-s',
                        '-o', tool, os.path.join(HERE, '..',
                                                 'windows_tool.c'),
                        '-lws2_32'], check=True)
        for path in ('windows/system32/WindowsPowerShell/v1.0/powershell.exe',
                     'Program Files/PowerShell/7/pwsh.exe'):
            path = os.path.join(self.drive, path)
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            if os.path.lexists(path):
                os.unlink(path)
            shutil.copy(tool, path)

    def __exit__(self, *_):
        for how in ('-k', '-w'):
            subprocess.run(['wineserver', how], env=self.env, timeout=LIMIT,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, windows):
        """Where "C:/..." lies for us."""
        return os.path.join(self.drive, windows[3:])

    def command(self, program, *args):
        return [loader(), program, *args]

    def run(self, program, *args, check=False, **more):
        # Not pipes: what Wine starts by the way keeps them open.
        with tempfile.TemporaryFile() as out, \
                tempfile.TemporaryFile() as err:
            r = subprocess.run(
                self.command(program, *args), env=self.env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                timeout=120, **more)
            out.seek(0)
            err.seek(0)
            r.stdout, r.stderr = out.read(), err.read()
        if check and r.returncode != 0:
            raise AssertionError('%s: %d: %r' % (
                ' '.join((program,) + args), r.returncode,
                r.stdout + r.stderr))
        return r

    def folder(self, name='agent'):
        """A fresh folder on its drive, as Windows names it."""
        with self.lock:
            self.n += 1
            windows = 'C:/cs/%s %d' % (name, self.n)
        os.mkdir(self.path(windows), 0o755)
        return windows


class Agent(fleet.Agent):
    """A Windows agent of a real console."""

    def __init__(self, wine, fleet_, name='agent'):
        self.wine, self.fleet = wine, fleet_
        self.folder = wine.folder(name)
        self.dir = wine.path(self.folder)
        self.state = os.path.join(self.dir, 'state')
        self.socket = '//./pipe/' + self.folder[3:].replace('/', '-')
        self.config = self.folder + '/agent.json'
        with open(os.path.join(self.dir, 'agent.json'), 'w') as f:
            json.dump({'state': self.folder + '/state', 'group': '',
                       'socket': self.socket, 'programs': 'C:/cs/bin'}, f)
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.gate = None
        token, _ = fleet_.console.token_file(fleet_.owner.org)
        r = wine.run('C:/cs/bin/countersignd.exe', 'enrol', '--token',
                     'Z:' + token, '--pin',
                     fleet_.owner.pin(fleet_.files['root']), '--config',
                     self.config)
        if r.returncode != 0:
            raise AssertionError('enrol: %d: %s' % (r.returncode,
                                                    r.stderr.decode()))
        self.device = r.stdout.decode().strip()

    def start(self):
        said = os.fstat(self.log.fileno()).st_size
        # Seen once in two thousand starts: a program that never said a word.
        # It is begun again, and that is said.
        for _ in range(3):
            self.gate = subprocess.Popen(
                self.wine.command('C:/cs/bin/countersignd.exe',
                                  '--foreground', '--config', self.config),
                env=self.wine.env, stdin=subprocess.DEVNULL, stdout=self.log,
                stderr=self.log)
            end = time.monotonic() + LIMIT
            while time.monotonic() < end and self.gate.poll() is None:
                if os.fstat(self.log.fileno()).st_size > said:
                    return self
                time.sleep(0.01)
            if os.fstat(self.log.fileno()).st_size > said:
                return self
            print('# nothing said by countersignd.exe, code %s, %s' % (
                self.gate.poll(), self.log.name))
            self.stop()
        raise AssertionError('countersignd.exe says nothing')

    def stop(self):
        # What a service manager asks for has no signal here.
        if self.gate is not None and self.gate.poll() is None:
            self.kill()
        self.gate = None

    def close(self):
        self.stop()
        self.log.close()

    def tool(self, *args):
        """countersign.exe: (exit code, stdout, stderr)."""
        r = self.wine.run('C:/cs/bin/countersign.exe', *args, '--socket',
                          self.socket)
        return r.returncode, r.stdout.decode(), r.stderr.decode()


class Service(Agent):
    """One that is where a package puts it, started by the service manager."""

    def __init__(self, wine, fleet_, name='agent'):
        self.wine, self.fleet = wine, fleet_
        self.dir = wine.path('C:/ProgramData/Countersign')
        self.state = os.path.join(self.dir, 'state')
        self.socket = '//./pipe/countersign-gate'
        self.program = 'C:\\Program Files\\Countersign\\countersignd.exe'
        token, _ = fleet_.console.token_file(fleet_.owner.org)
        r = wine.run(self.program, 'enrol', '--token', 'Z:' + token, '--pin',
                     fleet_.owner.pin(fleet_.files['root']))
        if r.returncode != 0:
            raise AssertionError('enrol: %d: %s' % (r.returncode,
                                                    r.stderr.decode()))
        self.device = r.stdout.decode().strip()
        wine.run('sc', 'create', 'Countersign', 'binPath=',
                 '"%s"' % self.program, 'start=', 'demand', check=True)

    def start(self):
        self.wine.run('sc', 'start', 'Countersign', check=True)
        return self

    def stop(self):
        return self.wine.run('sc', 'stop', 'Countersign')

    def state_word(self):
        """RUNNING, STOPPED and the like."""
        text = self.wine.run('sc', 'query', 'Countersign').stdout.decode()
        for line in text.splitlines():
            if line.split()[:1] == ['STATE']:
                return line.split()[3]
        return text

    def wait_state(self, word):
        until = time.monotonic() + LIMIT
        while self.state_word() != word:
            if time.monotonic() > until:
                raise AssertionError('it is ' + self.state_word())

    def read_log(self):
        return ''

    def close(self):
        self.stop()
        self.wine.run('sc', 'delete', 'Countersign')


class Fleet(fleet.Fleet):
    """A console on this machine with agents under Wine."""

    def __init__(self, wine, devices=1, name='agent', kind=Agent):
        super().__init__(0)
        self.wine, self.count, self.name = wine, devices, name
        self.kind = kind
        self.owner = Owner()

    def _build(self):
        super()._build()
        for _ in range(self.count):
            a = self.kind(self.wine, self, self.name)
            self.agents.append(a)
            a.sign_in()
            a.start()

    def propose(self, agent, command, **change):
        change.setdefault('shell', 'cmd')
        return super().propose(agent, command, **change)


class Owner(owner.Owner):
    """One whose policy permits what Windows has."""

    def policy(self, *args, **change):
        change.setdefault('tools', {'command': {
            'decision': 'approval_needed', 'require_manager': False,
            'profiles': ['observe', 'repair', 'full'], 'shells': SHELLS}})
        return super().policy(*args, **change)


class Callers:
    """Listens where the test's programs dial in; a caller lives as long as
    its connection does."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self.calls = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.calls.values():
            s.close()
        self.listener.close()

    def wait(self, *names):
        """Until all of these have called."""
        while not all(n in self.calls for n in names):
            s, _ = self.listener.accept()
            s.settimeout(LIMIT)
            line = b''
            while not line.endswith(b'\n'):
                c = s.recv(1)
                if c == b'':
                    break
                line += c
            self.calls[line.split(b' ')[0].decode()] = s

    def tell(self, name, code):
        self.calls[name].sendall(b'%d\n' % code)

    def wait_gone(self, *names):
        """Until each of these has died: the system closes its connection."""
        for n in names:
            try:
                while self.calls[n].recv(16) != b'':
                    pass
            except ConnectionResetError:
                pass
