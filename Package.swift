// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

let package = Package(
  name: "joinmarket-relay",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "jm-directory-server", targets: ["RelayServer"]),
    .executable(name: "jm-directory-ctl", targets: ["RelayControl"]),
    .executable(name: "jm-directory-bench", targets: ["RelayBench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    // Its default traits pull in Foundation and ICU (44 MB static).
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibevent", pkgConfig: "libevent",
      providers: [.apt(["libevent-dev"]), .brew(["libevent"])]),
    .systemLibrary(
      name: "CSecp256k1", pkgConfig: "libsecp256k1",
      providers: [.apt(["libsecp256k1-dev"]), .brew(["secp256k1"])]),
    .systemLibrary(
      name: "CNettle", pkgConfig: "nettle",
      providers: [.apt(["nettle-dev"]), .brew(["nettle"])]),
    .target(
      name: "Relay",
      dependencies: [
        "CLibevent", "CSecp256k1", "CNettle",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "RelayServer",
      dependencies: [
        "Relay", "ControlCommands",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(
      name: "ControlCommands",
      dependencies: [
        "Relay", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "RelayControl", dependencies: ["ControlCommands"], swiftSettings: strict),
    .systemLibrary(name: "CEpoll"),
    // Drives any directory node from outside: it must not know the relay it measures.
    .executableTarget(
      name: "RelayBench",
      dependencies: [
        "CEpoll", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "NickKeys", dependencies: ["CSecp256k1", "CNettle"], path: "Tests/NickKeys",
      swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["RelayBench"], swiftSettings: strict),
    .testTarget(
      name: "RelayTests", dependencies: ["Relay", "CAllocations", "NickKeys"],
      resources: [.copy("Data")],
      swiftSettings: strict
    ),
    .testTarget(
      name: "ProductTests",
      dependencies: ["Relay", "RelayServer", "RelayControl", "ControlCommands", "NickKeys"],
      resources: [.copy("Data")], swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["Relay"], exclude: ["Driver"],
      resources: [.copy("Corpus")], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzzer shares its targets with FuzzTests and needs flags of its own (`make fuzz`): it is here only when asked for.
if Context.environment["RELAY_FUZZ"] != nil {
  package.targets.removeAll { $0.name == "FuzzTests" }
  package.targets += [
    .systemLibrary(name: "CFuzzer", path: "Tests/CFuzzer"),
    .executableTarget(
      name: "RelayFuzz", dependencies: ["Relay", "CFuzzer"], path: "Tests/FuzzTests",
      exclude: ["Replay", "Corpus"], swiftSettings: strict),
  ]
}
