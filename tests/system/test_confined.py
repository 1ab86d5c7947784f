"""test_confined.py - the agent's own processes, as the kernel shows them.
SPDX-License-Identifier: Apache-2.0

The starter has all rights and does little; the gate decides and has few; the
courier has none. tests/unit/test_guard.c tries what the gate can still do, and
test_starter.c what whoever has taken it over can ask for.
"""
import os
import pwd
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from countersign import checks, control, fake			# noqa: E402
from countersign.agent import Agent				# noqa: E402

# CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID, IPC_LOCK: itself; what it
# starts as root has all again.
STARTER = 0x40eb
# CAP_KILL, CAP_IPC_LOCK, and CAP_DAC_OVERRIDE for a topmost control group.
GATE = 1 << 5 | 1 << 14
OVERRIDE = 1 << 1


def status(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return dict((k, v.strip()) for k, v in
                    (x.split(':', 1) for x in f if ':' in x))


def need(a):
    """What confines at all here; else there is nothing to see."""
    if os.geteuid() != 0:
        checks.skip('needs root')
    holds = control.status(a.socket)['gate']
    if not holds['seccomp']:
        checks.skip('this kernel (or emulator) has no seccomp')
    return holds


def test_each_process_has_what_it_needs():
    with Agent() as a:
        holds = need(a)
        all_ = int(status(os.getpid())['CapEff'], 16)
        starter, gate = status(a.gate.pid), status(a.gate_pid())
        courier = status(a.children('countersign-courier')[0])
        checks.equal((starter['NoNewPrivs'], starter['Seccomp'],
                      int(starter['CapEff'], 16)), ('0', '0', all_ & STARTER))
        checks.equal(starter['CapBnd'], status(os.getpid())['CapBnd'])
        checks.equal((gate['NoNewPrivs'], gate['Seccomp']), ('1', '2'))
        checks.equal(int(gate['CapEff'], 16) & ~(GATE | OVERRIDE), 0)
        checks.equal(gate['CapEff'], gate['CapPrm'])
        checks.equal(int(gate['CapInh'], 16), 0)
        checks.equal((courier['NoNewPrivs'], courier['Seccomp'],
                      int(courier['CapEff'], 16)), ('1', '2', 0))
        checks.equal(courier['Uid'].split(),
                     [str(pwd.getpwnam('nobody').pw_uid)] * 4)
        for what in (starter, gate):
            checks.equal(what['Uid'].split(), ['0'] * 4)
            checks.equal(what['Threads'], '1')
        checks.equal(gate['PPid'], str(a.gate.pid))
        for what in ('starter', 'capabilities', 'no_new_privs'):
            checks.true(holds[what] is True, what)


def sockets(pid):
    """The inodes of its sockets."""
    out = set()
    for fd in os.listdir('/proc/%d/fd' % pid):
        try:
            link = os.readlink('/proc/%d/fd/%s' % (pid, fd))
        except FileNotFoundError:
            continue
        if link.startswith('socket:['):
            out.add(link[8:-1])
    return out


def test_only_the_courier_is_on_the_network():
    with Agent() as a:
        need(a)
        mine = {}
        for name in ('tcp', 'tcp6', 'udp', 'udp6'):
            with open('/proc/net/' + name, encoding='ascii') as f:
                for line in f.readlines()[1:]:
                    mine[line.split()[9]] = line
        courier, = a.children('countersign-courier')
        checks.true(sockets(courier) & set(mine), 'no connection')
        for pid in (a.gate.pid, a.gate_pid()):
            checks.equal([mine[i] for i in sockets(pid) if i in mine], [])
        # The starter: its gate, and nothing to read of anybody else.
        checks.equal(len(sockets(a.gate.pid)), 1)


def test_what_runs_is_not_confined_with_it():
    """A card of profile full has what root has."""
    with Agent() as a:
        need(a)
        d, r = a.run("grep -E '^(CapEff|NoNewPrivs|Seccomp):'"
                     " /proc/self/status")
        a.peer.wait(lambda: b'Seccomp' in a.peer.transcript(d)[0], 'output')
        said = dict(x.split(':') for x in
                    a.peer.transcript(d)[0].decode().splitlines())
        checks.equal(r['exit_code'], 0)
        checks.equal({k: v.strip() for k, v in said.items()},
                     {k: status(os.getpid())[k] for k in
                      ('CapEff', 'NoNewPrivs', 'Seccomp')})


def test_after_a_renewal_too():
    with Agent() as a:
        need(a)
        old, n = a.gate_pid(), a.peer.connections
        a.gate.send_signal(signal.SIGHUP)
        a.peer.wait(lambda: a.peer.connections > n, 'new connection')
        checks.equal(a.gate.poll(), None, 'the main process')
        checks.true(a.gate_pid() != old, 'the same gate')
        checks.equal(status(a.gate_pid())['Seccomp'], '2')
        checks.equal(status(a.gate.pid)['Seccomp'], '0')
        checks.equal(status(a.gate.pid)['Name'], 'countersignd')
        checks.equal(a.run('true')[1]['exit_code'], 0)
        checks.equal(a.signal(signal.SIGTERM), 0)


def test_a_terminals_interrupt_comes_once():
    """It goes to all of a group; a second one would stop the card."""
    with Agent() as a:
        a.stop()
        n = a.peer.connections
        a.gate = subprocess.Popen(
            [a.program('countersignd'), '--config', a.config],
            stdin=subprocess.DEVNULL, stdout=a.log, stderr=a.log,
            start_new_session=True)
        a.peer.wait(lambda: a.peer.connections > n, 'connection')
        fifo = a.marker()
        os.mkfifo(fifo)
        d, got = a.pending('read x < %s' % fifo)
        a.approve(d, got)
        a.peer.record('exec_started', card=d)
        os.killpg(a.gate.pid, signal.SIGINT)
        a.peer.wait(lambda: 'stopping' in a.read_log(), 'stop')
        with open(fifo, 'w', encoding='ascii') as f:
            f.write('go\n')
        checks.equal(a.gate.wait(60), 0)
        a.start()
        r = a.peer.record('exec_result', card=d)
        checks.equal((r['outcome'], r['exit_code']), ('finished', 0))


def test_selftest_says_what_holds():
    with Agent() as a:
        need(a)
        a.stop()
        r = subprocess.run([fake.program('countersignd'), 'selftest',
                            '--config', a.config], stdout=subprocess.PIPE,
                           check=False)
    line = [x for x in r.stdout.decode().splitlines()
            if x.startswith('gate: ')]
    checks.equal(len(line), 1, r.stdout.decode())
    for word in ('starter=yes', 'capabilities=few', 'no_new_privs=yes',
                 'seccomp=yes'):
        checks.true(word in line[0], line[0])


if __name__ == '__main__':
    checks.main(globals(), jobs=4)
