/*
 * HTTP by libcurl's multi interface, several calls at once; SMTP by its easy one, a mail at a time.
 */
#include "store/web.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "store/web_parts.h"

#define URL_BYTES_MAX 2000

struct web {
	CURLM *multi;             /* keeps connections for the calls that follow */
	CURL *calls[WEB_AT_ONCE]; /* made when first needed */
	CURL *mail;
	int mail_fd; /* the connection to the mail server; -1: there is none */
};

/* One call under way. */
struct call {
	struct web_exchange *exchange;
	CURL *curl; /* NULL: not begun */
	struct curl_slist *headers;
	struct str body;
	char error[CURL_ERROR_SIZE];
	bool too_long;
	bool replayed;
	int refused; /* addresses */
	int tried;
};

struct web *
web_open(void)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	web->mail_fd = -1;
	web->mail = curl_easy_init();
	web->multi = curl_multi_init();
	if (!web->mail || !web->multi)
		abort();
	return web;
}

/*
 * libcurl says QUIT before it closes a connection, and would await the answer for two minutes,
 * whatever its options say. From a connection that is shut for reading it comes at once.
 */
static void
hang_up(struct web *web)
{
	if (web->mail_fd >= 0)
		shutdown(web->mail_fd, SHUT_RD);
}

void
web_close(struct web *web)
{
	hang_up(web);
	curl_easy_cleanup(web->mail);
	for (size_t i = 0; i < WEB_AT_ONCE; i++)
		curl_easy_cleanup(web->calls[i]);
	curl_multi_cleanup(web->multi);
	free(web);
	curl_global_cleanup();
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* A part of an address on the arena; NULL: it has none. */
static char *
url_part(struct arena *arena, CURLU *url, CURLUPart part)
{
	char *text = NULL, *copy;

	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return NULL;
	copy = arena_strdup(arena, text);
	curl_free(text);
	return copy;
}

bool
web_url_read(struct arena *arena, const char *text, const char *scheme, struct web_url *out)
{
	CURLU *url;
	char *found, *host;
	size_t len;
	const char *authority;
	bool good, secrets;

	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			return false;
	}
	/* libcurl would take the path of an address without a host for one. */
	if (strlen(text) > URL_BYTES_MAX || strstr(text, ":///"))
		return false;
	/* Nor is a host one that is written by its bytes. */
	authority = strstr(text, "://");
	if (authority && memchr(authority + 3, '%', strcspn(authority + 3, "/?#")))
		return false;
	url = curl_url();
	if (!url)
		abort();
	good = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
	found = url_part(arena, url, CURLUPART_SCHEME);
	host = url_part(arena, url, CURLUPART_HOST);
	secrets = url_part(arena, url, CURLUPART_USER) || url_part(arena, url, CURLUPART_PASSWORD);
	curl_url_cleanup(url);
	if (!good || !found || !host || !*host || !str_starts(found, scheme) ||
		(found[strlen(scheme)] && !str_equal(found + strlen(scheme), "s")))
		return false;
	len = strlen(host);
	if (host[0] == '[' && host[len - 1] == ']')
		host = arena_copy(arena, host + 1, len - 2);
	*out = (struct web_url){
		.tls = found[strlen(scheme)] == 's',
		.host = host,
		.secrets = secrets,
		.loopback = web_is_loopback(host),
	};
	return true;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static size_t
take_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct call *call = ctx;

	if (count > call->exchange->request.answer_max - call->body.len) {
		call->too_long = true;
		return 0;
	}
	str_add_bytes(&call->body, bytes, count);
	return size * count;
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *ctx)
{
	static const char replayed[] = "idempotent-replayed: true";
	struct call *call = ctx;

	if (count >= sizeof(replayed) - 1 &&
		strncasecmp(bytes, replayed, sizeof(replayed) - 1) == 0)
		call->replayed = true;
	return size * count;
}

static curl_socket_t
open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct call *call = ctx;

	(void)purpose;
	call->tried++;
	if (call->exchange->request.public_only && !web_is_public(&address->addr)) {
		call->refused++;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static struct curl_slist *
headers_of(const struct web_request *request)
{
	/* Nobody is asked whether the body may come: it is short. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;

	for (size_t i = 0; list && request->headers && request->headers[i]; i++) {
		longer = curl_slist_append(list, request->headers[i]);
		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	if (!list)
		abort();
	return list;
}

static void
prepare(struct call *call, int64_t left_us)
{
	const struct web_request *request = &call->exchange->request;
	CURL *curl = call->curl;
	long left_ms = left_us < 1000 ? 1 : (long)(left_us / 1000);

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, call);
	curl_easy_setopt(curl, CURLOPT_URL, request->url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs holds nobody up at the end of the call. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, call);
	if (request->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
	}
	if (request->bearer) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request->bearer);
	}
	/* A connection that was made under another rule is not used under this one. */
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, (long)request->public_only);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, (long)request->public_only);
}

