"""test_cross.py - what `make cross` has built, as files.
SPDX-License-Identifier: Apache-2.0

The right processor and system, no more libraries than the system's own, the
protections in the headers, nothing of the folder that it was built in, and
sizes. A target that is not built is skipped.
"""
import hashlib
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))

from countersign import checks, fake			# noqa: E402

CROSS = os.path.join(os.path.abspath(fake.OUT), 'cross')
AGENT = ('countersignd', 'countersign-courier', 'countersign-runner')
PROGRAMS = AGENT + ('countersign',)
MB = 1000 * 1000
# Of the agent's three programs together.
LIMITS = {'linux-x86_64': 2 * MB, 'linux-aarch64': 2 * MB,
          'windows-x86_64': 3 * MB, 'macos-arm64': 3 * MB,
          'macos-x86_64': 3 * MB}

# Windows' own libraries, all in System32 of every version from 10 on.
DLLS = {'kernel32.dll', 'advapi32.dll', 'user32.dll', 'msvcrt.dll',
        'ws2_32.dll', 'iphlpapi.dll', 'userenv.dll', 'dbghelp.dll',
        'ole32.dll', 'shell32.dll', 'bcrypt.dll', 'crypt32.dll', 'psapi.dll',
        'ntdll.dll', 'wtsapi32.dll', 'rpcrt4.dll'}

sizes = []	# lines to print at the end


def programs(target):
    """{name: bytes} of the target, or a skip."""
    folder = os.path.join(CROSS, target, 'bin')
    suffix = '.exe' if target.startswith('windows') else ''
    out = {}
    for name in PROGRAMS:
        try:
            with open(os.path.join(folder, name + suffix), 'rb') as f:
                out[name] = f.read()
        except FileNotFoundError:
            checks.skip('not built: make cross TARGETS=' + target)
    return out


def common(target):
    """What holds of every target; its programs."""
    found = programs(target)
    three = sum(len(found[name]) for name in AGENT)
    sizes.append('# %s: %s; the agent\'s three %d' % (target, ', '.join(
        '%s %d' % (name, len(found[name])) for name in PROGRAMS), three))
    checks.true(three <= LIMITS[target], 'the three have %d bytes' % three)
    for name, data in found.items():
        for word in (fake.ROOT.encode() + b'/', CROSS.encode(), b'/.cache/',
                     b'countersign-deps'):
            checks.true(word not in data, '%s names %r' % (name, word))
    return found


# ---- ELF ----

def elf(data):
    """(machine, [(type, flags)], {dynamic tag: value}, section names)"""
    checks.equal(data[:6], b'\x7fELF\x02\x01', 'the head')
    kind, machine = struct.unpack_from('<HH', data, 16)
    checks.equal(kind, 3, 'the kind: ET_DYN, position independent:')
    at, sections = struct.unpack_from('<QQ', data, 32)
    size, n = struct.unpack_from('<HH', data, 54)
    segments, dynamic = [], {}
    for i in range(n):
        t, flags, where, _, _, length = struct.unpack_from(
            '<IIQQQQ', data, at + i * size)
        segments.append((t, flags))
        if t == 2:					# PT_DYNAMIC
            for k in range(where, where + length, 16):
                tag, value = struct.unpack_from('<QQ', data, k)
                dynamic.setdefault(tag, value)
    size, n, strings = struct.unpack_from('<HHH', data, 58)
    heads = [struct.unpack_from('<IIQQQQ', data, sections + i * size)
             for i in range(n)]
    names = [data[heads[strings][4] + h[0]:].split(b'\0', 1)[0]
             for h in heads]
    return machine, segments, dynamic, names


def linux(target, machine):
    for name, data in common(target).items():
        found, segments, dynamic, sections = elf(data)
        checks.equal(found, machine, name)
        types = [t for t, _ in segments]
        checks.true(3 not in types, name + ' wants an interpreter')
        checks.true(1 not in dynamic, name + ' wants a library')
        checks.true(0x6474e552 in types, name + ' has no RELRO')
        flags = dict(segments)
        checks.equal(flags.get(0x6474e551, 7) & 1, 0,
                     name + ': the stack is executable:')
        checks.true(not any(t == 1 and f & 3 == 3 for t, f in segments),
                    name + ' has memory to write and to execute')
        # DT_TEXTREL, and DF_TEXTREL of DT_FLAGS.
        checks.true(22 not in dynamic and not dynamic.get(30, 0) & 4,
                    name + ' writes into its code to load it')
        checks.true(b'.symtab' not in sections, name + ' is not stripped')


def test_linux_x86_64():
    linux('linux-x86_64', 62)				# EM_X86_64


def test_linux_aarch64():
    linux('linux-aarch64', 183)				# EM_AARCH64


# ---- PE ----

