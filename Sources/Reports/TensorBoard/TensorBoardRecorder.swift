import DataLoading
import Errors
import Foundation
import Models
import Training

/// Records a run for TensorBoard while it is trained, and tells another observer of it. What cannot be written is told once;
/// training goes on.
package final class TensorBoardRecorder: TrainingObserver {
    /// Pictures of mistakes that are kept.
    private static let mistakeCount = 25

    private let next: any TrainingObserver
    private var log: TensorBoardLog?
    private var hasTold = false
    private var lastTest: (result: Evaluation, images: LabelledImages, step: Int)?

    package init(_ next: any TrainingObserver) { self.next = next }

    package func started(_ start: TrainingStart) {
        next.started(start)
        attempt {
            let folder = "\(start.path)/\(TensorBoardLog.folderName)"
            guard let resumed = start.resumed else {
                log = try TensorBoardLog(folder: folder)
                return
            }
            let source = URL(fileURLWithPath: resumed.path).deletingLastPathComponent().deletingLastPathComponent()
            let kept = TensorBoardLog.records(of: source.path, before: resumed.step)
            log = try TensorBoardLog(folder: folder, kept: kept)
            // A run that was not recorded so far has its metrics.
            if kept.isEmpty { for points in resumed.epochs { try write(points) } }
        }
    }

    package func stepped(_ progress: TrainingProgress) { next.stepped(progress) }

    package func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {
        attempt { try write(points) }
        next.finishedEpoch(epoch, of: epochs, points: points)
    }

    package func evaluated(_ evaluation: Evaluation, _ split: MetricsPoint.Split, _ images: LabelledImages, step: Int) {
        if split == .test { lastTest = (evaluation, images, step) }
        next.evaluated(evaluation, split, images, step: step)
    }

    package func sampled(_ histograms: [TensorHistogram], step: Int) {
        attempt { try write(step: step, histograms.map { .histogram($0.name, $0.buckets) }) }
        next.sampled(histograms, step: step)
    }

    package func warned(_ warning: String) { next.warned(warning) }
    package func balanced(_ balance: BalanceRecord) { next.balanced(balance) }

    package func finished(_ summary: TrainingSummary, path: String) {
        attempt {
            guard let lastTest, lastTest.step == summary.steps else { return }
            try write(step: lastTest.step, try Self.pictures(lastTest.result, lastTest.images))
        }
        next.finished(summary, path: path)
    }

    private func write(_ points: [MetricsPoint]) throws {
        for point in points { try write(step: point.step, point.scalars) }
    }

    private func write(step: Int, _ values: [TensorBoardSummary.Value]) throws {
        guard !values.isEmpty else { return }
        try log?.write(TensorBoardEvent(step: step, wallTime: Date().timeIntervalSince1970, values))
    }

    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch {
            guard !hasTold else { return }
            hasTold = true
            next.warned("\(Failure(wrapping: error).message); training goes on, perhaps without these records")
        }
    }

    /// The confusion matrix, and the mistakes that the network was surest of.
    private static func pictures(_ result: Evaluation, _ images: LabelledImages) throws -> [TensorBoardSummary.Value] {
        guard let matrix = result.confusionMatrix else { return [] }
        var values = [try TensorBoardSummary.Value.pictures("confusion-matrix", [ConfusionPicture(matrix).image])]
        guard let predictions = result.predictions, let confidences = result.confidences,
            [1, 3].contains(images.channels)
        else { return values }
        let mistakes = predictions.indices.filter { predictions[$0] != images.labels[$0] }
            .sorted { (confidences[$1], $0) < (confidences[$0], $1) }.prefix(mistakeCount)
        guard !mistakes.isEmpty else { return values }
        values.append(
            try .pictures(
                "mistakes",
                mistakes.map {
                    DecodedImage(
                        pixels: images.image($0), height: images.height, width: images.width, channels: images.channels)
                }))
        return values
    }
}

extension MetricsPoint {
    /// Under the names that group them in TensorBoard.
    var scalars: [TensorBoardSummary.Value] {
        let values: [(String, Double?)] = [
            ("loss/\(split.rawValue)", loss), ("accuracy/\(split.rawValue)", accuracy), ("learning-rate", learningRate),
            ("rmse/\(split.rawValue)", scores?.rmse), ("mae/\(split.rawValue)", scores?.mae),
            ("r2/\(split.rawValue)", scores?.r2), ("gradient-norm", gradientNorm), ("weight-norm", weightNorm),
            ("samples-per-second", samplesPerSecond),
        ]
        return values.compactMap { tag, value in value.map { .scalar(tag, $0) } }
    }
}
