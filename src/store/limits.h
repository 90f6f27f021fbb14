/* The bounds of the store, each with its reason. */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

/* Names of settings: an interface's 63 octets and what stands around it. */
#define STORE_NAME_SIZE 128
/* Longest value: all allowances with their dates need 150. */
#define STORE_VALUE_SIZE 256
/* Settings that are set: 64 interfaces with 32 trunks or lines each, and three of their own. */
#define STORE_MAX_SETTINGS 4096
/* As many certificates as one list of files may hold. */
#define STORE_MAX_TCS 2000000
/* Pins are exceptions that somebody has to look at. */
#define STORE_MAX_PINS 4096
/* Who: a user name, a certificate's subject. */
#define STORE_MAX_ACTOR 256
/* Why: a few sentences. */
#define STORE_MAX_COMMENT 1024
/* Path of a key file: PATH_MAX. */
#define STORE_MAX_PATH 4096
/* Detail of one audit row: every setting once. */
#define STORE_MAX_DETAIL (4 * 1024 * 1024)
/* Names of certificates that one audit row lists; above that it has their number and the state's digest. */
#define STORE_MAX_LISTED 100
/* Settings as JSON: STORE_MAX_SETTINGS of them. */
#define STORE_MAX_JSON (4 * 1024 * 1024)
/* A backup: two million certificates of 2 KiB. */
#define STORE_MAX_BACKUP_BYTES (UINT64_C(4) * 1024 * 1024 * 1024)
/* Its head as JSON, with settings, pins and the names of identities. */
#define STORE_MAX_BACKUP_HEAD (16 * 1024 * 1024)
/* One private key file, and all of a backup: as many as identities. */
#define STORE_MAX_KEY_BYTES (64 * 1024)
#define STORE_MAX_KEYS 32
#define STORE_MAX_PASSPHRASE 1024
/* How often a busy store is tried again: a reader's checkpoint takes milliseconds. */
#define STORE_BUSY_MS 2000

#endif
