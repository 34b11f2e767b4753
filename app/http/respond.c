/*
 * Makes the answer and sends it.
 */
#include "http/respond.h"

#include "http/cors.h"

#define ERRORS_MAX      50 /* entries of "errors" in one answer */
#define PAYMENT_SWEEP_S 60 /* how often the job runs that ends payments */

/* A field value as one line: what could end it early is left out. */
static void
add_header(struct str *s, const char *name, const char *value)
{
	str_add(s, name);
	str_add(s, ": ");
	for (; *value; value++) {
		if ((unsigned char)*value >= 0x20 && *value != 0x7f)
			str_add_char(s, *value);
	}
	str_add(s, "\r\n");
}

void
respond_header(struct request *r, const char *name, const char *value)
{
	add_header(&r->headers, name, value);
}

void
respond_empty(struct request *r, int status)
{
	r->status = status;
	r->content_type = NULL;
	str_init(&r->out, r->arena);
	r->inset = NULL;
	r->inset_len = r->inset_at = 0;
}

void
respond_inset(struct request *r, const char *bytes, size_t len)
{
	assert(!r->inset);
	r->inset = bytes;
	r->inset_len = len;
	r->inset_at = r->out.len;
}

void
respond_text(struct request *r, int status, const char *content_type, const char *text)
{
	respond_empty(r, status);
	r->content_type = content_type;
	str_add(&r->out, text);
}

void
respond_json(struct request *r, int status, const char *json)
{
	respond_text(r, status, "application/json", json);
}

struct extending {
	struct str *out;
	struct arena *arena;
};

/*
 * One member of the extensions. Those of RFC 9457 itself are not theirs to give: its status is the
 * number of the answer, so the state that something is in goes out as current_status.
 */
static void
add_extension(void *ctx, const char *name, const struct json *value)
{
	static const char *const taken[] = { "type", "title", "detail", "instance", "errors" };
	struct extending *extending = ctx;

	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
		if (str_equal(name, taken[i]))
			return;
	}
	str_add_char(extending->out, ',');
	str_add_json(extending->out, str_equal(name, "status") ? "current_status" : name);
	str_add_char(extending->out, ':');
	str_add(extending->out, json_canonical(extending->arena, value, NULL));
}

static void
add_extensions(struct request *r)
{
	struct extending extending = { &r->out, r->arena };
	const struct json *members;
	const char *detail;

	if (r->why.members)
		str_add(&r->out, r->why.members);
	if (!r->why.extensions)
		return;
	members = json_parse(r->arena, r->why.extensions, strlen(r->why.extensions), &detail);
	if (members && json_kind(members) == JSON_OBJECT)
		json_each(members, add_extension, &extending);
}

static void
add_errors(struct request *r)
{
	int count = 0;

	str_add(&r->out, ",\"errors\":[");
	for (const struct problem_error *error = r->why.errors; error && count < ERRORS_MAX;
		error = error->next) {
		str_add(&r->out, count++ ? ",{\"pointer\":" : "{\"pointer\":");
		str_add_json(&r->out, error->pointer);
		str_add(&r->out, ",\"detail\":");
		str_add_json(&r->out, error->detail);
		str_add_char(&r->out, '}');
	}
	str_add_char(&r->out, ']');
}

/* Seconds after which it is worth while to ask again; 0: this problem does not pass by itself. */
static int
retry_after(enum problem problem, const struct problem_why *why)
{
	int status = problem_rows[problem].status;

	if (why->retry_after_s > 0)
		return why->retry_after_s;
	if (problem == PROBLEM_PAYMENT_IN_PROGRESS)
		return PAYMENT_SWEEP_S;
	return status == 429 || status == 503 || problem == PROBLEM_KEY_IN_FLIGHT ||
	       problem == PROBLEM_BUSY;
}

