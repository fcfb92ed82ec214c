import Errors
import Files
import Glibc

/// Gets the files of an entry of the catalogue with curl: mirrors in turn, what is cut off is resumed, and a file comes
/// to its place only when its checksum is right.
package struct Fetcher: Sendable {
    package enum Event: Sendable, Equatable {
        case present(file: String)
        case trying(file: String, address: String, have: Int)
        case progress(file: String, byteCount: Int, expected: Int?)
        case failed(file: String, address: String, reason: String)
        case complete(file: String)
        case unpacked(file: String)
    }

    package struct Limits: Sendable {
        package var connectSeconds = 15
        /// Slower than `minimalRate` for this long: the mirror is given up.
        package var stallSeconds = 20
        /// Bytes a second.
        package var minimalRate = 1_000
        /// Of one file from one mirror.
        package var totalSeconds = 1_800
        /// Where the size of an archive is not known.
        package var byteCount = 1 << 30
        /// Connections to one mirror for one file, as long as each brings something.
        package var attempts = 12

        package init() {}
    }

    private let entry: DatasetCatalogue.Entry
    private let mirrors: [String]
    private let limits: Limits

    /// - Parameter mirrors: Addresses of folders; nil for the entry's own.
    package init(_ entry: DatasetCatalogue.Entry, mirrors: [String]? = nil, limits: Limits = Limits()) {
        self.entry = entry
        self.mirrors = mirrors ?? entry.mirrors
        self.limits = limits
    }

    /// Where a data set goes by default: `$XDG_DATA_HOME/lockstep/NAME`, where it is also looked for.
    package static func defaultFolder(
        of entry: DatasetCatalogue.Entry, dataDirectory: String?, environment: [String: String]
    ) throws -> String {
        if let dataDirectory { return DatasetCatalogue.join(dataDirectory, entry.folderName) }
        guard let home = DatasetCatalogue.dataHome(environment) else {
            throw Failure(.usage, "neither XDG_DATA_HOME nor HOME is set: say where to with --data-dir DIR")
        }
        return DatasetCatalogue.join(home, "lockstep/\(entry.folderName)")
    }

    /// Gets what is missing of the entry's files into `folder`, which is made.
    package func fetch(into folder: String, report: (Event) -> Void) throws {
        guard !entry.files.isEmpty else {
            throw Failure(.usage, "\(entry.name): the catalogue has no files to fetch; \(entry.installHint)")
        }
        try OutputFolder.make(folder)
        let lock: FileLock
        do throws(FileLock.Refusal) {
            lock = try FileLock("\(folder)/.fetch.lock")
        } catch {
            switch error {
            case .isHeld: throw Failure(.outputRefused, "\(folder): another fetch is at work there; wait for it")
            case .impossible(let code): throw Failure.writing(folder, code)
            }
        }
        defer { lock.release() }
        for file in entry.files {
            try fetch(file, into: folder, report: report)
            if file.name.hasSuffix(".xz") { try unpack(file.name, in: folder, report: report) }
        }
    }

    /// Puts what a checked archive `NAME.xz` holds beside it as NAME, by the program xz.
    private func unpack(_ name: String, in folder: String, report: (Event) -> Void) throws {
        let plain = String(name.dropLast(3))
        guard try DatasetFolder.mode("\(folder)/\(plain)") == nil else { return report(.present(file: plain)) }
        let partial = "\(folder)/.\(plain).partial"
        for path in [partial, "\(partial).xz"] { try Self.discard(path) }
        guard link("\(folder)/\(name)", "\(partial).xz") == 0 else { throw Failure.writing("\(partial).xz", errno) }
        defer { for path in [partial, "\(partial).xz"] { unlink(path) } }
        let result = try ChildProgram.run(
            ["xz", "--decompress", "--keep", "--force", "--quiet", "\(partial).xz"], secondsLimit: limits.totalSeconds
        ) { true }
        guard result.exitCode == 0 else {
            throw Failure(
                .inputOutput,
                "\(folder)/\(name): cannot be unpacked (xz's code \(result.exitCode ?? -1)); is there room in \(folder)?"
            )
        }
        try Self.synchronise(partial)
        guard rename(partial, "\(folder)/\(plain)") == 0 else { throw Failure.writing("\(folder)/\(plain)", errno) }
        report(.unpacked(file: plain))
    }

    private func fetch(_ file: DatasetCatalogue.File, into folder: String, report: (Event) -> Void) throws {
        let path = "\(folder)/\(file.name)"
        if try DatasetFolder.mode(path) != nil {
            let isRight = try file.checksum.matches(path: path)
            guard
                try isRight || file.contentSHA256.map({ try FileVerification(path: path).contentSHA256 == $0 }) ?? false
            else {
                throw Failure(
                    .outputRefused, "\(path): is there, but is not the published file; remove it, then fetch again")
            }
            return report(.present(file: file.name))
        }
        let partial = "\(folder)/.\(file.name).partial"
        var reasons: [String] = []
        for mirror in mirrors {
            let address = DatasetCatalogue.join(mirror, file.name)
            if let reason = try fetch(file, from: address, to: partial, report: report) {
                report(.failed(file: file.name, address: address, reason: reason))
                reasons.append("\(address) (\(reason))")
                continue
            }
            try Self.synchronise(partial)
            guard rename(partial, path) == 0 else { throw Failure.writing(path, errno) }
            return report(.complete(file: file.name))
        }
        let names = entry.files.map(\.name).joined(separator: ", ")
        throw Failure(
            .inputOutput,
            "\(file.name): no mirror gave it: \(reasons.joined(separator: "; ")); put \(names) into \(folder) by other means, "
                + "or name a mirror: --mirror ADDRESS")
    }

    /// Returns why it did not work, or nil.
    private func fetch(
        _ file: DatasetCatalogue.File, from address: String, to partial: String, report: (Event) -> Void
    ) throws -> String? {
        var reason = ""
        let expected = file.byteCount
        for _ in 0..<limits.attempts {
            var have = Self.size(partial)
            if let expected, have > expected { try Self.discard(partial) }
            have = Self.size(partial)
            var wasResumed = have > 0
            if expected == nil || have < expected! {
                report(.trying(file: file.name, address: address, have: have))
                let problem = try download(address, to: partial, expected: expected) { count in
                    report(.progress(file: file.name, byteCount: count, expected: expected))
                }
                let got = Self.size(partial)
                if let problem {
                    reason = problem.text
                    switch problem.kind {
                    // The mirror's file ends here: it is shorter.
                    case .nothingMore: return "ended after \(grouped(got)) of \(grouped(expected ?? got)) bytes"
                    case .cannotResume where wasResumed: try Self.discard(partial)
                    case .cutOff where got > have: break
                    case .cutOff, .cannotResume, .final: return reason
                    case .tooLong:
                        try Self.discard(partial)
                        return reason
                    }
                    continue
                }
            }
            let got = Self.size(partial)
            if let expected, got < expected {
                reason = "ended after \(grouped(got)) of \(grouped(expected)) bytes"
                // Nothing new: the mirror's file is shorter.
                guard got <= have else { continue }
                wasResumed = false
            } else if try got > 0 && file.checksum.matches(path: partial) {
                return nil
            } else {
                reason =
                    "the content is wrong: its \(file.checksum.algorithm) is not what \(file.checksum.source) states"
            }
            try Self.discard(partial)
            // What was there before may have spoilt it.
            guard wasResumed else { return reason }
        }
        return reason + "; given up after \(limits.attempts) connections"
    }

    private struct Problem {
        enum Kind { case cutOff, cannotResume, nothingMore, tooLong, final }
        let kind: Kind
        let text: String
    }

    /// One connection.
    private func download(
        _ address: String, to partial: String, expected: Int?, progress: (Int) -> Void
    ) throws -> Problem? {
        let limit = expected ?? limits.byteCount
        // A secure mirror must not lead to one that is not.
        let schemes = address.hasPrefix("https:") ? "=https" : "=http,https"
        let arguments = [
            "curl", "--disable", "--silent", "--fail", "--location", "--max-redirs", "5", "--proto", schemes,
            "--proto-redir", schemes, "--connect-timeout", "\(limits.connectSeconds)", "--speed-limit",
            "\(limits.minimalRate)", "--speed-time", "\(limits.stallSeconds)", "--max-time", "\(limits.totalSeconds)",
            "--max-filesize", "\(limit)", "--continue-at", "-", "--write-out", "%{http_code} %{errormsg}", "--output",
            partial, "--url", address,
        ]
        var wasTooLong = false
        let result = try ChildProgram.run(arguments, secondsLimit: limits.totalSeconds + 10) {
            let count = Self.size(partial)
            progress(count)
            wasTooLong = count > limit
            return !wasTooLong
        }
        if wasTooLong || Self.size(partial) > limit {
            return Problem(kind: .tooLong, text: "sends more than \(grouped(limit)) bytes")
        }
        guard let code = result.exitCode else { return Problem(kind: .final, text: "took too long") }
        let words = result.output.split(separator: " ", maxSplits: 1)
        let status = words.first.flatMap { Int($0) } ?? 0
        let message = words.count > 1 ? words[1].split(whereSeparator: \.isNewline).joined(separator: " ") : ""
        switch code {
        case 0: return nil
        case 18, 52, 55, 56, 92: return Problem(kind: .cutOff, text: "the connection was cut")
        case 22 where status == 416:
            return Problem(kind: expected == nil ? .cannotResume : .nothingMore, text: "HTTP status 416")
        case 22: return Problem(kind: .final, text: "HTTP status \(status)")
        // Another connection would be as slow; the next mirror goes on where this one ended.
        case 28: return Problem(kind: .final, text: "too slow, or no answer")
        case 33: return Problem(kind: .cannotResume, text: "cannot resume")
        case 47: return Problem(kind: .final, text: "too many redirections")
        case 63: return Problem(kind: .tooLong, text: "announces more than \(grouped(limit)) bytes")
        default: return Problem(kind: .final, text: message.isEmpty ? "curl's code \(code)" : message)
        }
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private static func discard(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw Failure.writing(path, errno) }
    }

    private static func synchronise(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure.writing(path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw Failure.writing(path, errno) }
    }
}

