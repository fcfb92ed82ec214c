import ArgumentParser
import Checkpoints
import Communication
import Errors
import Files
import Foundation
import Kernels
import Reports
import Sweeps
import Training

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write a trained network, or its predictions, for other programs.",
        discussion: """
            onnx (opset \(ONNXExport.opset)) is a graph for any batch size, which takes [batch, height, width(, channels)];
            safetensors, npz and csv hold the weights with PyTorch's names and layout, of a moving average the averages.
            tensorboard writes event files of a run's metrics, or of a sweep with its hyperparameters, into a folder.
            With --predictions the three hold labels, predictions, outputs and probabilities of a data set instead.
            docs/INTEROPERABILITY.md shows how other programs read them.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case onnx, safetensors, npz, csv, tensorboard
    }

    @Argument(help: ArgumentHelp("\(CheckpointLocation.help)", valueName: "CHECKPOINT"))
    var checkpoint: String

    @Option(help: "onnx, safetensors, npz, csv or tensorboard.")
    var format: Format

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The file, default the run's name in this folder, such as digits-1.onnx; of tensorboard the folder, default "
                + "tensorboard in the run's or sweep's own.", valueName: "FILE"))
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Of onnx: bytes (default; scaling and standardisation are in the graph), unit (pixels from 0 to 1, or a table's "
                + "values, its default; standardisation is in the graph) or network (the layers alone).",
            valueName: "KIND"))
    var input: ONNXInput?

    @Option(
        help: ArgumentHelp(
            "Of onnx: outputs (default: logits, or a reconstruction), probabilities, or an auto-encoder's latent code.",
            valueName: "KIND"))
    var result: ONNXOutput?

    @Option(
        help: ArgumentHelp(
            "What the network gives for train, validation or test, in place of its weights.", valueName: "SPLIT"))
    var predictions: EvaluatedSplit?

    @Option(help: ArgumentHelp("Of --predictions; default: the run's own.", valueName: "NAME|DIR"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "Where to look for data sets, before LOCKSTEP_DATA and the system's folders.", valueName: "DIR"))
    var dataDir: String?

    @Flag(help: "Print what was written as one JSON document.")
    var json = false

    struct Report: Encodable {
        let file: String
        let format: String
        var byteCount = 0
        let checkpoint: String
        let parametersSHA256: String
        /// Whether the weights are the run's moving average.
        let isAverage: Bool
        var opset: Int?
        var input: String?
        var output: String?
        /// Of the predictions.
        var dataset: String?
        var split: String?
        var sampleCount: Int?
    }

    private func check() throws {
        if format != .onnx && (input != nil || result != nil) {
            throw Failure(.usage, "--input and --result belong to --format onnx")
        }
        if [.onnx, .tensorboard].contains(format) && predictions != nil {
            throw Failure(.usage, "--predictions: choose --format csv, npz or safetensors")
        }
        if predictions == nil && (dataset != nil || dataDir != nil) {
            throw Failure(.usage, "--dataset and --data-dir belong to --predictions")
        }
    }

    func run() throws {
        try check()
        let command = self
        try onRoot {
            if command.format == .tensorboard {
                let folder = try command.writeEvents()
                return Output.line(
                    try command.json
                        ? ["file": folder, "format": "tensorboard"].json(pretty: true)
                        : "\(folder): event files for tensorboard --logdir")
            }
            let report = try command.write()
            Output.line(try command.json ? report.json(pretty: true) : report.text)
        }
    }

    /// Of a sweep or a run; returns their folder.
    private func writeEvents() throws -> String {
        let path = checkpoint.count > 1 && checkpoint.hasSuffix("/") ? String(checkpoint.dropLast()) : checkpoint
        if FileManager.default.fileExists(atPath: "\(path)/sweep.yaml") {
            let folder = output ?? "\(path)/\(TensorBoardLog.folderName)"
            try SweepEvents(SweepDirectory.read(path), path: path).write(to: folder)
            return folder
        }
        let isRun = FileManager.default.fileExists(atPath: "\(path)/metrics.jsonl")
        let run = try isRun ? path : RunFiles(CheckpointLocation(argument: checkpoint)).path
        let folder = output ?? "\(run)/\(TensorBoardLog.folderName)"
        try RunEvents.write(run, to: folder)
        return folder
    }

    private func write() throws -> Report {
        let location = try CheckpointLocation(argument: checkpoint)
        let stem = location.stem + (predictions.map { "-\($0.rawValue)" } ?? "")
        let path = output ?? "\(stem).\(format.rawValue)"
        if URL(fileURLWithPath: path).standardizedFileURL == URL(fileURLWithPath: location.path).standardizedFileURL {
            throw Failure(.outputRefused, "\(path): is the checkpoint itself; name another file with --output")
        }
        let trained = try TrainedNetwork(contentsOf: location.path)
        var report = Report(
            file: path, format: format.rawValue, checkpoint: location.path,
            parametersSHA256: trained.parametersSHA256, isAverage: trained.isAverage)
        if let predictions {
            try write(predictions, location, to: path, &report)
        } else {
            try write(trained, to: path, &report)
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        report.byteCount = attributes?[.size] as? Int ?? 0
        return report
    }

    private func write(_ trained: TrainedNetwork, to path: String, _ report: inout Report) throws {
        let weights = WeightsExport(trained)
        switch format {
        case .onnx:
            let model = try ONNXExport(trained, input: input, output: result ?? .outputs)
            try AtomicFile.write([try model.encoded()], to: path)
            (report.opset, report.input, report.output) = (ONNXExport.opset, model.inputName, model.outputName)
        case .safetensors: try AtomicFile.write(try weights.safetensors(path: path), to: path)
        case .npz: try weights.writeNPZ(to: path)
        case .csv: try AtomicFile.write(weights.csv(), to: path)
        case .tensorboard: preconditionFailure("ExportCommand: weights as events")
        }
    }

    private func write(
        _ split: EvaluatedSplit, _ location: CheckpointLocation, to path: String, _ report: inout Report
    ) throws {
        let kernels = try KernelSelection.select(environment: ProcessInfo.processInfo.environment)
        let source = try EvaluationSource(location, dataset: dataset, dataDirectory: dataDir, split: split)
        let evaluation = try source.evaluation(kernels)
        let data = try source.dataset.load()
        let (images, indices) = try evaluation.samples(of: data)
        let predictor = try Predictor(checkpoint: location.path, kernels: kernels, capacity: 64)
        let predictions = try SamplePredictions(predictor, images, indices)
        switch format {
        case .csv: try AtomicFile.write(predictions.csv(), to: path)
        case .npz: try predictions.writeNPZ(to: path)
        case .safetensors: try AtomicFile.write(try predictions.safetensors(path: path), to: path)
        case .onnx, .tensorboard: preconditionFailure("ExportCommand: predictions as \(format)")
        }
        (report.dataset, report.split, report.sampleCount) = (data.name, split.rawValue, indices.count)
    }
}

extension ExportCommand.Report {
    var text: String {
        var line = "\(file): \(grouped(byteCount)) bytes of \(format)"
        if let opset, let input, let output { line += ", opset \(opset), \(input) → \(output)" }
        if let dataset, let split, let sampleCount {
            line += ", \(dataset) \(split), \(Text.plural(sampleCount, "sample"))"
        }
        return line + (isAverage ? "\nweights are the run's moving average" : "")
    }
}

extension ONNXInput: ExpressibleByArgument {}
extension ONNXOutput: ExpressibleByArgument {}
