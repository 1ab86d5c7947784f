"""test_life.py - cards that would not end, and the machine after them.
SPDX-License-Identifier: Apache-2.0

Real cards in a guest of their own, on each kind of control group that can be
had there. After each nothing of it runs, looked for from outside by a mark in
the environment; no group of it stands; and the result says why it ended.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', '..', 'system', 'lib'))

from countersign import checks, owner, scripts		# noqa: E402

MARK = 'CS_LIFE'
LIMITS = {'output_bytes': 65536, 'memory_mb': 128, 'processes': 32}
# How the agent's mounts are made before it starts: it sees only these groups.
GROUPS = {
    'none': 'umount -R /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup; ',
    'v1': 'umount -R /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup; '
          'for c in memory pids; do mkdir /sys/fs/cgroup/$c; '
          'mount -t cgroup -o $c none /sys/fs/cgroup/$c; done; ',
    'v2': 'umount -R /sys/fs/cgroup; '
          'mount -t cgroup2 none /sys/fs/cgroup; '
          'mkdir -p /sys/fs/cgroup/agent; '
          'echo 0 >/sys/fs/cgroup/agent/cgroup.procs; ',
}
P = 'exec perl -e '
ENDED, LATE = ('finished', None), ('timed_out', 'deadline')
MANY, FULL = ('killed', 'limit'), ('killed', 'oom')
# name, command, what it may end as, and what the result has if it finished
CASES = [
    ('exit 0', ':', [ENDED], {'exit_code': 0, 'stdout_bytes': 0}),
    ('exit 255', 'exit 255', [ENDED], {'exit_code': 255}),
    ('a daemon', P + '\'use POSIX; fork and exit 3; setsid; fork and exit; '
     'POSIX::close($_) for 0..255; sleep 600\'', [ENDED], {'exit_code': 3}),
    ('daemons', '(setsid sh -c "sleep 600 & exec sleep 600" >/dev/null 2>&1 '
     '<&- &); setsid setsid sleep 600 >&- 2>&- <&- & exit 4', [ENDED],
     {'exit_code': 4}),
    ('output held', 'sleep 600 & setsid sleep 600 >/dev/null & echo out; '
     'exit 5', [ENDED], {'exit_code': 5, 'stdout_bytes': 4}),
    ('output after the end', 'setsid sh -c "trap \'\' PIPE TERM; while :; do '
     'echo x; echo y >&2; done" & sleep 0.2; exit 6', [ENDED],
     {'exit_code': 6}),
    ('no output at all', 'exec <&- >&- 2>&-; setsid sleep 600 & sleep 0.1; '
     'exit 7', [ENDED], {'exit_code': 7}),
    ('output at the limit', 'head -c 32768 /dev/zero; head -c 32768 /dev/zero '
     '>&2', [ENDED], {'truncated': False, 'stdout_bytes': 32768,
                      'stderr_bytes': 32768}),
    ('output over it', 'head -c 65537 /dev/zero', [ENDED],
     {'truncated': True, 'stdout_bytes': 65537, 'stdout_kept': 65536}),
    ('bytes', P + '\'print pack("C*", 0..255) x 16\'', [ENDED],
     {'truncated': False, 'stdout_bytes': 4096}),
    ('endless output', 'yes', [LATE], {}),
    ('deaf', P + '\'$SIG{$_} = "IGNORE" for grep { !/^(KILL|STOP|CHLD|NUM.*|'
     '__.*)$/ } keys %SIG; for (1..8) { last unless fork } sleep 600 while '
     '1\'', [LATE], {}),
    ('stopped', 'sleep 600 & kill -STOP $!; sh -c "kill -STOP \\$\\$" & '
     'kill -STOP $$', [LATE], {}),
    ('all of its processes', P + '\'while (1) { my $p = fork; last if defined '
     '$p && !$p; select undef, undef, undef, 0.05 unless defined $p } sleep '
     '600 while 1\'', [LATE, MANY], {}),
    ('a bomb', P + '\'use POSIX; $SIG{TERM} = "IGNORE"; while (1) { my $p = '
     'fork; setsid if defined $p && !$p }\'', [LATE, MANY], {}),
    ('a runner', P + '\'for (1..20000) { my $p = fork; exit 8 if $p; }\'',
     [ENDED], {'exit_code': 8}),
    ('a storm', P + '\'while (1) { my $p = fork; exec "true" if defined $p && '
     '!$p }\'', [LATE, MANY], {}),
    ('memory', P + '\'my @a; push @a, "x" x 1048576 while 1\'',
     [FULL, ENDED], {'exit_code': 1}),
    ('memory of many', P + '\'for (1..8) { last unless fork } my @a; push @a, '
     '"x" x 1048576 for 1..40; sleep 600\'', [FULL, LATE], {}),
    ('files in memory', P + '\'my @f; for (1..10) { my $n = "x"; my $d = '
     'syscall(%d, $n, 0); open my $f, ">&=", $d or die; push @f, $f; my $b = '
     '"x" x 1048576; for (1..200) { syswrite $f, $b or last } } sleep 600\'' %
     (319 if os.uname().machine == 'x86_64' else 279), [FULL], {}),
    ('a full folder', 'head -c 2000000000 /dev/zero >/tmp/x 2>/dev/null && '
     'exit 9; exit 10', [ENDED], {'exit_code': 10}),
]
SIGNALS = (1, 2, 3, 4, 6, 9, 11, 15, 24, 31, 64)


class Machine(scripts.Machine):
    groups = ''

    def start(self, wait=True, env=None):
        n = self.peer.connections
        self.guest.must(['sh', '-c', 'setsid unshare -m sh -c "$1 exec '
                         'countersignd" </dev/null '
                         '>>/var/log/countersignd.log 2>&1 &', 'sh',
                         self.groups])
        self.peer.wait(lambda: self.peer.connections > n, 'connection')
        for word in self.files:
            self.peer.record('trust', file=word)
        return self


def marked(mark):
    """Processes of this machine with the mark in their environment."""
    out = {}
    for pid in os.listdir('/proc'):
        try:
            with open('/proc/%s/environ' % pid, 'rb') as f:
                if mark.encode() not in f.read():
                    continue
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                out[pid] = f.read().replace(b'\0', b' ').decode()[:60]
        except OSError:
            pass
    return out


def groups(pid, card):
    """The card's groups that stand, as its agent sees them."""
    out = []
    for at, folders, _ in os.walk('/proc/%d/root/sys/fs/cgroup' % pid):
        out += [f for f in folders if '.%s.' % card[7:39] in f]
    return out


