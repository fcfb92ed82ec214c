import DataLoading
import Errors
import Foundation
import KernelContract
import Training

/// `lockstep compare`'s result: what two runs have in common, and where they part.
package struct RunComparison: Encodable, Sendable {
    package struct Setting: Encodable, Sendable, Equatable {
        package let name: String
        /// Nil where it is not set.
        package let first: String?
        package let second: String?
    }

    package struct Metric: Encodable, Sendable {
        package let name: String
        package let first: Double
        package let second: Double
        package var difference: Double { second - first }

        private enum CodingKeys: String, CodingKey { case name, first, second, difference }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .name)
            try container.encode(first, forKey: .first)
            try container.encode(second, forKey: .second)
            try container.encode(difference, forKey: .difference)
        }
    }

    /// Of the same samples, in the same order.
    package struct Paired: Encodable, Sendable {
        package let dataset: String
        package let split: String
        package let sampleCount: Int
        package let samePredictionCount: Int
        package let bothRight: Int
        package let bothWrong: Int
        package let mcNemar: McNemarTest
    }

    /// The same of numbers that are predicted; of several columns of a table a sample's error is the mean over them.
    package struct PairedErrors: Encodable, Sendable {
        package let dataset: String
        package let split: String
        package let sampleCount: Int
        package let test: PairedErrorTest
    }

    package let first: String
    package let second: String
    package let firstSHA256: String
    package let secondSHA256: String
    /// Whether both ended with the same parameters and running statistics, bit for bit.
    package var sameBits: Bool { firstSHA256 == secondSHA256 }
    /// Nil where the records know no step at which the runs differ.
    package let divergence: RunDivergence?
    package let settings: [Setting]
    package let metrics: [Metric]
    /// Nil where the runs have no classes, or not the same test data.
    package let paired: Paired?
    /// Nil but of runs on the same table.
    package let pairedErrors: PairedErrors?
    /// Why there is no paired test.
    package let whyNotPaired: String?

    private enum CodingKeys: String, CodingKey {
        case first, second, firstSHA256, secondSHA256, sameBits, divergence, settings, metrics, paired, pairedErrors
        case whyNotPaired
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(first, forKey: .first)
        try container.encode(second, forKey: .second)
        try container.encode(firstSHA256, forKey: .firstSHA256)
        try container.encode(secondSHA256, forKey: .secondSHA256)
        try container.encode(sameBits, forKey: .sameBits)
        try container.encodeIfPresent(divergence, forKey: .divergence)
        try container.encode(settings, forKey: .settings)
        try container.encode(metrics, forKey: .metrics)
        try container.encodeIfPresent(paired, forKey: .paired)
        try container.encodeIfPresent(pairedErrors, forKey: .pairedErrors)
        try container.encodeIfPresent(whyNotPaired, forKey: .whyNotPaired)
    }

    /// - Throws: where a run's folder has no configuration or checkpoint that can be read.
    package init(_ first: RunFiles, _ second: RunFiles, kernels: any KernelSet) throws {
        let predictors = try [first, second].map {
            try Predictor(checkpoint: $0.checkpoint, kernels: kernels, capacity: 64)
        }
        self.first = first.path
        self.second = second.path
        firstSHA256 = predictors[0].parametersSHA256
        secondSHA256 = predictors[1].parametersSHA256
        divergence = RunDivergence(first, second)
        settings = Self.settings(first.options, second.options)
        metrics = Self.metrics(first, second)
        do {
            let ofTables = predictors.contains { $0.columns != nil }
            let classes = ofTables ? nil : try Self.paired(first, second, predictors)
            let numbers = ofTables ? try Self.pairedErrors(first, second, predictors) : nil
            (paired, pairedErrors, whyNotPaired) = (classes, numbers, nil)
        } catch let failure as Failure {
            (paired, pairedErrors, whyNotPaired) = (nil, nil, failure.message)
        }
    }

    private static func settings(_ first: TrainingOptions, _ second: TrainingOptions) -> [Setting] {
        let (left, right) = (first.given, second.given)
        let names = left.map(\.option) + right.map(\.option).filter { name in !left.contains { $0.option == name } }
        return names.compactMap { name in
            let values = (left.first { $0.option == name }?.text, right.first { $0.option == name }?.text)
            return values.0 == values.1 ? nil : Setting(name: name, first: values.0, second: values.1)
        }
    }

    /// Of the last point of each split, test last.
    private static func metrics(_ first: RunFiles, _ second: RunFiles) -> [Metric] {
        func last(_ points: [MetricsPoint], _ split: MetricsPoint.Split) -> MetricsPoint? {
            points.last { $0.split == split && $0.loss != nil }
        }
        return [MetricsPoint.Split.train, .validation, .test].flatMap { split -> [Metric] in
            guard let left = last(first.points, split), let right = last(second.points, split) else { return [] }
            var metrics: [Metric] = []
            if let a = left.loss, let b = right.loss {
                metrics.append(Metric(name: "\(split)Loss", first: a, second: b))
            }
            if let a = left.accuracy, let b = right.accuracy {
                metrics.append(Metric(name: "\(split)Accuracy", first: a, second: b))
            }
            if let a = left.scores, let b = right.scores {
                metrics.append(Metric(name: "\(split)RMSE", first: a.rmse, second: b.rmse))
                metrics.append(Metric(name: "\(split)MAE", first: a.mae, second: b.mae))
                if let a = a.r2, let b = b.r2 { metrics.append(Metric(name: "\(split)R2", first: a, second: b)) }
            }
            return metrics
        }
    }

    private static func paired(
        _ first: RunFiles, _ second: RunFiles, _ predictors: [Predictor]
    ) throws -> Paired {
        guard predictors.allSatisfy({ $0.network.target == .label }) else {
            throw Failure(.data, "an auto-encoder has no classes to be right about")
        }
        let datasets = [first.options.sharedDataset, second.options.sharedDataset]
        let (left, right) = (try datasets[0].load(), try datasets[1].load())
        guard left.test.labels == right.test.labels, left.test.pixelsPerImage == right.test.pixelsPerImage else {
            throw Failure(.data, "\(left.name) and \(right.name) have not the same test samples")
        }
        let indices = (0..<Int32(left.test.count)).map { $0 }
        let results = try zip(predictors, [left.test, right.test]).map { try SamplePredictions($0, $1, indices) }
        let (a, b) = (results[0].isRight, results[1].isRight)
        return Paired(
            dataset: left.name, split: "test", sampleCount: indices.count,
            samePredictionCount: zip(results[0].predictions, results[1].predictions).count { $0 == $1 },
            bothRight: zip(a, b).count { $0 && $1 }, bothWrong: zip(a, b).count { !$0 && !$1 },
            mcNemar: McNemarTest(firstIsRight: a, secondIsRight: b))
    }

    private static func pairedErrors(
        _ first: RunFiles, _ second: RunFiles, _ predictors: [Predictor]
    ) throws -> PairedErrors {
        let (left, right) = (try first.options.sharedDataset.load(), try second.options.sharedDataset.load())
        guard left.columns?.targets == right.columns?.targets, left.test.targets == right.test.targets,
            left.test.count >= 2
        else { throw Failure(.data, "\(left.name) and \(right.name) have not the same test rows and targets") }
        let indices = (0..<Int32(left.test.count)).map { $0 }
        let errors = try zip(predictors, [left.test, right.test]).map {
            try SamplePredictions($0, $1, indices).squaredErrors
        }
        return PairedErrors(
            dataset: left.name, split: "test", sampleCount: indices.count,
            test: PairedErrorTest(zip(errors[0], errors[1]).map { $1 - $0 }))
    }
}
