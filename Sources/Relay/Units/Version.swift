/// The relay's version, as `--version`, the greeting, /status, /metrics, the page, the manual pages
/// and the packages show it. A release changes it here and in CHANGELOG.md, nowhere else.
package let relayVersion = "0.2.0"
