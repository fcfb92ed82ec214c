import Training

/// What an evaluation says beside loss and accuracy: each class, means over classes, and calibration.
package struct EvaluationScores: Encodable, Sendable {
    package let classes: [ClassScore]
    /// The mean of recalls over the classes that have samples.
    package let balancedAccuracy: Double
    /// Means over the classes that have samples; what was never predicted has precision 0, as in scikit-learn.
    package let macroPrecision: Double
    package let macroF1: Double
    package let calibration: Calibration

    /// Nil where outputs are compared with inputs, and of no sample.
    package init?(_ report: EvaluationReport) {
        guard let matrix = report.confusionMatrix, let samples = report.samples, !samples.labels.isEmpty else {
            return nil
        }
        let names = report.classNames.isEmpty ? matrix.indices.map(String.init) : report.classNames
        classes = ClassScore.all(matrix, names: names)
        let known = classes.filter { $0.support > 0 }
        func mean(_ value: (ClassScore) -> RateInterval?) -> Double {
            known.reduce(0.0) { $0 + (value($1)?.value ?? 0) } / Double(known.count)
        }
        balancedAccuracy = mean(\.recall)
        macroPrecision = mean(\.precision)
        macroF1 = mean(\.f1)
        calibration = Calibration(
            confidences: samples.confidences.map(Double.init),
            isRight: zip(samples.labels, samples.predictions).map { $0 == $1 })
    }
}

/// An evaluation with its scores, as one JSON object.
package struct ScoredEvaluation: Encodable, Sendable {
    package let report: EvaluationReport
    /// Nil where outputs are compared with inputs.
    package let scores: EvaluationScores?

    package init(_ report: EvaluationReport) {
        self.report = report
        scores = EvaluationScores(report)
    }

    package func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        try scores?.encode(to: encoder)
    }
}
