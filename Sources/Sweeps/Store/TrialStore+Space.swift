internal import GRDB
import Numerics
import Training

extension TrialStore {
    /// Writes what is searched, for others who read the file: a row for each parameter that varies.
    static func insert(_ space: SearchSpace, _ db: Database) throws {
        for (position, dimension) in space.dimensions.enumerated() {
            var row = SpaceRow()
            switch dimension.domain {
            case .choices(let choices): row.choices = try choices.values.json()
            case .range(let distribution): row = SpaceRow(distribution)
            }
            try db.execute(
                sql:
                    "INSERT INTO space (position, option, kind, low, high, step, choices) VALUES (?, ?, ?, ?, ?, ?, ?)",
                arguments: [position, dimension.name, row.kind, row.low, row.high, row.step, row.choices])
        }
    }

    private struct SpaceRow {
        var kind = "choices"
        /// Bounds of the values before they are rounded to a step; nil where there is none.
        var low: Double?
        var high: Double?
        var step: Double?
        /// JSON.
        var choices: String?

        init() {}

        init(_ distribution: Distribution) {
            step = distribution.step
            switch distribution.family {
            case .whole(let min, let max): (kind, low, high) = ("whole", Double(min), Double(max))
            case .uniform(let min, let max): (kind, low, high) = ("uniform", min, max)
            case .logUniform(let min, let max):
                (kind, low, high) = ("logUniform", ScalarMath.exponential(min), ScalarMath.exponential(max))
            case .normal: kind = "normal"
            case .logNormal: (kind, low) = ("logNormal", 0)
            case .beta: (kind, low, high) = ("beta", 0, 1)
            }
        }
    }
}