def life(kind):
    with scripts.Scripts() as g:
        scripts.install(g)
        Kind = type('Kind', (Machine,), {'groups': GROUPS[kind]})
        with Kind(g) as m:
            pens = m.status()['pens']
            if 'cgroup=%s ' % kind not in pens:
                checks.skip('control groups here are others: ' + pens)
            # Its main process, or the gate: both see the same.
            gate = min(g.pids('^countersignd$'))
            cases = CASES + [
                ('signal %d' % n, 'kill -%d $$; sleep 600' % n, [ENDED],
                 {'signal': n}) for n in SIGNALS]
            for profile in ('observe', 'repair', 'full'):
                if profile not in m.status()['profiles']:
                    continue
                for name, command, ends, has in cases:
                    # It has no folders of its own.
                    if profile == 'full' and name == 'a full folder':
                        continue
                    # Root's processes are counted ten times a second only:
                    # this machine is not for that.
                    if name == 'a bomb' and profile != 'observe' and \
                            'procs=cgroup' not in pens:
                        continue
                    mark = '%s_%s=%s' % (MARK, kind, os.urandom(6).hex())
                    # Those that come to an end have time for it.
                    r = run(m, profile, 'export %s; %s' % (mark, command),
                            2 if LATE in ends else 120)
                    what = '%s %s %s: %r' % (kind, profile, name, r)
                    got = (r['outcome'], r.get('reason'))
                    checks.true(got in ends, what)
                    if got == ENDED:
                        for key, value in has.items():
                            checks.true(r.get(key) == value, what)
                    checks.equal(marked(mark), {}, what)
                    checks.equal(groups(gate, r['card']), [], what)


def run(m, profile, command, seconds):
    env = m.card(command, profile=profile, write=[], services=[],
                 net='host' if profile == 'full' else 'none', read='user',
                 limits=dict(LIMITS, timeout_s=seconds))
    digest = owner.digest_of(env)
    m.send('card', env)
    m.approve(digest, m.peer.record('card_received', card=digest))
    return m.peer.record('exec_result', card=digest, limit=150)


def test_no_groups():
    life('none')


def test_version_1():
    life('v1')


def test_version_2():
    life('v2')


if __name__ == '__main__':
    checks.main(globals(), jobs=3)
