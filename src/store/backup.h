/*
 * The backup file. Numbers are big-endian.
 *
 *   "certgate backup\n"  16 octets
 *   version              u32, 1
 *   head                 u32 length and a JSON object:
 *                          {"generation", "time", "certificates": number of the TCS,
 *                           "settings": {NAME: {"value", "latched"}},
 *                           "identities": [{"name", "key": path, "certificates": number}],
 *                           "pins": [{"sha256", "interface", "until", "reason", "incident"}]}
 *   certificates         of the TCS by fingerprint, then of the identities in order: u32 length and DER
 *   keys                 u8: 0 none, 1 sealed ones:
 *                          salt 16, nonce 12, tag 16, u32 length and the ciphertext of
 *                          u32 number, then name and key, each u32 length and octets;
 *                          the digest of everything before them is authenticated with them
 *   digest               32 octets, SHA-256 of everything before
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#define BACKUP_MAGIC "certgate backup\n"
#define BACKUP_MAGIC_SIZE 16
#define BACKUP_VERSION 1
/* Name and key of each, with their lengths. */
#define BACKUP_MAX_KEYS_BYTES (STORE_MAX_KEYS * (STORE_MAX_KEY_BYTES + 128) + 4)

#endif
