/*
 * probe.h - between the two halves of trying a profile out.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: runner. For platform/linux only.
 */
#ifndef COUNTERSIGN_PLATFORM_LINUX_PROBE_H
#define COUNTERSIGN_PLATFORM_LINUX_PROBE_H

/* The root that `repair` is tried with: there everywhere, and left alone. */
#define PROBE_ROOT "/usr"

/* The namespaces whose names go in, in that order. */
#define PROBE_NAMESPACES 5
#define PROBE_PID 3
extern const char *const probe_namespaces[PROBE_NAMESPACES];

/*
 * Arguments of sandbox_inside(): profile, "root" or "userns", uid, version of
 * Landlock, name of an abstract socket ("" none), and the namespaces' names.
 */
#define PROBE_ARGS (5 + PROBE_NAMESPACES)

#endif
