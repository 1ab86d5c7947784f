"""test_state_folder.py - every file of the state folder in every odd condition.
SPDX-License-Identifier: Apache-2.0

A real agent is started twice on a copy of a genuine state folder in which one
thing was changed. It works and is right, or it is locked and says why; nothing
of what it then keeps as evidence is changed, no card runs a second time, and
it neither ends nor waits. What the auditor says of the same folder is compared,
too.
"""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))

from countersign import checks, control, owner		# noqa: E402
from countersign.agent import Agent, LIMIT		# noqa: E402
from test_tamper import Witness, fill, wait_status	# noqa: E402

HELD = 'state_folder'	# locked, but not for tampering: it may be put right
WORKS = None


class Genuine(Agent):
    """Two cards ran, one waits; and the folder as it was after the first."""

    def __init__(self, segments=0):
        super().__init__(peer=Witness)
        self.ran = self.marker()
        self.over = []		# the two, with their approvals
        self.start()
        if segments > 0:
            fill(self, segments)
        self.one()
        self.stop()
        self.older = self.state + '-older'
        shutil.copytree(self.state, self.older)
        self.start()
        digest, got = self.pending('echo waited >> %s' % self.ran)
        self.waits = self.approval(digest, got)
        self.one()
        if segments > 0:
            self.wait_compressed()
        self.stop()

    def one(self):
        env = self.card('echo ran >> %s' % self.ran)
        self.send('card', env)
        digest = owner.digest_of(env)
        got = self.peer.record('card_received', card=digest)
        approval = self.approve(digest, got)
        self.peer.record('exec_result', card=digest)
        self.peer.cosigned()
        self.over.append((env, approval))
        # And the agent has kept that.
        wait_status(self, lambda s: s['journal']['cosigned'] ==
                    self.peer.size, 'cosignature')

    def wait_compressed(self):
        end = time.monotonic() + 4 * LIMIT
        while len(self.named('journal', '.seg')) > 1:
            checks.true(time.monotonic() < end, 'not all are compressed')
            time.sleep(0.05)

    def named(self, folder, end=''):
        return sorted('%s/%s' % (folder, n) for n in
                      os.listdir(os.path.join(self.state, folder))
                      if n.endswith(end))

    def snapshots(self):
        """Blobs that records of the kind `state` name."""
        return ['blobs/' + json.loads(r)['digest'][7:]
                for r in self.peer.records
                if r.startswith(b'{"kind":"state"')]

    def cards(self):
        return ['blobs/' + owner.digest_of(env)[7:] for env, _ in self.over]


# ---- one change ----

