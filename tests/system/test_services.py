"""test_services.py - services that are scripts: System V and OpenRC.
SPDX-License-Identifier: Apache-2.0

What an approved card starts there stays when the card has ended; of the card
itself nothing does.
"""
import os
import re
import select
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, guest, machine, scripts	# noqa: E402

POLICY = {'repair_write': [{'groups': ['lab'], 'roots': ['/srv/declared']}]}
VERBS = ['start', 'stop', 'restart', 'reload', 'status']
# A daemon: its word stands in its command line. `twice` forks twice, `front`
# stays, `talk` stays and writes to what it was given as output.
DAEMON = r'''#!/usr/bin/perl
use POSIX;
my ($word, $how) = @ARGV;
if ($how eq 'twice') {
	# The first goes when the last stands alone.
	pipe my $r, my $w;
	if (fork) { close $w; readline $r; exit; }
	POSIX::setsid(); my $mid = $$; fork and exit;
	select undef, undef, undef, 0.001 while getppid == $mid;
	open STDIN, '</dev/null'; open STDOUT, '>/dev/null';
	open STDERR, '>/dev/null';
	open my $f, '>', "/run/$word.pid"; print $f "$$\n"; close $f;
	close $r; close $w;
}
my $hups = 0;
$SIG{HUP} = sub { $hups++; open my $f, '>', "/run/$word.hups";
	print $f "$hups\n"; close $f; };
$0 = "csd-$word";
if ($how eq 'talk') {
	$| = 1;
	for (my $n = 0; ; $n++) { print 'x' x 4096;
		open my $f, '>', "/run/$word.said"; print $f "$n\n"; close $f;
		select undef, undef, undef, 0.01; }
}
sleep 1000 while 1;
'''
SYSV = r'''#!/bin/sh
### BEGIN INIT INFO
# Provides:          %(word)s
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: a test's
### END INIT INFO
P=/run/%(word)s.pid
case "$1" in
start)	%(start)s ;;
stop)	start-stop-daemon --stop --retry 5 --pidfile $P --oknodo ;;
restart) "$0" stop; "$0" start ;;
reload)	kill -HUP "$(cat $P)" ;;
status)	kill -0 "$(cat $P)" 2>/dev/null && echo "it runs" && exit 0; exit 3 ;;
*)	exit 2 ;;
esac
'''
STARTS = {
    'front': 'start-stop-daemon --start --background --make-pidfile '
             '--pidfile $P --exec /usr/bin/perl -- /usr/local/sbin/csd '
             '%(word)s front',
    'twice': '/usr/local/sbin/csd %(word)s twice',
    'talk': '/usr/local/sbin/csd %(word)s talk & echo $! >$P',
}
RC = r'''#!/sbin/openrc-run
name="a test's"
command=/usr/bin/perl
command_args="/usr/local/sbin/csd %(word)s %(how)s"
pidfile=/run/%(word)s.pid
%(more)s
extra_started_commands="reload"
reload() {
	kill -HUP "$(cat $pidfile)"
}
'''


class Place:
    """A guest with an agent in it, and services."""

    def __init__(self, kind=scripts.Scripts):
        self.guest = kind()
        self.openrc = kind is scripts.OpenRC
        try:
            scripts.install(self.guest)
            at = self.guest.path('/usr/local/sbin/csd')
            with open(at, 'w', encoding='ascii') as f:
                f.write(DAEMON)
            os.chmod(at, 0o755)
            os.makedirs(self.guest.path('/srv/declared'), exist_ok=True)
            self.agent = scripts.Machine(self.guest, policy=POLICY)
        except BaseException:
            self.guest.close()
            raise

    def __enter__(self):
        self.agent.__enter__()
        return self

    def __exit__(self, *why):
        self.agent.__exit__(*why)
        self.guest.close()

    def service(self, word, how):
        """Its script, under its name."""
        if self.openrc:
            text = RC % {'word': word, 'how': how, 'more': {
                'front': 'command_background=yes', 'twice': '',
                'talk': 'command_background=yes'}[how]}
        else:
            text = SYSV % {'word': word, 'start': STARTS[how] % {
                'word': word}}
        self.guest.script(word, text)

    def card(self, command, units, verbs=None, **more):
        return self.agent.result(
            command, profile='repair', net='none', write=[],
            services=[{'unit': u + '.service', 'verbs': verbs or VERBS}
                      for u in units], **more)

    def daemons(self, word):
        return self.guest.pids(r'csd[- ]%s( |$)' % re.escape(word))

    def one(self, word):
        """The one daemon of that name, and who its parent is."""
        got = self.daemons(word)
        checks.equal(len(got), 1, word)
        return next(iter(got.items()))

    def settled(self, word):
        """The one daemon of that name, once it is a child of none of ours:
        it is passed on as what started it ends."""
        checks.until(lambda: not self.one(word)[1].startswith('countersign'),
                     'other parent of ' + word)
        return self.one(word)[0]


