// swift-tools-version: 6.2
// jm-fd-store alone, for its container image (Dockerfile): a change of the relay must not change
// that image, or compose would replace the store together with the relay.
import PackageDescription

let package = Package(
  name: "jm-fd-store",
  dependencies: [
    // The same version as in the Package.swift of the repository.
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CFDStore"),
    .executableTarget(
      name: "FDStore",
      dependencies: [
        "CFDStore", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
