/*
 * Templates of mail.
 */
#include "domain/mail.h"

#include "domain/template.h"

#define TEMPLATE_BYTES_MAX 65536
#define SUBJECT            "Subject: "

static const char *const templates[] = {
	"booking.confirmed",
	"booking.cancelled",
	"booking.unfulfilled",
	"refund.done",
	"event.changed",
	"event.cancelled",
	"staff.booking.unfulfilled",
	"staff.payment.disputed",
	"staff.refund.failed",
};

/* Every name that there is, with a value. */
static const char example[] =
	"{\"name\":\"Ada\",\"kind\":\"booking.confirmed\",\"event_id\":\"1\",\"event_title\":\"An "
	"evening\","
	"\"event_when\":\"Saturday 21 November 2026, 19:00 (Europe/Berlin, UTC+01:00)\","
	"\"event_was\":\"Friday 20 November 2026, 19:00 (Europe/Berlin, UTC+01:00)\","
	"\"venue_name\":\"The house\",\"venue_address\":\"1 Street\","
	"\"booking_id\":\"00000001-0000-8000-8000-000000000000\",\"items\":[{\"item\":\"A seat\"}],"
	"\"total\":\"10.00 EUR\",\"whole\":true,\"gone\":[{\"item\":\"A seat\"}],"
	"\"amount\":\"10.00 EUR\",\"refund\":\"10.00 EUR\","
	"\"at\":\"Saturday 21 November 2026, 18:00 (Europe/Berlin, UTC+01:00)\"}";

/* NULL: not there, or too long. */
static const char *
read_template(
	const struct conf *conf, struct arena *arena, const char *template, const char *ending)
{
	const char *path = arena_printf(arena, "%s/%s.%s", conf->mail_templates, template, ending);
	FILE *file = fopen(path, "re");
	char *text;
	size_t len;

	if (!file)
		return NULL;
	text = arena_alloc(arena, TEMPLATE_BYTES_MAX + 1);
	len = fread(text, 1, TEMPLATE_BYTES_MAX + 1, file);
	fclose(file);
	if (len == 0 || len > TEMPLATE_BYTES_MAX || !str_is_utf8(text, len))
		return NULL;
	text[len] = '\0';
	return text;
}

/* One file filled in. NULL: done. */
static const char *
fill(const struct conf *conf, struct arena *arena, const char *template, const char *ending,
	const struct json *facts, struct str *out)
{
	const char *text = read_template(conf, arena, template, ending);
	const char *mistake;

	str_init(out, arena);
	if (!text)
		return arena_printf(arena, "%s/%s.%s is not there, or no text of at most %d bytes",
			conf->mail_templates, template, ending, TEMPLATE_BYTES_MAX);
	mistake = template_render(arena, text, facts, strcmp(ending, "html") == 0, out);
	return mistake ? arena_printf(arena, "%s.%s: %s", template, ending, mistake) : NULL;
}

const char *
mail_make(const struct conf *conf, struct arena *arena, const char *template, const char *facts,
	struct mail_text *out)
{
	const char *detail = NULL, *mistake, *body;
	const struct json *json = json_parse(arena, facts, strlen(facts), &detail);
	struct str text, html;
	size_t len;

	if (!json)
		return detail;
	mistake = fill(conf, arena, template, "txt", json, &text);
	if (!mistake)
		mistake = fill(conf, arena, template, "html", json, &html);
	if (mistake)
		return mistake;
	len = strcspn(text.data, "\n");
	body = text.data + len;
	if (!str_starts(text.data, SUBJECT) || strncmp(body, "\n\n", 2) != 0)
		return arena_printf(arena,
			"%s.txt: it has to begin with `" SUBJECT "…` and an empty line", template);
	*out = (struct mail_text){
		.subject = arena_copy(arena, text.data + strlen(SUBJECT), len - strlen(SUBJECT)),
		.text = body + 2,
		.html = html.data,
	};
	return NULL;
}

const char *
mail_check(const struct conf *conf, struct arena *arena)
{
	const char *mistake = NULL;
	struct mail_text unused;

	for (size_t i = 0; i < ARRAY_LENGTH(templates) && !mistake; i++)
		mistake = mail_make(conf, arena, templates[i], example, &unused);
	return mistake;
}