/// A program that this one starts and watches.
enum ChildProgram {
    struct Result {
        /// Nil where time was over or `goesOn` said no; 128 + the signal where one ended it.
        let exitCode: Int32?
        /// Its standard output, at most 4,096 bytes.
        let output: String
    }

    /// Runs `arguments` (the first is looked for in PATH) without input. Ten times a second `goesOn` is asked.
    static func run(_ arguments: [String], secondsLimit: Int, goesOn: () -> Bool) throws -> Result {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw Failure(.inputOutput, "\(arguments[0]): no pipe to it (\(systemErrorText()))")
        }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, arguments[0], &actions, nil, &words, environ)
        close(ends[1])
        guard code == 0 else {
            throw Failure(
                .inputNotFound,
                "\(arguments[0]): cannot be started (\(String(cString: strerror(code)))); install it (Debian: apt-get "
                    + "install \(arguments[0] == "xz" ? "xz-utils" : arguments[0]))")
        }
        var ticks = 0
        var status: Int32 = 0
        var wasEnded = false
        while true {
            let found = waitpid(process, &status, WNOHANG)
            if found == process { break }
            if !wasEnded && (!goesOn() || ticks > secondsLimit * 10) {
                kill(process, SIGKILL)
                wasEnded = true
            }
            usleep(ticks < 20 ? 5_000 : 100_000)
            ticks += 1
        }
        var output = [UInt8](repeating: 0, count: 4_096)
        let count = output.withUnsafeMutableBytes { read(ends[0], $0.baseAddress, $0.count) }
        let signal = status & 0x7f
        return Result(
            exitCode: wasEnded ? nil : signal == 0 ? status >> 8 & 0xff : 128 + signal,
            output: String(decoding: output.prefix(max(0, count)), as: UTF8.self))
    }
}
