/// The relay's version, as `--version`, the greeting, /status, /metrics and the log show it. A release
/// changes it here and in CHANGELOG.md.
package let relayVersion = "0.1.0"
