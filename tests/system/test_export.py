"""test_export.py - evidence that other programs verify.
SPDX-License-Identifier: Apache-2.0

`countersign audit export`: events for a SIEM, and files for ssh-keygen, for a
reader of C2SP's notes and proofs (a second implementation, lib/tlog.py), for
anybody who does not trust the project.
"""
import base64
import ctypes
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, fake, proofs, tlog	# noqa: E402
from countersign.agent import Agent			# noqa: E402

KINDS = ['ed25519', 'ssh', 'sk', 'webauthn']


def keys():
    return {'kim': None, 'ssh': proofs.SshKey(),
            'sk1': proofs.SecurityKey('ed25519'),
            'sk2': proofs.SecurityKey('es256'),
            'pass1': proofs.Passkey('es256'),
            'pass2': proofs.Passkey('ed25519')}


def export(path, *args):
    r = subprocess.run([fake.program('countersign'), 'audit', 'export', path,
                        *args], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60)
    return r.returncode, r.stdout, r.stderr.decode()


def events(out):
    return [json.loads(line) for line in out.splitlines()]


class History:
    """A device's state folder after six people have approved a card each, and
    one has denied."""

    def __init__(self):
        a = Agent()
        self.dir = tempfile.mkdtemp(prefix='cs-export-')
        self.people = keys()
        for name, key in self.people.items():
            a.owner.person(name, ['technician'], key)
        a.files['people'] = a.owner.people()
        a.files['policy'] = a.owner.policy(tools={'command': {
            'decision': 'approval_needed', 'proofs': KINDS}})
        a.greet()
        with a:
            for name in self.people:
                digest, got = a.pending('echo %s; exit 3' % name)
                a.approve(digest, got, by=name)
                a.peer.record('exec_result', card=digest)
            self.card = digest
            digest, got = a.pending('true')
            a.approve(digest, got, by='kim', decision='deny')
            a.peer.record('denied', card=digest)
            a.stop()
            self.records = list(a.peer.records)
            self.state = os.path.join(self.dir, 'state')
            shutil.copytree(a.state, self.state)
            self.name = '%s/%s' % (a.owner.org, a.device)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)


