#!/usr/bin/python3
"""test_cli.py - countersign, the operator tool, without an agent or console.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

Keys, the ceremony of the trust files, cards and approvals. What the tool signs
is verified here with python3-nacl and stock ssh-keygen; what it must refuse is
made here, by hand, with keys that are right and files that are not.
"""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading

import nacl.signing

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import certs, checks, dsse

O = os.environ.get('O', 'build')
TOOL = os.path.abspath(os.path.join(O, 'bin', 'countersign'))
MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..',
                      'packaging', 'man', 'countersign.1')
NAMESPACE = 'countersign-approval-v1'
REFUSED = 3


class Place:
    """A folder with a home of its own, and the tool run in it."""

    def __init__(self, path):
        self.path = path
        self.env = {'HOME': path, 'PATH': os.environ['PATH'],
                    'XDG_CONFIG_HOME': os.path.join(path, 'config')}

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def run(self, *args, code=0, stdin=''):
        """stdout of the tool, and stderr, after it ended with code."""
        p = subprocess.run([TOOL, *args], cwd=self.path, env=self.env,
                           input=stdin, capture_output=True, text=True,
                           timeout=60, start_new_session=True)
        checks.equal(p.returncode, code, ' '.join(args)[:80] + ' ended (' +
                     p.stderr[-300:] + ')')
        return p.stdout, p.stderr

    def fails(self, code, why, *args):
        """It ends with that code and says why, and what to do."""
        _, err = self.run(*args, code=code)
        checks.true(why in err, '%r is not in %r' % (why, err))
        checks.true(err.startswith('countersign: ') and
                    err.strip().count(': ') >= 2, 'no advice in %r' % err)

    def load(self, *parts):
        with open(self.at(*parts), encoding='utf-8') as f:
            return json.load(f)

    def dump(self, what, *parts):
        with open(self.at(*parts), 'w', encoding='utf-8') as f:
            json.dump(what, f)

    def pin(self):
        out, _ = self.run('trust', 'pin', 'trust/root.1.dsse')
        self.run('trust', 'pin', '--install', out.strip())
        return out.strip()


