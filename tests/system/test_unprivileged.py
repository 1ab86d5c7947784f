"""test_unprivileged.py - an agent without root: what it offers, and that it holds.
SPDX-License-Identifier: Apache-2.0

The real programs as a user who is nobody else on this machine. What cannot be
kept without root is not offered, and says so.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, fake, owner		# noqa: E402
from countersign.agent import Agent			# noqa: E402

LIMITS = {'timeout_s': 60, 'output_bytes': 1 << 20, 'memory_mb': 256,
          'processes': 64}


def outside_tmp():
    """A folder that is not below /tmp, which each action has for itself; the
    tree that is tested may be."""
    out = os.path.abspath(fake.OUT)
    for path in (out, '/srv', '/opt', os.path.expanduser('~')):
        if os.access(path, os.W_OK) and os.path.realpath(path).split(
                '/')[1] not in ('tmp', 'var', 'root'):
            return path
    return out


class User(Agent):
    """An agent that is started as a user."""

    def __init__(self, policy=None):
        self.uid = os.geteuid()
        if self.uid == 0:
            self.uid = 300000 + int.from_bytes(os.urandom(3), 'big')
        self.place = tempfile.mkdtemp(prefix='cs-user-', dir=outside_tmp())
        os.chmod(self.place, 0o755)
        self.declared = os.path.join(self.place, 'declared')
        os.mkdir(self.declared)
        os.chown(self.declared, self.uid, self.uid)
        super().__init__()
        self.files['policy'] = self.owner.policy(repair_write=[
            {'groups': ['lab'], 'roots': [self.declared]}])
        self.greet()

    def who(self):
        """For subprocess: this user, in no other group."""
        return {} if os.geteuid() != 0 else dict(
            user=self.uid, group=self.uid, extra_groups=[])

    def enrol(self, pin=None):
        os.chown(self.dir, self.uid, self.uid)
        token = os.path.join(self.place, 'token.json')
        with open(token, 'w', encoding='ascii') as f:
            json.dump({'v': 1, 'kind': 'countersign-token',
                       'url': 'wss://127.0.0.1:%d/v1/agent' %
                       self.peer.console.port,
                       'ca': self.peer.authority.pem.decode(),
                       'secret': self.peer.secret}, f)
        os.chmod(token, 0o600)
        os.chown(token, self.uid, self.uid)
        return self.tool('countersignd', 'enrol', '--token', token, '--pin',
                         self.owner.pin(self.root), '--config',
                         self.config).strip()

    def tool(self, name, *args):
        r = subprocess.run([self.program(name)] + list(args),
                           stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=60, cwd='/', **self.who())
        if r.returncode != 0:
            raise AssertionError('%s: %d: %s' % (
                name, r.returncode, (r.stdout + r.stderr).decode()))
        return r.stdout.decode()

    def start(self, wait=True, env=None):
        n = self.peer.connections
        self.gate = subprocess.Popen(
            [self.program('countersignd'), '--config', self.config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=env, cwd='/', **self.who())
        self.peer.wait(lambda: self.peer.connections > n, 'connection')
        for word in self.files:
            self.peer.record('trust', file=word)
        return self

    def stop(self):
        super().stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def status(self):
        return json.loads(self.tool('countersign', 'status', '--json',
                                    '--socket', self.socket))

    def offers(self, profile):
        s = self.status()
        if profile not in s['profiles']:
            checks.skip('%s is not offered to a user here: %s' % (
                profile, [x for x in s['sandbox']
                          if x['profile'] == profile]))

    def result(self, command, **change):
        digest, r = self.run(command, **dict(
            {'limits': LIMITS, 'write': [], 'services': [], 'read': 'user'},
            **change))
        self.peer.wait(lambda: len(self.peer.output.get(
            bytes.fromhex(digest[7:]), b'')) >= r['transcript_bytes'])
        return (r,) + self.peer.transcript(digest)

    def refused(self, **change):
        env = self.card('true', **dict(
            {'limits': LIMITS, 'write': [], 'services': [], 'read': 'user'},
            **change))
        self.send('card', env)
        return self.peer.record('card_refused', card=owner.digest_of(env))

    def processes(self):
        """All that runs as this user: {pid: command line}."""
        out = {}
        for pid in os.listdir('/proc'):
            try:
                if pid.isdigit() and os.stat(
                        '/proc/' + pid).st_uid == self.uid:
                    with open('/proc/%s/cmdline' % pid, 'rb') as f:
                        out[int(pid)] = f.read().replace(b'\0', b' ').decode()
            except OSError:
                pass
        return out


def facts(pid):
    with open('/proc/%d/status' % pid, encoding='ascii',
              errors='replace') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f
                    if ':\t' in line)


def test_what_it_says():
    with User() as a:
        s = a.status()
        checks.equal(s['split'], False)
        checks.true('full' in s['profiles'], s['profiles'])
        for x in s['sandbox']:
            checks.true(x.get('enforces' if x['offered'] else 'why'), x)
            if x['offered'] and x['profile'] != 'full':
                for word in ('ns=user,mnt,pid', 'unix=no', 'caps=none',
                             'seccomp=yes', 'kill=pid'):
                    checks.true(word in x['enforces'], (word, x))
        hello = json.loads(base64.b64decode(
            a.peer.hellos[-1]['payload']))
        checks.equal(sorted(hello['profiles']), sorted(s['profiles']))
        checks.equal(hello['split'], False)
        checks.true('the split between them does not hold' in a.read_log(),
                    a.read_log())
        told = a.tool('countersignd', 'selftest', '--config', a.config)
        for x in s['sandbox']:
            checks.true(('offered ' if x['offered'] else 'NOT OFFERED ') +
                        x['profile'] in told, told)


def test_its_courier_is_confined():
    with User() as a:
        courier, = a.children('countersign-courier')
        f = facts(courier)
        checks.equal(f['NoNewPrivs'], '1', f)
        checks.equal(f['Seccomp'], '2', f)
        checks.equal(f['CapEff'].strip('0'), '', f)
        checks.equal(f['CapPrm'].strip('0'), '', f)
        checks.true('courier: ready no_new_privs=1 seccomp=1' in
                    a.read_log(), a.read_log())
        # Nobody looks into it: not its user either.
        r = subprocess.run(['cat', '/proc/%d/environ' % courier,
                            '/proc/%d/mem' % courier], cwd='/',
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           check=False, **a.who())
        checks.true(r.returncode != 0 or os.geteuid() == 0 and
                    not r.stdout, r)


def test_observe():
    with User() as a:
        a.offers('observe')
        mark = os.path.join(a.declared, 'mark')
        r, out, err = a.result(
            'id -u; echo $$; touch %s && echo TOUCHED; ls %s && echo SEEN; '
            'cat %s/* 2>/dev/null | head -c1; kill -9 %d && echo KILLED; '
            '%s status --socket %s && echo ASKED; '
            'echo x >/tmp/own && cat /tmp/own; '
            '(setsid sleep 65432 &) ; setsid sleep 65432 & '
            'mkdir /x; chmod 4755 /tmp/own && echo SETID; true' % (
                mark, a.state, a.state, a.gate.pid, a.program('countersign'),
                a.socket), profile='observe', net='none')
        text = out.decode()
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0),
                     repr((r, out, err)))
        checks.equal(text.split()[0], str(a.uid), repr((out, err)))
        for word in ('TOUCHED', 'KILLED', 'ASKED', 'SETID'):
            checks.true(word not in text, repr((word, out, err)))
        checks.true('x' in text.split(), repr((out, err)))
        checks.true(not os.path.exists(mark), 'it wrote')
        for word in ('profile=observe', 'ns=user,mnt,pid', 'unix=no',
                     'caps=none', 'nnp=yes', 'seccomp=yes'):
            checks.true(word in r['enforced'], (word, r))
        checks.true(r['survivors'] >= 2, r)
        checks.equal([x for x in a.processes().values() if '65432' in x], [])


def test_repair():
    with User() as a:
        a.offers('repair')
        if a.declared.startswith('/tmp/'):
            checks.skip('no folder to write to outside /tmp')
        outside = os.path.join(a.place, 'outside')
        os.mkdir(outside)
        os.chown(outside, a.uid, a.uid)
        r, out, err = a.result(
            'id -u; touch %s/in && echo IN; touch %s/out && echo OUT; '
            'touch %s/x && echo STATE; true' % (a.declared, outside, a.dir),
            profile='repair', net='none', write=[a.declared])
        checks.equal(out.decode().split(), [str(a.uid), 'IN'],
                     repr((out, err, r)))
        checks.equal(os.listdir(outside), [])
        checks.true(os.path.exists(a.declared + '/in'), 'not written')
        checks.equal(a.refused(profile='repair', net='none', write=[a.dir])
                     ['reason'], 'needs_full')


def test_what_needs_root_is_refused():
    with User() as a:
        for profile, change, words in (
                ('repair', {'services': [{'unit': 'cron.service',
                                          'verbs': ['status']}]},
                 'services: the agent does not run as root'),
                ('observe', {'read': 'all'},
                 'read all: the agent does not run as root')):
            r = a.refused(profile=profile, net='none', **change)
            checks.equal(r['reason'], 'sandbox_unavailable', r)
            if profile in a.status()['profiles']:
                checks.equal(r['detail'], words, r)


def test_full():
    with User() as a:
        r, out, err = a.result('id -u; (setsid sleep 54321 &); '
                               'setsid setsid sleep 54321 & exit 7',
                               profile='full')
        checks.equal((r['outcome'], r['exit_code'], out),
                     ('finished', 7, b'%d\n' % a.uid), repr((r, err)))
        checks.true('profile=full' in r['enforced'], r)
        checks.equal([x for x in a.processes().values() if '54321' in x], [])
        r, out, err = a.result('trap "" TERM INT HUP; sleep 43210 & '
                               '(setsid sleep 43210 &); sleep 43210',
                               profile='full',
                               limits=dict(LIMITS, timeout_s=1))
        checks.equal((r['outcome'], r['reason']), ('timed_out', 'deadline'),
                     r)
        checks.equal([x for x in a.processes().values() if '43210' in x], [])


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