def test_events():
    """One line a record, with the record in it, in a shape that OCSF has."""
    with History() as h:
        code, out, err = export(h.state)
        checks.equal(code, 0, err)
        got = events(out)
        checks.true(len(got) >= len(h.records), 'events')
        for i, e in enumerate(got):
            checks.equal(e['metadata']['sequence'], i)
            checks.equal(e['type_uid'], e['class_uid'] * 100 +
                         e['activity_id'])
            checks.equal(e['class_uid'] // 1000, e['category_uid'])
            checks.true(1 <= e['severity_id'] <= 6 and e['time'] > 10 ** 12,
                        'severity and time')
            for key in ('class_name', 'category_name', 'activity_name',
                        'severity', 'status', 'message'):
                checks.true(e[key], key)
            checks.equal(e['unmapped']['record']['kind'], e['unmapped']['kind'])
            if i < len(h.records):
                checks.equal(e['unmapped']['record'],
                             json.loads(h.records[i]), i)
                checks.equal(e['metadata']['uid'], 'sha256:' + tlog.leaf(
                    h.records[i]).hex())
        by_kind = {}
        for e in got:
            by_kind.setdefault(e['unmapped']['kind'], e)
        end = by_kind['exec_result']
        checks.equal((end['class_uid'], end['activity_id'], end['exit_code'],
                      end['status']), (1007, 2, 3, 'Failure'))
        checks.equal(by_kind['approval_accepted']['actor']['user']['name'],
                     'kim')
        checks.equal(by_kind['exec_intent']['process']['file']['path'],
                     '/bin/sh')


def test_other_forms_of_an_archive():
    """A folder put into a tar by hand, and one that has lost all records."""
    def verify(path):
        r = subprocess.run([fake.program('countersign'), 'audit', 'verify',
                            path], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60)
        return r.returncode, r.stderr.decode()

    with History() as h:
        for i, prefix in enumerate(('', './')):
            path = h.path('%d.tar' % i)
            with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as t:
                t.add(h.state, prefix or '/')
            code, err = verify(path)
            checks.equal(code, 0, err)
        # Another program might take the other one, which nobody verified.
        path = h.path('twice.tar')
        with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as t:
            t.add(h.state, '')
            t.add(h.path('0.tar'), 'checkpoint')
        code, err = verify(path)
        checks.equal(code, 3, err)
        # As does what stands in a folder of its own.
        path = h.path('deep.tar')
        with tarfile.open(path, 'w', format=tarfile.USTAR_FORMAT) as t:
            t.add(h.state, '')
            for name in ('checkpoint', 'journal/' + '0' * 16 + '.seg'):
                t.add(h.path('0.tar'), 'x' * 90 + '/' + name)
        code, err = verify(path)
        checks.equal(code, 0, err)
        journal = os.path.join(h.state, 'journal')
        for name in os.listdir(journal):
            os.unlink(os.path.join(journal, name))
        code, err = verify(h.state)
        checks.equal(code, 3, err)
        for name in ('checkpoint', 'cosig'):
            path = os.path.join(h.state, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            elif os.path.exists(path):
                os.unlink(path)
        code, err = verify(h.state)
        checks.equal(code, 3, err)
        checks.true('there is no record' in err, err)
        code, out, err = export(h.state)
        checks.equal((code, out), (3, b''), err)
        checks.true('there is no record' in err, err)


class Opened:
    """Whoever opens that file waits (fanotify) until step(n) has returned, n
    from 1."""

    # FAN_CLASS_CONTENT | FAN_CLOEXEC, FAN_OPEN_PERM, AT_FDCWD
    PERMISSION, OPEN, HERE = 5, 0x10000, -100

    def __init__(self, path, step):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.fanotify_init(self.PERMISSION, os.O_RDONLY)
        if self.fd < 0 or self.libc.fanotify_mark(
                self.fd, 1, ctypes.c_uint64(self.OPEN), self.HERE,
                path.encode()) != 0:
            if self.fd >= 0:
                os.close(self.fd)
            checks.skip('no fanotify here: ' + os.strerror(
                ctypes.get_errno()))
        self.step = step
        self.over, self.stop = os.pipe()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        n = 0
        while self.over not in select.select([self.fd, self.over], [], [])[0]:
            data = os.read(self.fd, 4096)
            while data:
                size, fd = struct.unpack_from('=I12xi', data)
                n += 1
                self.step(n)
                os.write(self.fd, struct.pack('=iI', fd, 1))
                os.close(fd)
                data = data[size:]

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        os.close(self.stop)
        self.thread.join()
        os.close(self.over)
        # Whoever still waits is let go.
        os.close(self.fd)


def test_an_agent_that_writes_meanwhile():
    """What is half there is looked at again: it is no sign of anything,
    unless it stays so."""
    with History() as h:
        journal = os.path.join(h.state, 'journal')
        path, = [os.path.join(journal, n) for n in os.listdir(journal)
                 if n.endswith('.seg')]
        with open(path, 'rb') as f:
            whole = f.read()

        def verify(*lengths):
            """(code, text) where the segment is so long at each look."""
            def step(n):
                with open(path, 'wb') as f:
                    f.write(whole[:lengths[min(n, len(lengths)) - 1]])

            with Opened(os.path.join(h.state, 'checkpoint'), step):
                r = subprocess.run(
                    [fake.program('countersign'), 'audit', 'verify', h.state],
                    stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            return r.returncode, r.stderr.decode()

        n = len(whole)
        for lengths in ((n,), (n - 3, n), (n - 3, n - 3000, n)):
            checks.equal(verify(*lengths), (0, ''))
        code, err = verify(n - 3, n - 3000, n - 3000, n)
        checks.equal((code, 'frame' in err), (3, True), err)
        # One that is another each time ends, too.
        code, err = verify(*range(n - 100, n - 20000, -1500))
        checks.equal(code, 3, err)


def test_approvals_by_ssh_keygen():
    """A stock ssh-keygen verifies each, and none that was changed."""
    if shutil.which('ssh-keygen') is None:
        checks.skip('ssh-keygen is not installed')
    with History() as h:
        at = h.path('proofs')
        code, _, err = export(h.state, '--proofs', at)
        checks.equal(code, 0, err)
        checks.true('EdDSA' in err, 'says what OpenSSH has no form for')
        with open(os.path.join(at, 'commands')) as f:
            commands = f.read().splitlines()
        # Of six keys one is an EdDSA passkey; kim's denial is one more.
        checks.equal(len(commands), 6)
        people = set()
        for c in commands:
            r = subprocess.run(['sh', '-c', c], cwd=at, capture_output=True)
            checks.equal(r.returncode, 0, (c + r.stderr.decode()))
            people.add(c.split("'")[1])
            message = os.path.join(at, c.split(' < ')[1])
            with open(message, 'rb+') as f:
                data = bytearray(f.read())
                data[-3] ^= 1
                f.seek(0)
                f.write(data)
            r = subprocess.run(['sh', '-c', c], cwd=at, capture_output=True)
            checks.true(r.returncode != 0, 'another text verifies')
        checks.equal(people, {'kim', 'ssh', 'sk1', 'sk2', 'pass1'})


def read_proof(path):
    """(index, hashes, note) of a tlog-proof."""
    with open(path, encoding='utf-8') as f:
        head, _, note = f.read().partition('\n\n')
    lines = head.split('\n')
    checks.equal(lines[0], 'c2sp.org/tlog-proof@v1')
    word, index = lines[1].split(' ')
    checks.equal(word, 'index')
    return int(index), [base64.b64decode(x, validate=True)
                        for x in lines[2:]], note


def climb(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    at, last, h = index, size - 1, leaf
    for p in path:
        checks.true(last > 0, 'a proof that is too long')
        if at & 1 or at == last:
            h = tlog.sha(b'\1', p, h)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            h = tlog.sha(b'\1', h, p)
        at, last = at >> 1, last >> 1
    checks.equal(last, 0, 'what is left of a proof that is too short')
    return h


def test_places_in_the_tree():
    """Each record's proof leads to the root that the device has signed."""
    with History() as h:
        at = h.path('proofs')
        code, _, err = export(h.state, '--proofs', at)
        checks.equal(code, 0, err)
        with open(os.path.join(at, 'log.vkey')) as f:
            name, ident, key = f.read().strip().split('+', 2)
        checks.equal(name, h.name)
        raw = base64.b64decode(key)
        checks.equal(raw[0], 1)
        names = [n for n in os.listdir(os.path.join(at, 'records'))
                 if n.endswith('.tlog-proof')]
        checks.true(len(names) > 20, 'only %d proofs' % len(names))
        from nacl.signing import VerifyKey
        for n in names:
            index, path, note = read_proof(os.path.join(at, 'records', n))
            checks.equal('%d.tlog-proof' % index, n)
            with open(os.path.join(at, 'records', '%d.json' % index),
                      'rb') as f:
                record = f.read()
            text, _, lines = note.rpartition('\n\n')
            text += '\n'
            origin, size, root = text.split('\n')[:3]
            checks.equal(origin, h.name)
            checks.equal(climb(tlog.leaf(record), index, int(size), path),
                         base64.b64decode(root), n)
            signed = [x.split(' ') for x in lines.strip().split('\n')]
            values = [base64.b64decode(x[2]) for x in signed if x[1] == name]
            mine = [v for v in values if v[:4].hex() == ident]
            checks.equal(len(mine), 1, 'signatures of the device')
            VerifyKey(raw[1:]).verify(text.encode(), mine[0][4:])


def test_one_record_and_one_card():
    with History() as h:
        at = h.path('one')
        code, out, err = export(h.state, '--record', '3', '--proofs', at)
        checks.equal(code, 0, err)
        checks.equal([e['metadata']['sequence'] for e in events(out)], [3])
        checks.equal(sorted(os.listdir(os.path.join(at, 'records'))),
                     ['3.json', '3.tlog-proof'])
        with open(os.path.join(at, 'records/3.json'), 'rb') as f:
            checks.equal(f.read(), h.records[3])
        code, out, err = export(h.state, '--card', h.card)
        checks.equal(code, 0, err)
        kinds = [e['unmapped']['kind'] for e in events(out)]
        checks.equal(kinds, ['card_received', 'approval_accepted',
                             'exec_intent', 'exec_started', 'exec_result'])
        checks.equal(export(h.state, '--record', '99999')[0], 1)
        checks.equal(export(h.state, '--card', 'x')[0], 2)
        checks.equal(export(h.state, '--card', h.card, '--record', '1')[0], 2)
        # What is there already is not mixed with.
        checks.equal(export(h.state, '--proofs', at)[0], 1)


def test_what_is_wrong_is_not_exported():
    """It stops before the record, and says which."""
    with History() as h:
        segment = os.path.join(h.state, 'journal', '0' * 16 + '.seg')
        with open(segment, 'rb+') as f:
            data = bytearray(f.read())
            at = data.rindex(b'"exit_code":3')
            data[at + 12] ^= 1
            f.seek(0)
            f.write(data)
        code, out, err = export(h.state)
        checks.equal(code, 3, err)
        checks.true('is wrong' in err, err)
        checks.true(len(events(out)) < len(h.records), 'all were exported')


if __name__ == '__main__':
    checks.main(globals(), jobs=3)
