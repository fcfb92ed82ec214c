import DataLoading
import KernelContract
import Models
import Numerics

/// What a network takes each image of a set for.
package struct ClassifiedSamples: Sendable {
    package let labels: [UInt8]
    package let predictions: [UInt8]
    /// `[count, classCount]`; nil where the outputs are no probabilities.
    package let probabilities: [Double]?
    package let classCount: Int
    package let names: [String]

    /// Nil of an auto-encoder, or of no sample.
    package init?(_ outcome: NetworkOutcome, _ images: LabelledImages, names: [String]) {
        guard outcome.network.target == .label, images.count > 0 else { return nil }
        let classCount = outcome.network.outputCount
        self.classCount = classCount
        self.names = names.isEmpty ? (0..<classCount).map { "\($0)" } : names
        labels = images.labels
        let rows = (0..<images.count).map { outcome.outputs[$0 * classCount..<($0 + 1) * classCount] }
        predictions = rows.map { row in
            // The first greatest, as everywhere.
            UInt8(row.indices.dropFirst().reduce(row.startIndex) { row[$1] > row[$0] ? $1 : $0 } - row.startIndex)
        }
        let endsInSoftmax = outcome.network.description.last == .softmax
        switch outcome.loss.kind {
        case .crossEntropy: probabilities = rows.flatMap { Self.softmax($0.map(Double.init)) }
        case .binaryCrossEntropy:
            probabilities = rows.flatMap { row in row.map { 1 / (1 + ScalarMath.exponential(-Double($0))) } }
        default: probabilities = endsInSoftmax ? rows.flatMap { $0.map(Double.init) } : nil
        }
    }

    private static func softmax(_ logits: [Double]) -> [Double] {
        let greatest = logits.max() ?? 0
        let powers = logits.map { ScalarMath.exponential($0 - greatest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    package var count: Int { labels.count }
    package var isRight: [Bool] { zip(labels, predictions).map { $0 == $1 } }

    /// Of the predicted class; nil also where weights that are not finite leave no number.
    func confidence(_ sample: Int) -> Double? {
        let confidence = probabilities?[sample * classCount + Int(predictions[sample])]
        return confidence.flatMap { $0.isFinite ? $0 : nil }
    }

    /// `[class, predicted]`, counts.
    package var confusionMatrix: [[Int]] {
        var matrix = [[Int]](repeating: [Int](repeating: 0, count: classCount), count: classCount)
        for (label, prediction) in zip(labels, predictions) { matrix[Int(label)][Int(prediction)] += 1 }
        return matrix
    }

    package var calibration: Calibration? {
        guard probabilities != nil else { return nil }
        return Calibration(confidences: (0..<count).map { confidence($0) ?? 0 }, isRight: isRight)
    }

    /// Mean of −ln of the probability of the sample's class.
    var logLoss: Double? {
        guard let probabilities else { return nil }
        let sum = labels.indices.reduce(0.0) { sum, sample in
            let probability = probabilities[sample * classCount + Int(labels[sample])]
            // The least that others who take logarithms of doubles allow.
            return sum - ScalarMath.naturalLogarithm(max(probability, 2.220_446_049_250_313e-16))
        }
        return sum / Double(count)
    }

    /// Wrong ones, the surest first; in the order of the file where there are no probabilities.
    var mistakes: [Int] {
        let wrong = labels.indices.filter { labels[$0] != predictions[$0] }
        guard probabilities != nil else { return wrong }
        let keyed = wrong.map { ($0, confidence($0) ?? 0) }
        return keyed.sorted { ($1.1, $0.0) < ($0.1, $1.0) }.map(\.0)
    }

    /// A line for each sample: its number, class and prediction, and the probabilities of all classes.
    package var csv: String {
        var text = "sample,label,predicted"
        if probabilities != nil { text += (0..<classCount).map { ",p\($0)" }.joined() }
        text += "\n"
        for sample in labels.indices {
            text += "\(sample),\(labels[sample]),\(predictions[sample])"
            if let probabilities {
                for index in 0..<classCount { text += ",\(probabilities[sample * classCount + index])" }
            }
            text += "\n"
        }
        return text
    }
}
