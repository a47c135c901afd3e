/// `jm-directory-ctl` as an executable of its own. In the container image it is another name of the
/// server's (`Sources/RelayServer/Main.swift`).
import ControlCommands
import EventLoop

@main
enum Main {
  static func main() {
    StandardDescriptors.fill()
    DirectoryControl.start()
  }
}
