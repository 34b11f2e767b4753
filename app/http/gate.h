/*
 * The seam to the web server: a request comes in, bytes go out. Two implementations: gate_fcgi.c
 * (libfcgi on the listening socket at descriptor 0) and gate_cgi.c (environment and stdin, one
 * request, for a shell, a debugger or a test).
 */
#ifndef HOLDFAST_GATE_H
#define HOLDFAST_GATE_H

#include "base/base.h"

struct gate;

struct gate *gate_open(void); /* chooses by what descriptor 0 is; never NULL */
void gate_close(struct gate *gate);
bool gate_is_cgi(const struct gate *gate);

/*
 * Waits for the next request. True: one is here, and gate_finish() must follow. False: a stop
 * signal (SIGTERM, SIGINT, SIGUSR1, SIGHUP) came, or a CGI request has been served. Stop signals
 * are blocked and taken between requests only, so none is ever cut short. idle, where not NULL, is
 * called before each wait for a request: at the start and after each finished one. It says after
 * how many milliseconds in which none has come it is to be called again; -1: not at all.
 */
bool gate_accept(struct gate *gate, int (*idle)(void *ctx), void *ctx);

/* A CGI variable of the request (REQUEST_METHOD, REQUEST_URI, HTTP_AUTHORIZATION …) or NULL. */
const char *gate_param(const struct gate *gate, const char *name);

/* Whether a variable came more than once, as a header field that was sent twice may. */
bool gate_param_repeats(const struct gate *gate, const char *name);

/*
 * Up to room bytes of the body. Returns the number read, 0 at the end, -1 if the body was cut.
 */
int gate_read(struct gate *gate, char *out, int room);

/* The bytes stay where they are until gate_finish(): what is long goes out then, uncopied. */
void gate_write(struct gate *gate, const char *bytes, size_t len);

/* The answer is complete and sent; what comes after delays no client. */
void gate_finish(struct gate *gate);

#endif
