import Errors
import Training

extension BalanceRecord {
    /// One line for the user.
    var text: String {
        let divided = "grains \(list(grains)) of \(grains.reduce(0, +))"
        if let even = evenSamplesPerSecond, let balanced = balancedSamplesPerSecond {
            let rates = "\(grouped(Int(balanced))) samples/s instead of \(grouped(Int(even)))"
            return balanced > even
                ? "balance: \(rates)" : "balance: \(rates), which is not faster: evenly again, \(divided)"
        }
        guard let samplesPerSecond, let predictedGain else {
            return "balance: \(divided), as \(ForcedDivision.variable) says"
        }
        let speeds = "workers alone train \(list(samplesPerSecond.map { Int($0) })) samples/s"
        return predictedGain > 1
            ? "balance: \(divided) after step \(grouped(afterStep)): \(speeds); "
                + "\(Text.fixed(predictedGain, 2)) times as fast is expected"
            : "balance: evenly, \(divided): \(speeds)"
    }

    /// All of a few, the least and the greatest of many.
    private func list(_ values: [Int]) -> String {
        values.count <= 16
            ? values.map { grouped($0) }.joined(separator: " ")
            : "\(grouped(values.min() ?? 0)) … \(grouped(values.max() ?? 0)) each"
    }
}