def gone(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def holds(data):
    """Another content, in a file of its own."""
    def change(path, _):
        old = b''
        if os.path.isfile(path):
            with open(path, 'rb') as f:
                old = f.read()
        gone(path)
        with open(path, 'wb') as f:
            f.write(data(old) if callable(data) else data)
        os.chmod(path, 0o600)
    return change


def flipped(old):
    k = len(old) // 2
    if old == b'':
        return b'x'
    return old[:k] + bytes([old[k] ^ 8]) + old[k + 1:]


def folder(path, _):
    gone(path)
    os.mkdir(path, 0o700)
    with open(os.path.join(path, 'x'), 'w') as f:
        f.write('x')


def link(path, _):
    os.rename(path, path + '.real')
    os.symlink(path + '.real', path)


def loose_link(path, _):
    gone(path)
    os.symlink('/nonexistent/x', path)


def pipe(path, _):
    gone(path)
    os.mkfifo(path, 0o600)


def anothers(path, _):
    os.chown(path, 65534, 65534)


def open_to_all(path, _):
    os.chmod(path, 0o777 if os.path.isdir(path) else 0o666)


def older(path, before):
    gone(path)
    if os.path.isdir(before):
        shutil.copytree(before, path)
    else:
        shutil.copy(before, path)


def emptied(path, _):
    gone(path)
    os.mkdir(path, 0o700)


FILE = {
    'missing': lambda path, _: gone(path), 'empty': holds(b''),
    'short': holds(lambda old: old[:len(old) // 2]),
    'garbage': holds(lambda old: os.urandom(max(1, len(old)))),
    'flipped': holds(flipped), 'folder': folder, 'link': link,
    'loose link': loose_link, 'pipe': pipe,
}
FOLDER = {
    'missing': lambda path, _: gone(path), 'emptied': emptied,
    'file': holds(b'x'), 'link': link, 'loose link': loose_link,
    'pipe': pipe,
}
if os.geteuid() == 0:
    for table in (FILE, FOLDER):
        table['another\'s'] = anothers
        table['open to all'] = open_to_all


# ---- one start after another ----

def copy(a, to, name):
    """What is never written again is linked, but for the one to change."""
    def one(src, dst):
        rel = os.path.relpath(src, a.state)
        if rel != name and (rel.startswith('blobs/') or
                            rel.endswith('.seg.gz')):
            os.link(src, dst)
        else:
            shutil.copy2(src, dst)

    shutil.copytree(a.state, to, copy_function=one)


def contents(state):
    out = {}
    for top, dirs, names in os.walk(state):
        for n in dirs + names:
            path = os.path.join(top, n)
            st = os.lstat(path)
            what = (stat.S_IFMT(st.st_mode), st.st_size)
            if stat.S_ISREG(st.st_mode) and st.st_nlink == 1:
                with open(path, 'rb') as f:
                    what = f.read()
            elif stat.S_ISLNK(st.st_mode):
                what = os.readlink(path)
            elif stat.S_ISDIR(st.st_mode):
                what = 'folder'
            out[os.path.relpath(path, state)] = what
    return out


class Start:
    """An agent on a changed copy; its console is gone."""

    def __init__(self, a, where):
        self.socket = os.path.join(where, 'sock')
        config = os.path.join(where, 'agent.json')
        with open(config, 'w') as f:
            json.dump(dict(a.settings(), socket=self.socket,
                           state=os.path.join(where, 'state')), f)
        self.log = os.path.join(where, 'log')
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [a.program('countersignd'), '--config', config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        self.process.wait()

    def wait(self, condition):
        """By the agent's own word; it may begin anew in between."""
        end = time.monotonic() + LIMIT
        s = None
        while time.monotonic() < end:
            checks.equal(self.process.poll(), None, 'exit code; log: %s' %
                         self.said())
            try:
                s = control.status(self.socket)
                if condition(s):
                    return s
            except (OSError, ValueError, AssertionError):
                pass
            time.sleep(0.01)
        raise AssertionError('it stays %r; log: %s' % (
            s and s['lockdown'], self.said()))

    def said(self):
        with open(self.log, errors='replace') as f:
            return f.read()[-600:]


def locked(run, want, flagged):
    s = run.wait(lambda s: s['lockdown'] is not None)
    reason = s['lockdown']['reason']
    checks.equal(s['blocked'], 'lockdown')
    checks.equal((s['lockdown']['source'], reason.split(':')[0]),
                 ('local' if want == HELD else 'tamper', want),
                 'lockdown; log: %s' % run.said())
    word = control.lockdown(run.socket, False, 'sorry')
    checks.equal(word, HELD if want == HELD else 'tamper', 'lifted')
    checks.true(flagged() == (want != HELD), 'its flag')


def works(a, run, again):
    run.wait(lambda s: s['lockdown'] is None and s['blocked'] is None)
    for env, approval in a.over:
        control.submit(run.socket, 'card', env)
        control.submit(run.socket, 'approval', approval)
    if again:
        control.submit(run.socket, 'approval', a.waits)


def audit(a, state):
    r = subprocess.run([a.program('countersign'), 'audit', 'verify', state],
                       stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, timeout=LIMIT)
    checks.true((r.returncode == 0) == r.stdout.endswith('verified\n'),
                'audit: %r' % r)
    return r.returncode


def lines(path):
    try:
        with open(path) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def one_case(a, name, change, want, audited, says=''):
    where = tempfile.mkdtemp(prefix='cs-state-', dir=a.dir)
    os.chmod(where, 0o755)
    state = os.path.join(where, 'state')
    flag = os.path.join(state, 'tampered')
    # What runs here is told from what ran there.
    before_runs = lines(a.ran).count('ran')
    try:
        copy(a, state, name)
        change(os.path.join(state, name), os.path.join(a.older, name))
        if audited is not None:
            checks.equal(audit(a, state), audited, 'audit')
        before = contents(state)
        for again in range(2):
            with Start(a, where) as run:
                if want is WORKS:
                    works(a, run, again)
                else:
                    locked(run, want, lambda: os.path.lexists(flag))
                checks.true(says in run.said(), 'it does not say so: ' +
                            run.said())
        if want is WORKS:
            checks.true(not os.path.lexists(flag), 'locked in the end: ' +
                        run.said())
        else:
            after = contents(state)
            before.pop('tampered', None)
            kept = {k: after.get(k) for k in before}
            checks.true(kept == before, 'changed: %s' % [
                k for k in before if kept[k] != before[k]])
        checks.equal(lines(a.ran).count('ran'), before_runs, 'runs')
    finally:
        shutil.rmtree(where)


def every(a, name, table, want, audited=None):
    """want: by change, '*' is for all others; audited: likewise, or None."""
    for change, how in table.items():
        try:
            one_case(a, name, how, want.get(change, want.get('*')),
                     audited and audited.get(change, audited['*']))
        except AssertionError as e:
            raise AssertionError('%s, %s: %s' % (name, change, e)) from e


class Folder:
    """A genuine folder for one test, cleaned up after it."""

    def __init__(self, segments=0):
        self.a = Genuine(segments)

    def __enter__(self):
        return self.a

    def __exit__(self, *how):
        self.a.__exit__(*how)


ODD = {'link': HELD, 'loose link': HELD, 'pipe': HELD, 'file': HELD,
       'folder': HELD, 'another\'s': HELD, 'open to all': HELD}
RIGHT = {'link': 0, 'another\'s': 0, 'open to all': 0}


def test_folders():
    with Folder() as a:
        for name, want in (
                ('journal', dict.fromkeys(('missing', 'emptied'),
                                          'journal_rolled_back')),
                ('blobs', dict.fromkeys(('missing', 'emptied'),
                                        'journal_tampered')),
                ('tiles', {}), ('transcripts', {}), ('cosig', {})):
            every(a, name, FOLDER, {**ODD, **want})
        one_case(a, 'journal', older, 'journal_rolled_back', 3)
        one_case(a, 'blobs', older, 'journal_tampered', 3)
        for name in ('tiles', 'transcripts', 'cosig'):
            one_case(a, name, older, WORKS, 0)


def test_checkpoint_and_cosignatures():
    with Folder() as a:
        every(a, 'checkpoint', FILE,
              {'*': 'checkpoint_damaged', 'missing': 'checkpoint_missing',
               'another\'s': WORKS, 'open to all': WORKS},
              {'*': 3, **RIGHT})
        # One that a witness cosigned later is still there.
        one_case(a, 'checkpoint', older, 'checkpoint_damaged', 0)
        name, = a.named('cosig')
        every(a, name, FILE, {
            '*': 'checkpoint_damaged', 'missing': WORKS, 'another\'s': WORKS,
            'open to all': WORKS}, {'*': 3, 'missing': 0, **RIGHT})
        one_case(a, name, older, WORKS, 0)
        # Nothing rests on the witness's line alone; but it is missed.
        for change in (lambda old: old[:old.rindex(b'\n', 0, -1) + 1],
                       lambda old: old[:-20] + b'AAAA' + old[-16:],
                       lambda old: old.replace(b' witness.', b' vitness.')):
            one_case(a, name, holds(change), WORKS, 3, 'good cosignature')


def test_all_put_back_but_the_cosignature():
    """Consistent in itself, with an older epoch's key and checkpoint; but
    there is a note of this device over more records."""
    def change(path, before):
        state, was = os.path.dirname(path), os.path.dirname(before)
        for name in ('journal', 'tiles', 'blobs', 'checkpoint',
                     'epoch.key', 'transcripts'):
            older(os.path.join(state, name), os.path.join(was, name))

    with Folder() as a:
        one_case(a, 'x', change, 'journal_rolled_back', 3)


def test_keys():
    with Folder() as a:
        every(a, 'device.key', FILE,
              {**ODD, 'missing': HELD, 'empty': HELD, 'short': HELD,
               'garbage': 'checkpoint_damaged',
               'flipped': 'checkpoint_damaged'})
        every(a, 'epoch.key', FILE, {**ODD, '*': 'epoch_key_missing'})
        one_case(a, 'epoch.key', older, WORKS, 0)
        # What a crash may leave beside it, and what it may not.
        for change in ('empty', 'garbage', 'loose link', 'pipe'):
            one_case(a, 'epoch.key.new', FILE[change], WORKS, None)
        one_case(a, 'epoch.key.new', folder, HELD, None)


def test_what_says_where_the_console_is():
    with Folder() as a:
        every(a, 'link.json', FILE, {'*': WORKS})


def test_flags():
    with Folder() as a:
        for change in ('empty', 'garbage', 'folder', 'loose link', 'pipe'):
            one_case(a, 'tampered', FILE[change], 'journal_tampered', None)


def test_segments():
    with Folder() as a:
        name, = a.named('journal', '.seg')
        every(a, name, FILE,
              {**ODD, '*': 'journal_tampered',
               'missing': 'journal_rolled_back',
               'empty': 'journal_rolled_back'}, {'*': 3, **RIGHT})
        one_case(a, name, older, 'journal_rolled_back', 3)
        every(a, 'journal/lock', FILE, {**ODD, '*': WORKS})


def test_blobs_and_transcripts():
    with Folder() as a:
        wants = {'*': 'journal_tampered', 'another\'s': WORKS,
                 'open to all': WORKS}
        waiting = 'blobs/' + a.peer.all('card_received')[-2]['card'][7:]
        policy = 'blobs/' + a.peer.all('trust', file='policy')[0][
            'digest'][7:]
        for name in (a.cards()[0], waiting, policy):
            every(a, name, FILE, wants, {'*': 3, **RIGHT})
        every(a, a.named('transcripts')[0], FILE, {'*': WORKS},
              {'*': 3, 'missing': 0, 'loose link': 0, **RIGHT})


def test_of_another_device():
    with Folder() as a, Folder() as b:
        def take(*names):
            def change(path, _):
                state = os.path.dirname(path)
                for name in names:
                    older(os.path.join(state, name),
                          os.path.join(b.state, name))
            return change

        for names, want in (
                (('journal',), 'journal_tampered'),
                (('journal', 'tiles', 'blobs'), 'journal_tampered'),
                (('checkpoint',), 'checkpoint_damaged'),
                (('epoch.key',), 'epoch_key_missing'),
                (('device.key',), 'checkpoint_damaged'),
                (('journal', 'tiles', 'blobs', 'checkpoint', 'epoch.key',
                  'cosig'), 'checkpoint_damaged')):
            one_case(a, 'x', take(*names), want, None)


def test_sealed_segments_and_tiles():
    with Folder(segments=2) as a:
        packed = a.named('journal', '.seg.gz')[0]
        # Its header: the time, and what it says of its end.
        for at in (4, 23):
            one_case(a, packed, holds(lambda old: old[:at] + bytes(
                [old[at] ^ 1]) + old[at + 1:]), 'journal_tampered', 3)
        every(a, packed, FILE,
              {**ODD, '*': 'journal_tampered'}, {'*': 3, **RIGHT})
        every(a, 'tiles/0', FILE, {**ODD, '*': 'journal_tampered'},
              {'*': 3, **RIGHT})
        every(a, 'tiles/1', FILE, {**ODD, '*': 'journal_tampered'},
              {'*': 3, **RIGHT})
        for name in a.snapshots():
            every(a, name, FILE, {
                '*': 'journal_tampered', 'another\'s': WORKS,
                'open to all': WORKS}, {
                '*': 3, 'missing': 0, 'loose link': 0, **RIGHT})


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
