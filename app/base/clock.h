/*
 * Clocks. Deadlines of bookings are judged by PostgreSQL alone (now() in SQL); what is here serves
 * time budgets, logs and tokens. Tokens follow PostgreSQL's clock too, once it has been heard, so
 * that a host whose own clock is wrong gives and takes the same ones as all others.
 */
#ifndef HOLDFAST_CLOCK_H
#define HOLDFAST_CLOCK_H

#include "base/base.h"

#define CLOCK_RFC3339 40 /* room for a time with microseconds and its NUL */

int64_t clock_monotonic_us(void);
int64_t clock_unix_s(void); /* by the clock that was told, else by the host's */

/* The time now on the clock that counts. */
void clock_tell(int64_t unix_us);
bool clock_is_told(void);

/* The host's clock has been set, or the host has slept, since: it has to be told again. */
bool clock_has_moved(void);

/* A time as RFC 3339 in UTC with milliseconds; and the current one. */
void clock_rfc3339(int64_t unix_ms, char out[CLOCK_RFC3339]);
void clock_now_rfc3339(char out[CLOCK_RFC3339]);

/*
 * RFC 3339 as clients write it ("2026-11-21T19:00:00Z", "…+01:00", fraction allowed, lower-case t
 * and z allowed), checked field by field. PostgreSQL does the arithmetic: this only says yes or no.
 */
bool clock_is_rfc3339(const char *text);
bool clock_is_date(const char *text); /* YYYY-MM-DD, a day that exists */

#endif
