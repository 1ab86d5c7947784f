"""macpkg.py - the macOS package: a flat component package for installer(8).
SPDX-License-Identifier: Apache-2.0

A XAR with PackageInfo, the bill of materials, the payload and the scripts (cpio
archives of the old portable form, gzipped). It is not signed: who distributes
it signs it (productsign) and has it notarised.
"""
import gzip
import os

import bom
import xar
from contents import AGENT, File, source

HOST = {'macos-arm64': 'arm64', 'macos-x86_64': 'x86_64'}
IDENTIFIER = 'org.countersign.agent'
SUPPORT = 'Library/Application Support/Countersign'


def contents(programs):
    def program(name):
        return os.path.join(programs, name)

    out = [
        File('usr/local/bin/countersign', 0o755, program('countersign')),
        File('usr/local/share/man/man1/countersign.1', 0o644,
             source('packaging/man/countersign.1')),
        File('usr/local/share/man/man8/countersignd.8', 0o644,
             source('packaging/man/countersignd.8')),
        File('usr/local/share/doc/countersign/LICENSE', 0o644,
             source('LICENSE')),
        File('usr/local/share/doc/countersign/NOTICES', 0o644,
             source('packaging/NOTICES')),
        File('usr/local/share/zsh/site-functions/_countersign', 0o644,
             source('packaging/completions/_countersign')),
        File('Library/LaunchDaemons/org.countersign.agent.plist', 0o644,
             source('packaging/macos/org.countersign.agent.plist')),
    ]
    for name in AGENT:
        out.append(File('usr/local/libexec/countersign/' + name, 0o755,
                        program(name)))
    return sorted(out, key=lambda f: f.place)


def entries(files):
    """[(path from '.', mode with type, bytes), …], parents first."""
    out, folders = [('.', 0o040755, b'')], {'.'}
    for f in files:
        parts = ('./' + f.place).split('/')
        for i in range(2, len(parts)):
            folder = '/'.join(parts[:i])
            if folder not in folders:
                folders.add(folder)
                out.append((folder, 0o040755, b''))
        out.append(('./' + f.place, 0o100000 | f.mode, f.read()))
    return out


def cpio(rows, epoch):
    """The "odc" form: octal numbers, each entry after the other."""
    out = []
    rows = rows + [('TRAILER!!!', 0, b'')]
    for i, (path, mode, data) in enumerate(rows):
        name = path.encode() + b'\0'
        last = path == 'TRAILER!!!'
        out.append(b'070707' + b''.join(b'%06o' % v for v in (
            0, 0 if last else i + 1, mode, 0, 0, 1, 0)) + b'%011o%06o%011o' % (
                0 if last else epoch, len(name), len(data)) + name + data)
    return gzip.compress(b''.join(out), 9, mtime=0)


def build(release, target, programs, work, out):
    rows = entries(contents(programs))
    scripts = entries([
        File(name, 0o755, source('packaging/macos/' + name))
        for name in ('preinstall', 'postinstall')])
    size = sum(len(data) for _, _, data in rows)
    # Folders that are there keep their owner and mode: below /usr/local they
    # may be another's (Homebrew).
    info = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<pkg-info format-version="2" identifier="%s" version="%s" '
        'install-location="/" auth="root" overwrite-permissions="false" '
        'postinstall-action="none">\n'
        ' <payload numberOfFiles="%d" installKBytes="%d"/>\n'
        ' <scripts>\n  <preinstall file="./preinstall"/>\n'
        '  <postinstall file="./postinstall"/>\n </scripts>\n'
        '</pkg-info>\n' % (IDENTIFIER, release.version, len(rows),
                           (size + 1023) // 1024))
    materials = bom.build([
        (path, mode, len(data), bom.cksum(data) if mode & 0o100000 else 0,
         release.epoch) for path, mode, data in
        sorted(rows, key=lambda r: (r[0].count('/'), r[0].split('/')))])
    path = os.path.join(out, 'countersign-%s-macos-%s.pkg' % (
        release.version, HOST[target]))
    with open(path, 'wb') as f:
        f.write(xar.build([
            ('Bom', materials), ('PackageInfo', info.encode()),
            ('Payload', cpio(rows, release.epoch)),
            ('Scripts', cpio(scripts, release.epoch))], release.epoch))
    return path
