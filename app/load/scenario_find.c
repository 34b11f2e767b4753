/*
 * Where scenarios lie.
 */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "load/scenario.h"

#define SUFFIX    ".scenario"
#define DIRS_MAX  6
#define NAMES_MAX 1000

/* The directory that a path is in. */
static const char *
directory_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? arena_copy(arena, path, (size_t)(slash - path)) : ".";
}

/* All directories to look in, the first first; ends with NULL. */
static void
directories(struct arena *arena, const char *conf_file, const char *out[DIRS_MAX + 1])
{
	const char *own = getenv("HOLDFAST_SCENARIOS"), *beside;
	char program[4096];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	size_t count = 0;

	program[len > 0 ? len : 0] = '\0';
	beside = directory_of(arena, program);
	if (own && *own)
		out[count++] = own;
	if (conf_file)
		out[count++] = arena_printf(arena, "%s/scenarios", directory_of(arena, conf_file));
	/* In the tree, and in that of another build; then as installed. */
	out[count++] = arena_printf(arena, "%s/../../conf/scenarios", beside);
	out[count++] = arena_printf(arena, "%s/../../../conf/scenarios", beside);
	out[count++] = arena_printf(arena, "%s/../share/holdfast/conf/scenarios", beside);
	out[count++] = "/etc/holdfast/scenarios";
	out[count] = NULL;
}

/* NULL: it could not be read, errno says why. */
static char *
read_file(struct arena *arena, const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *text;

	if (!file)
		return NULL;
	text = arena_alloc(arena, SCENARIO_BYTES_MAX + 2);
	*len = fread(text, 1, SCENARIO_BYTES_MAX + 1, file);
	if (ferror(file))
		text = NULL;
	fclose(file);
	return text;
}

static const char *
name_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name), end = strlen(SUFFIX);

	return arena_copy(
		arena, name, len > end && str_equal(name + len - end, SUFFIX) ? len - end : len);
}

const char *
scenario_load(
	struct scenario *scenario, struct arena *arena, const char *name, const char *conf_file)
{
	const char *dirs[DIRS_MAX + 1], *path = name, *wrong;
	char *text = NULL;
	size_t len = 0;

	if (strchr(name, '/')) {
		text = read_file(arena, path, &len);
	} else {
		directories(arena, conf_file, dirs);
		for (size_t i = 0; dirs[i] && !text; i++) {
			path = arena_printf(arena, "%s/%s" SUFFIX, dirs[i], name);
			text = read_file(arena, path, &len);
			if (!text && errno != ENOENT && errno != ENOTDIR)
				break;
		}
	}
	if (!text && errno == ENOENT)
		return arena_printf(arena, "there is no scenario %s (--list names them)", name);
	if (!text)
		return arena_printf(arena, "%s: %s", path, strerror(errno));
	wrong = scenario_parse(scenario, arena, name_of(arena, path), text, len);
	return wrong ? arena_printf(arena, "%s: %s", path, wrong) : NULL;
}

/* ---- the list -------------------------------------------------------------------------------- */

struct names {
	const char *names[NAMES_MAX];
	size_t count;
};

static void
collect(struct arena *arena, const char *dir, struct names *names)
{
	DIR *open = opendir(dir);

	for (struct dirent *entry; open && (entry = readdir(open));) {
		size_t len = strlen(entry->d_name), end = strlen(SUFFIX);
		bool known = false;
		const char *name;

		if (len <= end || !str_equal(entry->d_name + len - end, SUFFIX))
			continue;
		name = name_of(arena, entry->d_name);
		for (size_t i = 0; i < names->count; i++)
			known |= str_equal(names->names[i], name);
		if (!known && names->count < NAMES_MAX)
			names->names[names->count++] = name;
	}
	if (open)
		closedir(open);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
scenario_list(struct arena *arena, const char *conf_file, FILE *out)
{
	struct names *names = ARENA_NEW(arena, struct names);
	struct scenario *scenario = ARENA_NEW(arena, struct scenario);
	const char *dirs[DIRS_MAX + 1];

	directories(arena, conf_file, dirs);
	for (size_t i = 0; dirs[i]; i++)
		collect(arena, dirs[i], names);
	qsort(names->names, names->count, sizeof(*names->names), by_name);
	for (size_t i = 0; i < names->count; i++) {
		const char *wrong = scenario_load(scenario, arena, names->names[i], conf_file);

		fprintf(out, "%-14s %s%s\n", names->names[i], wrong ? "not readable: " : "",
			wrong             ? wrong
			: scenario->about ? scenario->about
					  : "");
	}
	return names->count > 0;
}
