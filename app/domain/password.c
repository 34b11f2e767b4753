/*
 * Password hashes, over libxcrypt.
 */
#include "domain/password.h"

#include "base/id.h"
#include "base/str.h"

#include <crypt.h>
#include <stdio.h>

static unsigned long current_cost;
static char current_prefix[PASSWORD_HASH_ROOM]; /* "$y$jAT$": method and cost of new hashes */
static char dummy_hash[PASSWORD_HASH_ROOM];

static bool
hash_with(const char *setting, const char *password, char hash[PASSWORD_HASH_ROOM])
{
	struct crypt_data data;
	const char *made;

	memset(&data, 0, sizeof(data));
	made = crypt_rn(password, setting, &data, sizeof(data));
	if (made != NULL)
		snprintf(hash, PASSWORD_HASH_ROOM, "%s", made);
	explicit_bzero(&data, sizeof(data));
	return made != NULL;
}

bool
password_hash(const char *password, char hash[PASSWORD_HASH_ROOM])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t len = strlen(password);

	assert(current_cost != 0);
	if (len < PASSWORD_BYTES_MIN || len > PASSWORD_BYTES_MAX)
		return false;
	return crypt_gensalt_rn("$y$", current_cost, NULL, 0, setting, sizeof(setting)) != NULL &&
	       hash_with(setting, password, hash);
}

void
password_init(int64_t cost)
{
	unsigned char secret[ID_SHA256_BYTES];
	char password[ID_SHA256_HEX];
	const char *end;

	current_cost = (unsigned long)cost;
	id_random(secret, sizeof(secret));
	id_hex(secret, sizeof(secret), password);
	if (!password_hash(password, dummy_hash)) {
		fprintf(stderr, "yescrypt with cost %lu is not to be had here\n", current_cost);
		exit(1);
	}
	/* The third dollar sign ends the parameters: "$y$jAT$salt$hash". */
	end = strchr(dummy_hash + strlen("$y$"), '$');
	assert(end != NULL);
	snprintf(current_prefix, sizeof(current_prefix), "%.*s", (int)(end + 1 - dummy_hash),
		dummy_hash);
}

bool
password_is_right(const char *hash, const char *password)
{
	char made[PASSWORD_HASH_ROOM];
	size_t len = strlen(password);
	bool possible = hash != NULL && len <= PASSWORD_BYTES_MAX;

	assert(current_cost != 0);
	/* What cannot be right costs the same as what is wrong. */
	if (!hash_with(
		    possible ? hash : dummy_hash, len <= PASSWORD_BYTES_MAX ? password : "", made))
		return false;
	return str_equal_secret(made, strlen(made), possible ? hash : dummy_hash,
		       strlen(possible ? hash : dummy_hash)) &&
	       possible;
}

bool
password_is_current(const char *hash)
{
	return str_starts(hash, current_prefix);
}
