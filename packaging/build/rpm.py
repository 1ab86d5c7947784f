"""rpm.py - the RPM package.
SPDX-License-Identifier: Apache-2.0

rpmbuild packs what is built already; the spec's template and its scriptlets
stand in packaging/rpm.
"""
import os
import shutil
import time

from contents import File, lay_out, linux, run, source

ARCHITECTURES = {'linux-x86_64': 'x86_64', 'linux-aarch64': 'aarch64'}
# Nothing of the machine or the moment of the build; and no stripping, build
# ids or byte code: the programs are finished.
MACROS = {
    '_buildhost': 'localhost',
    'use_source_date_epoch_as_buildtime': '1',
    'clamp_mtime_to_source_date_epoch': '1',
    '_build_id_links': 'none',
    '__os_install_post': '%{nil}',
    'debug_package': '%{nil}',
    '_binary_payload': 'w9.gzdio',
    '_binary_filedigest_algorithm': '8',
    '_source_filedigest_algorithm': '8',
}


def changelog(release):
    out = []
    for version, epoch, lines in release.changes():
        day = time.strftime('%a %b %d %Y', time.gmtime(epoch))
        out.append('* %s The Countersign authors <maintainers@countersign.invalid> - %s-1' % (
            day, version))
        out += ['- ' + line for line in lines]
    return '\n'.join(out)


def build(release, target, programs, work, out):
    arch = ARCHITECTURES[target]
    top = os.path.join(work, 'rpm-' + arch)
    shutil.rmtree(top, ignore_errors=True)
    stage = os.path.join(top, 'stage')
    files = linux(programs) + [
        File('usr/share/licenses/countersign/LICENSE', 0o644,
             source('LICENSE')),
        File('usr/share/licenses/countersign/NOTICES', 0o644,
             source('packaging/NOTICES'))]
    lay_out(files, stage, release.epoch)
    listing = []
    for f in files:
        tag = '%config(noreplace) ' if f.config else \
            '%license ' if 'licenses' in f.place else ''
        listing.append('%s%%attr(%o,root,root) /%s' % (tag, f.mode, f.place))
    # Those of the shells are nobody's where a shell is not installed.
    for folder in ('etc/countersign', 'usr/libexec/countersign',
                   'usr/share/licenses/countersign', 'usr/share/zsh',
                   'usr/share/zsh/site-functions', 'usr/share/fish',
                   'usr/share/fish/vendor_completions.d'):
        listing.append('%%dir %%attr(755,root,root) /%s' % folder)
    with open(source('packaging/rpm/countersign.spec')) as f:
        spec = f.read()
    for name, value in (('VERSION', release.version), ('STAGE', stage),
                        ('FILES', '\n'.join(listing)),
                        ('CHANGELOG', changelog(release))):
        spec = spec.replace('@%s@' % name, value)
    path = os.path.join(top, 'countersign.spec')
    with open(path, 'w') as f:
        f.write(spec)
    argv = ['rpmbuild', '-bb', '--quiet', '--target', arch + '-linux',
            '--define', '_topdir ' + top, '--define',
            '_dbpath ' + os.path.join(top, 'db')]
    for name, value in MACROS.items():
        argv += ['--define', '%s %s' % (name, value)]
    run(argv + [path], release.epoch)
    name = 'countersign-%s-1.%s.rpm' % (release.version, arch)
    shutil.copyfile(os.path.join(top, 'RPMS', arch, name),
                    os.path.join(out, name))
    return os.path.join(out, name)
