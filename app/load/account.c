/*
 * Accounts: what is asked for them, and their file: a line with the server's address, then one
 * each, `address password user-id refresh-token access-token its-end`; - is what is not there.
 */
#include "load/account.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/id.h"

#define HEADER   "holdfast-loadgen accounts 1 "
#define MARGIN_S 60 /* a token that ends sooner is refreshed first */

void
account_init(struct account *account)
{
	unsigned char random[20];
	char hex[2 * sizeof(random) + 1];

	id_random(random, sizeof(random));
	id_hex(random, sizeof(random), hex);
	*account = (struct account){ .access = NULL };
	snprintf(account->email, sizeof(account->email), "load-%.16s@load.test", hex);
	snprintf(account->password, sizeof(account->password), "%s", hex + 16);
}

enum account_step
account_next(const struct account *account, int64_t now_s)
{
	if (account->access && account->ends_s > now_s + MARGIN_S)
		return *account->user ? ACCOUNT_READY : ACCOUNT_WHO;
	if (*account->refresh)
		return ACCOUNT_REFRESH;
	return *account->user ? ACCOUNT_LOGIN : ACCOUNT_REGISTER;
}

void
account_ask(const struct account *account, enum account_step step, struct arena *arena,
	struct request *out)
{
	if (step == ACCOUNT_WHO) {
		*out = (struct request){
			.method = "GET", .path = "/auth/me", .token = account->access
		};
		return;
	}
	*out = (struct request){ .method = "POST" };
	if (step == ACCOUNT_REFRESH) {
		out->path = "/auth/refresh";
		out->body = arena_printf(arena, "{\"refresh_token\":\"%s\"}", account->refresh);
		return;
	}
	out->path = step == ACCOUNT_LOGIN ? "/auth/login" : "/auth/register";
	out->body = arena_printf(
		arena, "{\"email\":\"%s\",\"password\":\"%s\"}", account->email, account->password);
}

/* A login's or refresh's 200. */
static enum account_step
hear_tokens(struct account *account, const struct json *json, int64_t now_s)
{
	const char *access = ask_id(json, "access_token");
	const char *refresh = ask_id(json, "refresh_token");
	int64_t life_s = ask_int(json, "expires_in", 0);

	if (!access || !refresh || strlen(refresh) >= sizeof(account->refresh) || life_s <= 0 ||
		life_s > 86400)
		return ACCOUNT_FAILED;
	free(account->access);
	account->access = strdup(access);
	if (!account->access)
		abort();
	snprintf(account->refresh, sizeof(account->refresh), "%s", refresh);
	account->ends_s = now_s + life_s;
	return *account->user ? ACCOUNT_READY : ACCOUNT_WHO;
}

/* Whose it is. False: it is not said. */
static bool
hear_user(struct account *account, const struct json *json)
{
	const char *user = ask_id(json, "user_id");

	if (!user || strlen(user) >= sizeof(account->user))
		return false;
	snprintf(account->user, sizeof(account->user), "%s", user);
	return true;
}

enum account_step
account_hear(struct account *account, enum account_step step, int status, const struct json *json,
	int64_t now_s)
{
	switch (step) {
	case ACCOUNT_REGISTER:
		account->registered = true;
		/* Taken: by the request whose answer was lost. */
		if (status == 409)
			return ACCOUNT_LOGIN;
		return status == 201 && hear_user(account, json) ? ACCOUNT_LOGIN : ACCOUNT_FAILED;
	case ACCOUNT_LOGIN:
		if (status == 200)
			return hear_tokens(account, json, now_s);
		/* Of a file, and of a database that is no more. */
		return status == 401 && !account->registered ? ACCOUNT_REGISTER : ACCOUNT_FAILED;
	case ACCOUNT_REFRESH:
		if (status == 200)
			return hear_tokens(account, json, now_s);
		account->refresh[0] = '\0';
		return status == 401 ? ACCOUNT_LOGIN : ACCOUNT_FAILED;
	case ACCOUNT_WHO:
		return status == 200 && hear_user(account, json) ? ACCOUNT_READY : ACCOUNT_FAILED;
	default:
		return ACCOUNT_FAILED;
	}
}

void
account_refused(struct account *account)
{
	account->ends_s = 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The next word of a line into a member; false: it is missing or too long. */
static bool
take_word(char **line, char *out, size_t room)
{
	const char *word = strsep(line, " \n");

	if (!word || !*word || strlen(word) >= room)
		return false;
	for (const char *at = word; *at; at++) {
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\')
			return false;
	}
	snprintf(out, room, "%s", str_equal(word, "-") ? "" : word);
	return true;
}

static bool
read_account(struct account *account, char *line)
{
	char access[4096], ends[24];

	*account = (struct account){ .access = NULL };
	if (!take_word(&line, account->email, sizeof(account->email)) ||
		!take_word(&line, account->password, sizeof(account->password)) ||
		!take_word(&line, account->user, sizeof(account->user)) ||
		!take_word(&line, account->refresh, sizeof(account->refresh)) ||
		!take_word(&line, access, sizeof(access)) || !take_word(&line, ends, sizeof(ends)))
		return false;
	if (*access)
		account->access = strdup(access);
	return str_to_int(ends, 0, INT64_MAX / 2, &account->ends_s);
}

/* All that is left of a file. */
static char *
read_rest(FILE *file)
{
	char *rest = NULL;
	size_t room = 0;

	if (getdelim(&rest, &room, '\0', file) < 0) {
		free(rest);
		return NULL;
	}
	return rest;
}

const char *
account_read(const char *path, const char *url, struct account *accounts, size_t count,
	size_t *found, char **rest)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	const char *wrong = NULL;
	size_t room = 0, done = 0;
	ssize_t len;

	*found = 0;
	*rest = NULL;
	if (!file)
		return errno == ENOENT ? NULL : strerror(errno);
	len = getline(&line, &room, file);
	if (len <= 0 || !str_starts(line, HEADER))
		wrong = "it is no file of accounts";
	else if (line[len - 1] = '\0', !str_equal(line + strlen(HEADER), url))
		wrong = "its accounts are those of another server";
	while (!wrong && done < count && getline(&line, &room, file) > 0) {
		if (read_account(&accounts[done], line))
			done++;
		else
			wrong = "it is damaged";
	}
	if (!wrong)
		*rest = read_rest(file);
	free(line);
	fclose(file);
	*found = done;
	return wrong;
}

/* A word of a line. */
static const char *
or_dash(const char *text)
{
	return text && *text ? text : "-";
}

bool
account_write(const char *path, const char *url, const struct account *accounts, size_t count,
	const char *rest)
{
	size_t room = strlen(path) + 5;
	char *made = malloc(room);
	FILE *file;
	int fd;
	bool good;

	if (!made)
		abort();
	snprintf(made, room, "%s.new", path);
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	good = file && fprintf(file, HEADER "%s\n", url) > 0;
	for (size_t i = 0; good && i < count; i++) {
		const struct account *a = &accounts[i];

		if (!*a->user)
			continue;
		good = fprintf(file, "%s %s %s %s %s %" PRId64 "\n", a->email, a->password, a->user,
			       or_dash(a->refresh), or_dash(a->access), a->ends_s) > 0;
	}
	if (good && rest)
		good = fputs(rest, file) >= 0;
	good = (!file || fclose(file) == 0) && good && rename(made, path) == 0;
	free(made);
	return good;
}
