#!/usr/bin/python3
# corpus_plan.py - writes the seeds of tests/fuzz/corpus/plan.
# SPDX-License-Identifier: Apache-2.0
#
# Runs in: by hand, when the plan's layout changes (common/plan.c has it).
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def text(s):
    b = s.encode() + b'\0'
    return struct.pack('<I', len(b)) + b


def texts(items):
    return struct.pack('<I', len(items)) + b''.join(map(text, items))


def plan(profile=3, net=3, read=1, survivors=1, flags=1, uid=0, gid=0,
         groups=(), memory=0, processes=0, files=0, fds=0, tmp=0,
         program='/bin/sh', cwd='/', args=('sh', '/proc/self/fd/6'),
         env=('PATH=/bin',), roots=(), masks=(), cgroups=(),
         services=()):
    b = struct.pack('<I', 2) + bytes(range(32))
    b += bytes((profile, net, read, survivors))
    b += struct.pack('<IIII', flags, 0o22, uid, gid)
    b += struct.pack('<I', len(groups))
    b += b''.join(struct.pack('<I', g) for g in groups)
    b += struct.pack('<QIQIQ', memory, processes, files, fds, tmp)
    b += text(program) + text(cwd) + texts(args) + texts(env)
    b += texts(roots) + texts(masks)
    b += struct.pack('<I', len(cgroups))
    for kind, path in cgroups:
        b += bytes((kind,)) + text(path)
    b += struct.pack('<I', len(services))
    for verbs, unit in services:
        b += struct.pack('<I', verbs) + text(unit)
    return b


SEEDS = {
    'full': plan(),
    'full-limits': plan(flags=0x31, memory=1 << 29, processes=64,
                        files=1 << 30, fds=4096,
                        cgroups=((1, '/sys/fs/cgroup/a'),
                                 (2, '/sys/fs/cgroup/memory/a'),
                                 (3, '/sys/fs/cgroup/pids/a'))),
    'observe': plan(profile=1, net=2, flags=5, uid=980, gid=980,
                    groups=(4, 190), tmp=1 << 28,
                    masks=('/var/lib/countersign', '/etc/shadow')),
    'repair': plan(profile=2, net=1, flags=3, survivors=1,
                   roots=('/srv/app', '/opt/x'),
                   services=((4, 'nginx.service'), (31, 'a@b.service'))),
    'repair-unit': plan(profile=2, flags=3, services=((1, 'a.socket'),)),
    'observe-roots': plan(profile=1, uid=1, roots=('/srv',)),
    'keep-argv': plan(survivors=2, flags=0, program='/bin/df',
                      args=('df', '--', '/x'), env=()),
    'unknown-flag': plan(flags=0x40),
    'version': b'\1' + plan()[1:],
    'empty': b'',
}

folder = os.path.join(HERE, 'corpus', 'plan')
os.makedirs(folder, exist_ok=True)
for name, data in SEEDS.items():
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)
