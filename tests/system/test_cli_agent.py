#!/usr/bin/python3
"""test_cli_agent.py - countersign, the operator tool, beside a real agent.
SPDX-License-Identifier: Apache-2.0
Runs in: tests.

The owner's files come from another implementation (owner.py), so the tool and
the tests agree on the formats and not on each other's code.
"""
import contextlib
import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import struct
import sys
import tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from countersign import checks, dsse, fake, owner, tlog	# noqa: E402
from countersign.agent import Agent, Peer		# noqa: E402

REFUSED = 3
LIMIT = 60


class Tool:
    """The tool with a home of its own, beside one agent."""

    def __init__(self, a):
        self.a = a
        self.dir = os.path.join(a.dir, 'work')
        os.mkdir(self.dir, 0o700)
        self.env = {'HOME': self.dir, 'PATH': os.environ['PATH']}
        for name, use in (('tess', 'approver'), ('ai-1', 'proposer')):
            path = os.path.join(self.dir, name + '.key')
            with open(path, 'w', encoding='utf-8') as f:
                f.write(dsse.key_file(a.owner.keys[name], use))
            os.chmod(path, 0o600)

    def run(self, *args, code=0, socket=True):
        more = ('--socket', self.a.socket) if socket else ()
        p = subprocess.run([fake.program('countersign'), *args, *more],
                           cwd=self.dir, env=self.env, text=True,
                           capture_output=True, timeout=LIMIT,
                           stdin=subprocess.DEVNULL, start_new_session=True)
        checks.equal(p.returncode, code, ' '.join(args)[:60] + ' ended (' +
                     p.stderr[-300:] + ')')
        return p.stdout

    def json(self, *args, **more):
        return json.loads(self.run(*args, '--json', **more))

    def pin(self):
        self.run('trust', 'pin', '--install',
                 self.a.owner.pin(self.a.root), socket=False)

    def path(self, name):
        return os.path.join(self.dir, name)


@contextlib.contextmanager
def place():
    with Agent() as a:
        yield a, Tool(a)


def test_status_tells_how_the_agent_is():
    with place() as (a, t):
        s = t.json('status')
        checks.equal((s['device'], s['org'], s['mode'], s['lockdown']),
                     (a.device, a.owner.org, 'execute', None))
        text = t.run('status')
        for what in (a.device, 'link', 'people', 'profiles'):
            checks.true(what in text, '%r is not in %s' % (what, text))


def test_from_pending_file_to_output():
    """Without a console: a card, its pending file, an approval, all by hand."""
    with place() as (a, t):
        t.pin()
        digest = t.json('card', 'new', '--org', a.owner.org, '--device',
                        a.device, '--key', 'ai-1.key', '--description', 'x',
                        '--profile', 'full', '--command',
                        'echo out; echo err >&2', '--submit')['card']
        text = t.run('pending')
        checks.true(digest[:19] in text and 'still to approve' in text, text)
        t.run('show', digest[7:15], '--out', 'card.pending')
        t.run('approve', 'card.pending', '--key', 'tess.key', '--confirm',
              digest, '--out', 'approval.json')
        t.run('submit', 'approval.json')
        a.peer.record('exec_result', card=digest)
        text = t.run('show', digest)
        checks.true('finished' in text and 'exit 0' in text, text)
        # One card whole, by the device's own signed entry.
        for what in (digest, 'echo out; echo err >&2', 'NOT CONFINED',
                     '300 s, 512 MB', 'device name  ', 'in groups:'):
            checks.true(what in text, '%r is not in %s' % (what, text))
        out = t.run('transcript', digest)
        checks.equal(out, 'out\n')
        log = [json.loads(x) for x in
               t.run('log', '--json').splitlines()]
        checks.equal([x['index'] for x in log], list(range(len(log))))
        checks.equal(log[-1]['record']['kind'], 'exec_result')


GREEDY = '''
import socket, sys
held = []
for _ in range(64):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    held.append(s)
print('held', flush=True)
sys.stdin.read()
'''