@contextlib.contextmanager
def place():
    path = tempfile.mkdtemp(prefix='countersign-cli-')
    try:
        yield Place(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def payload(env):
    return json.loads(base64.b64decode(env['payload']))


def dsse_digest(env):
    return dsse.digest(env['payloadType'], dsse.payload_of(env)).hex()


def digest_of(env):
    return 'sha256:' + dsse_digest(env)


def pae_of(env):
    return dsse.pae(env['payloadType'], dsse.payload_of(env))


def enrolment(p, name='web1.json', org='acme'):
    """What countersignd enrol --out writes; the device's id."""
    pub = dsse.public_of(dsse.new_key())
    device = dsse.device_id(pub)
    p.dump({'v': 1, 'kind': 'countersign-device', 'device': device,
            'org': org, 'key': base64.b64encode(pub).decode(), 'name': 'web1',
            'system': 'linux', 'machine': 'sha256:' + '0' * 64}, name)
    return device


def ceremony(p, *flags):
    """Root, a technician, a proposer, trust files, pin and one device."""
    for name, use in (('root', 'root'), ('alice', 'approver'),
                      ('ai', 'proposer')):
        p.run('keygen', '--use', use, '--no-passphrase', '--out',
              name + '.key', '--public', name + '.pub')
    p.run('trust', 'init', '--org', 'acme', '--root-key', 'root.key',
          '--technician', 'alice:alice.pub', '--proposer', 'ai:ai.pub',
          *flags)
    p.pin()
    device = enrolment(p)
    p.run('trust', 'device', '--key', 'root.key', '--groups', 'web,eu',
          'web1.json')
    return device


def new_card(p, device, *flags, out='card.json', command='df -h'):
    text, _ = p.run('card', 'new', '--org', 'acme', '--device', device,
                    '--key', 'ai.key', '--description', 'Free disk space',
                    '--command', command, '--out', out, '--json', *flags)
    return json.loads(text)['card']


def pending(p, device, out='pending.json', card='card.json', **changed):
    """The pending file that an honest device would write, and changes."""
    what = {'v': 1, 'kind': 'countersign-pending', 'card': p.load(card),
            'device_nonce': base64.urlsafe_b64encode(
                os.urandom(16)).decode().rstrip('='),
            'policy': digest_of(p.load('trust/policy.dsse')),
            'root': [p.load('trust/root.1.dsse')],
            'people': p.load('trust/people.dsse'),
            'policy_file': p.load('trust/policy.dsse'),
            'device_entry': p.load('trust/devices/%s.dsse' % device),
            'state': 'pending', 'approvals': []}
    what.update(changed)
    p.dump(what, out)
    return what


def approve(p, card, *flags, code=0, key='alice.key'):
    return p.run('approve', 'pending.json', '--key', key, '--out',
                 'approval.json', '--confirm', card, *flags, code=code)


# ---- the tool itself --------------------------------------------------------

def test_every_command_has_help_and_an_example():
    with place() as p:
        out, _ = p.run('--help')
        names = []
        for line in out.splitlines():
            if line.startswith('  ') and not line.startswith('   '):
                words = line[2:34].split()
                name = ' '.join(w for w in words[:2] if w.islower() and
                                '|' not in w)
                names.append(name)
        checks.true(len(names) >= 20, 'only %d commands' % len(names))
        with open(MANUAL, encoding='utf-8') as f:
            manual = f.read().replace('\\-', '-')
        for name in names:
            out, _ = p.run(*name.split(), '--help')
            checks.true('countersign ' + name in manual,
                        name + ' is not in the manual')
            for option in re.findall(r'^  (--[a-z-]+)', out, re.M):
                checks.true(option in manual, '%s %s is not in the manual' %
                            (name, option))
            checks.true(out.startswith('usage: countersign ' + name),
                        'help of %s: %r' % (name, out[:60]))
            checks.true('example:' in out, name + ' has no example')


def test_version():
    with place() as p:
        out, _ = p.run('--version')
        checks.true(out.startswith('countersign '), out)


def test_wrong_usage_ends_with_2():
    with place() as p:
        for args in ((), ('nonsense',), ('trust',), ('keygen',),
                     ('keygen', '--nonsense'), ('approve',),
                     ('show', 'a', 'b'), ('lockdown', 'perhaps'),
                     ('trust', 'init'), ('veto', 'abc'),
                     ('submit', 'x', '--console')):
            p.run(*args, code=2)


def test_no_agent_ends_with_4():
    with place() as p:
        for args in (('status',), ('pending',), ('show', '12345678'),
                     ('log',), ('veto', '12345678', '--reason', 'x')):
            p.fails(4, 'no agent answers', *args, '--socket', p.at('none'))


def test_no_console_ends_with_4():
    with place() as p:
        ceremony(p)
        p.run('submit', 'trust/root.1.dsse', '--console',
              'http://127.0.0.1:1', code=4)


def test_a_token_is_not_sent_in_the_clear():
    with place() as p:
        ceremony(p)
        p.fails(2, 'would be read on the way', 'submit', 'trust/root.1.dsse',
                '--console', 'http://console.example')


class Answers(http.server.BaseHTTPRequestHandler):
    """A console that takes every trust file, and keeps what it was sent."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.taken.append((self.path, self.headers['Authorization'],
                                  json.loads(body)))
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def https(p, authority, names):
    """Such a console behind TLS on a free port."""
    for name, pem in zip(('crt', 'key'), authority.issue(names)):
        with open(p.at('console.' + name), 'wb') as f:
            f.write(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(p.at('console.crt'), p.at('console.key'))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    server.taken = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_console_behind_tls():
    with place() as p:
        ceremony(p)
        ca = certs.Authority()
        with open(p.at('ca.pem'), 'wb') as f:
            f.write(ca.pem)
        with open(p.at('token'), 'w', encoding='utf-8') as f:
            f.write('cst_secret\n')
        with https(p, ca, ['127.0.0.1']) as server:
            url = 'https://127.0.0.1:%d' % server.server_address[1]
            submit = ('submit', 'trust/people.dsse', '--console', url,
                      '--token', 'token')
            p.run(*submit, '--ca', 'ca.pem')
            checks.equal(server.taken, [
                ('/v1/trust/people', 'Bearer cst_secret',
                 p.load('trust/people.dsse'))])
            # Given in any order, roots go first and timestamps last.
            p.run('submit', *['trust/%s.dsse' % x for x in (
                'timestamp', 'people', 'root.1')], '--console', url,
                  '--ca', 'ca.pem')
            checks.equal([x[0] for x in server.taken[1:]], [
                '/v1/trust/root', '/v1/trust/people', '/v1/trust/timestamp'])
            del server.taken[1:]
            with open(p.at('other.pem'), 'wb') as f:
                f.write(certs.Authority().pem)
            p.run(*submit, '--ca', 'other.pem', code=4)
            p.run(*submit, '--ca', 'token', code=1)
            checks.equal(len(server.taken), 1, 'requests')
        with https(p, ca, ['console.example']) as server:
            p.run('submit', 'trust/people.dsse', '--console',
                  'https://127.0.0.1:%d' % server.server_address[1],
                  '--ca', 'ca.pem', code=4)
            checks.equal(server.taken, [])


# ---- keys -------------------------------------------------------------------

def test_keygen_never_overwrites():
    with place() as p:
        p.run('keygen', '--no-passphrase', '--out', 'a.key')
        before = open(p.at('a.key'), encoding='utf-8').read()
        p.fails(1, 'there already', 'keygen', '--no-passphrase', '--out',
                'a.key')
        checks.equal(open(p.at('a.key'), encoding='utf-8').read(), before)
        checks.equal(os.stat(p.at('a.key')).st_mode & 0o777, 0o600)


def test_a_passphrase_is_needed_and_must_be_right():
    with place() as p:
        with open(p.at('pass'), 'w', encoding='utf-8') as f:
            f.write('correct horse\n')
        with open(p.at('wrong'), 'w', encoding='utf-8') as f:
            f.write('wrong\n')
        p.fails(2, 'no terminal', 'keygen', '--out', 'a.key')
        p.run('keygen', '--use', 'root', '--out', 'a.key',
              '--passphrase-file', 'pass')
        p.run('keygen', '--out', 'b.key', '--no-passphrase')
        init = ('trust', 'init', '--org', 'acme', '--root-key', 'a.key',
                '--technician', 'b:b.key')
        p.fails(1, 'passphrase is wrong', *init, '--passphrase-file', 'wrong')
        p.run(*init, '--passphrase-file', 'pass')


def test_a_key_that_others_may_read_is_refused():
    with place() as p:
        device = ceremony(p)
        os.chmod(p.at('ai.key'), 0o644)
        p.fails(REFUSED, 'others may read', 'card', 'new', '--org', 'acme',
                '--device', device, '--key', 'ai.key', '--description', 'x',
                '--command', 'true')


def test_a_key_serves_its_use_only():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        pending(p, device)
        p.fails(2, 'another use', 'card', 'new', '--org', 'acme', '--device',
                device, '--key', 'alice.key', '--description', 'x',
                '--command', 'true')
        p.fails(2, 'another use', 'trust', 'sign', 'trust/people.json',
                '--key', 'alice.key')
        approve(p, card, key='root.key', code=REFUSED)


# ---- the ceremony -----------------------------------------------------------

def test_signatures_verify_elsewhere():
    with place() as p:
        ceremony(p)
        root = payload(p.load('trust/root.1.dsse'))
        key = base64.b64decode(root['roles']['root']['keys'][0]['key'])
        for name in ('root.1', 'people', 'policy', 'timestamp'):
            env = p.load('trust', name + '.dsse')
            with open(p.at('trust', name + '.json'), 'rb') as f:
                checks.equal(base64.b64decode(env['payload']), f.read(),
                             'the payload is its source')
            checks.true(dsse.signed_by(env, key), name + ' is not signed')


def test_the_pin_names_the_root():
    with place() as p:
        ceremony(p)
        pin = p.pin()
        checks.equal(pin, 'countersign-pin:1:acme:%s:1.1.1.1.1' %
                     dsse_digest(p.load('trust/root.1.dsse')))


def test_another_pin_of_an_org_is_not_installed_unasked():
    with place() as p:
        ceremony(p)
        other = 'countersign-pin:1:acme:%s:1.1.1.1.1' % ('a' * 64)
        p.fails(REFUSED, 'another pin', 'trust', 'pin', '--install', other)
        p.run('trust', 'pin', '--install', other, '--replace')
        p.fails(2, 'no pin', 'trust', 'pin', '--install', other[:-1])


def test_two_of_three_holders_sign_one_after_the_other():
    with place() as p:
        for name in ('ann', 'bob', 'cid', 'eve'):
            p.run('keygen', '--use', 'root', '--no-passphrase', '--out',
                  name + '.key', '--public', name + '.pub')
        p.run('keygen', '--no-passphrase', '--out', 'alice.key')
        p.run('trust', 'init', '--org', 'acme', '--root-key', 'ann.key',
              '--root-key', 'bob.pub', '--root-key', 'cid.pub',
              '--threshold', '2', '--technician', 'alice:alice.key')
        p.fails(REFUSED, 'too few holders', 'trust', 'pin',
                'trust/root.1.dsse')
        # The same holder again is no second one.
        out, _ = p.run('trust', 'sign', 'trust/root.1.dsse', '--key',
                       'ann.key', '--json')
        checks.equal((json.loads(out)['signed'], json.loads(out)['needed']),
                     (1, 2))
        p.fails(REFUSED, 'may not sign', 'trust', 'sign',
                'trust/root.1.dsse', '--key', 'eve.key')
        out, _ = p.run('trust', 'sign', 'trust/root.1.dsse', '--key',
                       'cid.key', '--json')
        checks.equal(json.loads(out)['signed'], 2)
        p.run('trust', 'pin', 'trust/root.1.dsse')


def test_a_version_is_signed_once():
    with place() as p:
        ceremony(p)
        people = p.load('trust/people.json')
        people['persons'][0]['name'] = 'Alice B.'
        p.dump(people, 'trust/people.json')
        p.fails(REFUSED, 'signed already', 'trust', 'sign',
                'trust/people.json', '--key', 'root.key')
        p.run('trust', 'sign', 'trust/people.json', '--renew', '--key',
              'root.key')
        checks.equal(payload(p.load('trust/people.dsse'))['version'], 2)


def test_a_renewal_changes_the_head_only():
    with place() as p:
        ceremony(p)
        before = p.load('trust/policy.json')
        p.run('trust', 'sign', 'trust/policy.json', '--renew', '--key',
              'root.key')
        after = p.load('trust/policy.json')
        checks.equal(after['version'], 2)
        for k in ('version', 'issued', 'expires'):
            del before[k], after[k]
        checks.equal(after, before)
        p.run('trust', 'sign', 'trust/timestamp.json', '--renew', '--key',
              'root.key')
        stamped = payload(p.load('trust/timestamp.dsse'))['files']['policy']
        checks.equal(stamped, {
            'version': 2, 'digest': digest_of(p.load('trust/policy.dsse'))})


def test_diff_says_who_gains_and_loses():
    with place() as p:
        ceremony(p)
        people = p.load('trust/people.json')
        people['version'] = 2
        people['persons'][0]['roles'] = ['admin']
        people['persons'].append({'id': 'zed', 'name': 'Zed',
                                  'roles': ['manager'], 'keys': []})
        del people['persons'][1]
        p.dump(people, 'new.json')
        out, _ = p.run('trust', 'diff', 'trust/people.dsse', 'new.json')
        for line in ('- ai goes, who was proposer', '+ zed comes, as manager',
                     '+ alice may now act as admin',
                     '- alice may no longer act as technician'):
            checks.true(line in out, '%r is not in %r' % (line, out))
        policy = p.load('trust/policy.json')
        policy['version'] = 2
        policy['tools']['command']['require_manager'] = True
        p.dump(policy, 'policy2.json')
        out, _ = p.run('trust', 'diff', 'trust/policy.json', 'policy2.json')
        checks.true("also the requester's manager" in out, out)
        out, _ = p.run('trust', 'diff', 'trust/policy.json',
                       'trust/policy.dsse')
        checks.true('nothing but version and dates' in out, out)


def test_a_source_with_a_mistake_is_not_signed():
    with place() as p:
        ceremony(p)
        people = p.load('trust/people.json')
        people['version'] = 2
        people['persons'].append(dict(people['persons'][0], id='mallory'))
        p.dump(people, 'trust/people.json')
        p.fails(REFUSED, 'duplicate', 'trust', 'sign', 'trust/people.json',
                '--key', 'root.key')
        with open(p.at('trust/policy.json'), 'a', encoding='utf-8') as f:
            f.write('}')
        p.fails(1, 'line', 'trust', 'sign', 'trust/policy.json', '--key',
                'root.key')


def test_devices_are_signed_many_at_once():
    with place() as p:
        ceremony(p)
        ids = [enrolment(p, 'd%d.json' % i) for i in range(5)]
        p.run('trust', 'device', '--key', 'root.key', '--groups', 'web',
              *['d%d.json' % i for i in range(5)])
        for i in ids:
            entry = payload(p.load('trust/devices', i + '.dsse'))
            checks.equal((entry['device'], entry['groups'],
                          entry['version']), (i, ['web'], 1))
        p.run('trust', 'device', '--key', 'root.key', 'd0.json')
        checks.equal(payload(p.load('trust/devices', ids[0] + '.dsse'))
                     ['version'], 2)


def test_a_device_with_another_key_is_refused():
    with place() as p:
        ceremony(p)
        d = p.load('web1.json')
        d['key'] = base64.b64encode(os.urandom(32)).decode()
        p.dump(d, 'forged.json')
        p.fails(REFUSED, "not its key's", 'trust', 'device', '--key',
                'root.key', 'forged.json')
        enrolment(p, 'other.json', org='other')
        p.fails(REFUSED, "another org's", 'trust', 'device', '--key',
                'root.key', 'other.json')


# ---- cards ------------------------------------------------------------------

def test_a_card_is_what_was_asked_for():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device, '--profile', 'repair', '--write',
                        '/srv/app', '--service', 'nginx.service:restart',
                        '--timeout', '2m', '--requester', 'ann@example.org')
        env = p.load('card.json')
        checks.equal(digest_of(env), card)
        c = payload(env)
        checks.equal((c['command'], c['profile'], c['write'], c['services'],
                      c['limits']['timeout_s'], c['requester']),
                     ('df -h', 'repair', ['/srv/app'],
                      [{'unit': 'nginx.service', 'verbs': ['restart']}], 120,
                      'ann@example.org'))


def test_a_card_that_no_device_would_take_is_not_signed():
    with place() as p:
        device = ceremony(p)
        for flags in (('--write', '/srv'), ('--timeout', '3600s', '--write',
                                            '../x', '--profile', 'repair')):
            p.run('card', 'new', '--org', 'acme', '--device', device,
                  '--key', 'ai.key', '--description', 'x', '--command',
                  'true', '--out', 'bad.json', *flags, code=REFUSED)
        p.run('card', 'new', '--org', 'acme', '--device', device, '--key',
              'ai.key', '--description', 'x', '--command', 'echo \u202e',
              '--out', 'bad.json', code=REFUSED)
        checks.true(not os.path.exists(p.at('bad.json')), 'it was written')


def test_a_card_is_shown_whole_and_escaped():
    with place() as p:
        device = ceremony(p)
        new_card(p, device, '--unicode', 'any',
                 command='echo a\n# \u0441at <U+0041>\nid')
        out, _ = p.run('card', 'show', 'card.json')
        checks.true('    2 | # \u0441<U+0441>at <U+003C>' in out, out)
        checks.true('= 3 lines, ' in out, out)


def test_policy_explain():
    with place() as p:
        device = ceremony(p)
        new_card(p, device)
        out, _ = p.run('policy', 'explain', 'card.json', '--json')
        checks.equal(json.loads(out)['decision'], 'approval_needed')
        policy = p.load('trust/policy.json')
        policy['tools']['command']['profiles'] = ['full']
        p.dump(policy, 'strict.json')
        out, _ = p.run('policy', 'explain', 'card.json', '--policy',
                       'strict.json', '--json', code=REFUSED)
        checks.equal(json.loads(out)['refused'], 'profile_not_allowed')


# ---- approving --------------------------------------------------------------

def test_an_approval_binds_everything():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        file = pending(p, device)
        out, _ = approve(p, card)
        for text in ('    1 | df -h', 'web1', 'in groups: web eu',
                     'proposer     ai', card, 'to approve',
                     'verified by  root 1'):
            checks.true(text in out, '%r is not shown: %s' % (text, out))
        a = payload(p.load('approval.json'))
        checks.equal((a['card'], a['policy'], a['device'],
                      a['device_nonce'], a['approver'], a['role'],
                      a['decision']),
                     (card, file['policy'], device, file['device_nonce'],
                      'alice', 'technician', 'approve'))


def proof_signature(env):
    """The Ed25519 signature in an approval's only proof."""
    sig = base64.b64decode(env['signatures'][0]['sig'])
    checks.equal(sig[:5], b'\x01\x00\x00\x00\x40')
    return sig[5:]


def preimage(env):
    def s(b):
        return len(b).to_bytes(4, 'big') + b
    return b'SSHSIG' + s(NAMESPACE.encode()) + s(b'') + s(b'sha512') + s(
        hashlib.sha512(pae_of(env)).digest())


def test_an_approval_verifies_elsewhere():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        pending(p, device)
        approve(p, card)
        env = p.load('approval.json')
        key = base64.b64decode(p.load('alice.pub')['public'])
        nacl.signing.VerifyKey(key).verify(preimage(env),
                                           proof_signature(env))


def test_deny_and_cancel():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        pending(p, device)
        approve(p, card, '--deny', '--reason', 'not now')
        a = payload(p.load('approval.json'))
        checks.equal((a['decision'], a['reason']), ('deny', 'not now'))
        approve(p, card, '--deny', key='ai.key')
        checks.equal(payload(p.load('approval.json'))['role'], 'proposer')
        p.run('card', 'cancel', 'pending.json', '--key', 'ai.key', '--out',
              'cancel.json', '--confirm', card)
        c = payload(p.load('cancel.json'))
        checks.equal((c['by'], c['card']), ('ai', card))


def test_the_proposer_may_not_approve():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        pending(p, device)
        _, err = approve(p, card, key='ai.key', code=REFUSED)
        checks.true('is_proposer' in err, err)


def test_nobody_is_asked_without_a_terminal():
    with place() as p:
        device = ceremony(p)
        new_card(p, device)
        pending(p, device)
        p.run('approve', 'pending.json', '--key', 'alice.key', '--out',
              'approval.json', code=2, stdin='yes\n')
        approve(p, 'sha256:' + 'a' * 64, code=REFUSED)
        checks.true(not os.path.exists(p.at('approval.json')), 'it signed')


def refused(change, why):
    """An approval of a pending file that change(p, file, device) spoilt."""
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        file = pending(p, device)
        change(p, file, device)
        p.dump(file, 'pending.json')
        _, err = approve(p, card, code=REFUSED)
        checks.true(why in err, '%r is not in %r' % (why, err))
        checks.true(not os.path.exists(p.at('approval.json')), 'it signed')


def spoil(env, change):
    """The envelope with another payload and its old signatures."""
    what = payload(env)
    change(what)
    return dict(env, payload=base64.b64encode(
        json.dumps(what).encode()).decode())


def test_refuses_without_a_pin():
    def change(p, file, device):
        shutil.rmtree(p.at('config'))
    refused(change, 'no pin is installed')


def test_refuses_another_orgs_root():
    def change(p, file, device):
        file['root'] = [spoil(file['root'][0],
                              lambda r: r.update(org='other'))]
    refused(change, 'no installed pin')


def test_refuses_people_that_were_changed():
    def change(p, file, device):
        file['people'] = spoil(file['people'], lambda x: x['persons'][1]
                               ['roles'].append('technician'))
    refused(change, 'bad_signature')


def test_refuses_a_policy_that_was_changed():
    def change(p, file, device):
        file['policy_file'] = spoil(
            file['policy_file'], lambda x: x.update(approval_ttl_s=3600))
        file['policy'] = digest_of(file['policy_file'])
    refused(change, 'bad_signature')


def test_refuses_a_card_that_was_changed():
    def change(p, file, device):
        file['card'] = spoil(file['card'],
                             lambda c: c.update(command='rm -rf /'))
    refused(change, 'unknown_proposer')


def test_refuses_another_devices_entry():
    def change(p, file, device):
        other = enrolment(p, 'other.json')
        p.run('trust', 'device', '--key', 'root.key', 'other.json')
        file['device_entry'] = p.load('trust/devices', other + '.dsse')
    refused(change, 'wrong_device')


def test_refuses_a_policy_that_the_device_does_not_have():
    def change(p, file, device):
        file['policy'] = 'sha256:' + 'b' * 64
    refused(change, 'policy_changed')


def test_refuses_older_files_than_it_has_seen():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        old = pending(p, device)
        p.run('trust', 'sign', 'trust/people.json', '--renew', '--key',
              'root.key')
        pending(p, device)
        approve(p, card)
        os.unlink(p.at('approval.json'))
        p.dump(old, 'pending.json')
        _, err = approve(p, card, code=REFUSED)
        checks.true('rolled_back' in err, err)


def test_refuses_an_expired_people_file():
    def change(p, file, device):
        src = p.load('trust/people.json')
        src.update(version=2, issued='2024-01-01T00:00:00Z',
                   expires='2024-01-20T00:00:00Z')
        p.dump(src, 'trust/people.json')
        p.run('trust', 'sign', 'trust/people.json', '--key', 'root.key')
        file['people'] = p.load('trust/people.dsse')
    refused(change, 'expired')


def test_refuses_a_revoked_key():
    def change(p, file, device):
        src = p.load('trust/people.json')
        src['revoked'] = [p.load('alice.pub')['keyid']]
        p.dump(src, 'trust/people.json')
        p.run('trust', 'sign', 'trust/people.json', '--renew', '--key',
              'root.key')
        file['people'] = p.load('trust/people.dsse')
    refused(change, 'revoked')


def test_a_later_root_is_followed_from_the_pin():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        src = p.load('trust/root.1.json')
        src['version'] = 2
        p.dump(src, 'trust/root.2.json')
        p.run('trust', 'sign', 'trust/root.2.json', '--key', 'root.key')
        pending(p, device, root=[p.load('trust/root.1.dsse'),
                                 p.load('trust/root.2.dsse')])
        approve(p, card)
        # Now the first alone is a step back.
        pending(p, device)
        _, err = approve(p, card, code=REFUSED)
        checks.true('older than one seen' in err, err)


def test_root_keys_are_replaced_by_old_and_new_holders():
    with place() as p:
        device = ceremony(p)
        card = new_card(p, device)
        p.run('keygen', '--use', 'root', '--no-passphrase', '--out',
              'new.key', '--public', 'new.pub')
        src = p.load('trust/root.1.json')
        src['version'] = 2
        for role in src['roles'].values():
            role['keys'] = [{'holder': 'new',
                             'key': p.load('new.pub')['public']}]
        p.dump(src, 'trust/root.2.json')
        out, _ = p.run('trust', 'sign', 'trust/root.2.json', '--key',
                       'new.key')
        checks.true('NOT YET VALID' in out, out)
        p.run('trust', 'sign', 'trust/root.2.dsse', '--key', 'alice.key',
              code=2)
        out, _ = p.run('trust', 'sign', 'trust/root.2.dsse', '--key',
                       'root.key')
        checks.true('NOT YET VALID' not in out and
                    'by 1 of 1 holders of the root before it' in out, out)
        chain = [p.load('trust/root.%d.dsse' % n) for n in (1, 2)]
        # What the old keys signed does not count under the new root.
        pending(p, device, root=chain)
        _, err = approve(p, card, code=REFUSED)
        checks.true('bad_signature' in err, err)
        for name in ('people', 'policy', 'devices/' + device):
            p.run('trust', 'sign', 'trust/%s.json' % name, '--renew',
                  '--key', 'new.key')
        pending(p, device, root=chain)
        approve(p, card)


def test_two_approvals_name_who_is_missing():
    with place() as p:
        p.run('keygen', '--no-passphrase', '--out', 'bob.key')
        device = ceremony(p, '--manager', 'bob:bob.key', '--requester',
                          'ann:ann@example.org:bob', '--require-manager')
        card = new_card(p, device, '--requester', 'ann@example.org')
        pending(p, device)
        out, _ = approve(p, card)
        checks.true('bob, the manager of ann@example.org' in out, out)
        approve(p, card, key='bob.key')
        checks.equal(payload(p.load('approval.json'))['role'], 'manager')
        new_card(p, device)
        pending(p, device)
        _, err = approve(p, card, code=REFUSED)
        checks.true('no_manager' in err, err)


# ---- OpenSSH ----------------------------------------------------------------

def ssh_place(p):
    if shutil.which('ssh-keygen') is None:
        checks.skip('no ssh-keygen')
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'me',
                    '-f', p.at('id')], check=True, timeout=60)
    p.run('keygen', '--use', 'root', '--no-passphrase', '--out', 'root.key')
    p.run('keygen', '--use', 'proposer', '--no-passphrase', '--out',
          'ai.key')
    p.run('trust', 'init', '--org', 'acme', '--root-key', 'root.key',
          '--technician', 'alice:id.pub', '--proposer', 'ai:ai.key',
          '--allow-plain-ssh')
    p.pin()
    device = enrolment(p)
    p.run('trust', 'device', '--key', 'root.key', 'web1.json')
    card = new_card(p, device)
    pending(p, device)
    return card


