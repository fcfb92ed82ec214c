import Foundation

/// A program that leads a session of its own, so that everything it starts can be found, and ended when time is over.
final class ChildProcess {
    struct Result {
        /// The exit code; 128 + the signal that ended the program.
        let exitCode: Int32
        let standardOutput: String
        let standardError: String
        /// From the start until the last process of the session was gone.
        let seconds: Double
        /// Some process was still there at the limit and was killed.
        let timedOut: Bool

        var allOutput: String { standardOutput + standardError }
    }

    let process: pid_t
    private let start = ContinuousClock.now
    private let outputPath: String
    private let errorPath: String
    private var status: Int32?
    /// Kept until this object is gone.
    private let folder: TemporaryFolder

    /// - Parameter folder: The working directory.
    init(_ program: String, _ arguments: [String], environment: [String: String], folder: TemporaryFolder) throws {
        // Files instead of pipes: nothing has to be drained, and a process that stays behind cannot block a reader.
        self.folder = folder
        let name = UUID().uuidString
        outputPath = folder.path + "/.\(name).out"
        errorPath = folder.path + "/.\(name).err"

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let writing = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, writing, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorPath, writing, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The test runner's threads may block signals; a child inherits that.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        // spawn.h has it as POSIX_SPAWN_SETSID, which Swift does not see.
        let newSession: Int32 = 0x80
        posix_spawnattr_setflags(&attributes, Int16(newSession | Int32(POSIX_SPAWN_SETSIGMASK)))

        // `env` changes the folder and becomes the program.
        let env = "/usr/bin/env"
        let command = [env, "--chdir=\(folder.path)", program] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, env, &actions, &attributes, &words, &settings)
        guard code == 0 else { throw TestError("\(program): \(String(cString: strerror(code)))") }
        self.process = process
    }

    deinit {
        if status == nil { endSession() }
        for path in [outputPath, errorPath] { unlink(path) }
    }

    var standardOutput: String { text(outputPath) }
    var standardError: String { text(errorPath) }
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

    /// Waits until no process of the session is left, at most until `seconds` after the start.
    func finish(withinSeconds limit: Double) -> Result {
        while !isOver && seconds < limit { usleep(5_000) }
        let timedOut = !isOver
        let seconds = seconds
        if timedOut { endSession() }
        let status = status ?? 0
        let signal = status & 0x7F
        return Result(
            exitCode: signal == 0 ? status >> 8 & 0xFF : 128 + signal, standardOutput: standardOutput,
            standardError: standardError, seconds: seconds, timedOut: timedOut)
    }

    /// The ranks of a job whose mpirun is this process, by rank.
    var ranks: [Int: pid_t] {
        var found: [Int: pid_t] = [:]
        for running in RunningProcess.all where running.parent == process && running.session == process {
            if let rank = running.environment["OMPI_COMM_WORLD_RANK"].flatMap({ Int($0) }) { found[rank] = running.id }
        }
        return found
    }

    /// Waits until `condition` holds.
    func wait(
        withinSeconds limit: Double = 30, for what: String, until condition: () throws -> Bool
    ) throws {
        let begin = ContinuousClock.now
        while try !condition() {
            guard !reap(), ContinuousClock.now - begin < .seconds(limit) else {
                throw TestError("no \(what); the program said: \(standardOutput)\(standardError)")
            }
            usleep(10_000)
        }
    }

    private var isOver: Bool { reap() && !RunningProcess.all.contains { $0.session == process } }

    /// Whether the program itself has ended.
    private func reap() -> Bool {
        if status != nil { return true }
        var code: Int32 = 0
        guard waitpid(process, &code, WNOHANG) == process else { return false }
        status = code
        return true
    }

    private func endSession() {
        // A process may start another one while the list is read.
        for _ in 0..<100 {
            let members = RunningProcess.all.filter { $0.session == process }
            for member in members { kill(member.id, SIGKILL) }
            if reap() && members.isEmpty { return }
            usleep(10_000)
        }
    }

    private func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

/// A process that Linux lists in /proc.
struct RunningProcess {
    let id: pid_t
    let parent: pid_t
    let session: pid_t

    /// Without zombies.
    static var all: [RunningProcess] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.compactMap { RunningProcess($0) }
    }

    private init?(_ id: pid_t) {
        guard let stat = FileManager.default.contents(atPath: "/proc/\(id)/stat") else { return nil }
        // After the name in parentheses: state, parent, process group, session.
        let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 3, !["Z", "X"].contains(fields[0]), let parent = pid_t(fields[1]),
            let session = pid_t(fields[3])
        else { return nil }
        self.id = id
        self.parent = parent
        self.session = session
    }

    var environment: [String: String] {
        let text = FileManager.default.contents(atPath: "/proc/\(id)/environ") ?? Data()
        let pairs = text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            .compactMap { pair in pair.firstIndex(of: "=").map { (pair[..<$0], pair[$0...].dropFirst()) } }
        return Dictionary(pairs.map { (String($0), String($1)) }, uniquingKeysWith: { first, _ in first })
    }

    /// Most memory that the process has had resident, in bytes; nil when it is gone.
    static func peakResidentByteCount(_ id: pid_t) -> Int? {
        let status = String(
            decoding: FileManager.default.contents(atPath: "/proc/\(id)/status") ?? Data(), as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 }
    }
}

struct TestError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A folder that is removed with this object.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    func read(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")) }

    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }
}
