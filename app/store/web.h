/*
 * Calls to other systems over HTTP, and mail by SMTP. libcurl is included by web.c alone.
 *
 * Every call has an end: a deadline for the whole of it and a bound on the answer. No redirect is
 * followed, certificates are verified, and neither the environment nor a file says anything of a
 * proxy or of a password.
 */
#ifndef HOLDFAST_WEB_H
#define HOLDFAST_WEB_H

#include "base/arena.h"

struct web;

struct web *web_open(void); /* connects with the first call; keeps connections for the next */
void web_close(struct web *web);

struct web_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value" each, ends with NULL; NULL: none */
	const char *body;           /* NULL: none */
	size_t body_len;
	const char *bearer;  /* NULL: none; goes into Authorization */
	int64_t deadline_us; /* monotonic */
	size_t answer_max;   /* bytes of the body; one that is longer is no answer */
	bool cut;            /* but then is one, and so is one that ends early or not in time */
	/* Only to addresses that everybody on the internet may have: judged by what a name has
	 * just been resolved to, at the moment of the connection. */
	bool public_only;
};

enum web_result {
	WEB_ANSWERED,  /* whatever the status: a whole answer, or with `cut` a beginning */
	WEB_FORBIDDEN, /* every address of the name is one that public_only refuses */
	WEB_UNSENT,    /* nothing of the request can have been acted upon */
	WEB_UNKNOWN    /* sent, at least in part, and not answered */
};

/* On the arena. */
struct web_answer {
	int status;
	const char *body; /* NUL-terminated */
	size_t body_len;
	bool replayed;     /* it says Idempotent-Replayed: true */
	const char *error; /* where there is no answer: why, in words */
};

#define WEB_AT_ONCE 16

/* A call, and what came of it. */
struct web_exchange {
	struct web_request request;
	enum web_result result;
	struct web_answer answer;
	int64_t took_us;
};

/* Makes them all at once, WEB_AT_ONCE at most, and comes back when each has its result. */
void web_call(struct web *web, struct web_exchange *exchanges, size_t count, struct arena *arena);

/* ---- mail ------------------------------------------------------------------------------------ */

struct web_mail {
	const char *url;             /* smtp://host[:port] or smtps://host[:port] */
	const char *user, *password; /* user "": without */
	bool plain;                  /* without TLS, where the address does not say smtps */
	const char *from, *to;       /* addresses, as message_address_is_valid() has them */
	const char *text;            /* the message with its headers, lines with CRLF */
	size_t len;
	int64_t deadline_us; /* monotonic */
};

enum web_mail_result {
	WEB_MAIL_SENT,    /* the server has it */
	WEB_MAIL_LATER,   /* it does not want this one now */
	WEB_MAIL_REFUSED, /* it will never want this one */
	WEB_MAIL_NOBODY,  /* because there is no such mailbox */
	WEB_MAIL_AWAY     /* it could not be reached, or wants nothing; it may have the mail */
};

/* error: why it was not sent, in words. */
enum web_mail_result
web_mail(struct web *web, const struct web_mail *mail, struct arena *arena, const char **error);

/* What an address says. Strings live on the arena. */
struct web_url {
	bool tls;         /* https, smtps */
	const char *host; /* without the brackets of an IPv6 address */
	bool secrets;     /* it has a user or a password in it */
	bool loopback;    /* the host is this host, by name or by address */
};

/* Absolute, not longer than 2,000 bytes. scheme: "http" or "smtp", each also with an s behind it.
 * False: it is no such address. */
bool web_url_read(struct arena *arena, const char *text, const char *scheme, struct web_url *out);

/* Whether an address in text form is one that everybody on the internet may have. */
bool web_address_is_public(const char *address);

#endif
