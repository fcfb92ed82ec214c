import Foundation

/// What `launch` holds.
enum Script {
    /// Starts a script on the program under test; all that it starts is marked, so that `marked` finds it.
    static func start(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], folder: TemporaryFolder
    ) throws -> ChildProcess {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        var settings = ProcessInfo.processInfo.environment.filter { name, _ in
            !["LOCKSTEP_", "OMPI_", "PMIX_", "PMI_"].contains { name.hasPrefix($0) }
        }
        settings["LOCKSTEP_DATA"] = ProcessInfo.processInfo.environment["LOCKSTEP_DATA"]
        settings["LOCKSTEP_BINARY"] = Program.path
        settings["TMPDIR"] = folder.path
        settings[mark] = folder.path
        settings.merge(environment) { $1 }
        return try ChildProcess("\(repository)/launch/\(name)", arguments, environment: settings, folder: folder)
    }

    /// Processes that a script has started, in whatever session, and that still live.
    static func marked(_ folder: TemporaryFolder) -> [RunningProcess] {
        RunningProcess.all.filter { $0.environment[mark] == folder.path }
    }

    private static let mark = "LOCKSTEP_TEST_FOLDER"
}

extension Workbench {
    /// With what a folder holds already.
    init(existing folder: TemporaryFolder) { self.folder = folder }

    /// Step of a run's newest checkpoint; 0 without one.
    func newestStep(_ run: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(run)/checkpoints")) ?? []
        return names.filter { $0.hasPrefix("step-") }.compactMap { Int($0.dropFirst(5).prefix { $0 != "." }) }.max()
            ?? 0
    }

    /// Whether a run has recorded an epoch.
    func hasTrained(_ run: String) throws -> Bool {
        folder.exists("\(run)/metrics.jsonl") ? try folder.text("\(run)/metrics.jsonl").contains("\"epoch\":1,") : false
    }

    /// All bytes below a folder by path.
    func files(_ name: String) throws -> [String: Data] {
        let root = "\(folder.path)/\(name)"
        var found: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
            if let data = FileManager.default.contents(atPath: "\(root)/\(path)") { found[path] = data }
        }
        return found
    }

    func temporaryFiles(_ run: String) -> [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: "\(folder.path)/\(run)")) ?? [])
            .filter { $0.hasSuffix(".tmp") }
    }
}

extension RunningProcess {
    /// Whether this is a process of `program` with `folder` as its working directory that sleeps while it opens a pipe.
    func isOpening(by program: String, in folder: String) -> Bool {
        func link(_ name: String) -> String? {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/\(name)")
        }
        guard link("exe") == URL(fileURLWithPath: program).resolvingSymlinksInPath().path,
            link("cwd") == URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        else { return false }
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        // The number of openat on x86-64 and on arm64.
        return tasks.contains { task in
            let text = FileManager.default.contents(atPath: "/proc/\(id)/task/\(task)/syscall") ?? Data()
            return ["257 ", "56 "].contains { String(decoding: text, as: UTF8.self).hasPrefix($0) }
        }
    }
}