def pe(data):
    """(machine, characteristics, time, imported libraries)"""
    checks.equal(data[:2], b'MZ', 'the head')
    at = struct.unpack_from('<I', data, 60)[0]
    checks.equal(data[at:at + 4], b'PE\0\0', 'the head')
    machine, n, time = struct.unpack_from('<HHI', data, at + 4)
    optional, _ = struct.unpack_from('<HH', data, at + 20)
    top = at + 24
    checks.equal(struct.unpack_from('<H', data, top)[0], 0x20b, 'PE32+')
    character = struct.unpack_from('<H', data, top + 70)[0]
    imports = struct.unpack_from('<I', data, top + 112 + 8)[0]
    sections = [struct.unpack_from('<IIII', data, top + optional + i * 40 + 8)
                for i in range(n)]

    def offset(rva):
        for size, start, raw, where in sections:
            if start <= rva < start + max(size, raw):
                return rva - start + where
        raise AssertionError('no section at %x' % rva)

    libraries, k = set(), offset(imports)
    while True:
        name = struct.unpack_from('<IIIII', data, k)[3]
        if name == 0:
            break
        libraries.add(data[offset(name):].split(b'\0', 1)[0].decode().lower())
        k += 20
    return machine, character, time, libraries


def test_windows_x86_64():
    for name, data in common('windows-x86_64').items():
        machine, character, time, libraries = pe(data)
        checks.equal(machine, 0x8664, name)
        # HIGH_ENTROPY_VA, DYNAMIC_BASE, NX_COMPAT
        checks.equal(character & 0x160, 0x160, name)
        checks.equal(time, 0, name + ': the time of linking')
        checks.equal(libraries - DLLS, set(), name + ': libraries')


# ---- Mach-O ----

def macho(data):
    """(processor, flags, [(command, its bytes)])"""
    magic, cpu, _, kind, n, _, flags, _ = struct.unpack_from('<8I', data)
    checks.equal((magic, kind), (0xfeedfacf, 2), 'the head')
    commands, at = [], 32
    for _ in range(n):
        command, size = struct.unpack_from('<II', data, at)
        commands.append((command, data[at:at + size]))
        at += size
    return cpu, flags, commands


def check_signature(data, commands):
    """arm64 runs nothing without a signature, be it an ad-hoc one, and kills
    what has a page that its hash is not of."""
    at = [struct.unpack_from('<II', c, 8) for k, c in commands if k == 0x1d]
    checks.equal(len(at), 1, 'signatures')
    start, size = at[0]
    checks.equal(start + size, len(data), 'the end of the signature')
    ends = [struct.unpack_from('<QQ', c, 40) for k, c in commands
            if k == 0x19 and c[8:24].rstrip(b'\0') == b'__LINKEDIT']
    checks.equal([sum(e) for e in ends], [len(data)], 'the end of __LINKEDIT')
    magic, length, n = struct.unpack_from('>III', data, start)
    checks.equal(magic, 0xfade0cc0, 'not a SuperBlob')
    checks.true(length <= size, 'length')
    blobs = dict(struct.unpack_from('>II', data, start + 12 + 8 * i)
                 for i in range(n))
    d = start + blobs[0]				# CodeDirectory
    magic, _, version, flags, hashes, _, _, slots, limit, hsize, htype, _, \
        page = struct.unpack_from('>9I4B', data, d)
    checks.equal((magic, hsize, htype, limit), (0xfade0c02, 32, 2, start))
    checks.true(version >= 0x20400 and flags & 2, 'not ad hoc')
    # The segment that is executed, of a main program.
    text = [struct.unpack_from('<QQ', c, 40) for k, c in commands
            if k == 0x19 and c[8:24].rstrip(b'\0') == b'__TEXT'][0]
    checks.equal(struct.unpack_from('>QQQ', data, d + 64), text + (1,))
    checks.equal(slots, (limit + (1 << page) - 1) >> page, 'slots')
    for i in range(slots):
        checks.equal(data[d + hashes + 32 * i:d + hashes + 32 * i + 32],
                     hashlib.sha256(data[i << page:min(
                         (i + 1) << page, limit)]).digest(), 'page %d' % i)


def macos(target, processor):
    for name, data in common(target).items():
        cpu, flags, commands = macho(data)
        checks.equal(cpu, processor, name)
        checks.true(flags & 0x200000, name + ' is not MH_PIE')
        libraries = [c[24:].split(b'\0', 1)[0] for k, c in commands
                     if k in (0xc, 0x80000018)]
        checks.equal(libraries, [b'/usr/lib/libSystem.B.dylib'], name)
        if processor == 0x100000c:
            check_signature(data, commands)
        # LC_BUILD_VERSION: the platform and the oldest version it runs on.
        least = [struct.unpack_from('<II', c, 8) for k, c in commands
                 if k == 0x32]
        checks.equal(least, [(1, 11 << 16)], name + ': least version')


def test_macos_arm64():
    macos('macos-arm64', 0x100000c)


def test_macos_x86_64():
    macos('macos-x86_64', 0x1000007)


if __name__ == '__main__':
    try:
        checks.main(globals(), jobs=1)
    finally:
        print('\n'.join(sizes))
