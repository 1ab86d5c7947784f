"""__main__.py - makes the packages of a release from built programs.
SPDX-License-Identifier: Apache-2.0

    /usr/bin/python3 packaging/build --cross build/cross --out build/packages
                                     [FORMAT-TARGET...]

FORMAT-TARGET is deb-linux-x86_64 and so on; without any, all of them. --cross
is the folder of `make cross`: TARGET/bin/PROGRAM. Two runs over the same
programs give the same bytes, wherever and whenever they are.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import deb						# noqa: E402
import macpkg						# noqa: E402
import msi						# noqa: E402
import rpm						# noqa: E402
import sbom						# noqa: E402
import tarball						# noqa: E402
from contents import Release				# noqa: E402

PACKAGES = (
    ('deb', deb, 'linux-x86_64'), ('deb', deb, 'linux-aarch64'),
    ('rpm', rpm, 'linux-x86_64'), ('rpm', rpm, 'linux-aarch64'),
    ('tar', tarball, 'linux-x86_64'), ('tar', tarball, 'linux-aarch64'),
    ('msi', msi, 'windows-x86_64'),
    ('pkg', macpkg, 'macos-arm64'), ('pkg', macpkg, 'macos-x86_64'),
)


def main():
    p = argparse.ArgumentParser(prog='packaging/build')
    p.add_argument('--cross', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('only', nargs='*', metavar='FORMAT-TARGET')
    a = p.parse_args()
    names = ['%s-%s' % (form, target) for form, _, target in PACKAGES]
    for name in a.only:
        if name not in names:
            p.error('%s: not one of %s' % (name, ' '.join(names)))
    release = Release()
    shutil.rmtree(a.out, ignore_errors=True)
    os.makedirs(a.out)
    made = []
    with tempfile.TemporaryDirectory(prefix='cs-packages-') as work:
        for form, module, target in PACKAGES:
            if a.only and '%s-%s' % (form, target) not in a.only:
                continue
            programs = os.path.join(a.cross, target, 'bin')
            if not os.path.isdir(programs):
                raise SystemExit('packages: %s is not there: make cross '
                                 'TARGETS=%s builds it' % (programs, target))
            made.append(module.build(release, target, programs, work, a.out))
            print('  PACK  %s' % made[-1])
    path = os.path.join(a.out, 'countersign-%s.spdx.json' % release.version)
    with open(path, 'wb') as f:
        f.write(sbom.spdx(release, made))
    made.append(path)
    with open(os.path.join(a.out, 'SHA256SUMS'), 'wb') as f:
        f.write(sbom.checksums(made))


if __name__ == '__main__':
    main()