def test_the_group_cannot_crowd_out_the_owner():
    if os.geteuid() != 0:
        checks.skip('needs root')
    a = Agent()
    with open(a.config, 'w', encoding='utf-8') as f:
        json.dump(dict(a.settings(), group='games'), f)
    with a:
        t = Tool(a)
        p = subprocess.Popen(
            ['/usr/bin/python3', '-c', GREEDY, a.socket], user='nobody',
            group='nogroup', extra_groups=['games'], cwd='/',
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            checks.equal(p.stdout.readline(), b'held\n')
            t.run('lockdown', 'on', '--reason', 'x')
            a.peer.record('lockdown')
        finally:
            p.communicate(timeout=LIMIT)


def test_closed_standard_descriptors():
    """What is printed goes nowhere: not into a key, not into the agent."""
    with place() as (a, t):
        # The shell closes them; the key is the first file that is opened.
        p = subprocess.run(
            ['/bin/sh', '-c', 'exec "$0" keygen --out made.key'
             ' --no-passphrase <&- >&- 2>&-', fake.program('countersign')],
            cwd=t.dir, env=t.env, timeout=LIMIT)
        checks.equal(p.returncode, 1, 'its public half went nowhere')
        with open(t.path('made.key'), encoding='utf-8') as f:
            checks.equal(sorted(json.load(f))[-1], 'v')
        a.stop()
        n = a.peer.connections
        a.gate = subprocess.Popen(
            ['/bin/sh', '-c', 'exec "$0" --config "$1" <&- >&- 2>&-',
             fake.program('countersignd'), a.config])
        a.peer.wait(lambda: a.peer.connections > n, 'connection')
        d, r = a.run('echo here; echo there >&2')
        checks.equal((r['outcome'], r['stdout_bytes'], r['stderr_bytes']),
                     ('finished', 5, 6))
        for fd in range(3):
            checks.equal(os.readlink('/proc/%d/fd/%d' % (a.gate.pid, fd)),
                         '/dev/null')
        checks.equal(a.signal(signal.SIGTERM), 0)


def test_approve_straight_at_the_device():
    with place() as (a, t):
        t.pin()
        digest, _ = a.pending('true')
        t.run('approve', digest, '--key', 'tess.key', '--confirm', digest)
        a.peer.record('exec_result', card=digest)
        t.run('approve', digest, '--key', 'tess.key', '--confirm', digest,
              code=REFUSED)


def test_a_proposer_cancels_and_an_approver_denies():
    with place() as (a, t):
        t.pin()
        one, _ = a.pending('true')
        two, _ = a.pending('true')
        t.run('card', 'cancel', one, '--key', 'ai-1.key', '--confirm', one)
        a.peer.record('cancelled', card=one)
        t.run('approve', two, '--deny', '--reason', 'no', '--key',
              'tess.key', '--confirm', two)
        a.peer.record('denied', card=two)


def test_veto_and_lockdown():
    with place() as (a, t):
        digest, _ = a.pending('true')
        t.run('veto', digest, '--reason', 'not today')
        checks.equal(a.peer.record('vetoed', card=digest)['detail'],
                     'not today')
        t.run('lockdown', 'on', '--reason', 'stolen')
        checks.true(t.json('status')['lockdown'] is not None, 'no lockdown')
        t.run('lockdown', 'off', '--reason', 'found')
        checks.equal(t.json('status')['lockdown'], None)
        t.run('show', 'f' * 64, code=1)
        t.run('show', 'zz', code=2)


def test_hostile_text_is_escaped():
    with place() as (a, t):
        digest, received = a.pending(
            r"printf '\033]0;owned\007\033[2J\342\200\256'")
        a.approve(digest, received)
        a.peer.record('exec_result', card=digest)
        out = t.run('transcript', digest)
        checks.equal(out, '<U+001B>]0;owned<U+0007><U+001B>[2J<U+202E>')


def ask(t, args, answer):
    """Runs it at a terminal and types the answer: its code and screen."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(t.dir)
        os.execve(fake.program('countersign'), ['countersign', *args,
                  '--socket', t.a.socket], dict(t.env, TERM='dumb'))
    screen, typed = b'', False
    while True:
        checks.true(select.select([fd], [], [], LIMIT)[0], 'it hangs')
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b''
        if not data:
            break
        screen += data
        if b'type yes:' in screen and not typed:
            typed = True
            os.write(fd, answer + b'\n')
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()


def test_a_person_reads_and_types_yes():
    with place() as (a, t):
        t.pin()
        digest, _ = a.pending('echo hello')
        code, screen = ask(t, ['approve', digest, '--key', 'tess.key'],
                           b'y')
        checks.equal(code, 1, screen)
        checks.equal(a.peer.all('approval_accepted'), [])
        code, screen = ask(t, ['approve', digest, '--key', 'tess.key'],
                           b'yes')
        checks.equal(code, 0, screen)
        checks.true('echo hello' in screen and digest in screen, screen)
        a.peer.record('exec_result', card=digest)


# ---- the auditor ------------------------------------------------------------

def signed(copy):
    """What the checkpoint covers: of what stands behind it nobody knows."""
    with open(os.path.join(copy, 'checkpoint'), 'rb') as f:
        return int(f.read().split(b'\n')[1])


def stopped(a, t):
    """A journal with one run, of an agent that has ended: a copy of it."""
    digest, _ = a.run('echo hello')
    a.peer.wait(lambda: signed(a.state) >= len(a.peer.records),
                'checkpoint over the run')
    a.signal(signal.SIGTERM)
    copy = t.path('copy')
    shutil.copytree(a.state, copy)
    return digest, copy


def segment(copy):
    folder = os.path.join(copy, 'journal')
    return os.path.join(folder, sorted(os.listdir(folder))[0])


def test_a_journal_verifies():
    with place() as (a, t):
        _, copy = stopped(a, t)
        r = t.json('audit', 'verify', copy, socket=False)
        checks.equal((r['verified'], r['device'], r['cards'], r['runs'],
                      r['approvals'], r['transcripts']),
                     (True, a.device, 1, 1, 1, 1))
        checks.true('verified' in t.run('audit', 'verify', copy,
                                        socket=False), 'does not say so')


def test_an_export_verifies_alike():
    with place() as (a, t):
        _, copy = stopped(a, t)
        with tarfile.open(t.path('x.tar'), 'w',
                          format=tarfile.USTAR_FORMAT) as f:
            for top in ('journal', 'blobs', 'transcripts'):
                for name in os.listdir(os.path.join(copy, top)):
                    f.add(os.path.join(copy, top, name), top + '/' + name)
            f.add(os.path.join(copy, 'checkpoint'), 'checkpoint')
        folder = t.json('audit', 'verify', copy, socket=False)
        export = t.json('audit', 'verify', 'x.tar', socket=False)
        checks.equal(export, folder)
        with open(t.path('x.tar'), 'rb') as f:
            data = f.read()
        with open(t.path('cut.tar'), 'wb') as f:
            f.write(data[:len(data) // 2])
        t.run('audit', 'verify', 'cut.tar', code=REFUSED, socket=False)
        t.run('audit', 'verify', 'nothing', code=1, socket=False)


def test_every_changed_byte_is_found():
    """Of the journal: one byte in every 97 is changed, one at a time."""
    with place() as (a, t):
        _, copy = stopped(a, t)
        path = segment(copy)
        with open(path, 'rb') as f:
            data = f.read().rstrip(b'\0')
        for i in range(0, len(data), 97):
            with open(path, 'wb') as f:
                f.write(data[:i] + bytes([data[i] ^ 1]) + data[i + 1:])
            t.run('audit', 'verify', copy, code=REFUSED, socket=False)


def test_changed_blobs_and_transcripts_are_found():
    with place() as (a, t):
        digest, copy = stopped(a, t)
        for top, name in (('transcripts', digest[7:]),
                          ('blobs', digest[7:])):
            path = os.path.join(copy, top, name)
            with open(path, 'r+b') as f:
                f.seek(-1, io.SEEK_END)
                last = f.read(1)
                f.seek(-1, io.SEEK_END)
                f.write(bytes([last[0] ^ 1]))
            out = t.json('audit', 'verify', copy, code=REFUSED,
                         socket=False)
            checks.equal((out['verified'], out['wrong']), (False, 'blob'))
        os.unlink(os.path.join(copy, 'blobs', digest[7:]))
        t.run('audit', 'verify', copy, code=REFUSED, socket=False)


def entries(data):
    """Where each record of a segment begins, and the end of the last."""
    at = [0]
    while len(data) - at[-1] > 16 and any(data[at[-1]:at[-1] + 16]):
        at.append(at[-1] + 16 + struct.unpack_from('<I', data, at[-1])[0])
    return at


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def test_a_cut_end_is_found():
    """Whole records are gone from the end, and nothing else is wrong."""
    with place() as (a, t):
        _, copy = stopped(a, t)
        with open(segment(copy), 'rb') as f:
            data = f.read()
        at = entries(data)
        checks.true(signed(copy) >= 8, 'covers too little')
        for left in range(signed(copy) - 1, 1, -3):
            with open(segment(copy), 'wb') as f:
                f.write(data[:at[left]])
            out = t.json('audit', 'verify', copy, code=REFUSED,
                         socket=False)
            checks.equal((out['wrong'], out['index']), ('cut', left))


def test_another_record_is_found():
    """One is another, with the right sum, and reads well."""
    with place() as (a, t):
        _, copy = stopped(a, t)
        with open(segment(copy), 'rb') as f:
            data = f.read()
        at = entries(data)
        last = signed(copy) - 1
        for i in range(last + 1):
            head, payload = data[at[i]:at[i] + 16], data[at[i] + 16:at[i + 1]]
            if b'"kind":"version"' not in payload and i < last:
                continue
            payload = payload.replace(b'"boot_ms":', b'"boot_ms":1', 1)
            head = struct.pack('<I', len(payload)) + bytes(4) + head[8:]
            crc = crc32c(head[:4] + head[8:] + payload)
            head = head[:4] + struct.pack('<I', crc) + head[8:]
            with open(segment(copy), 'wb') as f:
                f.write(data[:at[i]] + head + payload + data[at[i + 1]:])
            out = t.json('audit', 'verify', copy, code=REFUSED,
                         socket=False)
            checks.equal(out['wrong'], 'root')


def test_the_checkpoint_is_looked_at():
    with place() as (a, t):
        _, copy = stopped(a, t)
        path = os.path.join(copy, 'checkpoint')
        with open(path, 'rb') as f:
            note = f.read()
        lines = note.split(b'\n')
        r = t.json('audit', 'verify', copy, socket=False)
        checks.equal((r['signed'], r['witnessed'], r['first']),
                     (int(lines[1]), 0, 0))
        checks.equal(r['not_witnessed'], r['records'])
        size = b'%d' % (int(lines[1]) - 1)
        for changed in (b'', note[:-1], note + b'x', note.replace(
                b'\n' + lines[1] + b'\n', b'\n' + size + b'\n'),
                        b'\n'.join(lines[:4] + lines[5:]),
                        b'\n'.join(lines[:5] + lines[6:])):
            with open(path, 'wb') as f:
                f.write(changed)
            out = t.json('audit', 'verify', copy, code=REFUSED,
                         socket=False)
            checks.equal(out['wrong'], 'checkpoint')
        os.unlink(path)
        out = t.json('audit', 'verify', copy, code=REFUSED, socket=False)
        checks.equal(out['wrong'], 'checkpoint')


WITNESS = tlog.Key('w.example/1', tlog.COSIGNATURE)


class Listed(Peer):
    """A console beside which the owner lists a witness."""
    in_root = {'witnesses': [{'name': WITNESS.name,
                              'key': dsse.b64(WITNESS.public)}]}


def test_what_a_witness_has_seen():
    with Agent(peer=Listed) as a:
        t = Tool(a)
        _, copy = stopped(a, t)
        with open(os.path.join(copy, 'checkpoint')) as f:
            note = f.read()
        text = tlog.split_note(note)[0]
        size = int(text.splitlines()[1])
        os.makedirs(os.path.join(copy, 'cosig'), exist_ok=True)

        def verify(line, code=0):
            with open(os.path.join(copy, 'cosig', WITNESS.id.hex()),
                      'w') as f:
                f.write(note + line)
            return t.json('audit', 'verify', copy, code=code, socket=False)

        r = verify(WITNESS.cosign(text, 1700000000))
        checks.equal(r['witnesses'], [{
            'name': WITNESS.name, 'records': size,
            'time': '2023-11-14T22:13:20Z'}])
        checks.equal((r['witnessed'], r['not_witnessed']),
                     (size, r['records'] - size))
        out = t.run('audit', 'verify', copy, socket=False)
        checks.true('the first %d records by %s' % (size, WITNESS.name) in
                    out, out)
        # Lines that nobody listed, beside its own.
        other = tlog.Key('w.example/2', tlog.COSIGNATURE)
        alike = tlog.Key(WITNESS.name, tlog.COSIGNATURE)
        own = WITNESS.cosign(text, 1700000000)
        for line in (other.cosign(text) + own, own + alike.cosign(text)):
            r = verify(line)
            checks.equal(([w['name'] for w in r['witnesses']],
                          r['witnessed']), ([WITNESS.name], size))
        # Without its own, for which the note was kept; for another text.
        for line in ('', other.cosign(text), alike.cosign(text),
                     WITNESS.cosign(text + 'x\n')):
            r = verify(line, REFUSED)
            checks.equal(r['wrong'], 'cosignature')


def test_an_old_transcript_may_be_gone():
    with place() as (a, t):
        digest, copy = stopped(a, t)
        os.unlink(os.path.join(copy, 'transcripts', digest[7:]))
        r = t.json('audit', 'verify', copy, socket=False)
        checks.equal((r['verified'], r['transcripts_gone']), (True, 1))


checks.main(globals(), jobs=3)
