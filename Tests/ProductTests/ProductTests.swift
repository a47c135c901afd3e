import Testing

/// Tests of the built products from outside: real processes, real sockets, each with ports and
/// files of its own.
@Suite("The product", .besideOthers)
struct ProductTests {}
