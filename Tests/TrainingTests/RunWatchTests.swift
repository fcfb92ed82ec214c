import Testing
import Training

@Suite("Runs that lead nowhere are named, others are not")
struct RunWatchTests {
    struct Epoch: Sendable {
        var first = 2.4
        let late: Double
        var hasGradient = true
        var stepCount = 200
    }

    struct Example: Sendable, CustomTestStringConvertible {
        let name: String
        var chance: Double? = 2.3
        let epochs: [Epoch]
        /// Epoch and words of each warning.
        let expected: [(epoch: Int, words: String)]
        var testDescription: String { name }
    }

    static let examples = [
        Example(name: "learns", epochs: [Epoch(late: 0.5), Epoch(late: 0.4), Epoch(late: 0.3)], expected: []),
        Example(
            name: "overshoots and recovers", epochs: [Epoch(late: 4), Epoch(late: 2.5), Epoch(late: 0.4)], expected: []),
        Example(
            name: "dead, told once",
            epochs: [Epoch(late: 1), Epoch(late: 2, hasGradient: false), Epoch(late: 2, hasGradient: false)],
            expected: [(2, "epoch 2, steps 201 to 400: the gradient of every weight was exactly 0")]),
        Example(name: "nothing left to learn", chance: nil, epochs: [Epoch(late: 0, hasGradient: false)], expected: []),
        Example(
            name: "diverges", epochs: [Epoch(late: 3), Epoch(late: 30), Epoch(late: 300), Epoch(late: 300)],
            expected: [(2, "epoch 2, step 400: the training loss is 30, more than twice the untrained network's 2.4")]),
        Example(
            name: "a lucky first sample", epochs: [Epoch(first: 0.01, late: 1), Epoch(late: 0.9)], expected: []),
        Example(
            name: "squared errors diverge", chance: nil, epochs: [Epoch(first: 0.1, late: 0.15), Epoch(late: 0.25)],
            expected: [(2, "diverges")]),
        Example(
            name: "guesses", epochs: [Epoch(late: 2.31), Epoch(late: 2.32), Epoch(late: 2.31), Epoch(late: 2.31)],
            expected: [(3, "for 3 epochs the training loss, now 2.31, was above that of guessing, 2.3")]),
        Example(
            name: "three steps of gradient descent",
            epochs: [Epoch(late: 2.5, stepCount: 1), Epoch(late: 2.4, stepCount: 1), Epoch(late: 2.35, stepCount: 1)],
            expected: []),
    ]

    @Test(arguments: examples) func warns(example: Example) {
        var watch = RunWatch(chanceLevel: example.chance)
        var found: [(epoch: Int, words: String)] = []
        var step = 0
        for (index, epoch) in example.epochs.enumerated() {
            step += epoch.stepCount
            watch.finishEpoch(
                index + 1, step: step, stepCount: epoch.stepCount, firstLoss: epoch.first, lateLoss: epoch.late,
                learningRate: 0.1, hasGradient: epoch.hasGradient)
            found += watch.takeNew().map { (index + 1, $0) }
        }
        #expect(found.map(\.epoch) == example.expected.map(\.epoch), "\(found)")
        for (warning, expected) in zip(found, example.expected) { #expect(warning.words.contains(expected.words)) }
        #expect(watch.warnings == found.map(\.words))
    }

    @Test func aWarmUpLongerThanTheRun() {
        var watch = RunWatch(chanceLevel: nil)
        watch.start(warmUpSteps: 100, totalSteps: 100, learningRate: 0.5)
        #expect(watch.takeNew() == [])
        watch.start(warmUpSteps: 101, totalSteps: 100, learningRate: 0.5)
        let warnings = watch.takeNew()
        #expect(warnings.count == 1 && warnings[0].contains("101 steps and the run has 100"))
    }
}
