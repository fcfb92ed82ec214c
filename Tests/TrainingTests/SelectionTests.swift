import Testing
import Training

@Suite("Best epoch and early stopping")
struct SelectionTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        let selection: ModelSelection
        let values: [Double]
        let bestEpoch: Int?
        /// The epoch after which the run stops; nil where it goes on.
        let stop: Int?
        var testDescription: String { name }
    }

    static let examples = [
        Example(
            name: "the least loss", selection: ModelSelection(metric: .validationLoss), values: [3, 1, 2, 1.5],
            bestEpoch: 2, stop: nil),
        Example(
            name: "ties keep the earlier", selection: ModelSelection(metric: .testLoss, patience: 2),
            values: [2, 2, 2, 1], bestEpoch: 1, stop: 3),
        Example(
            name: "the greatest accuracy", selection: ModelSelection(metric: .trainAccuracy, patience: 1),
            values: [0.1, 0.2, 0.2, 0.5], bestEpoch: 2, stop: 3),
        Example(
            name: "patience begins anew", selection: ModelSelection(metric: .trainLoss, patience: 2),
            values: [5, 6, 4, 6, 3, 4, 4, 1], bestEpoch: 5, stop: 7),
        // Keras: 0.9 and 0.8 improve, but by no more than 0.25 against 1.0 and then 0.7.
        Example(
            name: "small steps are best, but no improvement",
            selection: ModelSelection(metric: .validationLoss, patience: 2, minDelta: 0.25),
            values: [1, 0.7, 0.6, 0.5, 0.1], bestEpoch: 4, stop: 4),
        Example(
            name: "small steps add up", selection: ModelSelection(metric: .validationLoss, patience: 2, minDelta: 0.25),
            values: [1, 0.9, 0.7, 0.6, 0.4], bestEpoch: 5, stop: nil),
        Example(
            name: "not a number is never best", selection: ModelSelection(metric: .trainLoss, patience: 2),
            values: [.nan, .nan], bestEpoch: nil, stop: 2),
    ]

    @Test(arguments: examples) func judges(example: Example) {
        var best = BestEpoch(example.selection)
        var stop: Int?
        for (index, value) in example.values.enumerated() {
            let isBest = best.judge(epoch: index + 1, value)
            #expect(isBest == (best.epoch == index + 1), "epoch \(index + 1)")
            if best.isExhausted {
                stop = index + 1
                break
            }
        }
        #expect(stop == example.stop && best.epoch == example.bestEpoch)
        #expect(best.value == example.bestEpoch.map { example.values[$0 - 1] })
    }
}
