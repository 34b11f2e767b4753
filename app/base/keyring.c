/*
 * The signing keys of this installation.
 */
#include "base/keyring.h"

#include "base/secret.h"
#include "base/str.h"

#define KID_BYTES_MAX 64

static struct keyring_key keys[KEYRING_MAX];
static size_t key_count;

static _Noreturn void
refuse_start(const struct conf *conf, const char *what)
{
	fprintf(stderr, "holdfast-%s: %s\n", conf->program, what);
	exit(2);
}

static void
add_key(const struct conf *conf, const char *kid, const char *secret)
{
	size_t kid_len = strlen(kid);

	if (!kid_len || kid_len > KID_BYTES_MAX)
		refuse_start(conf, "jwt_keys_file: a key's name has 1 to 64 characters");
	if (!*secret)
		refuse_start(conf, "a signing secret is empty");
	if (str_equal(conf->environment, "production") && secret_is_weak(secret))
		refuse_start(conf,
			"a signing secret of access tokens is a default, or too short: it must "
			"have at least 32 random bytes");
	for (size_t i = 0; i < key_count; i++) {
		if (str_equal(keys[i].kid, kid))
			refuse_start(conf, "jwt_keys_file: two keys have the same name");
	}
	if (key_count == KEYRING_MAX)
		refuse_start(conf, "jwt_keys_file: there are more than 16 keys");
	keys[key_count].kid = strdup(kid);
	keys[key_count].secret = strdup(secret);
	if (!keys[key_count].kid || !keys[key_count].secret)
		abort();
	key_count++;
}

/* Lines of `kid secret`; # begins a comment line. */
static void
read_keys(const struct conf *conf)
{
	FILE *file = fopen(conf->jwt_keys_file, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		refuse_start(conf, "jwt_keys_file cannot be read");
	while (getline(&line, &room, file) >= 0) {
		char *kid = line + strspn(line, " \t\r\n");
		char *secret = kid + strcspn(kid, " \t\r\n");

		if (!*kid || *kid == '#')
			continue;
		if (*secret)
			*secret++ = '\0';
		secret += strspn(secret, " \t\r\n");
		secret[strcspn(secret, " \t\r\n")] = '\0';
		add_key(conf, kid, secret);
	}
	if (line)
		explicit_bzero(line, room);
	free(line);
	fclose(file);
}

void
keyring_load(const struct conf *conf)
{
	while (key_count) {
		key_count--;
		free((void *)(uintptr_t)keys[key_count].kid);
		free((void *)(uintptr_t)keys[key_count].secret);
	}
	if (*conf->jwt_keys_file)
		read_keys(conf);
	else if (*conf->jwt_secret)
		add_key(conf, "main", conf->jwt_secret);
	if (!key_count)
		refuse_start(conf, "no signing secret: jwt_keys_file or jwt_secret must be set");
}

size_t
keyring_count(void)
{
	return key_count;
}

const struct keyring_key *
keyring_at(size_t index)
{
	assert(index < key_count);
	return &keys[index];
}
