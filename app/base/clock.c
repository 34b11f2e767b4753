/*
 * Clocks, and the shape of times as clients write them.
 */
#include "base/clock.h"

#include <ctype.h>

#define MOVED_US 2000000 /* more than reading two clocks one after the other can account for */

/* What was told, as the difference to clock_monotonic_us(), and the host's difference then. */
static struct {
	bool told;
	int64_t ahead_us;
	int64_t host_ahead_us;
} told;

int64_t
clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The host's clock, less what clock_monotonic_us() says: the same until one of them is moved. */
static int64_t
host_ahead_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - clock_monotonic_us();
}

void
clock_tell(int64_t unix_us)
{
	told.told = true;
	told.ahead_us = unix_us - clock_monotonic_us();
	told.host_ahead_us = host_ahead_us();
}

bool
clock_is_told(void)
{
	return told.told;
}

bool
clock_has_moved(void)
{
	return told.told && llabs(host_ahead_us() - told.host_ahead_us) > MOVED_US;
}

int64_t
clock_unix_s(void)
{
	int64_t ahead_us = told.told ? told.ahead_us : host_ahead_us();

	return (ahead_us + clock_monotonic_us()) / 1000000;
}

void
clock_rfc3339(int64_t unix_ms, char out[CLOCK_RFC3339])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	size_t len;

	gmtime_r(&seconds, &utc);
	len = strftime(out, CLOCK_RFC3339, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out + len, CLOCK_RFC3339 - len, ".%03dZ", (int)(unix_ms % 1000));
}

void
clock_now_rfc3339(char out[CLOCK_RFC3339])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_rfc3339((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, out);
}

/* Reads exactly digits digits of a number within min and max, and moves *text behind them. */
static bool
take_number(const char **text, int digits, int min, int max, int *out)
{
	int n = 0;

	for (int i = 0; i < digits; i++) {
		if (!isdigit((unsigned char)(*text)[i]))
			return false;
		n = n * 10 + (*text)[i] - '0';
	}
	if (n < min || n > max)
		return false;
	*text += digits;
	*out = n;
	return true;
}

static bool
take_char(const char **text, const char *of)
{
	if (!**text || !strchr(of, **text))
		return false;
	(*text)++;
	return true;
}

static bool
take_date(const char **text)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, last;

	/* PostgreSQL has no year 0. */
	if (!take_number(text, 4, 1, 9999, &year) || !take_char(text, "-") ||
		!take_number(text, 2, 1, 12, &month) || !take_char(text, "-") ||
		!take_number(text, 2, 1, 31, &day))
		return false;
	last = days[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		last = 29;
	return day <= last;
}

bool
clock_is_date(const char *text)
{
	return take_date(&text) && !*text;
}

bool
clock_is_rfc3339(const char *text)
{
	int hour, minute, second;

	if (!take_date(&text) || !take_char(&text, "Tt") || !take_number(&text, 2, 0, 23, &hour) ||
		!take_char(&text, ":") || !take_number(&text, 2, 0, 59, &minute) ||
		!take_char(&text, ":") || !take_number(&text, 2, 0, 60, &second))
		return false;
	if (take_char(&text, ".")) {
		size_t digits = strspn(text, "0123456789");

		if (digits < 1 || digits > 9)
			return false;
		text += digits;
	}
	if (take_char(&text, "Zz"))
		return !*text;
	/* PostgreSQL takes zones up to 15:59. */
	return take_char(&text, "+-") && take_number(&text, 2, 0, 15, &hour) &&
	       take_char(&text, ":") && take_number(&text, 2, 0, 59, &minute) && !*text;
}
