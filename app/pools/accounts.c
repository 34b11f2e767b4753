/*
 * The pool of accounts: register, log in, stay logged in, log out, who am I. Password hashing is
 * slow by design; it has processes of its own so that nobody else waits for it.
 */
#include "base/json.h"
#include "base/str.h"
#include "domain/account.h"
#include "domain/password.h"
#include "http/token.h"
#include "pools/serve.h"

#define POOL_ROUTES accounts
#include "pools/routes.h"

/* Longer text is refused before it is looked at. */
#define TEXT_MAX 1000

struct credentials {
	const char *email;
	const char *password;
	const char *name;
};

static enum problem
answer_account(struct request *r, int status, const struct account *account)
{
	struct str s;

	str_init(&s, r->arena);
	str_add(&s, "{\"user_id\":");
	str_add_json(&s, account->user_id);
	str_add(&s, ",\"email\":");
	str_add_json(&s, account->email);
	str_add(&s, ",\"name\":");
	str_add_json(&s, account->name);
	str_add(&s, ",\"role\":");
	str_add_json(&s, account->role);
	str_add_char(&s, '}');
	respond_json(r, status, s.data);
	return PROBLEM_NONE;
}

static enum problem
answer_session(struct request *r, const struct account_session *session)
{
	struct str s;

	str_init(&s, r->arena);
	str_add(&s, "{\"access_token\":");
	str_add_json(&s, token_make(r->arena, session->user_id, session->role));
	str_add(&s, ",\"token_type\":\"Bearer\",\"expires_in\":");
	str_add_int(&s, serve_context()->conf->access_token_seconds);
	str_add(&s, ",\"refresh_token\":");
	str_add_json(&s, session->refresh_token);
	str_add_char(&s, '}');
	respond_json(r, 200, s.data);
	return PROBLEM_NONE;
}

static enum problem
accounts_register(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "email",
			.kind = JSON_STRING,
			.required = true,
			.max = TEXT_MAX,
			.offset = offsetof(struct credentials, email) },
		{ .name = "password", /* its length is the domain's to judge, which says the rule */
			.kind = JSON_STRING,
			.required = true,
			.offset = offsetof(struct credentials, password) },
		{ .name = "name",
			.kind = JSON_STRING,
			.max = TEXT_MAX,
			.offset = offsetof(struct credentials, name) },
		{ .name = NULL },
	};
	struct credentials in = { .email = NULL };
	struct account account;
	enum problem problem;

	problem = json_read(r->body, fields, &in, &r->why, r->arena, "");
	if (!problem)
		problem =
			account_register(serve_context(), in.email, in.password, in.name, &account);
	return problem ? problem : answer_account(r, 201, &account);
}

static enum problem
accounts_login(struct request *r)
{
	static const struct json_field fields[] = {
		{ .name = "email",
			.kind = JSON_STRING,
			.required = true,
			.max = TEXT_MAX,
			.offset = offsetof(struct credentials, email) },
		{ .name = "password",
			.kind = JSON_STRING,
			.required = true,
			.max = TEXT_MAX,
			.offset = offsetof(struct credentials, password) },
		{ .name = NULL },
	};
	struct credentials in = { .email = NULL };
	struct account_session session;
	enum problem problem;

	problem = json_read(r->body, fields, &in, &r->why, r->arena, "");
	if (!problem)
		problem = account_login(serve_context(), in.email, in.password, &session);
	return problem ? problem : answer_session(r, &session);
}

/* The one field of refresh and logout. */
static enum problem
refresh_token_read(struct request *r, const char **token)
{
	static const struct json_field fields[] = {
		{ .name = "refresh_token", .kind = JSON_STRING, .required = true, .max = TEXT_MAX },
		{ .name = NULL },
	};

	return json_read(r->body, fields, token, &r->why, r->arena, "");
}

static enum problem
accounts_refresh(struct request *r)
{
	struct account_session session;
	const char *token = NULL;
	enum problem problem;

	problem = refresh_token_read(r, &token);
	if (!problem)
		problem = account_refresh(serve_context(), token, &session);
	return problem ? problem : answer_session(r, &session);
}

static enum problem
accounts_logout(struct request *r)
{
	const char *token = NULL;
	enum problem problem;

	problem = refresh_token_read(r, &token);
	if (!problem)
		problem = account_logout(serve_context(), token);
	if (!problem)
		respond_empty(r, 204);
	return problem;
}

static enum problem
accounts_me(struct request *r)
{
	struct account account;
	enum problem problem = account_get(serve_context(), r->who.user_id, &account);

	return problem ? problem : answer_account(r, 200, &account);
}

static void
accounts_start(struct context *house)
{
	password_init(house->conf->password_cost);
}

int
main(int argc, char **argv)
{
	static const struct pool pool = {
		.program = { .name = "accounts",
			.summary = "serves registration, login and sessions over FastCGI",
			.usage = "[OPTION]..." },
		.routes = pool_routes,
		.start = accounts_start,
	};

	return serve(&pool, argc, argv);
}
