import ArgumentParser
import Communication
import DataLoading
import Errors
import Foundation
import Kernels
import Models
import Tensors
import Training

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show the machine, the kernels, MPI, the ranks and the data sets found.",
        discussion: "With --model it shows a model instead: shapes, parameters and operations layer by layer.")

    @Option(help: ArgumentHelp("Layers, such as \"conv 32 3x3, relu, dense 10\".", valueName: "TEXT"))
    var model: String?

    @OptionGroup var family: FamilyArguments

    @Option(help: ArgumentHelp("Shape of a sample for --model or --family; default 28x28.", valueName: "HxW[xC]"))
    var input: String?

    @Option(parsing: .unconditional, help: "Classes for --family; default 10.")
    var classes: Int?

    @Flag(help: "Print the model as YAML instead of a table.")
    var yaml = false

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        var options = TrainingOptions()
        options.family = family.options
        if model != nil || options.family != .init() { return try show(options) }
        for (name, isGiven) in [("input", input != nil), ("classes", classes != nil), ("yaml", yaml)] where isGiven {
            throw Failure(.usage, "--\(name) has no meaning without --model or --family")
        }
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        let available = KernelSelection.available.map(\.instructionSet.rawValue)
        let datasets = DatasetCatalogue.entries.map { entry in
            let location = try? DatasetCatalogue.locate(name: entry.name, environment: environment)
            return Report.Dataset(name: entry.name, folder: location?.folder, hint: entry.installHint)
        }
        let json = json
        let isLaunched = Launcher.detect(environment: environment).isLaunched
        // Without a launcher one worker tells everything.
        _ = try onWorkers(isLaunched ? nil : 1) { communicator in
            guard communicator.rank == 0 else { return }
            let report = Report(
                version: programVersion, numericsVersion: numericsVersion,
                instructionSet: kernels.instructionSet.rawValue, availableInstructionSets: available,
                cores: ProcessorSet.allowed().count, gigaflopsPerCore: kernels.measuredPeakFlops() * 1e-9,
                mpi: try Launcher.mpiLibraryVersion(), launcher: communicator.kind.rawValue,
                ranks: communicator.hostNames, sharesMemory: communicator.sharesMemory, datasets: datasets)
            Output.line(try json ? report.json(pretty: true) : report.text)
        }
    }

    private func show(_ options: TrainingOptions) throws {
        let shape = try Shape(argument: input ?? "28x28", option: "input")
        let layers = try layers(options, inputFeatures: shape.elementCount)
        let network = try Network(layers, inputShape: shape, outputs: .any)
        let summary = ModelSummary(network)
        // Every rank of a launcher could tell it: one does.
        guard Launcher.detect(environment: ProcessInfo.processInfo.environment).rank == 0 else { return }
        if yaml { return Output.line(ModelDescription(layers).yaml) }
        if model == nil && !json { Output.line(ModelText.text(of: layers)) }
        Output.line(try json ? summary.json(pretty: true) : summary.text)
    }

    private func layers(_ options: TrainingOptions, inputFeatures: Int) throws -> [LayerDescription] {
        guard let model else {
            let classCount = classes ?? 10
            guard (1...1 << 20).contains(classCount) else {
                throw Failure(.usage, "--classes \(classCount): a number from 1 is needed")
            }
            return try options.expandedFamily { (inputFeatures, classCount) }
        }
        guard options.family == .init() else {
            throw Failure(.usage, "--model and --family exclude each other: a family is a model")
        }
        guard classes == nil else {
            throw Failure(.usage, "--classes has no meaning for --model: its last layer says it")
        }
        return try ModelText.parse(model)
    }

    struct Report: Codable {
        struct Dataset: Codable {
            let name: String
            /// Nil when it is not installed.
            let folder: String?
            let hint: String
        }

        let version: String
        let numericsVersion: Int
        let instructionSet: String
        let availableInstructionSets: [String]
        /// That this process may use.
        let cores: Int
        /// FMA peak in fp32, measured now.
        let gigaflopsPerCore: Double
        /// The library's own words; nil when the program was built without MPI.
        let mpi: String?
        let launcher: String
        /// The host of each rank.
        let ranks: [String]
        let sharesMemory: Bool
        let datasets: [Dataset]

        var text: String {
            var lines = [
                "lockstep \(version), numerics version \(numericsVersion)",
                "kernels   \(instructionSet) (this machine has \(availableInstructionSets.joined(separator: ", ")))",
                "cores     \(cores) for this process, \(Text.fixed(gigaflopsPerCore, 0)) GFLOP/s each (fp32, measured)",
                "MPI       \(mpi ?? "not built in: threads only (build with the trait MPI)")",
            ]
            if launcher == "mpi" {
                lines.append(
                    "ranks     \(ranks.count), \(sharesMemory ? "in shared memory" : "sending messages"):")
                for (rank, host) in ranks.enumerated() { lines.append("          \(rank) on \(host)") }
            } else {
                lines.append("ranks     none: not started by mpirun")
            }
            for (index, dataset) in datasets.enumerated() {
                let state = dataset.folder ?? "not found (\(dataset.hint))"
                lines.append("\(index == 0 ? "data" : "    ")      \(Text.padded(dataset.name, 14)) \(state)")
            }
            return lines.joined(separator: "\n")
        }
    }
}
