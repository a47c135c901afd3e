#include <nettle/sha2.h>
#include <nettle/sha3.h>