/* Whether anything of the request has left: counted by libcurl over all connections of the call. */
static bool
was_sent(CURL *curl)
{
	long bytes = 0;

	return curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0;
}

static void
call_begin(struct web *web, size_t place, struct call *call, struct web_exchange *exchange,
	struct arena *arena)
{
	int64_t left_us = exchange->request.deadline_us - clock_monotonic_us();

	*call = (struct call){ .exchange = exchange };
	exchange->answer = (struct web_answer){ .error = "no time was left" };
	exchange->result = WEB_UNSENT;
	exchange->took_us = 0;
	if (left_us <= 0)
		return;
	if (!web->calls[place])
		web->calls[place] = curl_easy_init();
	call->curl = web->calls[place];
	if (!call->curl)
		abort();
	str_init(&call->body, arena);
	call->headers = headers_of(&exchange->request);
	prepare(call, left_us);
	if (curl_multi_add_handle(web->multi, call->curl) != CURLM_OK)
		abort();
}

static enum web_result
call_judge(struct call *call, CURLcode code, struct arena *arena, struct web_answer *out)
{
	long status = 0;

	/* Of one that lacks a part the final status may have come. */
	curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK || (call->exchange->request.cut && status >= 200)) {
		*out = (struct web_answer){
			.status = (int)status,
			.body = call->body.data,
			.body_len = call->body.len,
			.replayed = call->replayed,
		};
		return WEB_ANSWERED;
	}
	out->error = call->too_long ? "the answer is too long"
				    : arena_strdup(arena, *call->error ? call->error
								       : curl_easy_strerror(code));
	if (call->tried > 0 && call->refused == call->tried) {
		out->error = "the address is not a public one";
		return WEB_FORBIDDEN;
	}
	return was_sent(call->curl) ? WEB_UNKNOWN : WEB_UNSENT;
}

static void
call_end(struct web *web, struct call *call, CURLcode code, struct arena *arena)
{
	call->exchange->result = call_judge(call, code, arena, &call->exchange->answer);
	curl_multi_remove_handle(web->multi, call->curl);
	/* Nothing of this call is left in the handle. */
	curl_easy_reset(call->curl);
	curl_slist_free_all(call->headers);
}

void
web_call(struct web *web, struct web_exchange *exchanges, size_t count, struct arena *arena)
{
	struct call calls[WEB_AT_ONCE], *ended;
	int64_t began_us = clock_monotonic_us();
	int running, left;
	CURLMsg *message;
	CURLcode code;

	assert(count <= WEB_AT_ONCE);
	for (size_t i = 0; i < count; i++)
		call_begin(web, i, &calls[i], &exchanges[i], arena);
	for (;;) {
		if (curl_multi_perform(web->multi, &running) != CURLM_OK)
			abort();
		while ((message = curl_multi_info_read(web->multi, &left))) {
			code = message->data.result;
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended);
			ended->exchange->took_us = clock_monotonic_us() - began_us;
			call_end(web, ended, code, arena);
		}
		if (running == 0)
			break;
		curl_multi_poll(web->multi, NULL, 0, 1000, NULL);
	}
}

/* ---- mail ------------------------------------------------------------------------------------ */

#define SAID_MAX 64

/* How far a mail has got. */
struct sending {
	const struct web_mail *mail;
	size_t at;
	enum { MAIL_MET, MAIL_TO, MAIL_DATA } stage; /* the sender was accepted; the recipient */
	char said[SAID_MAX];                         /* the last refusal's beginning */
};

static size_t
give_mail(char *out, size_t size, size_t count, void *ctx)
{
	struct sending *sending = ctx;
	size_t left = sending->mail->len - sending->at;
	size_t len = size * count < left ? size * count : left;

	memcpy(out, sending->mail->text + sending->at, len);
	sending->at += len;
	return len;
}

static curl_socket_t
open_mail_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct web *web = ctx;

	(void)purpose;
	web->mail_fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return web->mail_fd;
}

static int
close_mail_socket(void *ctx, curl_socket_t fd)
{
	struct web *web = ctx;

	if (web->mail_fd == fd)
		web->mail_fd = -1;
	return close(fd);
}

/* Nothing that a server says is printed. */
static size_t
drop_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
	(void)bytes;
	(void)ctx;
	return size * count;
}

