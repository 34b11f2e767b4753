/*
 * The frame around the handlers: what reaches them and what is answered before. Each request is
 * served by a process of its own, as plain CGI.
 */
#include "../store/servers.h"

#include "base/str.h"
#include "http/token.h"
#include "pools/serve.h"

#define USER   "0b8f7c5e-3a52-4d1c-9f7e-2d6a1b3c4d5e"
#define SECRET "5c1f0e7ab93d42868f0e6d1b7a3c9e54"

static enum problem
say(struct request *r)
{
	struct str s;

	str_init(&s, r->arena);
	str_add(&s, "{\"user\":");
	str_add_json(&s, r->who.user_id);
	str_add(&s, ",\"key\":");
	str_add_json(&s, r->key);
	str_add(&s, ",\"body\":");
	str_add(&s, r->body ? json_canonical(r->arena, r->body, NULL) : "null");
	str_add(&s, "}");
	respond_json(r, 200, s.data);
	return PROBLEM_NONE;
}

static enum problem
fail(struct request *r)
{
	r->why.detail = "the inner reason";
	return PROBLEM_INTERNAL;
}

static const struct route routes[] = {
	{ "booking", "GET", "/public", "public", R_READ, say },
	{ "booking", "GET", "/perhaps", "perhaps", R_OPTIONAL_USER, say },
	{ "booking", "GET", "/mine", "mine", R_USER, say },
	{ "booking", "GET", "/staff", "staff", R_USER | R_STAFF, say },
	{ "booking", "POST", "/write", "write", R_BODY | R_WRITE, say },
	{ "booking", "POST", "/keyed", "keyed", R_USER | R_BODY | R_IDEMPOTENT, say },
	{ "booking", "POST", "/must", "must", R_USER | R_BODY | R_IDEMPOTENT | R_KEY, say },
	{ "booking", "GET", "/fail", "fail", R_BARE, fail },
	{ 0 },
};

static const struct pool pool = {
	.program = { .name = "booking", .summary = "is tested" },
	.routes = routes,
};

static struct servers servers;
static struct arena *arena;
static char answer[65536];

static void
begin(void)
{
	signal(SIGPIPE, SIG_IGN); /* a worker may answer before it has read a body */
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	servers_init(&servers);
	servers.conf.environment = "production";
	servers.conf.jwt_secret = SECRET;
	servers.conf.jwt_keys_file = "";
	servers.conf.jwt_issuer = "holdfast";
	servers.conf.jwt_audience = "holdfast-api";
	servers.conf.access_token_seconds = 900;
	setenv("HOLDFAST_JWT_SECRET", SECRET, 1);
	setenv("HOLDFAST_LOG_LEVEL", "error", 1);
	setenv("HOLDFAST_REDIS_URL", "unix:///nonexistent/redis.sock", 1);
	setenv("REMOTE_ADDR", "192.0.2.7", 1);
	arena = arena_new();
	token_init(&servers.conf);
}

static void
end(void)
{
	arena_free(arena);
	servers_remove(&servers);
}

TestSuite(serve, .init = begin, .fini = end, .timeout = 60);

