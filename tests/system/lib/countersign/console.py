"""console.py - a real countersign-console, and talking to its API.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.
"""
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from . import dsse, fake, openapi

LIMIT = fake.LIMIT
# The longest that a stream may have nothing to say, in seconds.
SILENCE = 5 * LIMIT


class Refused(Exception):
    """A problem document (RFC 9457)."""

    def __init__(self, status, problem):
        super().__init__('%d %s' % (status, json.dumps(problem)))
        self.status = status
        self.problem = problem


class Stream:
    """Server-sent events, one after the other: (name, id, data)."""

    def __init__(self, connection, response):
        self.connection = connection
        self.response = response

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def __iter__(self):
        name = id_ = data = None
        end = time.monotonic() + SILENCE
        while True:
            # It is kept up by comments, for ever.
            if time.monotonic() > end:
                raise AssertionError('no event for %d s' % SILENCE)
            line = self.response.readline()
            if line == b'':
                return
            line = line.rstrip(b'\n').decode()
            if line == '':
                if data is not None:
                    yield name, id_, json.loads(data)
                    end = time.monotonic() + SILENCE
                name = data = None
            elif line.startswith('event: '):
                name = line[7:]
            elif line.startswith('id: '):
                id_ = line[4:]
            elif line.startswith('data: '):
                data = line[6:]

    def until(self, name, **fields):
        """The data of the next event of that name with these fields."""
        for n, _, data in self:
            if n == name and all(data.get(k) == v for k, v in
                                 fields.items()):
                return data
        raise AssertionError('no event %s %r' % (name, fields))


class Console:
    """A console in a folder of its own, with an admin."""

    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix='cs-console-')
        self.data = os.path.join(self.dir, 'data')
        self.config = os.path.join(self.dir, 'console.json')
        doc = {'data': self.data,
               'agents': {'listen': '127.0.0.1:0',
                          'names': ['127.0.0.1', 'localhost']},
               'api': {'listen': '127.0.0.1:0'}}
        doc.update(settings)
        self.settings = doc
        self.write_config()
        self.process = None
        self.log = open(os.path.join(self.dir, 'log'), 'wb')
        self.tokens = {}

    def write_config(self):
        with open(self.config, 'w') as f:
            json.dump(self.settings, f)

    def __enter__(self):
        try:
            self.start()
            self.user('admin', 'admin')
        except BaseException as e:
            self.__exit__(type(e), e, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        code = self.stop()
        log = self.read_log()
        if kind is not None or code != 0:
            print('# log of %s:\n%s' % (self.dir, log[-4000:]))
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None and code != 0:
            raise AssertionError('the console ended with %d' % code)

    def read_log(self):
        with open(os.path.join(self.dir, 'log'), errors='replace') as f:
            return f.read()

    # ---- the process ----

    def start(self):
        """Starts; after a first time on the same ports."""
        self.process = subprocess.Popen(
            [fake.program('countersign-console'), 'serve', '--config',
             self.config, '--json'], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log)
        line = self.process.stdout.readline()
        if line == b'':
            self.process.wait()
            raise AssertionError('the console did not start: ' +
                                 self.read_log()[-2000:])
        at = json.loads(line)
        self.agents_port, self.api_port = at['agents_port'], at['api_port']
        self.settings['agents']['listen'] = '127.0.0.1:%d' % self.agents_port
        self.settings['api']['listen'] = '127.0.0.1:%d' % self.api_port
        self.write_config()
        return self

    def kill(self):
        """As the power might."""
        self.process.kill()
        self._ended()

    def stop(self):
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self):
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError('the console did not stop')
        finally:
            self.process.stdout.close()
            self.process = None
        return code

    def command(self, *args, check=True):
        """Runs a command of the console: (exit code, stdout, stderr)."""
        r = subprocess.run(
            [fake.program('countersign-console'), *args, '--config',
             self.config], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=LIMIT)
        if check and r.returncode != 0:
            raise AssertionError('%r: %d %s' % (args, r.returncode,
                                                r.stderr.decode()))
        return r.returncode, r.stdout.decode(), r.stderr.decode()

    def user(self, name, role, org=None, key=None):
        """Adds a user; key: an AI's signing key. The token."""
        args = ['user', 'add', '--name', name, '--role', role]
        if org is not None:
            args += ['--org', org]
        if key is not None:
            path = os.path.join(self.dir, name + '.key')
            with open(path, 'w') as f:
                f.write(dsse.key_file(key, 'proposer'))
            args += ['--proposer-key', path]
        self.tokens[name] = self.command(*args)[1].strip()
        return self.tokens[name]

    def token_file(self, org):
        """A one-use token: (path, its content)."""
        path = os.path.join(self.dir, 'token-' + os.urandom(4).hex())
        self.command('enrol-token', '--org', org, '--out', path)
        with open(path) as f:
            return path, json.load(f)

    # ---- the API ----

    def connect(self):
        return http.client.HTTPConnection('127.0.0.1', self.api_port,
                                          timeout=LIMIT)

    def request(self, method, path, body=None, user='admin', headers=()):
        """(status, headers, bytes), as openapi.json describes them."""
        head = dict(headers)
        if user is not None:
            head['Authorization'] = 'Bearer ' + self.tokens.get(user, user)
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        c = self.connect()
        try:
            c.request(method, path, body, head)
            r = c.getresponse()
            data = r.read()
            openapi.check_answer(method, path, r.status,
                                 r.headers['Content-Type'], data)
            return r.status, r.headers, data
        finally:
            c.close()

    def call(self, method, path, body=None, user='admin'):
        """The JSON of the answer, or Refused."""
        status, headers, data = self.request(method, path, body, user)
        doc = json.loads(data)
        if status >= 400:
            raise Refused(status, doc)
        return doc

    def get(self, path, user='admin'):
        return self.call('GET', path, user=user)

    def post(self, path, body=None, user='admin'):
        return self.call('POST', path, body, user)

    def events(self, card, user='admin', last=None):
        c = self.connect()
        head = {'Authorization': 'Bearer ' + self.tokens.get(user, user)}
        if last is not None:
            head['Last-Event-ID'] = last
        c.request('GET', '/v1/cards/%s/events' % card, headers=head)
        r = c.getresponse()
        if r.status != 200:
            raise Refused(r.status, json.loads(r.read()))
        return Stream(c, r)
