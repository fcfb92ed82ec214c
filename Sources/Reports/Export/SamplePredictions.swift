import Checkpoints
import DataLoading
import Errors
import Models
import Training

/// What a network gives for the samples of one part of a data set.
package struct SamplePredictions: Sendable {
    /// `[count]`: places in the part.
    package let indices: [Int32]
    /// `[count]`
    package let labels: [UInt8]
    /// `[count]`: the first greatest output. Empty for an auto-encoder.
    package let predictions: [UInt8]
    /// `[count]`: mean squared differences of pixels from 0 to 1. Empty for a classifier.
    package let reconstructionErrors: [Float]
    /// `[count, outputCount]`
    package let outputs: [Float]
    /// `[count, outputCount]`: what they say about each class or pixel, or the values of a table's targets in their own unit.
    package let probabilities: [Float]
    package let outputCount: Int
    /// Of a table; empty otherwise.
    package let targetNames: [String]
    /// `[count, outputCount]`: of a table what was to be predicted.
    package let targets: [Float]

    package init(_ predictor: Predictor, _ images: LabelledImages, _ indices: [Int32]) throws {
        let count = predictor.network.outputCount
        outputs = try predictor.outputs(of: images, indices)
        probabilities = predictor.probabilities(outputs)
        outputCount = count
        self.indices = indices
        labels = indices.map { images.labels[Int($0)] }
        targetNames = predictor.columns?.targets ?? []
        targets = indices.flatMap {
            images.targets[Int($0) * images.targetCount..<(Int($0) + 1) * images.targetCount]
        }
        let (outputs, probabilities) = (outputs, probabilities)
        let rows = indices.indices.map { $0 * count..<($0 + 1) * count }
        guard predictor.columns == nil else {
            (predictions, reconstructionErrors) = ([], [])
            return
        }
        guard predictor.network.target == .label else {
            predictions = []
            reconstructionErrors = zip(indices, rows).map { sample, row in
                ReconstructionError.of(probabilities[row], images.image(Int(sample)))
            }
            return
        }
        reconstructionErrors = []
        predictions = rows.map { row in
            UInt8(row.reduce(row.lowerBound) { outputs[$1] > outputs[$0] ? $1 : $0 } - row.lowerBound)
        }
    }

    /// Of each sample: whether its class was predicted.
    package var isRight: [Bool] { zip(labels, predictions).map { $0 == $1 } }

    /// Of each row of a table: the mean over its columns.
    var squaredErrors: [Double] {
        indices.indices.map { row in
            (row * outputCount..<(row + 1) * outputCount).reduce(0.0) { sum, index in
                let error = Double(probabilities[index]) - Double(targets[index])
                return sum + error * error
            } / Double(outputCount)
        }
    }

    private var isTable: Bool { !targetNames.isEmpty }
    private var isClassifier: Bool { !isTable && (!predictions.isEmpty || reconstructionErrors.isEmpty) }

    /// `index,target,prediction`, with numbers behind the words where there are several targets.
    private var tableText: String {
        let suffixes = outputCount == 1 ? [""] : (0..<outputCount).map { "_\($0)" }
        let names = ["target", "prediction"].flatMap { name in suffixes.map { name + $0 } }
        var text = (["index"] + names).joined(separator: ",") + "\n"
        for row in indices.indices {
            let range = row * outputCount..<(row + 1) * outputCount
            text += "\(indices[row])"
            for value in targets[range] { text += ",\(value)" }
            for value in probabilities[range] { text += ",\(value)" }
            text += "\n"
        }
        return text
    }

    /// `index,label,prediction,output_0,…,probability_0,…`; of an auto-encoder `index,label,error`; of a table
    /// `index,target,prediction`.
    package func csv() -> [[UInt8]] {
        if isTable { return [Array(tableText.utf8)] }
        guard isClassifier else {
            var text = "index,label,error\n"
            for row in indices.indices { text += "\(indices[row]),\(labels[row]),\(reconstructionErrors[row])\n" }
            return [Array(text.utf8)]
        }
        let names = ["output", "probability"].flatMap { name in (0..<outputCount).map { "\(name)_\($0)" } }
        var text = (["index", "label", "prediction"] + names).joined(separator: ",") + "\n"
        for row in indices.indices {
            text += "\(indices[row]),\(labels[row]),\(predictions[row])"
            let range = row * outputCount..<(row + 1) * outputCount
            for value in outputs[range] { text += ",\(value)" }
            for value in probabilities[range] { text += ",\(value)" }
            text += "\n"
        }
        return [Array(text.utf8)]
    }

    package func safetensors(path: String) throws -> [[UInt8]] {
        var tensors = [Checkpoint.Tensor("index", [indices.count], indices.map { Int64($0) })]
        guard !isTable else {
            tensors.append(Checkpoint.Tensor("target", [indices.count, outputCount], targets))
            tensors.append(Checkpoint.Tensor("prediction", [indices.count, outputCount], probabilities))
            return try Checkpoint(tensors: tensors, metadata: Metadata()).encoded(path: path)
        }
        tensors.append(Checkpoint.Tensor("label", [labels.count], labels))
        if isClassifier {
            tensors.append(Checkpoint.Tensor("prediction", [predictions.count], predictions))
            tensors.append(Checkpoint.Tensor("probabilities", [indices.count, outputCount], probabilities))
        } else {
            tensors.append(Checkpoint.Tensor("error", [indices.count], reconstructionErrors))
        }
        tensors.append(Checkpoint.Tensor("outputs", [indices.count, outputCount], outputs))
        return try Checkpoint(tensors: tensors, metadata: Metadata()).encoded(path: path)
    }

    package func writeNPZ(to path: String) throws {
        try NPZWriter.replace(path) { archive in
            let shape = [indices.count, outputCount]
            guard !isTable else {
                try targets.withUnsafeBytes { try archive.write($0, .float32, shape: shape, as: "target") }
                return try probabilities.withUnsafeBytes {
                    try archive.write($0, .float32, shape: shape, as: "prediction")
                }
            }
            try labels.withUnsafeBytes { try archive.write($0, .byte, shape: [labels.count], as: "label") }
            if isClassifier {
                try predictions.withUnsafeBytes {
                    try archive.write($0, .byte, shape: [labels.count], as: "prediction")
                }
                try probabilities.withUnsafeBytes { try archive.write($0, .float32, shape: shape, as: "probabilities") }
            } else {
                try reconstructionErrors.withUnsafeBytes {
                    try archive.write($0, .float32, shape: [labels.count], as: "error")
                }
            }
            try outputs.withUnsafeBytes { try archive.write($0, .float32, shape: shape, as: "outputs") }
        }
    }
}

/// How far a reconstruction is from its picture.
package enum ReconstructionError {
    /// The mean of squared differences, pixels from 0 to 1; a chain in Double in the order of pixels.
    package static func of(_ values: ArraySlice<Float>, _ pixels: [UInt8]) -> Float {
        precondition(
            values.count == pixels.count, "ReconstructionError: \(values.count) values, \(pixels.count) pixels")
        var sum = 0.0
        for (value, pixel) in zip(values, pixels) {
            let difference = Double(value) - Double(pixel) / 255
            sum += difference * difference
        }
        return Float(sum / Double(pixels.count))
    }
}
