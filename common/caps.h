/*
 * caps.h - every limit on what a peer or a file may make this program hold.
 * SPDX-License-Identifier: Apache-2.0
 * Runs in: every process.
 *
 * A size that somebody else controls is compared with one of these before
 * memory is taken for it. Each stands with its reason; PROTOCOL.md repeats
 * those that another console or approver has to keep to. Sizes are bytes and
 * times are seconds unless the name says otherwise.
 */
#ifndef COUNTERSIGN_COMMON_CAPS_H
#define COUNTERSIGN_COMMON_CAPS_H

#include <stddef.h>
#include <stdint.h>

#define CAP_KIB(n) ((size_t)(n) << 10)
#define CAP_MIB(n) ((size_t)(n) << 20)

/* ---- payloads and records ---- */

/* One journal record: holds an approval with its proof as base64, and room. */
#define CAP_RECORD CAP_KIB(32)
/* A card: 8,192 units of command at 3 bytes each, and the rest. */
#define CAP_CARD CAP_KIB(32)
/* An approval or cancel, and apart from it its proof: both fit a record. */
#define CAP_APPROVAL CAP_KIB(16)
/* The payload alone, without the proof: small fixed fields and a reason. */
#define CAP_APPROVAL_PAYLOAD CAP_KIB(8)
/* A trust file: some thousands of people, or policies with long scripts. */
#define CAP_TRUST CAP_MIB(4)

/* ---- a card's parts ---- */

/* A person has to read what they approve; fits every system's command line. */
#define CAP_COMMAND_UNITS 8192	/* UTF-16 code units */
/* cmd.exe takes 8,191 with its own words. */
#define CAP_CMD_UNITS 8000
/* Plain language that is read, not skimmed. Characters. */
#define CAP_DESCRIPTION 2000
/* Paths: Linux PATH_MAX without the NUL. */
#define CAP_PATH 4095
/* Folders and units of one action: more is not one action. */
#define CAP_WRITE_ROOTS 32
#define CAP_SERVICES 32
/* systemd's UNIT_NAME_MAX is 256 with the NUL. */
#define CAP_UNIT_NAME 255
/* Cards that one waits for. */
#define CAP_AFTER 16
/* RFC 5321: a mail address. Characters of `requester`, too. */
#define CAP_MAIL 254
/* What ticket systems use, rounded up. Characters. */
#define CAP_TICKET_ID 128
#define CAP_URL 2048

/* What an action may ask for, least and most. */
#define CAP_TIMEOUT_MIN 1
#define CAP_TIMEOUT_MAX 3600	/* an hour: longer work is a service */
#define CAP_MEMORY_MB_MIN 8	/* less starts no shell */
#define CAP_MEMORY_MB_MAX 1048576
#define CAP_PROCESSES_MIN 1
#define CAP_PROCESSES_MAX 32768	/* the usual pid_max */
#define CAP_OUTPUT_MIN 1024	/* room for an error message */
#define CAP_OUTPUT_MAX (INT64_C(1) << 30)

/* ---- arguments of named tools ---- */

#define CAP_ARGS 32		/* of one tool, and elements of its argv */
#define CAP_ARGV 64
#define CAP_ARG_NAME 32		/* [a-z][a-z0-9_]{0,31} */
#define CAP_ARG_WORD 255	/* characters of a `word` or `enum` value */
#define CAP_ARG_TEXT 4096	/* characters of a `text` */
#define CAP_ARG_VALUES 256	/* values of an `enum` */

/* ---- approvals ---- */

#define CAP_REASON 500		/* characters of a reason that a person gives */
#define CAP_DEVICE_NONCE 16	/* exactly this many bytes */
/* How long an approval may live; protocol.md section 3. */
#define CAP_APPROVAL_TTL_MIN 300
#define CAP_APPROVAL_TTL_MAX 86400
#define CAP_APPROVAL_TTL_DEFAULT 900

/* ---- trust files ---- */

#define CAP_VERSION INT64_C(9007199254740991)	/* 2^53 - 1 */
#define CAP_ROOT_KEYS 64	/* of one role in a root file */
#define CAP_WITNESSES 16
#define CAP_NAME 200		/* characters of a name that people see */
#define CAP_PERSONS 4096
#define CAP_PERSON_KEYS 16
#define CAP_REQUESTERS 20000	/* staff of a customer, not only approvers */
#define CAP_MAILS 16
#define CAP_REVOKED 16384	/* keys */
#define CAP_GROUPS 64		/* of a device, or named in one rule */
#define CAP_TOOLS 1024
#define CAP_OVERRIDES 256
#define CAP_LIST 4096		/* ids in a list of approvers or proposers */
#define CAP_REPAIR_WRITE 256	/* entries, and roots of one entry */
/* A named tool's script; a person signs it, once. */
#define CAP_SCRIPT CAP_KIB(256)

/* How long trust files may live. */
#define CAP_LIFE_ROOT (INT64_C(400) * 86400)
#define CAP_LIFE_PEOPLE (INT64_C(30) * 86400)
#define CAP_LIFE_POLICY (INT64_C(30) * 86400)
#define CAP_LIFE_DEVICE (INT64_C(400) * 86400)
#define CAP_LIFE_TIMESTAMP (INT64_C(72) * 3600)

/*
 * Keys tried, at some 50 microseconds each, on an envelope whose key id names
 * none of them: enough for an org's approvers, no more than 13 ms of work for
 * somebody who sends nonsense.
 */
#define CAP_BLIND_TRIES 256

/* ---- time ---- */

/* A clock that is off by less is believed. */
#define CAP_CLOCK_SKEW 300
/* A card's `expires` after its `created`. */
#define CAP_CARD_LIFE 86400
/* Running time after `expires` for which a card's digest is remembered. */
#define CAP_DIGEST_MEMORY 300

/* ---- queue and rates ---- */

#define CAP_PENDING 10000
#define CAP_PENDING_PER_PROPOSER 200
/* Unverified input makes at most this many records a minute. */
#define CAP_REFUSALS_PER_MINUTE 20
/* The most a tool may be run in an hour. */
#define CAP_RATE_PER_H 3600

/* ---- what is kept ---- */

#define CAP_RETENTION_DAYS_MIN 90
#define CAP_RETENTION_DAYS_MAX 36500
#define CAP_RETENTION_DAYS_DEFAULT 400
#define CAP_TRANSCRIPT_DAYS_MAX 3650
#define CAP_TRANSCRIPT_DAYS_DEFAULT 7

#endif
