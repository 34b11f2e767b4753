/*
 * Accounts and their sessions.
 *
 * A call whose outcome is unknown is repeated once: the functions in the database know it again by
 * what it carries (a salted hash, the next token) and answer as if it had come once.
 */
#include "domain/account.h"

#include "base/base64.h"
#include "base/str.h"
#include "domain/limit.h"
#include "domain/password.h"
#include "queries.h"

#include <ctype.h>

#define LABEL_MAX      63
#define LOCAL_PART_MAX 64

/*
 * On one account so many times as many attempts as from one client: or one client who knows an
 * address could use up by itself what its owner needs to log in. Many together still can.
 */
#define ATTEMPTS_TIMES 5

/* ---- what may be in an account --------------------------------------------------------------- */

/* The part before the @: words of the characters of RFC 5322 (3.2.3) with single dots between. */
static bool
local_part_is_usable(const char *text, size_t len)
{
	if (len == 0 || len > LOCAL_PART_MAX || text[0] == '.' || text[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '.' && text[i + 1] == '.')
			return false;
		if (!isalnum(c) && c != '.' && strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL)
			return false;
	}
	return true;
}

static bool
domain_is_usable(const char *text)
{
	int labels = 0;

	for (;;) {
		size_t len = strcspn(text, ".");

		if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
			return false;
		for (size_t i = 0; i < len; i++) {
			if (!isalnum((unsigned char)text[i]) && text[i] != '-')
				return false;
		}
		labels++;
		if (text[len] == '\0')
			return labels >= 2;
		text += len + 1;
	}
}

bool
account_email_is_usable(const char *email)
{
	const char *at = strchr(email, '@');

	return at != NULL && strlen(email) <= ACCOUNT_EMAIL_BYTES_MAX &&
	       local_part_is_usable(email, (size_t)(at - email)) && domain_is_usable(at + 1);
}

bool
account_role_exists(const char *role)
{
	return str_equal(role, "user") || str_equal(role, "organizer") || str_equal(role, "admin");
}

