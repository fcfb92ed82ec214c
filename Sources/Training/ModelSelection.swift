/// What epochs are compared by.
package enum SelectionMetric: String, CaseIterable, Sendable {
    case validationLoss = "validation-loss"
    case validationAccuracy = "validation-accuracy"
    case trainLoss = "train-loss"
    case trainAccuracy = "train-accuracy"
    case testLoss = "test-loss"
    case testAccuracy = "test-accuracy"

    /// A loss is better when it is smaller.
    package var isLoss: Bool {
        switch self {
        case .validationLoss, .trainLoss, .testLoss: true
        case .validationAccuracy, .trainAccuracy, .testAccuracy: false
        }
    }

    package var split: MetricsPoint.Split {
        switch self {
        case .validationLoss, .validationAccuracy: .validation
        case .trainLoss, .trainAccuracy: .train
        case .testLoss, .testAccuracy: .test
        }
    }

    func value(in points: [MetricsPoint]) -> Double? {
        let point = points.first { $0.split == split }
        return isLoss ? point?.loss : point?.accuracy
    }
}

/// Which epoch's weights are kept as the best, and when a run has waited long enough for better ones.
package struct ModelSelection: Hashable, Sendable {
    package var metric: SelectionMetric
    /// Epochs in a row without improvement that end the run, as in Keras and Lightning; nil to go on to the end.
    package var patience: Int?
    /// What counts as improvement for `patience` is more than this.
    package var minDelta: Double

    package init(metric: SelectionMetric, patience: Int? = nil, minDelta: Double = 0) {
        self.metric = metric
        self.patience = patience
        self.minDelta = minDelta
    }
}

/// The best epoch so far. Ties keep the earlier.
package struct BestEpoch: Sendable {
    package let selection: ModelSelection
    /// What a checkpoint keeps.
    package private(set) var state: State

    package struct State: Codable, Hashable, Sendable {
        package fileprivate(set) var epoch: Int?
        package fileprivate(set) var value: Double?
        /// The last improvement by more than `minDelta`.
        fileprivate var reference: Double?
        fileprivate var epochsWithoutImprovement = 0

        package init() {}
    }

    package init(_ selection: ModelSelection, state: State = State()) {
        self.selection = selection
        self.state = state
    }

    package var epoch: Int? { state.epoch }
    package var value: Double? { state.value }

    /// Whether the run should stop.
    package var isExhausted: Bool { selection.patience.map { state.epochsWithoutImprovement >= $0 } ?? false }

    /// Takes the value of an epoch and says whether it is the best so far.
    package mutating func judge(epoch: Int, _ value: Double) -> Bool {
        if isBetter(value, than: state.reference, by: selection.minDelta) {
            state.reference = value
            state.epochsWithoutImprovement = 0
        } else {
            state.epochsWithoutImprovement += 1
        }
        guard isBetter(value, than: state.value, by: 0) else { return false }
        state.epoch = epoch
        state.value = value
        return true
    }

    private func isBetter(_ value: Double, than other: Double?, by delta: Double) -> Bool {
        guard let other else { return !value.isNaN }
        return selection.metric.isLoss ? value < other - delta : value > other + delta
    }
}
