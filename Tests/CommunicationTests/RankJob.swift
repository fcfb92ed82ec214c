import Communication
import Errors
import Foundation
import Synchronization

/// One run of `CommunicationProbe` under mpirun, as a child process with a time limit.
final class RankJob {
    struct Result {
        /// The exit code, or the signal that ended mpirun.
        var status: Int32
        /// Standard output and standard error.
        var text: String
        var timedOut: Bool
    }

    let process = Process()
    private let output = Output()
    private let reader: Thread

    static var isPossible: Bool { Launcher.supportsMPI && mpirun != nil }

    /// A probe that was built with MPICH, to be started by its launcher; nil for Open MPI (`launch/test --mpich`).
    private static let mpichProbe = ProcessInfo.processInfo.environment["LOCKSTEP_MPICH_PROBE"]
    static var isOpenMPI: Bool { mpichProbe == nil }

    /// Whether a job ended with that exit code. MPICH's launcher kills the others as soon as one rank has ended, and gives the
    /// exit code of either: 9 for those.
    static func tells(_ kind: Failure.Kind, _ result: Result) -> Bool {
        result.status == kind.rawValue || (!isOpenMPI && result.status == SIGKILL)
    }

    private static var mpirun: String? {
        let name = isOpenMPI ? "mpirun" : "mpiexec.mpich"
        return (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The probe lies beside the test bundle in the build folder.
    private static var probe: String {
        if let mpichProbe { return mpichProbe }
        let places = [CommandLine.arguments[0], Bundle.main.executablePath ?? "", Bundle.main.bundlePath]
            .map {
                URL(fileURLWithPath: $0).deletingLastPathComponent().appendingPathComponent("CommunicationProbe").path
            }
        guard let path = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            fatalError("RankJob: no CommunicationProbe at \(places)")
        }
        return path
    }

    init(
        _ arguments: [String], size: Int, transport: RankTests.Transport? = nil, environment: [String: String] = [:],
        quiet: Bool = true
    ) throws {
        process.executableURL = URL(fileURLWithPath: Self.mpirun!)
        let options = (quiet ? ["--quiet"] : []) + (geteuid() == 0 ? ["--allow-run-as-root"] : []) + ["--oversubscribe"]
        process.arguments = (Self.isOpenMPI ? options : []) + ["-n", "\(size)", Self.probe] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let transport { process.environment!["LOCKSTEP_TRANSPORT"] = transport.rawValue }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let (handle, output) = (pipe.fileHandleForReading.fileDescriptor, output)
        let descriptor = dup(handle)
        reader = Thread { output.collect(descriptor) }
        try process.run()
        reader.start()
    }

    /// Threads of the test may have SIGTERM blocked, and then mpirun has, too.
    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Waits for mpirun's end; kills it (and with it the ranks) when the time is over.
    func finish(withinSeconds seconds: Double) -> Result {
        let limit = Date(timeIntervalSinceNow: seconds)
        while process.isRunning && Date() < limit { usleep(20_000) }
        let timedOut = process.isRunning
        if timedOut { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        // Ranks that outlive mpirun may hold the pipe.
        let end = Date(timeIntervalSinceNow: 5)
        while !output.isComplete && Date() < end { usleep(10_000) }
        return Result(status: process.terminationStatus, text: output.text, timedOut: timedOut)
    }

    /// The ranks' process numbers, from the lines "rank R process P" that `steps` prints.
    func processes(count: Int, afterSeconds seconds: Double = 0.5) throws -> [Int: pid_t] {
        let limit = Date(timeIntervalSinceNow: 60)
        while Date() < limit {
            var found: [Int: pid_t] = [:]
            for line in output.text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words.count == 4, words[0] == "rank", let rank = Int(words[1]), let process = pid_t(words[3]) {
                    found[rank] = process
                }
            }
            if found.count == count {
                usleep(useconds_t(seconds * 1e6))  // Into the steps.
                return found
            }
            usleep(20_000)
        }
        throw CocoaError(.fileReadUnknown, userInfo: [NSLocalizedDescriptionKey: "no ranks: \(output.text)"])
    }

    /// Those of `processes` that still run (zombies do not) after at most `seconds`.
    static func survivors(of processes: [pid_t], afterSeconds seconds: Double) -> [pid_t] {
        let limit = Date(timeIntervalSinceNow: seconds)
        while true {
            let running = processes.filter { process in
                guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else {
                    return false
                }
                return stat.split(separator: ")").last?.split(separator: " ").first != "Z"
            }
            if running.isEmpty || Date() >= limit { return running }
            usleep(50_000)
        }
    }

    private final class Output: Sendable {
        private let state = Mutex((bytes: [UInt8](), isComplete: false))

        func collect(_ descriptor: Int32) {
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                state.withLock { $0.bytes += buffer[..<count] }
            }
            close(descriptor)
            state.withLock { $0.isComplete = true }
        }

        var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
        var isComplete: Bool { state.withLock { $0.isComplete } }
    }
}
