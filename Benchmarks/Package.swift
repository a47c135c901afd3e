// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

// Measures any directory node from outside, so it must not depend on the relay.
let package = Package(
  name: "joinmarket-relay-benchmarks",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "jm-directory-bench", targets: ["RelayBench"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CEpoll"),
    .executableTarget(
      name: "RelayBench",
      dependencies: [
        "CEpoll", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["RelayBench"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
