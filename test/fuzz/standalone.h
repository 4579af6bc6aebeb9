/*
 * standalone.h
 *	  A main() for a fuzz target, where the compiler has no libFuzzer: runs the files of a corpus and
 *	  mutations of them. ALPHABET has the characters to try.
 */
#ifndef BM_FUZZ_STANDALONE_H
#define BM_FUZZ_STANDALONE_H

#include <stdio.h>
#include <time.h>

#define MAX_INPUT 256

static uint32_t
random_below(uint32_t limit)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (state >> 33) % limit;
}

/* Change, insert or remove a few bytes. */
static size_t
mutate(uint8_t *data, size_t size)
{
	static const char alphabet[] = ALPHABET;

	for (uint32_t n = 1 + random_below(4); n > 0; n--)
	{
		size_t at = random_below((uint32_t) size + 1);
		uint8_t byte = random_below(4) == 0
						   ? (uint8_t) random_below(256)
						   : (uint8_t) alphabet[random_below(sizeof(alphabet) - 1)];
		uint32_t kind = random_below(3);

		if (kind == 0 && at < size)
			data[at] = byte;
		else if (kind == 1 && size < MAX_INPUT)
		{
			memmove(data + at + 1, data + at, size - at);
			data[at] = byte;
			size++;
		}
		else if (kind == 2 && at < size)
		{
			memmove(data + at, data + at + 1, size - at - 1);
			size--;
		}
	}
	return size;
}

/* Usage: target seconds file... */
int
main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 0);
	long runs = 0;

	do
	{
		for (int i = 2; i < argc; i++)
		{
			uint8_t data[MAX_INPUT];
			size_t size;
			FILE *file = fopen(argv[i], "rb");

			REQUIRE(file != NULL);
			size = fread(data, 1, sizeof(data), file);
			fclose(file);
			for (int n = 0; n < 100; n++, runs++)
			{
				LLVMFuzzerTestOneInput(data, size);
				size = mutate(data, size);
			}
		}
	} while (argc > 2 && time(NULL) < end);
	printf("%ld inputs, no failure\n", runs);
	return runs == 0;
}

#endif /* BM_FUZZ_STANDALONE_H */
