import Testing

/// Tests of the built products from outside: real processes, real sockets. One after the other,
/// since several of them take all that the machine has.
@Suite("The product", .serialized)
struct ProductTests {}
