/*
 * Texts with places to fill in: what mail is made of.
 *
 *     {{name}}                 the value of a name
 *     {{#name}} … {{/name}}    if it has one; of a list for each element, whose names come first
 *     {{^name}} … {{/name}}    if it has none
 *
 * Nothing, an empty text, false, 0 and an empty list are no value. A tag of a section that stands
 * alone on its line leaves no empty line behind.
 */
#ifndef HOLDFAST_TEMPLATE_H
#define HOLDFAST_TEMPLATE_H

#include "base/json.h"

/*
 * Adds the text, filled in with the members of the object facts, to out. html: values are escaped.
 * Control characters of values become spaces, so that none of them ends a line. NULL: done; else
 * what is wrong with the template: a name that facts does not have is.
 */
const char *template_render(struct arena *arena, const char *text, const struct json *facts,
	bool html, struct str *out);

#endif
