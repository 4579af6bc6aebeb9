/*
 * tap.h
 *	  Test Anything Protocol output for the unit tests.
 *
 * Include it in one file per program, and end main() with
 * "return done_testing();".
 */
#ifndef BM_TEST_TAP_H
#define BM_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_tests;
static int tap_failures;

/* A name of a test is one line of ASCII, whatever text it shows. */
static inline void
tap_result(bool passed, const char *format, va_list args)
{
	char name[256];

	vsnprintf(name, sizeof(name), format, args);
	for (char *c = name; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	tap_tests++;
	if (!passed)
		tap_failures++;
	printf("%sok %d - %s\n", passed ? "" : "not ", tap_tests, name);
}

__attribute__((format(printf, 2, 3))) static inline bool
ok(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_result(passed, format, args);
	va_end(args);
	return passed;
}

__attribute__((format(printf, 3, 4))) static inline bool
is_int(int64_t got, int64_t expected, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_result(got == expected, format, args);
	va_end(args);
	if (got != expected)
		printf("#      got: %lld\n# expected: %lld\n", (long long) got,
			   (long long) expected);
	return got == expected;
}

__attribute__((format(printf, 3, 4))) static inline bool
is_str(const char *got, const char *expected, const char *format, ...)
{
	bool same = strcmp(got, expected) == 0;
	va_list args;

	va_start(args, format);
	tap_result(same, format, args);
	va_end(args);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got, expected);
	return same;
}

/* Print the plan; the result is the exit status of the program. */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_tests);
	if (tap_failures > 0)
		printf("# %d of %d tests failed\n", tap_failures, tap_tests);
	return tap_failures > 0 || tap_tests == 0;
}

#endif /* BM_TEST_TAP_H */
