import DataLoading
import Errors
import Kernels
import Reports
import Training

import struct Communication.Communicator
import func Communication.withWorkers

/// Short trainings on 96 pictures of 5 × 6.
enum SmallRun {
    static let dataset: SharedDataset = {
        var (labels, pixels): ([UInt8], [UInt8]) = ([], [])
        for image in 0..<96 {
            let label = image * 7 % 4
            labels.append(UInt8(label))
            for pixel in 0..<30 {
                pixels.append(UInt8((image * 30 + pixel) * 31 % 97 + (pixel / 8 == label ? 150 : 0)))
            }
        }
        guard let buffer = try? ByteBuffer(pixels) else { fatalError("no memory for 3 KB") }
        let part = LabelledImages(pixels: buffer, labels: labels, height: 5, width: 6, channels: 1, classCount: 4)
        return SharedDataset(ImageDataset(name: "made", train: part, test: part, classNames: []))
    }()

    struct Silent: TrainingObserver {
        func started(_ start: TrainingStart) {}
        func stepped(_ progress: TrainingProgress) {}
        func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {}
        func warned(_ warning: String) {}
        func finished(_ summary: TrainingSummary, path: String) {}
    }

    /// Three epochs of four steps. With `stop` the run saves and ends after so many steps.
    static func train(
        _ path: String, resumes: Bool = false, stopAfter stop: Int? = nil, workers: Int = 1, records: Bool = true,
        _ change: (inout TrainingOptions) -> Void = { _ in }
    ) throws {
        var options = TrainingOptions()
        options.model = "dense 6, relu, dense 4"
        options.batchSize = 24
        options.epochs = 3
        options.hashEvery = 2
        change(&options)
        let run = TrainingRun(
            try options.resolved(), dataset: dataset, kernels: ReferenceKernels(), path: path, overwrites: false,
            resume: resumes ? .auto : .never, stopAfter: stop.map { .steps($0) }
        ) {
            if records { return TensorBoardRecorder(Silent()) }
            return Silent()
        }
        do {
            _ = try withWorkers(workers == 1 ? .solo : .threads(workers)) { communicator in try run.run(communicator) }
        } catch {
            guard error.kind == .stopped, stop != nil else { throw error }
        }
    }
}
