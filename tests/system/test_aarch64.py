"""test_aarch64.py - the main job with the agent's programs of 64-bit ARM.
SPDX-License-Identifier: Apache-2.0

Gate, courier, runner and operator tool are those of `make cross`, in qemu-user;
console and people are this machine's. What qemu-user does not have is not
shown: system call filters, Landlock, name spaces and control groups of the
payload (sandboxed profiles are then not offered, and cards run as `full`).
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, 'lib'), HERE]

import test_console_agent as job			# noqa: E402
from countersign import checks, fake, owner		# noqa: E402

REAL = os.path.join(os.path.abspath(fake.OUT), 'cross', 'linux-aarch64',
                    'bin')
PROGRAMS = ('countersignd', 'countersign-courier', 'countersign-runner',
            'countersign')
QEMU = shutil.which('qemu-aarch64-static') or shutil.which('qemu-aarch64')
# Set by stage(): why nothing can be run.
lacking = None


def stage():
    """A build folder in which the agent's programs are emulated ones."""
    global lacking
    if os.uname().machine == 'aarch64':
        lacking = 'this machine is one itself'
    elif not os.path.exists(os.path.join(REAL, 'countersignd')):
        lacking = 'not built: make cross'
    elif QEMU is None:
        lacking = 'no qemu-user: scripts/setup cross'
    if lacking is not None:
        return None
    # Where the others are: nobody else may write to a folder above.
    top = tempfile.mkdtemp(prefix='aarch64-', dir=fake.OUT)
    os.chmod(top, 0o755)
    for name in ('bin', 'real'):
        os.mkdir(os.path.join(top, name), 0o755)
    first = os.path.join(top, 'bin', PROGRAMS[0])
    subprocess.run(
        [os.environ.get('CC', 'cc'), '-O1', '-DEMULATOR="%s"' % QEMU, '-o',
         first, os.path.join(HERE, 'lib', 'emulated.c')], check=True)
    for name in PROGRAMS:
        shutil.copy(os.path.join(REAL, name), os.path.join(top, 'real', name))
        if name != PROGRAMS[0]:
            shutil.copy(first, os.path.join(top, 'bin', name))
    shutil.copy(fake.program('countersign-console'),
                os.path.join(top, 'bin'))
    fake.OUT = top
    return top


def needed():
    if lacking is not None:
        checks.skip(lacking)


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, timeout=fake.LIMIT,
                          stdin=subprocess.DEVNULL, **more)


def test_programs_are_of_that_processor():
    needed()
    for name in PROGRAMS:
        with open(os.path.join(REAL, name), 'rb') as f:
            head = f.read(20)
        checks.equal(head[:4], b'\x7fELF', name)
        checks.equal(head[18:20], b'\xb7\x00', name + ' is for')  # EM_AARCH64
        r = run(fake.program(name), '--version')
        checks.equal(r.returncode, 0, r.stderr)
        checks.true(r.stdout.startswith(name.encode() + b' '), r.stdout)


def test_propose_approve_run_verify():
    needed()
    job.test_propose_approve_run_verify()


def test_says_what_it_is():
    needed()
    with job.office() as (k, a):
        digest, pending = job.propose(k, a, 'echo one')
        job.approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            checks.equal(job.output(events)[0], b'one\n')
        r = a.cli('status', '--json', '--socket',
                  os.path.join(a.dir, 'gate.sock'))
        checks.equal(r.returncode, 0, r.stderr.decode())
        d = k.c.get('/v1/devices/' + a.id)
        checks.true('aarch64' in str(d), 'the processor in %r' % d)


def test_output_of_some_size_arrives_whole():
    needed()
    with job.office() as (k, a):
        digest, pending = job.propose(k, a, 'seq 1 200000')
        job.approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            out, end = job.output(events)
        want = ''.join('%d\n' % i for i in range(1, 200001)).encode()
        checks.equal(out == want, True, 'the same bytes')
        checks.equal(end['state'], 'finished')
        job.audit(k, a)


def test_the_agent_dies_and_comes_back():
    needed()
    job.test_an_agent_that_dies_while_a_command_runs()


def test_the_console_dies_and_comes_back():
    needed()
    job.test_a_console_that_dies_while_a_command_runs()


def test_a_restart_keeps_what_waits():
    needed()
    with job.office() as (k, a):
        digest, pending = job.propose(k, a, 'echo kept')
        a.stop()
        a.start()
        job.approve(k, a, digest, pending)
        with k.c.events(digest) as events:
            out, end = job.output(events)
        checks.equal((out, end['state']), (b'kept\n', 'finished'))
        job.audit(k, a)


def test_denied_vetoed_withdrawn():
    needed()
    job.test_denied_vetoed_withdrawn()


if __name__ == '__main__':
    folder = stage()
    try:
        checks.main(globals(), jobs=4)
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
