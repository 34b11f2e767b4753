/*
 * What a program tells of its configuration: --help and --print-config.
 */
#include <inttypes.h>

#include "base/conf_table.h"

void
conf_help(const struct conf_program *program)
{
	printf("holdfast-%s: %s\n\n", program->name, program->summary);
	printf("Usage: holdfast-%s %s\n\n", program->name,
		program->usage ? program->usage : "[OPTION]...");
	if (program->options) {
		size_t len = strlen(program->options);

		printf("%s%s", program->options,
			len && program->options[len - 1] == '\n' ? "" : "\n");
	}
	printf("  --config FILE      settings (default: $HOLDFAST_CONF, else "
	       "/etc/holdfast/holdfast.conf)\n"
	       "  --set KEY=VALUE    one setting, over file and environment; may be repeated\n"
	       "  --print-config     print the settings in force, secrets masked, and end\n"
	       "  --help             print this and end\n"
	       "  --version          print the version and end\n");
}

/*
 * A connection string with what may be a password blotted out: `scheme://user:PASSWORD@…`, and
 * `password=…` in either form, quoted with its backslashes or up to a space or &.
 */
static void
print_masked(const char *text)
{
	const char *authority = strstr(text, "://");

	if (authority) {
		const char *start = authority + 3;
		const char *at = strrchr(start, '@');
		const char *colon;

		/* Also where the password holds what it should have encoded; rather too much is
		 * blotted out than too little. */
		colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
		if (colon) {
			printf("%.*s:***", (int)(colon - text), text);
			text = at;
		}
	}
	while (*text) {
		size_t blank = strncasecmp(text, "password", 8) == 0 ? strspn(text + 8, " ") : 0;

		if (strncasecmp(text, "password", 8) != 0 || text[8 + blank] != '=') {
			putchar(*text++);
			continue;
		}
		printf("password=***");
		text = strchr(text, '=') + 1;
		text += strspn(text, " ");
		if (*text == '\'') {
			for (text++; *text && *text != '\''; text++) {
				if (*text == '\\' && text[1])
					text++;
			}
			text += *text == '\'';
		} else {
			while (*text && *text != ' ' && *text != '&') {
				if (*text == '\\' && text[1])
					text++;
				text++;
			}
		}
	}
}

void
conf_print(const struct conf *conf)
{
	for (const struct conf_row *row = conf_rows; row->name; row++) {
		const char *member = (const char *)conf + row->offset;
		const char *text;

		printf("%s = ", row->name);
		switch (row->kind) {
		case CONF_KIND_INT:
			printf("%" PRId64, *(const int64_t *)(const void *)member);
			break;
		case CONF_KIND_BOOL:
			printf("%s", *(const bool *)member ? "on" : "off");
			break;
		case CONF_KIND_SECRET:
			text = *(const char *const *)(const void *)member;
			printf("%s", *text ? "***" : "");
			break;
		case CONF_KIND_TEXT:
			print_masked(*(const char *const *)(const void *)member);
			break;
		}
		putchar('\n');
	}
}
