import Checkpoints
import Communication
import Errors
import Foundation
import Glibc
import Models

/// What a run begins with: its folder, and where it goes on. Only worker 0 fills it in.
struct RunBegin {
    private(set) var directory: RunDirectory?
    private(set) var point: ResumePoint?
    /// What a new run begins with, if it is not drawn.
    private(set) var initialWeights: InitialWeights?
    /// Settings that a resumed run has otherwise than before.
    private(set) var changes: [String] = []
    /// Where the run goes on, once the folder is open.
    private(set) var resumed: ResumedRun?

    init() {}

    /// Finds the checkpoint that `run` asks for. The folder of an earlier part of the run is locked before it is read.
    init(_ run: TrainingRun) throws {
        switch run.resume {
        case .never: return
        case .auto:
            guard RunDirectory.holdsRun(run.path) else { return }
            let directory = try RunDirectory(locking: run.path, calls: run.fileCalls)
            (self.directory, point) = (directory, try .newest(in: directory.checkpoints))
        case .from(let source):
            let point = try Self.point(source)
            self.point = point
            if Self.isSameFile(
                URL(fileURLWithPath: point.path).deletingLastPathComponent().path, "\(run.path)/checkpoints")
            {
                let directory = try RunDirectory(locking: run.path, calls: run.fileCalls)
                if let newest = directory.checkpoints.steps().last, newest > point.state.step {
                    throw Failure(
                        .outputRefused,
                        "\(run.path) has a newer checkpoint (step \(newest)) than \(source); go on from that with "
                            + "--resume auto, or choose another --out")
                }
                self.directory = directory
            }
        }
        changes =
            try point?.check(
                run.configuration, dataSHA256: try run.dataset.identity(), allowsOtherNumerics: run.allowsOtherNumerics)
            ?? []
    }

    /// Makes the folder where it is new, and begins the record.
    mutating func open(_ run: TrainingRun) throws {
        let directory = try directory ?? RunDirectory(path: run.path, overwrites: run.overwrites, calls: run.fileCalls)
        let kept = point.map { MetricsLog.lines(of: $0.metricsPath, until: $0.state.step) } ?? []
        try directory.begin(configuration: run.configuration.yaml, kept: kept)
        self.directory = directory
        resumed = point.map { ResumedRun($0, changes: changes, epochs: MetricsLog.epochs(of: kept)) }
    }

    /// Reads what a new run begins with. A run that goes on has it behind it.
    mutating func readInitialWeights(_ configuration: TrainingConfiguration, _ network: Network) throws {
        initialWeights = try configuration.initialWeights.map { try InitialWeights($0, network: network) }
    }

    /// Of the file that this run, or the part of it that is resumed, began with.
    var initialWeightsSHA256: String? {
        initialWeights?.sha256 ?? point?.checkpoint.metadata[MetadataKey.initialWeightsSHA256]
    }

    /// Worker 0's state, on all; nil where the run begins anew.
    func broadcastState(_ communicator: borrowing Communicator) throws -> RunState? {
        var json: [UInt8] = []
        try communicator.onRoot { json = Array(try point?.state.json().utf8 ?? "".utf8) }
        json = try communicator.broadcast(bytes: json, root: 0)
        return json.isEmpty ? nil : try RunState(json: String(decoding: json, as: UTF8.self), path: "the checkpoint")
    }

    private static func point(_ source: String) throws -> ResumePoint {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source, isDirectory: &isFolder) else {
            throw Failure(.inputNotFound, "\(source): no such checkpoint or run")
        }
        guard isFolder.boolValue else { return try ResumePoint(source) }
        guard let point = try ResumePoint.newest(in: CheckpointStore(folder: "\(source)/checkpoints")) else {
            throw Failure(.inputNotFound, "\(source)/checkpoints: no checkpoint there")
        }
        return point
    }

    private static func isSameFile(_ left: String, _ right: String) -> Bool {
        var (a, b) = (stat(), stat())
        return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
    }
}

extension RunState {
    /// - Throws: where a run of this length cannot be at this place.
    func check(_ length: RunLength) throws {
        guard step <= length.stepCount else {
            throw Failure(
                .data,
                "the checkpoint was taken after step \(step), and the run has \(length.stepCount) steps; give more --epochs or "
                    + "--steps")
        }
        guard epoch == (step - 1) / length.stepsPerEpoch + 1 else {
            throw Failure(.data, "the checkpoint says that step \(step) is in epoch \(epoch), which it is not")
        }
    }
}
