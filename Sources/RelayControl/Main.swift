/// `jm-directory-ctl` as an executable of its own. In the container image it is a link to the
/// server, which looks at its own name (`Sources/RelayServer/Main.swift`).
import ControlCommands
import EventLoop

@main
enum Main {
  static func main() {
    StandardDescriptors.fill()
    DirectoryControl.start()
  }
}
