"""msi.py - the Windows Installer package, by wixl.
SPDX-License-Identifier: Apache-2.0

The descriptor is packaging/windows/countersign.wxs. Identities that wixl would
make up anew at each run (component and package codes) are derived from the
content, and the times in the summary are the release's.
"""
import hashlib
import os
import struct
import uuid

from contents import AGENT, run, source

SPACE = uuid.UUID('6d1f1d0e-6a0e-5d0b-9a57-0d9f0c6f8c11')
PROGRAMS = AGENT + ('countersign',)
SECURE = ("UPDATE `Property` SET `Value` = 'ENROLTOKEN;ROOTPIN;"
          "WIX_UPGRADE_DETECTED;WIX_DOWNGRADE_DETECTED' "
          "WHERE `Property` = 'SecureCustomProperties'")


def identity(*parts):
    return str(uuid.uuid5(SPACE, '/'.join(parts))).upper()


def filetime(epoch):
    return struct.pack('<Q', (epoch + 11644473600) * 10000000)


def settle(path, epoch, code):
    """Gives every time in the file's summary that date, and the package that
    code: wixl takes the clock and a random number. Same lengths throughout."""
    with open(path, 'rb') as f:
        data = bytearray(f.read())
    at = summary = 0
    # A property set (MS-OLEPS) begins with these bytes, and holds VT_FILETIME
    # (64) values; the summary is the only one in an MSI.
    mark = b'\xfe\xff\x00\x00'
    form = bytes.fromhex('e0859ff2f94f6810ab9108002b27b3d9')
    while (at := data.find(mark, at)) >= 0:
        if data[at + 28:at + 44] == form:
            summary += 1
            start = at + struct.unpack_from('<I', data, at + 44)[0]
            n = struct.unpack_from('<I', data, start + 4)[0]
            for i in range(n):
                where = start + struct.unpack_from(
                    '<I', data, start + 12 + 8 * i)[0]
                kind = struct.unpack_from('<I', data, where)[0]
                if kind == 64:
                    data[where + 4:where + 12] = filetime(epoch)
                elif kind == 30 and struct.unpack_from(
                        '<I', data, start + 8 + 8 * i)[0] == 9:
                    data[where + 8:where + 46] = (
                        '{%s}' % code).encode()
        at += 4
    if summary != 1:
        raise SystemExit('packages: %s has %d summaries' % (path, summary))
    with open(path, 'wb') as f:
        f.write(data)


def build(release, target, programs, work, out):
    folder = os.path.join(work, 'msi')
    os.makedirs(folder, exist_ok=True)
    seal = hashlib.sha256()
    argv = ['wixl', '-a', 'x64', '-D', 'Version=' + release.version,
            '-D', 'ProductCode=' + identity('product', release.version)]
    for name in PROGRAMS:
        path = os.path.join(folder, name + '.exe')
        with open(os.path.join(programs, name + '.exe'), 'rb') as f:
            data = f.read()
        with open(path, 'wb') as f:
            f.write(data)
        os.utime(path, (release.epoch, release.epoch))
        seal.update(hashlib.sha256(data).digest())
    with open(source('packaging/windows/countersign.wxs')) as f:
        text = f.read()
    seal.update(text.encode())
    descriptor = os.path.join(folder, 'countersign.wxs')
    with open(descriptor, 'w') as f:
        f.write(text)
    path = os.path.join(out, 'countersign-%s-windows-x86_64.msi' %
                        release.version)
    run(argv + ['-o', os.path.abspath(path), os.path.basename(descriptor)],
        release.epoch, cwd=folder)
    # What an unprivileged msiexec may hand to the installing service.
    run(['msibuild', path, '-q', SECURE], release.epoch)
    settle(path, release.epoch,
           identity('package', release.version, seal.hexdigest()))
    return path
