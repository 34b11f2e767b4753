/*
 * Which mail there is, and what it says: templates as files, filled in with what the database
 * tells.
 */
#ifndef HOLDFAST_MAIL_H
#define HOLDFAST_MAIL_H

#include "base/conf.h"
#include "base/str.h"

/* What a template makes. On the arena. */
struct mail_text {
	const char *subject, *text, *html;
};

/*
 * template: its name; facts: JSON, as the database tells them. NULL: made; else what is wrong with
 * the template, in words. name.txt begins with `Subject: …` and an empty line; name.html is a page.
 */
const char *mail_make(const struct conf *conf, struct arena *arena, const char *template,
	const char *facts, struct mail_text *out);

/* Fills every template with an example. NULL: all are good; else which is wrong, and how. */
const char *mail_check(const struct conf *conf, struct arena *arena);

#endif
