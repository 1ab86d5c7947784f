"""test_switches.py - there is no off switch.
SPDX-License-Identifier: Apache-2.0

threat-model.md, lesson 3: a check that can be switched off will be. Every key
of agent.json, with values that somebody in a hurry would try, keys that other
agents have, and environment variables of all sorts: either the agent does not
start, or it refuses what it refused before. None turns a refusal into a run.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, dsse, fake, owner	# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402
from countersign.attack import (			# noqa: E402
    approval_refused, refused, settled, touch, touched, untouched)

KEYS = ('state', 'socket', 'group', 'courier_user', 'programs', 'proxy',
        'proxy_auth', 'log')

VALUES = ('', 'off', 'none', 'true', 'disabled', '*', None, True, False, 0, 1,
          [], {})

UNKNOWN = ('verify', 'insecure', 'skip_verify', 'no_verify', 'approve',
           'auto_approve', 'approved', 'require_approval', 'debug', 'test',
           'development', 'permissive', 'enforce', 'selftest', 'sandbox',
           'profile', 'profiles', 'mode', 'lockdown', 'policy', 'people',
           'root', 'pin', 'org', 'url', 'ca', 'tls', 'clock', 'time',
           'allow', 'allow_unsigned', 'trusted', 'disabled', 'checks', 'State',
           'GROUP', '')

WORDS = ('INSECURE', 'SKIP_VERIFY', 'NO_VERIFY', 'VERIFY', 'DEBUG', 'TEST',
         'TESTING', 'DEV', 'DEVELOPMENT', 'APPROVE', 'AUTO_APPROVE',
         'REQUIRE_APPROVAL', 'PERMISSIVE', 'ENFORCE', 'SELFTEST', 'SANDBOX',
         'NO_SANDBOX', 'PROFILE', 'MODE', 'LOCKDOWN', 'POLICY', 'PEOPLE',
         'ROOT', 'PIN', 'CONFIG', 'STATE', 'SOCKET', 'GROUP', 'PROGRAMS',
         'URL', 'CA', 'CLOCK', 'TIME', 'ALLOW', 'UNSIGNED', 'TRUST', 'KEY',
         'UNSAFE', 'DISABLE', 'OFF', 'FORCE', 'YES')

OTHERS = ('SSL_CERT_FILE', 'SSL_CERT_DIR', 'SSLKEYLOGFILE', 'OPENSSL_CONF',
          'HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY',
          'HOME', 'XDG_CONFIG_HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL',
          'LD_LIBRARY_PATH', 'LD_AUDIT', 'PATH', 'IFS', 'ENV', 'BASH_ENV',
          'SHELL', 'USER', 'LOGNAME', 'CI', 'DEBUG', 'VERBOSE',
          'FAKETIME', 'SOURCE_DATE_EPOCH', 'MALLOC_CHECK_',
          'UV_THREADPOOL_SIZE', 'ASAN_OPTIONS', 'NOTIFY_SOCKET',
          'LISTEN_FDS', 'LISTEN_PID',
          'INVOCATION_ID', 'SUDO_USER', 'SUDO_UID')


def nothing_runs(a, m):
    """A sample of every kind of refusal, and what each says."""
    o = a.owner
    stranger = dsse.new_key()
    payload = owner.text(o.card_doc(a.device, touch(m)))
    refused(a, dsse.sign(dsse.type_of('card'), payload, [stranger]),
            'unknown_proposer', m, final=False)
    refused(a, a.card(touch(m), approved=True), 'unknown_field', m)
    refused(a, a.card(touch(m), device='d-' + 'c' * 26), 'wrong_device', m)
    refused(a, a.card(touch(m), shell='bash'), 'shell_not_allowed', m)
    d, got = a.pending(touch(m))
    approval_refused(a, a.approval(d, got, key=stranger),
                     'unknown_approver', m)
    approval_refused(a, a.approval(d, got, by='prop-tech', role='admin'),
                     'wrong_role', m)
    settled(a)
    untouched(m)
    checks.equal(a.peer.all('exec_intent', card=d), [])


def strict(a):
    a.files['policy'] = a.owner.policy(tools={'command': {
        'decision': 'approval_needed', 'shells': ['sh']}})
    a.greet()
    return a


def begins(a, env=None):
    """Starts it; whether it stays and connects."""
    n = a.peer.connections
    a.start(wait=False, env=env)
    with a.peer.changed:
        while True:
            if a.peer.changed.wait_for(
                    lambda: a.peer.connections > n, 0.05):
                return True
            if a.gate.poll() is not None:
                code = a.gate.returncode
                checks.true(code > 0, 'it ended with %d' % code)
                a.gate = None
                return False


def configures(a, settings):
    with open(a.config, 'w', encoding='utf-8') as f:
        f.write(settings if isinstance(settings, str) else
                json.dumps(settings))


def test_every_key():
    """Every key with every value: a wrong one is no start. What starts is
    checked as far as it can be reached."""
    with strict(Agent()) as a:
        m = a.marker()
        nothing_runs(a, m)
        a.stop()
        started = []
        for key in KEYS:
            for value in VALUES:
                settings = dict(a.settings(), **{key: value})
                configures(a, settings)
                r = subprocess.run(
                    [fake.program('countersignd'), 'selftest', '--config',
                     a.config], stdin=subprocess.DEVNULL,
                    capture_output=True, timeout=LIMIT)
                if r.returncode == 0 and isinstance(value, str):
                    started.append((key, value))
                else:
                    checks.true(r.returncode == 1, (key, value, r))
        # What may be said there are names; these are read and then fail.
        checks.true(all(k in ('group', 'courier_user', 'proxy',
                              'proxy_auth') for k, _ in started), started)
        n = 0
        for key, value in started:
            if key in ('group', 'proxy_auth') and value in ('', 'off', '*'):
                configures(a, dict(a.settings(), **{key: value}))
                checks.true(begins(a), (key, value))
                nothing_runs(a, a.marker())
                a.stop()
                n += 1
        checks.true(n >= 4, started)
        untouched(m)


def test_keys_that_there_are_not():
    """A key that the agent does not know: it does not start, rather than go
    on without what somebody meant."""
    with strict(Agent()) as a:
        a.stop()
        for key in UNKNOWN:
            for value in (True, 'off'):
                configures(a, dict(a.settings(), **{key: value}))
                r = subprocess.run(
                    [fake.program('countersignd'), '--config', a.config],
                    stdin=subprocess.DEVNULL, capture_output=True,
                    timeout=LIMIT)
                checks.equal(r.returncode, 1, key)
                checks.true(b'agent.json' in r.stderr, r.stderr)
        good = json.dumps(a.settings())
        for text in ('', '[]', 'null', good[:-1], good + good,
                     good[:-1] + ',"log":"stderr","log":"syslog"}',
                     '// off\n' + good):
            configures(a, text)
            r = subprocess.run(
                [fake.program('countersignd'), '--config', a.config],
                stdin=subprocess.DEVNULL, capture_output=True,
                timeout=LIMIT)
            checks.equal(r.returncode, 1, text[-40:])


def with_environment(value):
    env = {}
    for word in WORDS:
        for prefix in ('', 'CS_', 'COUNTERSIGN_', 'COUNTERSIGND_'):
            env[prefix + word] = value
    for word in OTHERS:
        env[word] = value
    with strict(Agent()) as a:
        a.stop()
        checks.true(begins(a, env), 'it does not start')
        a.peer.wait(lambda: a.peer.link is not None)
        m = a.marker()
        nothing_runs(a, m)
        # And what is approved runs as ever, with none of it.
        d, r = a.run('env; %s' % touch(m))
        checks.equal(r['outcome'], 'finished')
        touched(m)
        a.peer.wait(lambda: len(a.peer.output.get(
            bytes.fromhex(d[7:]), b'')) >= r['transcript_bytes'])
        names = {line.split('=')[0] for line in
                 a.peer.transcript(d)[0].decode().splitlines()}
        checks.equal(names & (set(env) - {'PATH', 'LANG', 'LC_ALL',
                                          'HOME'}), set(), 'inherited')


def test_environment_on():
    """Every variable is 1."""
    with_environment('1')


def test_environment_off():
    """Every variable is 0."""
    with_environment('0')


def test_environment_word():
    """Every variable is a word."""
    with_environment('insecure')


def test_arguments():
    """No argument of the program switches anything off: what it does not know
    is a usage error."""
    with strict(Agent()) as a:
        a.stop()
        for word in WORDS:
            for form in ('--%s', '--no-%s', '-%s', '%s'):
                arg = form % word.lower().replace('_', '-')
                if arg in ('selftest', '--config'):
                    continue
                r = subprocess.run(
                    [fake.program('countersignd'), '--config', a.config,
                     arg], stdin=subprocess.DEVNULL, capture_output=True,
                    timeout=LIMIT)
                checks.equal(r.returncode, 2, arg)


def test_selftest_at_each_start():
    """Lesson 3: the agent tries its own checks before anything else; the
    report is the same ones."""
    with strict(Agent()) as a:
        r = subprocess.run(
            [fake.program('countersignd'), 'selftest', '--config', a.config],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
        checks.equal(r.returncode, 0)
        text = (r.stdout + r.stderr).decode()
        for word in ('signature', 'approval', 'does not run again'):
            checks.true(word in text, text)


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
