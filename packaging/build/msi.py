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
TEXTS = (('LICENSE.txt', 'LICENSE'), ('NOTICES.txt', 'packaging/NOTICES'))
# What wixl cannot say, in the order in which it is done.
QUERIES = (
    # What an unprivileged msiexec may hand to the installing service.
    "UPDATE `Property` SET `Value` = 'ENROLTOKEN;ROOTPIN;PURGE;"
    "WIX_UPGRADE_DETECTED;WIX_DOWNGRADE_DETECTED' "
    "WHERE `Property` = 'SecureCustomProperties'",
    # With the type that the event log wants (REG_EXPAND_SZ).
    "UPDATE `Registry` SET `Value` = '#%[#countersignd.exe]' "
    "WHERE `Name` = 'EventMessageFile'",
    # The older package goes first, within the same transaction: a failure
    # puts it back. (wixl has it after the end.)
    "UPDATE `InstallExecuteSequence` SET `Sequence` = 1501 "
    "WHERE `Action` = 'RemoveExistingProducts'",
    # Programs by their path (34), deferred (1024), as the installing service
    # (2048), their failure ignored (64); the second in a rollback (256).
    # StopServices would wait for half a minute only: the card that runs comes
    # to its end.
    "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) "
    "VALUES ('StopInPeace', 3170, 'TARGETDIR', "
    "'\"[System64Folder]net.exe\" stop Countersign')",
    "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) "
    "VALUES ('StopInPeace', 'REMOVE=\"ALL\"', 1850)",
    "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) "
    "VALUES ('StartAfterAll', 3426, 'TARGETDIR', "
    "'\"[System64Folder]net.exe\" start Countersign')",
    "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) "
    "VALUES ('StartAfterAll', 'REMOVE=\"ALL\"', 1840)",
    # Keys and journal. rd takes a link away and not what it points to.
    "INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) "
    "VALUES ('Purge', 3170, 'TARGETDIR', '\"[System64Folder]cmd.exe\" /d /c "
    "rd /s /q \"[CommonAppDataFolder]Countersign\"')",
    "INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) "
    "VALUES ('Purge', 'PURGE AND REMOVE=\"ALL\" AND NOT "
    "UPGRADINGPRODUCTCODE', 3600)",
)


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
    for name, path in TEXTS:
        with open(source(path)) as f:
            data = f.read().replace('\n', '\r\n').encode()
        path = os.path.join(folder, name)
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
    for query in QUERIES:
        run(['msibuild', path, '-q', query], release.epoch)
    settle(path, release.epoch,
           identity('package', release.version, seal.hexdigest()))
    return path