/* Follows what is said. libcurl names a recipient once the server has accepted the sender. */
static int
follow_mail(CURL *curl, curl_infotype type, char *bytes, size_t len, void *ctx)
{
	struct sending *sending = ctx;

	(void)curl;
	if (type == CURLINFO_HEADER_IN && len > 0 && (*bytes == '4' || *bytes == '5'))
		snprintf(sending->said, sizeof(sending->said), "%.*s",
			(int)(len < SAID_MAX ? len : SAID_MAX - 1), bytes);
	else if (type == CURLINFO_HEADER_OUT && len >= 5 && strncmp(bytes, "RCPT ", 5) == 0)
		sending->stage = MAIL_TO;
	else if (type == CURLINFO_HEADER_OUT && len >= 4 && strncmp(bytes, "DATA", 4) == 0)
		sending->stage = MAIL_DATA;
	return 0;
}

/*
 * What is not about this mail is about the server: all that it refuses before it has heard of a
 * recipient, and that it does not relay, or not for us (5.7 of RFC 3463), to any recipient. That
 * a mailbox is bad (5.1) concerns it alone. The last answer has the code; once the server has heard
 * of the recipient, or of the mail, libcurl tells a refusal as what it could not send or not
 * understand.
 */
static enum web_mail_result
judge_mail(CURLcode code, long status, const struct sending *sending)
{
	bool about_mail = sending->stage != MAIL_MET &&
			  (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY ||
				  code == CURLE_RECV_ERROR);
	const char *why = strlen(sending->said) > 4 ? sending->said + 4 : "";

	if (code == CURLE_OK)
		return WEB_MAIL_SENT;
	if (!about_mail || status == 421 || status == 530 || status == 535)
		return WEB_MAIL_AWAY;
	if (status >= 400 && status < 500)
		return WEB_MAIL_LATER;
	if (status < 500 || status >= 600)
		return WEB_MAIL_AWAY;
	if (sending->stage == MAIL_TO && str_starts(why, "5.7."))
		return WEB_MAIL_AWAY;
	return sending->stage == MAIL_TO && str_starts(why, "5.1.") ? WEB_MAIL_NOBODY
								    : WEB_MAIL_REFUSED;
}

static void
prepare_mail(CURL *curl, struct sending *sending, struct curl_slist *to, char *error, long left_ms)
{
	const struct web_mail *mail = sending->mail;

	curl_easy_setopt(curl, CURLOPT_URL, mail->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(
		curl, CURLOPT_USE_SSL, (long)(mail->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_bytes);
	/* Nothing is printed: all goes to the function. */
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, follow_mail);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, sending);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_mail);
	curl_easy_setopt(curl, CURLOPT_READDATA, sending);
	curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->len);
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
	curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
	if (*mail->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, mail->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password);
	}
}

enum web_mail_result
web_mail(struct web *web, const struct web_mail *mail, struct arena *arena, const char **error)
{
	struct sending sending = { .mail = mail };
	int64_t left_us = mail->deadline_us - clock_monotonic_us();
	char buffer[CURL_ERROR_SIZE] = "";
	struct curl_slist *to;
	long status = 0;
	CURLcode code;

	*error = "no time was left";
	if (left_us <= 0)
		return WEB_MAIL_AWAY;
	to = curl_slist_append(NULL, mail->to);
	if (!to)
		abort();
	curl_easy_reset(web->mail);
	curl_easy_setopt(web->mail, CURLOPT_OPENSOCKETFUNCTION, open_mail_socket);
	curl_easy_setopt(web->mail, CURLOPT_OPENSOCKETDATA, web);
	curl_easy_setopt(web->mail, CURLOPT_CLOSESOCKETFUNCTION, close_mail_socket);
	curl_easy_setopt(web->mail, CURLOPT_CLOSESOCKETDATA, web);
	prepare_mail(web->mail, &sending, to, buffer, left_us < 1000 ? 1 : (long)(left_us / 1000));
	code = curl_easy_perform(web->mail);
	if (code != CURLE_OK)
		hang_up(web);
	curl_easy_getinfo(web->mail, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(web->mail, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(web->mail, CURLOPT_MAIL_RCPT, NULL);
	curl_easy_setopt(web->mail, CURLOPT_VERBOSE, 0L);
	curl_slist_free_all(to);
	*error = NULL;
	if (code != CURLE_OK)
		*error = arena_printf(
			arena, "%s (%ld)", *buffer ? buffer : curl_easy_strerror(code), status);
	return judge_mail(code, status, &sending);
}
