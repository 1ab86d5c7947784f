"""deb.py - the Debian package.
SPDX-License-Identifier: Apache-2.0

dpkg-deb packs; the control files stand in packaging/debian.
"""
import email.utils
import gzip
import hashlib
import os

from contents import File, lay_out, linux, run, source

ARCHITECTURES = {'linux-x86_64': 'amd64', 'linux-aarch64': 'arm64'}
SCRIPTS = ('postinst', 'prerm', 'postrm')


def changelog(release):
    out = []
    for version, epoch, lines in release.changes():
        out.append('countersign (%s) stable; urgency=medium\n' % version)
        out += ['  * ' + line for line in lines]
        out.append('\n -- The Countersign authors <maintainers@countersign.invalid>  %s\n' %
                   email.utils.formatdate(epoch))
    return '\n'.join(out).encode()


def build(release, target, programs, work, out):
    arch = ARCHITECTURES[target]
    root = os.path.join(work, 'deb-' + arch)
    files = linux(programs) + [
        File('usr/share/doc/countersign/copyright', 0o644,
             source('packaging/debian/copyright')),
        File('usr/share/doc/countersign/NOTICES', 0o644,
             source('packaging/NOTICES')),
        File('usr/share/lintian/overrides/countersign', 0o644,
             source('packaging/debian/lintian-overrides')),
        File('usr/share/doc/countersign/changelog.gz', 0o644,
             gzip.compress(changelog(release), 9, mtime=0)),
    ]
    for f in files:
        # Debian's zsh looks there for what packages bring.
        f.place = f.place.replace('zsh/site-functions',
                                  'zsh/vendor-completions')
    size = sum((len(f.read()) + 1023) // 1024 for f in files)
    with open(source('packaging/debian/control')) as f:
        control = f.read() % {'version': release.version, 'arch': arch,
                              'size': size}
    paper = [
        File('DEBIAN/control', 0o644, control.encode()),
        File('DEBIAN/conffiles', 0o644, ''.join(
            '/%s\n' % f.place for f in files if f.config).encode()),
        File('DEBIAN/md5sums', 0o644, ''.join('%s  %s\n' % (
            hashlib.md5(f.read()).hexdigest(), f.place)
            for f in files if not f.config).encode()),
    ] + [File('DEBIAN/' + s, 0o755, source('packaging/debian/' + s))
         for s in SCRIPTS]
    lay_out(files + paper, root, release.epoch)
    path = os.path.join(out, 'countersign_%s_%s.deb' % (release.version,
                                                        arch))
    run(['dpkg-deb', '--root-owner-group', '-Zxz', '-z9',
         '--threads-max=1', '--build', root, path], release.epoch)
    return path
