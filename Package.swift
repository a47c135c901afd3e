// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

/// For Sources: what is unsafe is marked so, with its reason in a comment that begins with "Safe:".
let strictProduct = strict + [.strictMemorySafety()]

// TOMLKit imports Foundation. Without this flag files that do not import Foundation see its
// members: `contains` resolved to Foundation's and linked 44 MB of it into the server.
let noLeaks = SwiftSetting.enableUpcomingFeature("MemberImportVisibility")

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let relayModules: [Target.Dependency] = [
  "Units", "Wire", "StateImage", "Identity", "Directory", "EventLoop", "Settings", "Server",
  "Status", "Service",
]

/// One module of the relay, in a folder of its own. Its dependencies are the arrows of
/// docs/architecture.md: the compiler refuses any other import.
func relay(
  _ name: String, _ dependencies: [Target.Dependency] = [], embedding files: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/Relay/\(name)",
    resources: files.map { .embedInCode($0) },
    // The hot path crosses modules for every frame: without this flag a frame costs calls that
    // one module would inline (measured by `make bench`, row list: 20 % more instructions).
    swiftSettings: strictProduct + [
      noLeaks,
      .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ])
}

let package = Package(
  name: "joinmarket-relay",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "jm-directory-server", targets: ["RelayServer"]),
    .executable(name: "jm-directory-ctl", targets: ["RelayControl"]),
    .executable(name: "jm-fd-store", targets: ["FDStore"]),
  ],
  // Exact, so that every build of one commit has the same sources; Package.resolved is not in the
  // repository. Update a package when `make deps-check` names a newer version and its changelog has
  // a fix that the relay needs. Update one package in a commit, with `make bench` before and after.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    // Adds 0.9 MB to the static executable (14.0 to 14.9 MB for a program of three lines): nothing
    // of Foundation, which it imports for Data, is linked.
    .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
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
    relay("Units"),
    relay("Wire", ["Units", "CNettle"]),
    relay("StateImage", ["Units", "Wire"]),
    relay("Identity", ["Units", "Wire", "CSecp256k1"]),
    relay("Directory", ["Units", "Wire", "StateImage", "Identity", deque]),
    relay("EventLoop", ["Units", "CLibevent"]),
    relay("Settings", ["Units", "Wire", .product(name: "TOMLKit", package: "TOMLKit")]),
    relay(
      "Server",
      [
        "Units", "Wire", "StateImage", "Identity", "Directory", "EventLoop", "Settings", deque,
        logging,
      ]),
    relay(
      "Status", ["Units", "Wire", "Identity", "Directory", "EventLoop", "Settings", "Server"],
      embedding: ["Page/index.html", "Page/page.css", "Page/page.js"]),
    relay(
      "Service",
      [
        "Units", "Wire", "StateImage", "Identity", "Directory", "EventLoop", "Settings", "Server",
        "Status", logging,
      ]),
    .executableTarget(
      name: "RelayServer",
      dependencies: [
        "Units", "EventLoop", "Settings", "Status", "Service", "ControlCommands", logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strictProduct + [noLeaks]),
    .target(
      name: "ControlCommands",
      dependencies: [
        "Units", "Wire", "Identity", "EventLoop", "Settings", "Status",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strictProduct + [noLeaks]),
    .executableTarget(
      name: "RelayControl", dependencies: ["EventLoop", "ControlCommands"],
      swiftSettings: strictProduct),
    // Independent of the relay: a new relay must not need a new store.
    .systemLibrary(name: "CFDStore"),
    .executableTarget(
      name: "FDStore",
      dependencies: [
        "CFDStore", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strictProduct),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "NickKeys", dependencies: ["CSecp256k1", "CNettle"], path: "Tests/NickKeys",
      swiftSettings: strict),
    // Code that the tests of several targets share.
    .target(
      name: "TestSupport", dependencies: ["Units", "Wire", "CFDStore"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .testTarget(
      name: "RelayTests",
      dependencies: relayModules + [
        "ControlCommands", "RelayServer", "CAllocations", "NickKeys", "TestSupport",
      ],
      resources: [.copy("Data")],
      swiftSettings: strict
    ),
    .testTarget(
      name: "ProductTests",
      dependencies: [
        "Units", "RelayServer", "RelayControl", "FDStore", "CLibevent", "NickKeys", "TestSupport",
      ],
      resources: [.copy("Data")], swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: relayModules + ["ControlCommands", "TestSupport"],
      exclude: ["Driver"],
      resources: [.copy("Corpus")], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// The fuzzer shares its targets with FuzzTests and needs its own flags, so it is a target only with
// RELAY_FUZZ (`make fuzz`).
if Context.environment["RELAY_FUZZ"] != nil {
  package.targets.removeAll { $0.name == "FuzzTests" }
  package.targets += [
    .systemLibrary(name: "CFuzzer", path: "Tests/CFuzzer"),
    .executableTarget(
      name: "RelayFuzz",
      dependencies: relayModules + ["ControlCommands", "TestSupport", "CFuzzer"],
      path: "Tests/FuzzTests",
      exclude: ["Replay", "Corpus"], swiftSettings: strict),
  ]
}

// RELAY_WITHOUT names test targets that a run does not need, separated by commas. They are not
// built (`make test-release`, `make test-asan`).
if let names = Context.environment["RELAY_WITHOUT"]?.split(separator: ",") {
  package.targets.removeAll { target in names.contains { $0 == target.name } }
}
