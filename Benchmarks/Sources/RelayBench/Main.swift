import ArgumentParser

#if os(Linux)
  @main
  struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "jm-directory-bench",
      abstract: "Measures a JoinMarket directory node from outside.",
      discussion: """
        `run` drives any directory node, `floor` is the least a node can do, `compare` runs both \
        in \
        turn and checks a budget, `attack` shows what honest peers notice of attacks.
        """,
      subcommands: [
        RunCommand.self, FloorCommand.self, CompareCommand.self, AttackCommand.self,
        AttackersCommand.self, PacedCommand.self,
      ],
      defaultSubcommand: RunCommand.self)
  }
#else
  @main
  struct Main: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "jm-directory-bench",
      abstract: "Measures a JoinMarket directory node from outside. On Linux only.")

    func run() throws {
      throw ValidationError("jm-directory-bench measures by epoll and /proc: on Linux only")
    }
  }
#endif
