import ArgumentParser
import Dispatch
import Errors
import Foundation
import Glibc
import Reports
import Synchronization

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Show the page of a run or a sweep while it goes on.",
        discussion: """
            A process of its own, beside whatever trains, that takes half a percent of one core at most. Open the address that
            it prints; the page takes over what is new and stays where it was scrolled to. What needs the weights, such as
            the confusion matrix, comes when the run ends. Ctrl-C ends the server.
            """)

    @Argument(help: ArgumentHelp("Folders of runs, or one folder of a sweep.", valueName: "DIR"))
    var folders: [String]

    @Option(
        help: ArgumentHelp(
            "The address to listen at; default 127.0.0.1, which only this machine reaches.", valueName: "ADDRESS"))
    var host = "127.0.0.1"

    @Option(help: "The port; 0 for any that is free.")
    var port: UInt16 = 8_080

    @OptionGroup var data: ReportArguments

    func run() throws {
        ServerPriority.giveWay()
        // What is wrong with the folders is told here, not in a browser.
        let options = try data.options()
        _ = try ReportPage.Subject(folders)
        let token = PageServer.makeToken()
        let server = PageServer(LivePage(folders, options: options), token: token)
        let host = host
        let port = port
        let outcome = Mutex<Failure?>(nil)
        let ended = DispatchSemaphore(value: 0)
        let task = Task(priority: .utility) {
            do {
                try await server.run(host: host, port: port) { port in
                    Output.line("http://\(host == "0.0.0.0" ? "127.0.0.1" : host):\(port)/?token=\(token)")
                }
            } catch is CancellationError {
            } catch { outcome.withLock { $0 = Failure(wrapping: error) } }
            ended.signal()
        }
        let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        ended.wait()
        for source in sources { source.cancel() }
        if let failure = outcome.withLock({ $0 }) { throw failure }
    }
}