def check_with_ssh_keygen(p):
    """Stock ssh-keygen accepts the proof over M."""
    env = p.load('approval.json')
    sig = base64.b64decode(env['signatures'][0]['sig'])
    checks.equal(sig[0], 2)
    text = base64.b64encode(sig[5:]).decode()
    with open(p.at('m.sig'), 'w', encoding='utf-8') as f:
        f.write('-----BEGIN SSH SIGNATURE-----\n%s\n'
                '-----END SSH SIGNATURE-----\n' % '\n'.join(
                    text[i:i + 70] for i in range(0, len(text), 70)))
    with open(p.at('signers'), 'w', encoding='utf-8') as f:
        f.write('alice ' + open(p.at('id.pub'), encoding='utf-8').read())
    subprocess.run(['ssh-keygen', '-Y', 'verify', '-f', p.at('signers'), '-I',
                    'alice', '-n', NAMESPACE, '-s', p.at('m.sig')],
                   input=pae_of(env), check=True, capture_output=True,
                   timeout=60)


def test_an_ssh_key_approves():
    with place() as p:
        card = ssh_place(p)
        p.run('approve', 'pending.json', '--ssh-key', 'id', '--out',
              'approval.json', '--confirm', card)
        check_with_ssh_keygen(p)


def test_a_key_in_an_agent_approves():
    if shutil.which('ssh-agent') is None:
        checks.skip('no ssh-agent')
    with place() as p:
        card = ssh_place(p)
        sock = p.at('agent.sock')
        agent = subprocess.Popen(['ssh-agent', '-D', '-a', sock],
                                 stdout=subprocess.PIPE, text=True)
        try:
            agent.stdout.readline()	# it listens when it says so
            p.env['SSH_AUTH_SOCK'] = sock
            subprocess.run(['ssh-add', '-q', p.at('id')], env=p.env,
                           check=True, timeout=60)
            os.unlink(p.at('id'))
            p.run('approve', 'pending.json', '--ssh-key', 'id.pub',
                  '--agent', '--out', 'approval.json', '--confirm', card)
            check_with_ssh_keygen(p)
        finally:
            agent.terminate()
            agent.wait()


def test_an_ssh_key_counts_only_where_the_policy_lists_it():
    with place() as p:
        card = ssh_place(p)
        policy = p.load('trust/policy.json')
        policy['tools']['command']['proofs'] = ['ed25519', 'sk']
        p.dump(policy, 'trust/policy.json')
        p.run('trust', 'sign', 'trust/policy.json', '--renew', '--key',
              'root.key')
        device = payload(p.load('card.json'))['device']
        pending(p, device)
        _, err = p.run('approve', 'pending.json', '--ssh-key', 'id', '--out',
                       'approval.json', '--confirm', card, code=REFUSED)
        checks.true('proof_not_allowed' in err, err)


checks.main(globals())
