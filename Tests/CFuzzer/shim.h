// libFuzzer's entry for programs with their own `main`. The compiler's runtime defines it; it has
// no installed header.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