/* Characters of valid UTF-8. */
static size_t
characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static enum problem
password_hash_new(struct context *house, const char *password, char hash[PASSWORD_HASH_ROOM])
{
	size_t len = strlen(password);

	if (len < PASSWORD_BYTES_MIN || len > PASSWORD_BYTES_MAX)
		return problem_at(house->why, house->arena, "/password",
			"must be %d to %d bytes long", PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
	return password_hash(password, hash) ? PROBLEM_NONE : PROBLEM_UNAVAILABLE;
}

static enum problem
account_check(struct context *house, const char *email, const char *name)
{
	enum problem problem = PROBLEM_NONE;

	if (!account_email_is_usable(email))
		problem = problem_at(house->why, house->arena, "/email", "is not a mail address");
	if (name != NULL && (*name == '\0' || characters(name) > ACCOUNT_NAME_MAX))
		problem = problem_at(house->why, house->arena, "/name",
			"must be 1 to %d characters long", ACCOUNT_NAME_MAX);
	return problem;
}

/* ---- accounts -------------------------------------------------------------------------------- */

/* role NULL: a visitor's registration. */
static enum problem
account_make(struct context *house, const char *email, const char *password, const char *name,
	const char *role, struct account *out)
{
	char hash[PASSWORD_HASH_ROOM];
	enum problem problem = account_check(house, email, name);
	enum problem password_problem = password_hash_new(house, password, hash);
	struct pg_rows rows;

	if (problem || password_problem)
		return problem ? problem : password_problem;
	for (int tries = 0; tries < 2; tries++) {
		problem =
			role != NULL
				? query_account_add(house->pg, house->arena, house->deadline_us,
					  house->why, &rows, email, name, hash, role)
				: query_account_register(house->pg, house->arena,
					  house->deadline_us, house->why, &rows, email, name, hash);
		if (problem != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	if (problem)
		return problem;
	*out = (struct account){
		.user_id = pg_text(&rows, 0, ACCOUNT_REGISTER_USER_ID),
		.email = pg_text(&rows, 0, ACCOUNT_REGISTER_EMAIL),
		.name = pg_text(&rows, 0, ACCOUNT_REGISTER_NAME),
		.role = pg_text(&rows, 0, ACCOUNT_REGISTER_ROLE),
	};
	return PROBLEM_NONE;
}

enum problem
account_register(struct context *house, const char *email, const char *password, const char *name,
	struct account *out)
{
	return account_make(house, email, password, name, NULL, out);
}

enum problem
account_add(struct context *house, const char *email, const char *password, const char *name,
	const char *role, struct account *out)
{
	if (!account_role_exists(role))
		return problem_at(
			house->why, house->arena, "/role", "must be user, organizer or admin");
	return account_make(house, email, password, name, role, out);
}

enum problem
account_get(struct context *house, const char *user_id, struct account *out)
{
	struct pg_rows rows;
	enum problem problem = query_account_get(
		house->pg, house->arena, house->deadline_us, house->why, &rows, user_id);

	if (problem)
		return problem;
	if (rows.count == 0)
		return PROBLEM_UNAUTHENTICATED;
	*out = (struct account){
		.user_id = pg_text(&rows, 0, ACCOUNT_GET_USER_ID),
		.email = pg_text(&rows, 0, ACCOUNT_GET_EMAIL),
		.name = pg_text(&rows, 0, ACCOUNT_GET_NAME),
		.role = pg_text(&rows, 0, ACCOUNT_GET_ROLE),
	};
	return PROBLEM_NONE;
}

enum problem
account_change(struct context *house, const char *email, const struct account_change *change)
{
	char hash[PASSWORD_HASH_ROOM];
	enum problem problem;

	if (change->role != NULL && !account_role_exists(change->role))
		return problem_at(
			house->why, house->arena, "/role", "must be user, organizer or admin");
	if (change->password != NULL) {
		problem = password_hash_new(house, change->password, hash);
		if (problem)
			return problem;
	}
	return query_account_change(house->pg, house->arena, house->deadline_us, house->why, NULL,
		email, change->role, change->disabled, change->password != NULL ? hash : NULL);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static const char *
secret_make(struct arena *arena, size_t len)
{
	unsigned char secret[32];
	const char *text;

	assert(len <= sizeof(secret));
	id_random(secret, len);
	text = base64url_write(arena, secret, len);
	explicit_bzero(secret, sizeof(secret));
	return text;
}

/* A token of the session of before; of a new one where that is NULL. */
static void
refresh_token_make(struct arena *arena, const char *before, char token[ACCOUNT_REFRESH_TOKEN])
{
	snprintf(token, ACCOUNT_REFRESH_TOKEN, "%.*s%s", ACCOUNT_REFRESH_PREFIX,
		before != NULL ? before : secret_make(arena, 16), secret_make(arena, 32));
}

static void
text_hash(const char *text, size_t len, char hex[ID_SHA256_HEX])
{
	unsigned char hash[ID_SHA256_BYTES];

	id_sha256(text, len, hash);
	id_hex(hash, sizeof(hash), hex);
}

static void
refresh_token_hash(const char *token, char hex[ID_SHA256_HEX])
{
	text_hash(token, strlen(token), hex);
}

/* Of what all tokens of its session begin with. */
static void
refresh_prefix_hash(const char *token, char hex[ID_SHA256_HEX])
{
	text_hash(token, strnlen(token, ACCOUNT_REFRESH_PREFIX), hex);
}

/*
 * Attempts on one account, whether there is one or not; the address is kept as a hash only. An
 * address that is no usable one, though the database would find an account by it (citext folds all
 * of Unicode: K as the Kelvin sign), is counted as another, and logs nobody in.
 */
static enum problem
login_limit(struct context *house, const char *email)
{
	char hex[ID_SHA256_HEX];
	char *lower = arena_strdup(house->arena, email);

	for (char *p = lower; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	text_hash(lower, strlen(lower), hex);
	return limit_check(house, "login_account", hex, ATTEMPTS_TIMES * house->conf->rate_write,
		ATTEMPTS_TIMES * house->conf->rate_write_burst);
}

static enum problem
session_start(struct context *house, const char *seen_hash, const char *password,
	struct account_session *out)
{
	char new_hash[PASSWORD_HASH_ROOM], prefix_sha256[ID_SHA256_HEX];
	char token_sha256[ID_SHA256_HEX];
	bool renew = !password_is_current(seen_hash) && password_hash(password, new_hash);
	enum problem problem = PROBLEM_UNAVAILABLE;
	struct pg_rows rows;

	refresh_token_make(house->arena, NULL, out->refresh_token);
	refresh_prefix_hash(out->refresh_token, prefix_sha256);
	refresh_token_hash(out->refresh_token, token_sha256);
	for (int tries = 0; tries < 2; tries++) {
		problem = query_session_start(house->pg, house->arena, house->deadline_us,
			house->why, &rows, out->user_id, seen_hash, renew ? new_hash : NULL,
			prefix_sha256, token_sha256, house->conf->refresh_token_seconds);
		if (problem != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	/* The role may have changed since the password was read. */
	if (!problem)
		out->role = pg_text(&rows, 0, SESSION_START_ROLE);
	return problem;
}

enum problem
account_login(
	struct context *house, const char *email, const char *password, struct account_session *out)
{
	struct account_session session = { .user_id = NULL };
	const char *hash;
	struct pg_rows rows;
	enum problem problem;
	bool known, right;

	problem = login_limit(house, email);
	if (!problem)
		problem = query_account_find(
			house->pg, house->arena, house->deadline_us, house->why, &rows, email);
	if (problem)
		return problem;
	known = rows.count == 1 && account_email_is_usable(email);
	hash = known ? pg_text(&rows, 0, ACCOUNT_FIND_PASSWORD_HASH) : NULL;
	right = password_is_right(hash, password);
	if (!right || pg_bool(&rows, 0, ACCOUNT_FIND_DISABLED))
		return PROBLEM_CREDENTIALS;
	session.user_id = pg_text(&rows, 0, ACCOUNT_FIND_USER_ID);
	problem = session_start(house, hash, password, &session);
	if (problem == PROBLEM_CREDENTIALS)
		*house->why = (struct problem_why){ .detail = NULL };
	if (!problem)
		*out = session;
	return problem;
}

enum problem
account_refresh(struct context *house, const char *refresh_token, struct account_session *out)
{
	struct account_session session = { .user_id = NULL };
	char prefix_sha256[ID_SHA256_HEX], token_sha256[ID_SHA256_HEX];
	char next_sha256[ID_SHA256_HEX];
	enum problem problem = PROBLEM_UNAVAILABLE;
	struct pg_rows rows;

	refresh_prefix_hash(refresh_token, prefix_sha256);
	refresh_token_hash(refresh_token, token_sha256);
	refresh_token_make(house->arena, refresh_token, session.refresh_token);
	refresh_token_hash(session.refresh_token, next_sha256);
	for (int tries = 0; tries < 2; tries++) {
		problem = query_session_refresh(house->pg, house->arena, house->deadline_us,
			house->why, &rows, prefix_sha256, token_sha256, next_sha256,
			house->conf->refresh_token_seconds);
		if (problem != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	if (problem)
		return problem;
	if (!str_equal(pg_text(&rows, 0, SESSION_REFRESH_OUTCOME), "refreshed"))
		return PROBLEM_CREDENTIALS;
	session.user_id = pg_text(&rows, 0, SESSION_REFRESH_USER_ID);
	session.role = pg_text(&rows, 0, SESSION_REFRESH_ROLE);
	*out = session;
	return PROBLEM_NONE;
}

enum problem
account_logout(struct context *house, const char *refresh_token)
{
	char prefix_sha256[ID_SHA256_HEX];
	enum problem problem = PROBLEM_UNAVAILABLE;

	refresh_prefix_hash(refresh_token, prefix_sha256);
	for (int tries = 0; tries < 2; tries++) {
		problem = query_session_end(house->pg, house->arena, house->deadline_us, house->why,
			NULL, prefix_sha256);
		if (problem != PROBLEM_UNKNOWN_OUTCOME)
			break;
	}
	return problem;
}
