// libFuzzer's entry for programs that bring their own `main`. The compiler's runtime defines it; no header of it is installed.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
