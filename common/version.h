/*
 * version.h - the version of all programs.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 */
#ifndef COUNTERSIGN_COMMON_VERSION_H
#define COUNTERSIGN_COMMON_VERSION_H

/* major.minor.patch (semver.org), as --version prints it. */
#define COUNTERSIGN_VERSION "0.1.0"

#endif
