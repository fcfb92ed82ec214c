import Foundation

/// The program under test and what starts it.
enum Program {
    /// `LOCKSTEP_BINARY`, else the one beside the test bundle in the build folder.
    static let path: String = {
        if let path = inherited["LOCKSTEP_BINARY"] { return URL(fileURLWithPath: path).path }
        return built("lockstep", orElse: "; name it with LOCKSTEP_BINARY")
    }()

    /// Training that counts what it allocates.
    static let allocationProbe = built("AllocationProbe")

    /// A sweep's folder whose disk can fail.
    static let storeProbe = built("StoreProbe")

    /// What lies beside the test bundle in the build folder.
    private static func built(_ name: String, orElse advice: String = "") -> String {
        let places = [
            "/proc/self/exe", CommandLine.arguments[0], Bundle.main.executablePath ?? "", Bundle.main.bundlePath,
        ]
        .map {
            URL(fileURLWithPath: $0).resolvingSymlinksInPath().deletingLastPathComponent()
                .appendingPathComponent(name).path
        }
        guard let path = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            fatalError("no program \(name) at \(places)\(advice)")
        }
        return path
    }

    /// The same program built without MPI, where there is one.
    static let withoutMPI = inherited["LOCKSTEP_WITHOUT_MPI"].map { URL(fileURLWithPath: $0).path }

    static let mpirun = find("mpirun")
    static let python = inherited["LOCKSTEP_TEST_PYTHON"] ?? find("python3")
    static let hasTorch: Bool = {
        guard let python, let folder = try? TemporaryFolder() else { return false }
        let result = try? ChildProcess(python, ["-c", "import torch, safetensors"], environment: [:], folder: folder)
            .finish(withinSeconds: 60)
        return result?.exitCode == 0
    }()

    static let hasScikitLearn: Bool = {
        guard let python, let folder = try? TemporaryFolder() else { return false }
        let result = try? ChildProcess(python, ["-c", "import sklearn"], environment: [:], folder: folder)
            .finish(withinSeconds: 60)
        return result?.exitCode == 0
    }()

    /// Whether ranks can be started: mpirun is there and the program was built with MPI.
    static let hasRanks = mpirun != nil && info.mpi != nil

    struct Info: Decodable {
        struct Dataset: Decodable {
            let name: String
            let folder: String?
        }

        let availableInstructionSets: [String]
        let mpi: String?
        let datasets: [Dataset]

        var fashionMNIST: String? { datasets.first { $0.name == "fashion-mnist" }?.folder }
    }

    static let info: Info = {
        do {
            let result = try run(["info", "--json"], folder: TemporaryFolder())
            guard result.exitCode == 0 else { throw TestError("\(result)") }
            return try JSONDecoder().decode(Info.self, from: Data(result.standardOutput.utf8))
        } catch { fatalError("\(path) info --json: \(error)") }
    }()

    /// Starts lockstep, under mpirun when `ranks` is given.
    ///
    /// - Parameter isQuiet: Without mpirun's own explanation of a rank's exit code.
    static func start(
        _ arguments: [String], ranks: Int? = nil, isQuiet: Bool = true, environment: [String: String] = [:],
        binary: String = path, folder: TemporaryFolder
    ) throws -> ChildProcess {
        var settings = inherited.filter { name, _ in
            !["LOCKSTEP_", "OMPI_", "PMIX_", "PMI_"].contains { name.hasPrefix($0) } && name != "NO_COLOR"
        }
        settings["LOCKSTEP_DATA"] = inherited["LOCKSTEP_DATA"]
        settings["LOCKSTEP_CACHE"] = "off"
        settings.merge(environment) { $1 }
        guard let ranks else {
            return try ChildProcess(binary, arguments, environment: settings, folder: folder)
        }
        guard let mpirun else { throw TestError("mpirun is missing") }
        var words = ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        words += ["--mca", "btl", "self,vader"]
        if geteuid() == 0 { words.append("--allow-run-as-root") }
        if isQuiet { words.append("--quiet") }
        words += ["-n", "\(ranks)", binary]
        return try ChildProcess(mpirun, words + arguments, environment: settings, folder: folder)
    }

    /// Starts lockstep and waits for its end.
    static func run(
        _ arguments: [String], ranks: Int? = nil, isQuiet: Bool = true, environment: [String: String] = [:],
        binary: String = path, folder: TemporaryFolder, withinSeconds limit: Double = 60
    ) throws -> ChildProcess.Result {
        try start(
            arguments, ranks: ranks, isQuiet: isQuiet, environment: environment, binary: binary, folder: folder
        ).finish(withinSeconds: limit)
    }

    private static var inherited: [String: String] { ProcessInfo.processInfo.environment }

    private static func find(_ name: String) -> String? {
        (inherited["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first(where: FileManager.default.isExecutableFile(atPath:))
    }
}