/* Body NULL: none. The whole answer is left in answer; the exit status of the worker is judged. */
static void
ask(const char *method, const char *uri, const char *body)
{
	int in[2], out[2];
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	setenv("REQUEST_METHOD", method, 1);
	setenv("REQUEST_URI", uri, 1);
	setenv("CONTENT_LENGTH", body ? arena_printf(arena, "%zu", strlen(body)) : "", 1);
	if (body)
		setenv("CONTENT_TYPE", "application/json", 0);
	cr_assert(pipe(in) == 0 && pipe(out) == 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		char name[] = "holdfast-booking";
		char *argv[] = { name, NULL };

		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		_exit(serve(&pool, 1, argv));
	}
	close(in[0]);
	close(out[1]);
	if (body)
		cr_assert_eq(write(in[1], body, strlen(body)), (ssize_t)strlen(body));
	close(in[1]);
	while ((got = read(out[0], answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(out[0]);
	cr_assert_eq(servers_wait(pid), 0);
}

static void
log_in(const char *role)
{
	setenv("HTTP_AUTHORIZATION",
		arena_printf(arena, "Bearer %s", token_make(arena, USER, role)), 1);
}

static bool
says(const char *part)
{
	return strstr(answer, part) != NULL;
}

static void
assert_problem(const char *slug, int status)
{
	cr_assert(says(arena_printf(arena, "Status: %d ", status)), "%s", answer);
	cr_assert(says(arena_printf(arena, "{\"type\":\"/problems/%s\",", slug)), "%s", answer);
	cr_assert(says("\r\nContent-Type: application/problem+json\r\n"), "%s", answer);
}

Test(serve, public_calls_need_nothing)
{
	ask("GET", "/api/v1/public", NULL);
	cr_assert(says("Status: 200 OK\r\n"), "%s", answer);
	cr_assert(says("{\"user\":null,\"key\":null,\"body\":null}"), "%s", answer);
}

Test(serve, token_is_asked_for_where_the_route_says_so)
{
	ask("GET", "/api/v1/mine", NULL);
	assert_problem("unauthenticated", 401);
	cr_assert(says("WWW-Authenticate: Bearer"));
	setenv("HTTP_AUTHORIZATION", "Bearer a.b.c", 1);
	ask("GET", "/api/v1/mine", NULL);
	assert_problem("unauthenticated", 401);
	log_in("user");
	ask("GET", "/api/v1/mine", NULL);
	cr_assert(says("{\"user\":\"" USER "\""), "%s", answer);
}

Test(serve, token_may_be_left_out_but_not_be_wrong_where_it_is_optional)
{
	ask("GET", "/api/v1/perhaps", NULL);
	cr_assert(says("{\"user\":null"), "%s", answer);
	log_in("user");
	ask("GET", "/api/v1/perhaps", NULL);
	cr_assert(says("{\"user\":\"" USER "\""), "%s", answer);
	setenv("HTTP_AUTHORIZATION", "Bearer a.b.c", 1);
	ask("GET", "/api/v1/perhaps", NULL);
	assert_problem("unauthenticated", 401);
}

Test(serve, staff_calls_are_for_staff)
{
	log_in("user");
	ask("GET", "/api/v1/staff", NULL);
	assert_problem("forbidden", 403);
	log_in("organizer");
	ask("GET", "/api/v1/staff", NULL);
	cr_assert(says("Status: 200"), "%s", answer);
	log_in("admin");
	ask("GET", "/api/v1/staff", NULL);
	cr_assert(says("Status: 200"), "%s", answer);
}

Test(serve, paths_and_methods)
{
	ask("GET", "/api/v1/nothing", NULL);
	assert_problem("not-found", 404);
	ask("GET", "/mine", NULL);
	assert_problem("not-found", 404);
	ask("GET", "/api/v1/%zz", NULL);
	assert_problem("malformed-request", 400);
	ask("DELETE", "/api/v1/bookings/hold", NULL);
	assert_problem("method-not-allowed", 405);
	cr_assert(says("\r\nAllow: GET, HEAD, POST, OPTIONS\r\n") ||
			  says("\r\nAllow: POST, GET, HEAD, OPTIONS\r\n"),
		"%s", answer);
	ask("GET", arena_printf(arena, "/api/v1/%05000d", 1), NULL);
	assert_problem("uri-too-long", 414);
}

Test(serve, options_are_answered_from_the_list_of_routes)
{
	setenv("HOLDFAST_ALLOWED_ORIGINS", "https://shop.example", 1);
	setenv("HTTP_ORIGIN", "https://shop.example", 1);
	setenv("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "POST", 1);
	ask("OPTIONS", "/api/v1/auth/login", NULL);
	cr_assert(says("Status: 204 No Content\r\n"), "%s", answer);
	cr_assert(says("\r\nAllow: POST, OPTIONS\r\n"), "%s", answer);
	cr_assert(says("\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n"), "%s", answer);
	ask("OPTIONS", "/api/v1/nothing", NULL);
	assert_problem("not-found", 404);
}

Test(serve, bodies)
{
	char *large = arena_alloc(arena, 70002);

	ask("POST", "/api/v1/write", "{\"b\":1,\"a\":[]}");
	cr_assert(says("\"body\":{\"a\":[],\"b\":1}"), "%s", answer);
	ask("POST", "/api/v1/write", NULL);
	cr_assert(says("\"body\":{}"), "%s", answer);
	ask("POST", "/api/v1/write", "{\"a\":1,\"a\":2}");
	assert_problem("malformed-request", 400);
	ask("POST", "/api/v1/write", "[]");
	assert_problem("invalid", 422);
	memset(large, ' ', 70001);
	memcpy(large, "{}", 2);
	setenv("HOLDFAST_BODY_MAX_BYTES", "60000", 1);
	ask("POST", "/api/v1/write", large + 10000);
	assert_problem("body-too-large", 413);
	setenv("CONTENT_TYPE", "text/plain", 1);
	ask("POST", "/api/v1/write", "{}");
	assert_problem("unsupported-media-type", 415);
}

Test(serve, keys)
{
	log_in("user");
	setenv("HTTP_IDEMPOTENCY_KEY", "\"k-1\"", 1);
	ask("POST", "/api/v1/keyed", "{\"request_id\":\"k-1\",\"a\":1}");
	cr_assert(says("\"key\":\"k-1\",\"body\":{\"a\":1}}"), "%s", answer);
	ask("POST", "/api/v1/keyed", "{\"request_id\":\"k-2\"}");
	assert_problem("idempotency-key-invalid", 400);
	/* A call without keys takes the header for nothing. */
	ask("POST", "/api/v1/write", "{}");
	cr_assert(says("\"key\":null"), "%s", answer);
	unsetenv("HTTP_IDEMPOTENCY_KEY");
	ask("POST", "/api/v1/keyed", "{}");
	cr_assert(says("\"key\":null"), "%s", answer);
	ask("POST", "/api/v1/must", "{}");
	assert_problem("idempotency-key-invalid", 400);
	ask("POST", "/api/v1/must", "{\"idempotency_key\":\"k\"}");
	cr_assert(says("\"key\":\"k\""), "%s", answer);
}

Test(serve, inner_trouble_is_told_to_the_log_alone)
{
	ask("GET", "/fail", NULL);
	assert_problem("internal", 500);
	cr_assert_not(says("inner reason"), "%s", answer);
}

Test(serve, rates_are_counted_by_operation_and_address)
{
	servers_run(&servers, "redis-start", "");
	setenv("HOLDFAST_REDIS_URL", arena_printf(arena, "unix://%s/redis.sock", servers.dir), 1);
	setenv("HOLDFAST_RATE_WRITE", "1", 1);
	setenv("HOLDFAST_RATE_WRITE_BURST", "1", 1);
	ask("POST", "/api/v1/write", "{}");
	cr_assert(says("Status: 200"), "%s", answer);
	ask("POST", "/api/v1/write", "{}");
	assert_problem("rate-limited", 429);
	cr_assert(says("\r\nRateLimit-Policy: \"write\";q=1;w=60\r\n"), "%s", answer);
	cr_assert(says("\r\nRetry-After: 60\r\n") || says("\r\nRetry-After: 59\r\n"), "%s", answer);
	ask("GET", "/api/v1/public", NULL);
	cr_assert(says("Status: 200"), "%s", answer);
	setenv("REMOTE_ADDR", "192.0.2.8", 1);
	ask("POST", "/api/v1/write", "{}");
	cr_assert(says("Status: 200"), "%s", answer);
	setenv("REMOTE_ADDR", "192.0.2.7", 1);
	setenv("HOLDFAST_RATE_LIMIT", "off", 1);
	ask("POST", "/api/v1/write", "{}");
	cr_assert(says("Status: 200"), "%s", answer);
}
