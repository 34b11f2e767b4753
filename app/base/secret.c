/*
 * What production takes for a secret.
 */
#include "base/secret.h"

#define DISTINCT_MIN 8 /* different bytes */

bool
secret_is_weak(const char *secret)
{
	static const char *const examples[] = { "change-me", "changeme", "change_me", "change-this",
		"your-secret", "your_secret", "secret-key", "secret_key", "supersecret",
		"example" };
	bool seen[256] = { false };
	int distinct = 0;

	for (const char *c = secret; *c; c++) {
		distinct += !seen[(unsigned char)*c];
		seen[(unsigned char)*c] = true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
		if (strcasestr(secret, examples[i]))
			return true;
	}
	return strlen(secret) < SECRET_BYTES_MIN || distinct < DISTINCT_MIN;
}