def gone(pids):
    """Waits until all of them have ended."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = select.select([fd], [], [], 30)[0]
        os.close(fd)
        checks.true(ended, '%d lives' % pid)


def life(kind):
    with Place(kind) as p:
        a = p.agent
        a.offers('repair')
        for how in ('front', 'twice', 'talk'):
            word = 'web-' + how
            p.service(word, how)
            r, out, err = p.card('systemctl start %s; echo "=$?"; '
                                 'systemctl status %s; echo "=$?"' % (
                                     word, word), [word])
            checks.equal((r['outcome'], r.get('exit_code')), ('finished', 0),
                         repr((out, err, r)))
            checks.equal(out.count(b'=0\n'), 2, repr((out, err)))
            checks.true('services left running: 1 process' in
                        r.get('detail', ''), r)
            checks.equal(r['survivors'], 0, r)
            first, parent = p.one(word)
            checks.true(not parent.startswith('countersign'), parent)
            # As its own process 1 sees it.
            r, out, err = p.card('systemctl restart %s' % word, [word])
            checks.equal(r['exit_code'], 0, repr((out, err, r)))
            gone([first])
            second, _ = p.one(word)
            checks.true(second != first, 'it was not restarted')
            r, out, err = p.card('systemctl reload %s' % word, [word])
            checks.equal(r['exit_code'], 0, repr((out, err, r)))
            checks.equal(p.one(word)[0], second, 'after a reload')
        words = ['web-' + how for how in ('front', 'twice', 'talk')]
        before = [p.one(w)[0] for w in words]
        # What a card leaves behind itself ends; so does all else of it.
        r, out, err = p.card(
            'setsid sh -c "sleep 98765 & sleep 98765" >/dev/null 2>&1 & '
            '(setsid setsid sleep 98765 &) & systemctl status web-front',
            words)
        checks.equal(r['exit_code'], 0, repr((out, err, r)))
        checks.equal(p.guest.pids('98765'), {})
        # The agent's end, and its sweep at the next start, are not theirs.
        a.kill('KILL')
        a.start()
        r, out, err = p.card('systemctl status web-twice', words)
        checks.equal(r['exit_code'], 0, repr((out, err, r)))
        p.guest.must(['countersign', 'lockdown', 'on', '--reason', 'a test'])
        p.guest.must(['countersign', 'lockdown', 'off', '--reason', 'a test'])
        checks.equal([p.one(w)[0] for w in words], before)
        for w, pid in zip(words, before):
            r, out, err = p.card('systemctl stop %s; systemctl is-active %s'
                                 % (w, w), words)
            checks.equal((out.split()[-1:], r['exit_code']),
                         ([b'inactive'], 3), repr((out, err, r)))
            gone([pid])


# A script that hangs, deaf, with a child, after it has started its daemon.
HUNG = r'''#!/bin/sh
case "$1" in
start)	trap '' TERM HUP INT
	/usr/local/sbin/csd hung twice
	sleep 87654 &
	(setsid sh -c 'while :; do sleep 87654; done') &
	echo it hangs
	touch /run/hung.sleeps
	sleep 87654 ;;
stop)	kill "$(cat /run/hung.pid)" ;;
status)	exit 3 ;;
esac
'''


def hung(p, how, **more):
    """Starts a card whose script hangs, and how ends it: its result."""
    a = p.agent
    env = a.card('systemctl start hung; echo never', profile='repair',
                 net='none', write=[], services=[
                     {'unit': 'hung.service', 'verbs': ['start', 'stop']}],
                 **more)
    digest = scripts.owner.digest_of(env)
    a.send('card', env)
    a.approve(digest, a.peer.record('card_received', card=digest))
    # The sign that the script stands where it hangs.
    p.guest.must(['sh', '-c', 'until test -e /run/hung.sleeps; do :; done; '
                  'rm /run/hung.sleeps'])
    if how is not None:
        how(digest)
    return a.peer.record('exec_result', card=digest)


def test_a_script_that_hangs():
    with Place() as p:
        a = p.agent
        a.offers('repair')
        p.guest.script('hung', HUNG)

        def veto(digest):
            p.guest.must(['countersign', 'veto', digest, '--reason', 'test'])

        def lock(_):
            p.guest.must(['countersign', 'lockdown', 'on', '--reason', 'a test'])

        def kill_runner(_):
            got = [pid for pid, parent in p.guest.pids(
                'countersign-runner').items() if parent == 'countersignd']
            checks.equal(len(got), 1, got)
            os.kill(got[0], signal.SIGKILL)

        limits = {'timeout_s': 10, 'output_bytes': 65536, 'memory_mb': 256,
                  'processes': 64}
        for how, outcome, reason in (
                (None, 'timed_out', 'deadline'), (veto, 'killed', 'veto'),
                (kill_runner, 'killed', 'runner_died'),
                (lock, 'killed', 'lockdown')):
            r = hung(p, how, **({'limits': limits} if how is None else {}))
            checks.equal((r['outcome'], r.get('reason')), (outcome, reason),
                         r)
            # Of the script nothing is left, and of its card; the service is.
            checks.equal(p.guest.pids('87654'), {}, outcome)
            pid = p.settled('hung')
            checks.equal([x for x, by in p.guest.pids(
                'countersign-runner').items() if by == 'countersignd'], [])
            os.kill(pid, signal.SIGKILL)
            gone([pid])
            p.guest.must(['rm', '-f', '/run/hung.sleeps'])
        p.guest.must(['countersign', 'lockdown', 'off', '--reason', 'a test'])
        # Both at once: nobody is left to report, and nothing of it stays.
        def kill_both(_):
            gate = [pid for pid, _ in p.guest.pids('countersignd').items()]
            kill_runner(_)
            for pid in gate:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass	# one took the other with it
            gone(gate)
            a.start()

        env = a.card('systemctl start hung; echo never', profile='repair',
                     net='none', write=[], services=[
                         {'unit': 'hung.service', 'verbs': ['start']}])
        digest = scripts.owner.digest_of(env)
        a.send('card', env)
        a.approve(digest, a.peer.record('card_received', card=digest))
        p.guest.must(['sh', '-c', 'until test -e /run/hung.sleeps; '
                      'do :; done'])
        scripted = list(p.guest.pids('87654'))
        checks.true(scripted, 'no script')
        kill_both(digest)
        a.peer.record('exec_interrupted', card=digest)
        gone(scripted)
        p.one('hung')


def test_names_and_verbs():
    """What is not declared, and names that are options or paths elsewhere."""
    with Place() as p:
        a = p.agent
        a.offers('repair')
        for word in ('web-1:a_b@c.d', '0', 'A.service', '_x'):
            p.service(word, 'front')
            r, out, err = p.card('systemctl start %s.service' % word, [word])
            checks.equal(r['exit_code'], 0, repr((word, r, out, err)))
            pid, _ = p.one(word)
            r, out, err = p.card('systemctl stop %s.service' % word, [word])
            checks.equal(r['exit_code'], 0, repr((word, r, out, err)))
            gone([pid])
        # A name that is none of a script, and one that leads elsewhere.
        for word in ('nothere', '..', '.', '...'):
            r, out, err = p.card('systemctl start %s.service' % word, [word])
            checks.true(r['exit_code'] not in (0, 77), repr((word, r, out, err)))
        p.service('other', 'front')
        p.service('web', 'front')
        r, out, err = p.card(
            'systemctl start other; echo "=$?"; systemctl stop web; '
            'echo "=$?"; systemctl daemon-reload x; echo "=$?"; '
            'systemctl start web other; echo "=$?"; '
            'systemctl start ../init.d/other; echo "=$?"; '
            'service other start; echo "=$?"; '
            '/etc/init.d/other start; echo "=$?"', ['web'],
            verbs=['start', 'status'])
        checks.equal(out.split()[:5], [b'=77', b'=77', b'=2', b'=2', b'=77'],
                     (out, err))
        checks.equal((p.daemons('other'), p.daemons('web')), ({}, {}))
        checks.equal(r['detail'].split(';')[0],
                     'service requests: 0 done, 3 refused', r)
        # Written to and restarted is `full`, where nobody can say what the
        # script runs; looking at it is not.
        env = a.card('true', profile='repair', write=['/srv/declared'],
                     services=[{'unit': 'web.service', 'verbs': ['restart']}])
        a.send('card', env)
        checks.equal(a.peer.record('card_refused', card=scripts.owner.digest_of(
            env))['reason'], 'needs_full')


def test_refused_services_are_in_the_result():
    """With a systemd: what was asked for and not declared, and what needs
    `full`, counted in the record of the result."""
    with guest.Guest() as g:
        machine.install(g)
        def unit(name, run):
            with open(g.path('/etc/systemd/system/%s.service' % name), 'w',
                      encoding='ascii') as f:
                f.write('[Service]\nExecStart=%s\n' % run)
            g.must(['systemctl', 'daemon-reload'])

        unit('mine', '/bin/sleep infinity')
        unit('theirs', '/bin/sleep infinity')
        os.makedirs(g.path('/srv/declared'), exist_ok=True)
        with machine.Machine(g, POLICY) as m:
            m.offers('repair')

            def card(command, units, **more):
                return m.result(command, **dict(dict(
                    profile='repair', net='none', read='user', write=[],
                    services=[{'unit': u + '.service',
                               'verbs': ['start', 'status']}
                              for u in units]), **more))

            def active(name):
                return g.run(['systemctl', 'is-active', '-q',
                              name]).returncode == 0

            for command, units, done, refused in (
                    ('systemctl start theirs', ['mine'], 0, 1),
                    ('systemctl stop mine; systemctl restart mine', ['mine'],
                     0, 2),
                    ('systemctl start mine; systemctl start theirs; '
                     'systemctl status mine >/dev/null', ['mine'], 2, 1),
                    # What one may write and start is looked at when asked.
                    ('systemctl start mine', ['mine'], 1, 0)):
                r, out, err = card(command, units)
                checks.equal(r['detail'], 'service requests: %d done, %d '
                             'refused' % (done, refused), repr((r, err)))
                checks.equal(active('theirs'), False, command)
            # It comes to be in a root after the card was taken in.
            env = m.card('systemctl start mine; echo "=$?"; systemctl status '
                         'mine >/dev/null; echo "=$?"', profile='repair',
                         net='none', read='user', write=['/srv/declared'],
                         services=[{'unit': 'mine.service',
                                    'verbs': ['start', 'status']}])
            m.send('card', env)
            digest = scripts.owner.digest_of(env)
            received = m.peer.record('card_received', card=digest)
            g.must(['systemctl', 'stop', 'mine'])
            unit('mine', '/srv/declared/run')
            m.approve(digest, received)
            r = m.peer.record('cancelled', card=digest)
            checks.equal(r['reason'], 'needs_full', r)
            checks.equal(active('mine'), False)
            env = m.card('true', profile='repair', net='none', read='user',
                         write=['/srv/declared'],
                         services=[{'unit': 'mine.service',
                                    'verbs': ['start']}])
            m.send('card', env)
            r = m.peer.record('card_refused',
                              card=scripts.owner.digest_of(env))
            checks.equal(r['reason'], 'needs_full', r)
            checks.true('mine.service' in r['detail'], r)


def test_system_v():
    life(scripts.Scripts)


def test_openrc():
    life(scripts.OpenRC)


if __name__ == '__main__':
    checks.main(globals(), jobs=2)
