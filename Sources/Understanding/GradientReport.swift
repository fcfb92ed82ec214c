/// What `lockstep check-gradients` found: a line for each case, or for each tensor of a given model.
package struct GradientReport: Codable, Sendable {
    package struct Row: Codable, Sendable {
        /// A layer with its input's shape, a loss, or a tensor.
        package var what: String
        /// Elements whose difference quotient was compared.
        package var checked = 0
        /// Elements that there are.
        package var elements = 0
        /// Elements of which no difference quotient tells: a kink lies within the step.
        package var skipped = 0
        package var greatestRelativeError = 0.0
        package var worst: Element?
        /// Where the kernels' bits are not those of the slow twins; nil where they are.
        package var kernelDifference: String?
        /// Why the row fails; nil where it does not.
        package var failure: String? { didSet { passed = failure == nil } }
        package private(set) var passed = true

        /// Takes `element` where its error is the greatest so far; one that is not a number is the greatest of all.
        mutating func meet(_ element: Element?, error: Double) {
            guard worst == nil || !(error <= greatestRelativeError) else { return }
            greatestRelativeError = error.isFinite ? error : .greatestFiniteMagnitude
            worst = element
        }
    }

    package struct Element: Codable, Sendable {
        package let tensor: String
        /// In memory's order of axes: `[in, out]`, `[height, width, channels]`; of the input, the sample first.
        package let index: [Int]
        /// Nil where it is not finite.
        package let analytic: Double?
        package let numeric: Double?
    }

    package let instructionSet: String
    package let seed: UInt64
    /// The h of (L(θ + h) − L(θ − h)) / 2h.
    package let step: Double
    /// For the relative error.
    package let tolerance: Double
    package let passed: Bool
    package let rows: [Row]

    init(instructionSet: String, seed: UInt64, rows: [Row]) {
        self.instructionSet = instructionSet
        self.seed = seed
        self.rows = rows
        step = DifferenceProblem.step
        tolerance = DifferenceProblem.tolerance
        passed = rows.allSatisfy(\.passed)
    }
}
