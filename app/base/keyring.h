/*
 * The signing keys of this installation, out of jwt_keys_file or jwt_secret: the first signs, all
 * verify, so that one can follow another while what the old one signed is still good.
 */
#ifndef HOLDFAST_KEYRING_H
#define HOLDFAST_KEYRING_H

#include "base/conf.h"

#define KEYRING_MAX 16

struct keyring_key {
	const char *kid;
	const char *secret;
};

/*
 * Reads them, in place of what was read before. A missing or, in production, weak secret ends the
 * program with exit 2.
 */
void keyring_load(const struct conf *conf);

size_t keyring_count(void); /* at least one, once loaded */
const struct keyring_key *keyring_at(size_t index);

#endif
