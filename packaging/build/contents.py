"""contents.py - what is in a package: files, their places, modes.
SPDX-License-Identifier: Apache-2.0

One list a system. A package format takes the list and adds its own paper.
"""
import gzip
import os
import re
import shutil
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
AGENT = ('countersignd', 'countersign-courier', 'countersign-runner')


class Release:
    """Version, date and sources of what is packed."""

    def __init__(self):
        with open(os.path.join(TOP, 'common/version.h')) as f:
            self.version = re.search(
                r'COUNTERSIGN_VERSION "([0-9.]+)"', f.read()).group(1)
        # The newest entry of the changelog dates everything in a package, so
        # that two builds of one release are the same bytes.
        with open(os.path.join(TOP, 'packaging/changelog')) as f:
            version, self.epoch = f.readline().split()[:2]
        if version != self.version:
            raise SystemExit('packages: packaging/changelog begins with %s, '
                             'and common/version.h says %s' % (
                                 version, self.version))
        self.epoch = int(self.epoch)

    def changes(self):
        """[(version, epoch, [line, …]), …], newest first."""
        out = []
        with open(os.path.join(TOP, 'packaging/changelog')) as f:
            for line in f:
                if line[:1].isdigit():
                    version, epoch = line.split()[:2]
                    out.append((version, int(epoch), []))
                elif line.strip():
                    out[-1][2].append(line.strip())
        return out


def source(path):
    return os.path.join(TOP, path)


def zipped(path):
    with open(path, 'rb') as f:
        return gzip.compress(f.read(), 9, mtime=0)


class File:
    """One file: its place in the package, its mode, and what is in it (a path
    to copy, or bytes)."""

    def __init__(self, place, mode, what, config=False):
        self.place, self.mode, self.what = place, mode, what
        self.config = config

    def read(self):
        if isinstance(self.what, bytes):
            return self.what
        with open(self.what, 'rb') as f:
            return f.read()


def linux(programs):
    """What a Linux package installs; programs: the folder with the built
    ones."""
    def program(name):
        return os.path.join(programs, name)

    out = [
        File('usr/bin/countersign', 0o755, program('countersign')),
        File('usr/sbin/countersignd', 0o755, program('countersignd')),
        File('etc/countersign/agent.json', 0o644,
             source('packaging/agent.json'), config=True),
        File('usr/lib/systemd/system/countersignd.service', 0o644,
             source('packaging/systemd/countersignd.service')),
        File('usr/lib/sysusers.d/countersign.conf', 0o644,
             source('packaging/systemd/countersign.sysusers')),
        File('usr/lib/tmpfiles.d/countersign.conf', 0o644,
             source('packaging/systemd/countersign.tmpfiles')),
        File('usr/share/polkit-1/rules.d/countersign.rules', 0o644,
             source('packaging/polkit/countersign.rules')),
        File('usr/share/bash-completion/completions/countersign', 0o644,
             source('packaging/completions/countersign')),
        File('usr/share/zsh/site-functions/_countersign', 0o644,
             source('packaging/completions/_countersign')),
        File('usr/share/fish/vendor_completions.d/countersign.fish', 0o644,
             source('packaging/completions/countersign.fish')),
        File('usr/share/man/man1/countersign.1.gz', 0o644,
             zipped(source('packaging/man/countersign.1'))),
        File('usr/share/man/man8/countersignd.8.gz', 0o644,
             zipped(source('packaging/man/countersignd.8'))),
    ]
    for name in AGENT[1:]:
        out.append(File('usr/libexec/countersign/' + name, 0o755,
                        program(name)))
    return sorted(out, key=lambda f: f.place)


def lay_out(files, root, epoch):
    """Writes the files below root, all of them with that date."""
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    for f in files:
        path = os.path.join(root, f.place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as out:
            out.write(f.read())
        os.chmod(path, f.mode)
    for at, folders, names in os.walk(root, topdown=False):
        for name in folders:
            os.chmod(os.path.join(at, name), 0o755)
        for name in folders + names:
            os.utime(os.path.join(at, name), (epoch, epoch))
    os.chmod(root, 0o755)
    os.utime(root, (epoch, epoch))


def run(argv, epoch, **more):
    """Runs a packer with everything that could vary held fixed."""
    env = {'PATH': os.environ['PATH'], 'HOME': '/nonexistent', 'LC_ALL': 'C',
           'TZ': 'UTC', 'SOURCE_DATE_EPOCH': str(epoch)}
    r = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       **more)
    if r.returncode != 0:
        raise SystemExit('packages: %s: status %d:\n%s' % (
            argv[0], r.returncode, r.stdout.decode('utf-8', 'replace')))
    return r.stdout
