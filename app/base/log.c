/*
 * The log: one write(2) a line, so that the lines of many processes do not mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_BYTES  2048
#define VALUE_BYTES 201
#define VALUE_RING  8

static const char *log_program = "holdfast";
static enum log_level log_least = LOG_INFO;

void
log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_least = level;
}

void
log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	char line[LINE_BYTES];
	char now[CLOCK_RFC3339];
	va_list args;
	size_t len;
	int made;

	if (level < log_least)
		return;
	clock_now_rfc3339(now);
	made = snprintf(line, sizeof(line), "%s %s program=%s pid=%d ", now, names[level],
		log_program, (int)getpid());
	len = made < 0 ? 0 : (size_t)made < sizeof(line) - 1 ? (size_t)made : sizeof(line) - 1;
	va_start(args, format);
	made = vsnprintf(line + len, sizeof(line) - len, format, args);
	va_end(args);
	if (made > 0)
		len += (size_t)made;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* A full disk or a closed pipe must cost no request. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

const char *
log_value(const char *text)
{
	static char ring[VALUE_RING][VALUE_BYTES];
	static unsigned next;
	char *out = ring[next++ % VALUE_RING];
	size_t len = 0;

	if (!text || !*text)
		return "-";
	for (; *text && len < VALUE_BYTES - 1; text++) {
		unsigned char c = (unsigned char)*text;

		out[len++] = c > 0x20 && c < 0x7f && c != '"' && c != '=' ? (char)c : '_';
	}
	out[len] = '\0';
	return out;
}

enum log_level
log_level_of(const char *name)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	size_t i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return (enum log_level)i;
}
