/// What a sweep's file says: wandb's format, and what is beyond it.
package struct SweepDefinition: Sendable {
    package enum Method: String, CaseIterable, Sendable {
        case grid, random, bayes
        /// Beyond wandb's: a tree-structured Parzen estimator.
        case tpe

        /// Whether a suggestion looks at results.
        package var usesResults: Bool { self == .bayes || self == .tpe }
    }

    package struct Parameter: Sendable {
        /// As written, groups in front with dots: decides the order of a grid, as it does for wandb.
        package let path: String
        /// The option of `train`.
        package let option: String
        package let domain: SearchSpace.Domain
        /// The parameter exists only where each of these options has one of these values.
        package var conditions: [Condition] = []
        /// Where the file says it.
        let place: String

        /// Of a parameter with a list, without repetitions; empty for a range.
        package var values: [SweepValue] {
            guard case .choices(let choices) = domain else { return [] }
            return choices.values
        }

        /// Whether it has one value only.
        package var isConstant: Bool { values.count == 1 }
    }

    package struct Condition: Sendable {
        package let option: String
        package let values: [SweepValue]
        let place: String
    }

    package struct Metric: Sendable {
        /// A field of `summary.json`.
        package var name: String
        package var isMaximized: Bool
        /// The sweep ends at the trial that reaches it.
        package var target: Double?
    }

    package var name: String?
    package var description: String?
    package var method = Method.grid
    package var metric = Metric(name: "testAccuracy", isMaximized: true)
    /// The most trials that are run; with `seeds`, the most configurations.
    package var runCap: Int?
    package var earlyTermination: Hyperband?
    /// In the order of their paths.
    package var parameters: [Parameter] = []
    /// Sets of parameters that replace those above: with a grid each a small grid of its own behind it, otherwise
    /// tried first.
    package var points: [[Parameter]] = []
    /// Each configuration is trained with so many seeds.
    package var seeds = 1
    /// Of the search, and of trials without a seed of their own.
    package var seed: UInt64?
    /// A decision about trial i uses the results of trials before i − lag.
    package var lag = 8
    /// Keys of wandb's that are accepted and mean nothing here.
    package var ignoredKeys: [String] = []
    /// What names were taken for, and what was left out.
    package var notes: [String] = []
}

extension SweepDefinition.Metric {
    /// What a sweep can compare, as `summary.json` spells it.
    static let names = [
        "trainLoss", "trainAccuracy", "validationLoss", "validationAccuracy", "testLoss", "testAccuracy",
        "bestTestLoss", "bestTestAccuracy",
        "trainSamplesPerSecond", "wallSeconds",
    ]

    /// The field that `written` means: `test_accuracy`, `test/accuracy` and `test-acc` are testAccuracy, `val_acc`,
    /// `valid_acc`
    /// and `val.acc` validationAccuracy. Without a split it is that of `split`.
    static func field(_ written: String, split: String) -> String? {
        func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter } }
        var typed = plain(written)
        for (short, long) in [
            ("valid", "validation"), ("val", "validation"), ("eval", "validation"), ("dev", "validation"),
        ]
        where typed.hasPrefix(short) && !typed.hasPrefix(long) {
            typed = long + typed.dropFirst(short.count)
        }
        if ["acc", "accuracy", "loss"].contains(typed) { typed = split + typed }
        if typed.hasSuffix("acc") { typed += "uracy" }
        return names.first { plain($0) == typed }
    }

    /// wandb minimizes whatever is not said to be maximized; an accuracy is maximized here.
    static func isMaximizedByDefault(_ field: String) -> Bool {
        field.hasSuffix("Accuracy") || field.hasSuffix("Second")
    }

    /// Whether a run knows it after every epoch.
    package var hasHistory: Bool {
        ["trainLoss", "trainAccuracy", "validationLoss", "validationAccuracy", "testLoss", "testAccuracy"].contains(
            name)
    }
}
