/// What a sweep's file says: wandb's format for a grid, and `points` beyond it.
package struct SweepDefinition: Sendable {
    package struct Parameter: Sendable {
        /// As written, groups in front with dots: decides the order of trials, as it does for wandb.
        package let path: String
        /// The option of `train`.
        package let option: String
        /// Without repetitions.
        package let values: [SweepValue]
    }

    package struct Metric: Sendable {
        /// A field of `summary.json`.
        package let name: String
        package let isMaximized: Bool
    }

    package var name: String?
    package var description: String?
    package var metric = Metric(name: "testAccuracy", isMaximized: true)
    /// The most trials that are run.
    package var runCap: Int?
    /// In the order of their paths.
    package var parameters: [Parameter] = []
    /// Sets of parameters that replace those of the grid, each a small grid of its own.
    package var points: [[Parameter]] = []
    /// Keys of wandb's that are accepted and mean nothing here.
    package var ignoredKeys: [String] = []
}

extension SweepDefinition.Metric {
    /// What a sweep can compare, as `summary.json` spells it, and other spellings that are in use.
    static let names = [
        "trainLoss", "trainAccuracy", "validationLoss", "validationAccuracy", "testLoss", "testAccuracy",
        "bestTestLoss", "bestTestAccuracy",
        "trainSamplesPerSecond", "wallSeconds",
    ]

    /// The field that `written` means: `test_accuracy`, `test/accuracy` and `test-acc` are testAccuracy.
    static func field(_ written: String) -> String? {
        func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter } }
        var typed = plain(written)
        for (short, long) in [("val", "validation"), ("eval", "validation")]
        where typed.hasPrefix(short) && !typed.hasPrefix(long) {
            typed = long + typed.dropFirst(short.count)
        }
        if typed.hasSuffix("acc") { typed += "uracy" }
        return names.first { plain($0) == typed }
    }

    /// wandb minimizes whatever is not said to be maximized; an accuracy is maximized here.
    static func isMaximizedByDefault(_ field: String) -> Bool {
        field.hasSuffix("Accuracy") || field.hasSuffix("Second")
    }
}
