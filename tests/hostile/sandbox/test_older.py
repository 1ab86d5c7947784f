"""test_older.py - kernels that lack the newer system calls.
SPDX-License-Identifier: Apache-2.0

A filter answers with ENOSYS what came with Linux 5.1 and after: openat2,
open_tree, mount_setattr, clone3, close_range, pidfd_open, Landlock. What runs
below it, this test too, is as on Linux 4.18 (RHEL 8).
"""
import ctypes
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'system', 'lib'))

from countersign import checks, fake			# noqa: E402

FIRST_NEW = 424		# pidfd_send_signal; the same number everywhere
X32 = 0x40000000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
ERRNO_ENOSYS, ALLOW = 0x00050026, 0x7fff0000
HIGH = 200		# a descriptor that somebody left open


def instruction(code, yes, no, k):
    return struct.pack('<HBBI', code, yes, no, k)


def enter():
    """Puts the filter in place, for this process and all below it."""
    program = (instruction(0x20, 0, 0, 0) +
               instruction(0x35, 0, 2, FIRST_NEW) +
               instruction(0x35, 1, 0, X32) +
               instruction(0x06, 0, 0, ERRNO_ENOSYS) +
               instruction(0x06, 0, 0, ALLOW))

    class Program(ctypes.Structure):
        _fields_ = [('n', ctypes.c_ushort), ('code', ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program)
    p = Program(len(program) // 8, ctypes.addressof(code))
    if os.geteuid() != 0:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(p), 0, 0) != 0:
        os._exit(77)


def below(argv, **more):
    r = subprocess.run(
        [sys.executable, os.path.abspath(__file__), '--below'] + argv,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, **more)
    if r.returncode == 77:
        checks.skip('no seccomp')
    return r.stdout.decode('utf-8', 'replace')


STACKED = ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec',
           'mount -t tmpfs lower /mnt; mount -t tmpfs upper /mnt; exec "$@"',
           'sh']


def test_profiles_hold():
    """With a mount under another, which a remount does not meet."""
    if os.geteuid() != 0:
        checks.skip('needs root')
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, 'agent.json')
        with open(config, 'w') as f:
            json.dump({'programs': os.path.join(os.path.abspath(fake.OUT),
                                                'bin')}, f)
        out = below(STACKED + [fake.program('countersignd'), 'selftest',
                               '--config', config])
    wrong = [x for x in out.splitlines() if x.startswith('not ok ')]
    checks.equal(wrong, [], 'does not hold')
    for line in out.splitlines():
        if line.startswith('NOT OFFERED observe: no account'):
            checks.skip('no account')
    checks.true('enforced: profiles=observe,repair,full userns=no landlock=0'
                in out, out[-600:])


def test_descriptors():
    """Of a runner that somebody started with one left open."""
    if os.geteuid() != 0:
        checks.skip('needs root')
    null = os.open('/dev/null', os.O_RDONLY)
    high = os.dup2(null, HIGH, inheritable=True)
    os.close(null)
    try:
        out = below([fake.program('countersign-runner'), '--probe'],
                    pass_fds=[high])
    finally:
        os.close(high)
    checks.true('layer repair descriptors ok\n' in out, out[:300])


if __name__ == '__main__':
    if sys.argv[1:2] == ['--below']:
        enter()
        os.execvp(sys.argv[2], sys.argv[2:])
    checks.main(globals(), jobs=1)
