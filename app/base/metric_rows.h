/*
 * Includes metric.def with whichever of its macros the includer has defined, the others being
 * nothing, and undefines them all. Made to be included several times.
 */
#ifndef METRIC
#define METRIC(id, kind, name, a, b, help)
#endif
#ifndef METRIC_SET
#define METRIC_SET(set, label)
#endif
#ifndef METRIC_VALUE
#define METRIC_VALUE(set, id, text)
#endif
#ifndef METRIC_VALUES
#define METRIC_VALUES(set, count)
#endif
#ifndef METRIC_SET_END
#define METRIC_SET_END(set)
#endif
#include "base/metric.def"
#undef METRIC
#undef METRIC_SET
#undef METRIC_VALUE
#undef METRIC_VALUES
#undef METRIC_SET_END
