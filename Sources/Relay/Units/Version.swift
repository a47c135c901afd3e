/// The relay's version, as `--version`, the greeting and the log say it. A release changes it here and in the changelog.
package let relayVersion = "0.1.0"