static void
add_problem_headers(struct request *r, enum problem problem)
{
	int seconds = retry_after(problem, &r->why);

	if (seconds)
		respond_header(r, "Retry-After", arena_printf(r->arena, "%d", seconds));
	if (problem == PROBLEM_METHOD && r->allow)
		respond_header(r, "Allow", r->allow);
	/* A token that was sent and refused is told apart from none (RFC 6750, 3.1). */
	if (problem_rows[problem].status == 401)
		respond_header(r, "WWW-Authenticate",
			problem == PROBLEM_UNAUTHENTICATED &&
					request_header(r, "HTTP_AUTHORIZATION")
				? "Bearer realm=\"holdfast\", error=\"invalid_token\""
				: "Bearer realm=\"holdfast\"");
	if (problem == PROBLEM_RATE_LIMITED && r->why.limit) {
		respond_header(r, "RateLimit-Policy",
			arena_printf(r->arena, "\"%s\";q=%lld;w=60", r->why.limit,
				(long long)r->why.limit_per_minute));
		respond_header(r, "RateLimit",
			arena_printf(r->arena, "\"%s\";r=0;t=%d", r->why.limit, seconds));
	}
}

void
respond_problem(struct request *r, enum problem problem)
{
	const struct problem_row *row = &problem_rows[problem];

	assert(problem > PROBLEM_NONE && problem < PROBLEM_COUNT);
	respond_empty(r, row->status);
	str_init(&r->headers, r->arena);
	r->cacheable = false;
	r->content_type = "application/problem+json";
	str_add(&r->out, "{\"type\":\"/problems/");
	str_add(&r->out, row->slug);
	str_add(&r->out, "\",\"title\":\"");
	str_add(&r->out, row->title);
	str_add(&r->out, "\",\"status\":");
	str_add_int(&r->out, row->status);
	str_add(&r->out, ",\"detail\":");
	/* What broke inside is for the log alone; who shows the detail alone always has words. */
	if (r->why.detail && problem != PROBLEM_INTERNAL) {
		str_add_json(&r->out, r->why.detail);
	} else {
		str_add_char(&r->out, '"');
		str_add(&r->out, row->title);
		str_add(&r->out, ".\"");
	}
	str_add(&r->out, ",\"instance\":");
	str_add_json(&r->out, r->id);
	if (r->why.errors || problem == PROBLEM_INVALID)
		add_errors(r);
	if (problem != PROBLEM_INTERNAL)
		add_extensions(r);
	str_add_char(&r->out, '}');
	add_problem_headers(r, problem);
}

/* The reason phrase: nobody reads it, but a status line without one upsets some clients. */
static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Status";
}

void
respond_send(struct request *r)
{
	bool has_body = r->status != 204 && r->status != 304;
	struct str head;

	assert(r->status);
	str_init(&head, r->arena);
	str_add(&head, "Status: ");
	str_add_int(&head, r->status);
	str_add_char(&head, ' ');
	str_add(&head, reason(r->status));
	if (has_body && r->content_type) {
		str_add(&head, "\r\nContent-Type: ");
		str_add(&head, r->content_type);
	}
	if (has_body) {
		str_add(&head, "\r\nContent-Length: ");
		str_add_int(&head, (int64_t)(r->out.len + r->inset_len));
	}
	str_add(&head, "\r\nX-Request-Id: ");
	str_add(&head, r->id);
	str_add(&head, "\r\nX-Content-Type-Options: nosniff\r\n"
		       "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
		       "Referrer-Policy: no-referrer\r\n");
	if (!r->cacheable)
		str_add(&head, "Cache-Control: no-store\r\n");
	cors_add_headers(r, &head);
	str_add_bytes(&head, r->headers.data, r->headers.len);
	str_add(&head, "\r\n");
	gate_write(r->gate, head.data, head.len);
	if (!has_body || str_equal(r->method, "HEAD"))
		return;
	gate_write(r->gate, r->out.data, r->inset_at);
	gate_write(r->gate, r->inset, r->inset_len);
	gate_write(r->gate, r->out.data + r->inset_at, r->out.len - r->inset_at);
}
